"""A private MySQL or MariaDB for the session, and a fresh database of it for each test that asks."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import MySQLdb
import pytest

from engine import embedded
from engine.config import Settings
from engine.errors import ServerError
from engine.sql import quote_mysql, split_script, statement

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Mysql:
    """Runs SQL on one database, a connection for each call, so that nothing stays open."""

    url: str

    def connect(self) -> MySQLdb.Connection:
        """Open a connection of the caller's own."""
        parts = urlsplit(self.url)
        return MySQLdb.connect(
            host=parts.hostname,
            port=parts.port,
            user=parts.username,
            password=parts.password,
            database=parts.path.lstrip("/"),
            charset="utf8mb4",
            autocommit=True,
        )

    def rows(self, statement: str, values: tuple[object, ...] | None = None) -> list[tuple[object, ...]]:
        """Run a statement and return its rows, none where it returns none."""
        connection = self.connect()
        try:
            cursor = connection.cursor()
            cursor.execute(statement, values)
            return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()

    def value(self, statement: str, values: tuple[object, ...] | None = None) -> object:
        """Run a statement and return the first field of its only row."""
        (row,) = self.rows(statement, values)
        return row[0]


@pytest.fixture(scope="session")
def servers_dir() -> Iterator[Path]:
    """Where the session's private servers live; the user that PostgreSQL runs as must be able to pass."""
    path = Path(tempfile.mkdtemp(prefix="headrace-tests-"))
    path.chmod(0o711)
    yield path
    embedded.clean(Settings(local_dir=path))
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def mysql_server(servers_dir: Path) -> Mysql:
    """Start the session's server; return it as its administrator."""
    try:
        # The other server is left alone: its URL counts as configured.
        urls = embedded.admin_urls(Settings.model_validate({"local_dir": servers_dir, "catalog_url": "unused"}))
    except ServerError as error:
        pytest.exit(f"the tests need a MySQL or MariaDB: {error}", returncode=1)
    server = Mysql(urls.mysql_url.get_secret_value())
    # What the engine may do on the database that it loads into, and all that it may do.
    for grant in split_script(statement("mysql/grants.sql")):
        server.rows(grant.format(database="`headrace\\_test\\_%`", user="'headrace'@'127.0.0.1'"))
    return server


@pytest.fixture(scope="session")
def is_mariadb(mysql_server: Mysql) -> bool:
    """Tell whether the session's server is a MariaDB."""
    return "MariaDB" in str(mysql_server.value("SELECT VERSION()"))


@pytest.fixture(scope="session")
def _user_url(mysql_server: Mysql, servers_dir: Path) -> str:
    del mysql_server
    urls = embedded.ensure(Settings.model_validate({"local_dir": servers_dir, "catalog_url": "unused"}))
    return urls.mysql_url.get_secret_value()


@pytest.fixture
def mysql_url(mysql_server: Mysql, _user_url: str) -> Iterator[str]:
    """Yield the URL of a fresh database, for a user with the rights that the engine needs and no others."""
    name = f"headrace_test_{next(_numbers)}"
    mysql_server.rows(f"CREATE DATABASE {quote_mysql(name)} CHARACTER SET utf8mb4")
    yield _user_url.rpartition("/")[0] + "/" + name
    mysql_server.rows(f"DROP DATABASE {quote_mysql(name)}")


@pytest.fixture
def mysql(mysql_url: str) -> Mysql:
    """Return SQL on the test's database."""
    return Mysql(mysql_url)
