"""The servers to measure on: private ones of the bench's own, with the settings of every private server."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.sessions import ask
from engine import embedded
from engine.config import Settings
from engine.embedded.mysql import find_mysql
from engine.sql import quote_mysql, split_script, statement

_ROOT = Path(__file__).resolve().parent.parent
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_SETTLE_WINDOW_S = 0.5
# Of one CPU; an idle server uses below 0.02.
_SETTLED_SHARE = 0.05
_SETTLE_PATIENCE_S = 60.0
# What decides the speed of a load, as far as the server has it.
_TELLING_SETTINGS = (
    "autocommit",
    "character_set_server",
    "innodb_autoinc_lock_mode",
    "innodb_buffer_pool_size",
    "innodb_ddl_buffer_size",
    "innodb_ddl_threads",
    "innodb_doublewrite",
    "innodb_flush_log_at_trx_commit",
    "innodb_flush_method",
    "innodb_io_capacity",
    "innodb_log_buffer_size",
    "innodb_log_file_size",
    "innodb_redo_log_capacity",
    "innodb_sort_buffer_size",
    "log_bin",
    "performance_schema",
    "sql_mode",
    "sync_binlog",
    "tmpdir",
)
_databases = itertools.count(1)


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchServer:
    """A running MySQL or MariaDB, its process, and a running catalog."""

    name: str
    program: Path
    version: str
    settings: dict[str, str]
    pid: int
    admin_url: str
    user_url: str
    catalog_url: str

    @property
    def is_mysql(self) -> bool:
        """Whether it's MySQL and not MariaDB."""
        return self.version.startswith("MySQL")

    @contextmanager
    def database(self) -> Iterator[str]:
        """Make an empty database and yield its URL for a user with the engine's rights; drop it at the end."""
        name = f"headrace_bench_{next(_databases)}"
        self.rows(f"CREATE DATABASE {quote_mysql(name)} CHARACTER SET utf8mb4")
        try:
            yield f"{self.user_url.rpartition('/')[0]}/{name}"
        finally:
            self.rows(f"DROP DATABASE {quote_mysql(name)}")

    def rows(self, sql: str, url: str | None = None) -> list[tuple[object, ...]]:
        """Run a statement over a connection of its own, as administrator unless `url` says otherwise."""
        return ask(url or self.admin_url, sql)

    def cpu_s(self) -> float | None:
        """Return the CPU seconds of the server process so far, None where the system has no /proc."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            return None
        # After the name in parentheses comes field 3; user and system time are fields 14 and 15.
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def settle(self) -> None:
        """Wait until what an earlier run left behind is written and the server idles."""
        os.sync()
        deadline = time.monotonic() + _SETTLE_PATIENCE_S
        while (before := self.cpu_s()) is not None and time.monotonic() < deadline:
            time.sleep(_SETTLE_WINDOW_S)
            if (self.cpu_s() or 0.0) - before < _SETTLED_SHARE * _SETTLE_WINDOW_S:
                return


def programs(asked: tuple[Path, ...]) -> tuple[Path | None, ...]:
    """Return the server programs to measure: those asked for, else INGEST_MYSQLD, else every one that is found.

    None stands for whatever the engine finds by itself.
    """
    if asked:
        return asked
    configured = Settings().mysqld
    if configured is not None:
        return (configured,)
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    candidates = [shutil.which(name, path=path) for name in ("mariadbd", "mysqld")]
    candidates.append(shutil.which(_ROOT / ".local" / "mysql-server" / "bin" / "mysqld"))
    # Debian's mysqld is a link to mariadbd.
    found = {Path(program).resolve(): Path(program) for program in reversed(candidates) if program}
    return tuple(reversed(found.values())) or (None,)


@contextmanager
def private_server(program: Path | None, data_dir: Path) -> Iterator[BenchServer]:
    """Start fresh servers below `data_dir`; stop and remove them at the end."""
    data_dir.mkdir(parents=True, exist_ok=True)
    local_dir = Path(tempfile.mkdtemp(prefix="servers-", dir=data_dir))
    # The user that PostgreSQL runs as must be able to pass.
    local_dir.chmod(0o711)
    fields: dict[str, object] = {"local_dir": local_dir, "mysql_url": "", "catalog_url": ""}
    settings = Settings.model_validate(fields if program is None else {**fields, "mysqld": program})
    try:
        yield _describe(settings)
    finally:
        embedded.clean(settings)
        shutil.rmtree(local_dir, ignore_errors=True)


def _describe(settings: Settings) -> BenchServer:
    admin = embedded.admin_urls(settings).mysql_url.get_secret_value()
    user = embedded.ensure(settings)
    (running,) = (one for one in embedded.status(settings) if "postgres" not in one.name)
    assert running.pid is not None
    for grant in split_script(statement("mysql/grants.sql")):
        ask(admin, grant.format(database="`headrace\\_bench\\_%`", user="'headrace'@'127.0.0.1'"))
    names = ", ".join(f"'{name}'" for name in _TELLING_SETTINGS)
    told = ask(admin, f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})")
    ((told_version,),) = ask(admin, "SELECT VERSION()")
    version = str(told_version)
    return BenchServer(
        name=running.name,
        program=find_mysql(settings).program,
        version=("MariaDB " if "MariaDB" in version else "MySQL ") + version.replace("-MariaDB", ""),
        settings={str(name): str(value) for name, value in told},
        pid=running.pid,
        admin_url=admin,
        user_url=user.mysql_url.get_secret_value(),
        catalog_url=user.catalog_url.get_secret_value(),
    )
