"""A private MySQL or MariaDB for the session, and a fresh database of it for each test that asks.

Who speaks to a server of this kind asks for `mysqld`, itself or by another fixture. Others find no program, so that
`--only-mysql` can leave them out where a suite runs again on another server.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import MySQLdb
import psutil
import pytest

from bench.sessions import connect
from engine import embedded
from engine.config import Settings
from engine.embedded.mysql import MysqlServer, find_mysql
from engine.errors import ServerError
from engine.load import Address, Connection, ledger
from engine.sql import quote_mysql, split_script, statement

_numbers = itertools.count(1)

# In memory the servers wait for no disk (a commit's 2.5 ms there are 0.003 ms here); nothing here tests the loss of power.
# Those of a session need 0.3 GB, those that a test starts as the engine does 1.2 GB, and four of each may run at once. A
# container's /dev/shm may have 64 MB, and one as large as the machine's memory doesn't say how much of that is free.
_MEMORY = Path("/dev/shm")  # noqa: S108 - made by mkdtemp
_MEMORY_LEAST_BYTES = 8 * 2**30


@dataclass(frozen=True)
class Mysql:
    """Runs SQL on one database, a connection for each call, so that nothing stays open."""

    url: str

    def connect(self) -> MySQLdb.Connection:
        """Open a connection of the caller's own."""
        return connect(self.url)

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


class SmallMysqlServer(MysqlServer):
    """A private server with the redo log that servers have by default: a MariaDB takes all of it from the beginning."""

    def command(self, port: int) -> list[str]:
        return [
            *super().command(port),
            "--innodb-log-file-size=96M" if self.mariadb else "--innodb-redo-log-capacity=100M",
        ]


def find_small_mysql(settings: Settings) -> SmallMysqlServer:
    """Return the server that the suite runs on, with a small redo log."""
    found = find_mysql(settings)
    return SmallMysqlServer(program=found.program, mariadb=found.mariadb, folder=found.folder)


def servers_folder() -> Path:
    """Make a folder for private servers, in memory where there is enough; the user that PostgreSQL runs as can pass."""
    free = min(shutil.disk_usage(_MEMORY).free, psutil.virtual_memory().available) if _MEMORY.is_dir() else 0
    roomy = free >= _MEMORY_LEAST_BYTES
    path = Path(tempfile.mkdtemp(prefix="headrace-tests-", dir=_MEMORY if roomy else None))
    path.chmod(0o711)
    return path


@pytest.fixture(scope="session")
def servers_dir() -> Iterator[Path]:
    """Where the session's private servers live."""
    path = servers_folder()
    yield path
    embedded.clean(Settings(local_dir=path))
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def mysqld() -> Path:
    """Return the program of the server that the suite runs on."""
    try:
        return find_mysql(Settings()).program
    except ServerError as error:
        pytest.exit(f"the tests need a MySQL or MariaDB: {error}", returncode=1)


@pytest.fixture(scope="session")
def mysql_server(mysqld: Path, servers_dir: Path) -> Mysql:
    """Start the session's server; return it as its administrator."""
    try:
        # The other server is left alone: its URL counts as configured.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("engine.embedded.servers.find_mysql", find_small_mysql)
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


@pytest.fixture
def address(mysql_url: str) -> Address:
    """Return where the test's database is, as the load takes it."""
    return Address.parse(mysql_url)


@pytest.fixture
def connection(address: Address) -> Iterator[Connection]:
    """Yield a connection of a loader to the test's database, which has a ledger."""
    opened = Connection(address, connect_timeout_s=5)
    ledger.ensure(opened)
    yield opened
    opened.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--only-mysql", action="store_true", help="run only what speaks to a MySQL or MariaDB")


def _speaks(item: pytest.Item) -> bool:
    return "mysqld" in getattr(item, "fixturenames", ())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is all the same to another server."""
    if config.getoption("--only-mysql"):
        config.hook.pytest_deselected(items=[item for item in items if not _speaks(item)])
        items[:] = [item for item in items if _speaks(item)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Hide the server program from a test that doesn't ask for it, and from the fixtures that it's the first to need."""
    with pytest.MonkeyPatch.context() as patch:
        if not _speaks(item):
            patch.setenv("INGEST_MYSQLD", "/who/starts/this/asks/for/the/fixture/mysqld")
        return (yield)
