"""A private PostgreSQL for the session, and a fresh database of it for each test that asks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from engine import embedded
from engine.config import Settings
from engine.errors import ServerError

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Postgres:
    """Runs SQL on one database, a connection for each call, so that nothing stays open."""

    url: str

    def rows(
        self, statement: LiteralString | sql.Composed, values: tuple[object, ...] = ()
    ) -> list[tuple[object, ...]]:
        """Run a statement and return its rows, none where it returns none."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return list(cursor.fetchall()) if cursor.description else []

    def value(self, statement: LiteralString | sql.Composed, values: tuple[object, ...] = ()) -> object:
        """Run a statement and return the first field of its only row."""
        (row,) = self.rows(statement, values)
        return row[0]


@pytest.fixture(scope="session")
def postgres_server(servers_dir: Path) -> Postgres:
    """Start the session's server; return it as its administrator."""
    try:
        # The other server is left alone: its URL counts as configured.
        urls = embedded.admin_urls(Settings.model_validate({"local_dir": servers_dir, "mysql_url": "unused"}))
    except ServerError as error:
        pytest.exit(f"the tests need a PostgreSQL: {error}", returncode=1)
    return Postgres(urls.catalog_url.get_secret_value())


@pytest.fixture(scope="session")
def _owner_url(postgres_server: Postgres, servers_dir: Path) -> str:
    del postgres_server
    urls = embedded.ensure(Settings.model_validate({"local_dir": servers_dir, "mysql_url": "unused"}))
    return urls.catalog_url.get_secret_value()


@pytest.fixture
def catalog_url(postgres_server: Postgres, _owner_url: str) -> Iterator[str]:
    """Yield the URL of a fresh database, for a user who owns it and has no other rights."""
    name = f"headrace_test_{next(_numbers)}"
    database = sql.Identifier(name)
    postgres_server.rows(sql.SQL("CREATE DATABASE {} OWNER headrace").format(database))
    yield _owner_url.rpartition("/")[0] + "/" + name
    postgres_server.rows(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))


@pytest.fixture
def catalog(catalog_url: str) -> Postgres:
    """Return SQL on the test's catalog."""
    return Postgres(catalog_url)
