"""Numbered migrations, each applied once, by one process at a time."""

from __future__ import annotations

from pathlib import PurePosixPath

import psycopg
from psycopg.rows import DictRow

from engine.catalog.failures import psycopg_errors
from engine.catalog.target import Target
from engine.errors import CatalogError
from engine.sql import script_names, statement

_FOLDER = "postgres/migrations"
# "headrace" in ASCII: nobody else's advisory lock.
_LOCK = int.from_bytes(b"headrace", "big")


def migrate(connection: psycopg.Connection[DictRow], target: Target) -> tuple[str, ...]:
    """Bring the catalog's tables up to date, in one transaction, and return the migrations that this took.

    Cost: one query where nothing is to be done, which needs no privilege to create anything either.

    Raises:
        CatalogError: `catalog.schema`: something is in the way; `catalog.privilege`: the user may not create tables.
    """
    with psycopg_errors(target):
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise CatalogError(
                f"the catalog's database {target} has the encoding {encoding}, which can't hold every name and value",
                code="catalog.schema",
                next_step="create it with ENCODING 'UTF8'",
            )
        if not pending(connection):
            return ()
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            # Under the lock: CREATE TABLE IF NOT EXISTS alone fails where two sessions run it at once.
            connection.execute(statement("postgres/migrations_table.sql").encode())
            names = pending(connection)
            for name in names:
                connection.execute(statement(name).encode())
                connection.execute(
                    "INSERT INTO schema_migration (number, name) VALUES (%s, %s)",
                    (_number(name), PurePosixPath(name).stem),
                )
    return names


def pending(connection: psycopg.Connection[DictRow]) -> tuple[str, ...]:
    """Return the migrations that this catalog lacks."""
    applied = _applied(connection)
    return tuple(name for name in script_names(_FOLDER) if _number(name) not in applied)


def unknown(connection: psycopg.Connection[DictRow]) -> int:
    """Return how many migrations a newer version has applied."""
    return len(_applied(connection) - {_number(name) for name in script_names(_FOLDER)})


def _applied(connection: psycopg.Connection[DictRow]) -> set[object]:
    there = connection.execute("SELECT to_regclass('schema_migration') IS NOT NULL AS there").fetchone()
    applied: set[object] = set()
    if there and there["there"]:
        query = statement("postgres/migrations_applied.sql").encode()
        applied = {row["number"] for row in connection.execute(query)}
    return applied


def _number(name: str) -> int:
    return int(PurePosixPath(name).name.partition("_")[0])
