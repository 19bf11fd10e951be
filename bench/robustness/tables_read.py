"""What is in a table of MySQL or MariaDB, as text and kinds of value."""

from __future__ import annotations

from collections.abc import Sequence

import MySQLdb

from bench.robustness.landed import ValueKind
from engine.sql import quote_mysql

_KINDS: dict[str, ValueKind] = {
    "tinyint": "number", "smallint": "number", "mediumint": "number", "int": "number", "bigint": "number",
    "decimal": "number", "year": "number", "float": "float", "double": "float", "date": "date",
    "datetime": "datetime", "timestamp": "datetime", "time": "time",
}  # fmt: skip


def columns(connection: MySQLdb.Connection, table: str) -> dict[str, ValueKind]:
    """Return names and kinds of a table's columns in their order, none where there is no such table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE FROM information_schema.COLUMNS"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION",
            (table,),
        )
        return {
            name: "boolean" if full == "tinyint(1)" else _KINDS.get(short, "text")
            for name, short, full in cursor.fetchall()
        }


def rows(
    connection: MySQLdb.Connection, table: str, names: Sequence[str], kinds: Sequence[ValueKind]
) -> tuple[tuple[str | None, ...], ...]:
    """Return a table's rows as the server writes them, in any order."""
    wanted = ", ".join(
        quote_mysql(name) if kind == "text" else f"CAST({quote_mysql(name)} AS CHAR)"
        for name, kind in zip(names, kinds, strict=True)
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {wanted} FROM {quote_mysql(table)}")
        return tuple(
            tuple(value.decode("latin-1") if isinstance(value, bytes) else value for value in row)
            for row in cursor.fetchall()
        )


def drop(connection: MySQLdb.Connection, table: str) -> None:
    """Drop a table if it's there."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {quote_mysql(table)}")
