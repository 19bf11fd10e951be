"""The ground of one trial: servers that can be stopped and killed, a database and a catalog of its own, a folder of files."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import LiteralString

import MySQLdb
import psycopg
from psycopg import sql
from pydantic import SecretStr

from bench.faults.ways import Way
from bench.sessions import ask, connect
from engine import embedded
from engine.config import Settings
from engine.embedded.servers import ServerStatus
from engine.sql import quote_mysql, split_script, statement

_numbers = itertools.count(1)
_PATIENCE_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Servers:
    """Private servers below a folder, and their administrators."""

    where: Settings
    mysql_admin: str
    mysql_user: str
    catalog_admin: str
    catalog_user: str

    @classmethod
    def start(cls, local_dir: Path, program: Path | None) -> Servers:
        """Start the servers below `local_dir`, or find them running."""
        fields = {"local_dir": local_dir, "mysql_url": "", "catalog_url": ""}
        where = Settings.model_validate(fields if program is None else {**fields, "mysqld": program})
        admin, user = embedded.admin_urls(where), embedded.ensure(where)
        for grant in split_script(statement("mysql/grants.sql")):
            ask(
                admin.mysql_url.get_secret_value(),
                grant.format(database="`headrace\\_fault\\_%`", user="'headrace'@'127.0.0.1'"),
            )
        return cls(
            where=where,
            mysql_admin=admin.mysql_url.get_secret_value(),
            mysql_user=user.mysql_url.get_secret_value(),
            catalog_admin=admin.catalog_url.get_secret_value(),
            catalog_user=user.catalog_url.get_secret_value(),
        )

    @property
    def version(self) -> str:
        """MySQL's or MariaDB's name and version."""
        ((told,),) = ask(self.mysql_admin, "SELECT VERSION()")
        return ("MariaDB " if "MariaDB" in str(told) else "MySQL ") + str(told).replace("-MariaDB", "")

    def end_mysql(self, how: signal.Signals) -> None:
        """End the MySQL server: SIGTERM shuts it down, SIGKILL is a crash."""
        self._end("mysql", how)

    def start_mysql(self) -> None:
        """Start the MySQL server again, at its old port."""
        embedded.ensure(self.where.model_copy(update={"catalog_url": SecretStr("unused")}))

    def end_postgres(self) -> None:
        """Shut the PostgreSQL server down, whoever is connected."""
        self._end("postgres", signal.SIGINT)

    def start_postgres(self) -> None:
        """Start the PostgreSQL server again, at its old port."""
        embedded.ensure(self.where.model_copy(update={"mysql_url": SecretStr("unused")}))

    def _end(self, kind: str, how: signal.Signals) -> None:
        running = self._running(kind)
        assert running.pid is not None
        os.kill(running.pid, how)
        deadline = time.monotonic() + _PATIENCE_S
        while self._running(kind).pid is not None:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{running.name} doesn't end")
            time.sleep(0.02)

    def _running(self, kind: str) -> ServerStatus:
        (found,) = (one for one in embedded.status(self.where) if ("postgres" in one.name) == (kind == "postgres"))
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """Where one trial takes place.

    Attributes:
        data_dir: With the input folder and the rest; beside it lie logs and reports of the runs.
        database: The name of both databases.
        mysql_port: Where the engine finds the server: the server's own port, or a proxy's.
        batch_rows: Of the runs.
        archive_apart: The archive is on another file system.
    """

    servers: Servers
    data_dir: Path
    database: str
    way: Way
    mysql_port: int | None = None
    batch_rows: int | None = None

    @property
    def input_file(self) -> Path:
        return self.data_dir / "input" / self.way.file_name

    @property
    def mysql_url(self) -> str:
        return _with_database(self.servers.mysql_user, self.database)

    def through(self, port: int) -> Ground:
        """Return the same ground, with the engine's way to the server leading through a port."""
        return replace(self, mysql_port=port)

    def environment(self) -> dict[str, str]:
        """Return the settings of the runs."""
        url = self.mysql_url
        if self.mysql_port is not None:
            url = url.replace(f":{port_of(url)}/", f":{self.mysql_port}/")
        return {
            "INGEST_MYSQL_URL": url,
            "INGEST_CATALOG_URL": _with_database(self.servers.catalog_user, self.database),
            "INGEST_DATA_DIR": str(self.data_dir),
            "INGEST_LOCAL_DIR": str(self.data_dir / "local"),
            "INGEST_SETTLE_S": "0",
            "INGEST_BATCH_ROWS": str(self.batch_rows),
            "INGEST_LOADERS": str(self.way.loaders),
        }

    def mysql(self, statement: str) -> list[tuple[object, ...]]:
        """Ask the trial's database, as the server's administrator."""
        return ask(_with_database(self.servers.mysql_admin, self.database), statement)

    def session(self) -> MySQLdb.Connection:
        """Open a session of an administrator's in the trial's database."""
        return connect(_with_database(self.servers.mysql_admin, self.database))

    def catalog(self, statement: LiteralString) -> list[tuple[object, ...]]:
        """Ask the trial's catalog."""
        with psycopg.connect(_with_database(self.servers.catalog_user, self.database), autocommit=True) as connection:
            return list(connection.execute(statement).fetchall())


@contextmanager
def ground(servers: Servers, folder: Path, way: Way, *, batch_rows: int) -> Iterator[Ground]:
    """Make the databases and folders of one trial, with the table as it is before; remove all at the end."""
    name = f"headrace_fault_{os.getpid()}_{next(_numbers)}"
    database = sql.Identifier(name)
    data_dir = folder / name / "data"
    (data_dir / "input").mkdir(parents=True)
    ask(servers.mysql_admin, f"CREATE DATABASE {quote_mysql(name)} CHARACTER SET utf8mb4")
    with psycopg.connect(servers.catalog_admin, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER headrace").format(database))
    try:
        made = Ground(servers=servers, data_dir=data_dir, database=name, way=way, batch_rows=batch_rows)
        for text in way.before:
            made.mysql(text)
        if way.feed:
            (data_dir / "feeds.toml").write_text(f'[t]\npattern = "t_*.csv"\ntable = "t"\n{way.feed}\n', "utf-8")
        yield made
    finally:
        ask(servers.mysql_admin, f"DROP DATABASE {quote_mysql(name)}")
        with psycopg.connect(servers.catalog_admin, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))
        shutil.rmtree(folder / name)


def port_of(url: str) -> int:
    """Return a URL's port."""
    return int(url.rpartition("@")[2].partition("/")[0].rpartition(":")[2])


def _with_database(url: str, name: str) -> str:
    return f"{url.rpartition('/')[0]}/{name}"
