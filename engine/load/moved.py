"""Rows that went from a table where they were proved into one whose triggers may have changed them on the way."""

from __future__ import annotations

from decimal import Decimal

from engine.load.connection import Connection
from engine.load.sending import Destination, UnexpectedResult
from engine.load.statements import text
from engine.model import Column, Kind
from engine.sql import quote_mysql


def before_move(connection: Connection, to: Destination) -> Decimal | None:
    """Return the target's digest before rows are moved into it, where nothing else can show what becomes of them.

    That is a table with triggers whose rows have no key to find them by. The digest reads the whole table, twice a
    batch with the one afterwards.
    """
    if not to.receipt or not to.triggers or _key(connection, to):
        return None
    return _digest(connection, to, f"{quote_mysql(to.table)} s")


def check_moved(
    connection: Connection, to: Destination, table: str, before: Decimal | None, condition: str = "TRUE"
) -> None:
    """Hold the target's rows against those of a table, whose name is quoted and whose alias is `s`.

    Without triggers nothing is asked: the columns of both are of the same types, and what was proved in one is so in
    the other. By key, or where there is none by what the rows have added to the digest `before_move` returned.

    Raises:
        UnexpectedResult: The target has something else.
    """
    if not to.receipt or not to.triggers:
        return
    if before is None:
        key = _key(connection, to)
        wrong = bool(
            connection.query(f"SELECT 1 FROM {table} s {differing(to.table, key, to.columns)} AND {condition} LIMIT 1")
        )
    else:
        sent = _digest(connection, to, f"{table} s WHERE {condition}")
        wrong = _digest(connection, to, f"{quote_mysql(to.table)} s") - before != sent
    if wrong:
        raise UnexpectedResult(
            f"{to.table} holds rows otherwise than they were sent",
            code="load.receipt",
            next_step="the batch was rolled back; look for a trigger that changes values",
        )


def _digest(connection: Connection, to: Destination, rows: str) -> Decimal:
    """Return the sum of 60 bits of each row's SHA-256: the same for the same rows in any order."""
    cells = ", ".join(f"IFNULL(SHA2(CAST(s.{quote_mysql(one.name)} AS {_kind(one)}), 256), '-')" for one in to.columns)
    number = f"CAST(CONV(SUBSTR(SHA2(CONCAT({cells}), 256), 1, 15), 16, 10) AS UNSIGNED)"
    return Decimal(str(connection.query(f"SELECT COALESCE(SUM({number}), 0) FROM {rows}")[0][0]))


def differing(target: str, key: tuple[str, ...], columns: tuple[Column, ...]) -> str:
    """Write the join that leaves the rows `s` whose row in the target is missing or isn't equal to the byte."""
    joined = " AND ".join(f"t.{quote_mysql(name)} = s.{quote_mysql(name)}" for name in key)
    equal = " AND ".join(_equal(column) for column in columns)
    return f"LEFT JOIN {quote_mysql(target)} t ON {joined} WHERE NOT ({equal})"


def _equal(column: Column) -> str:
    name = quote_mysql(column.name)
    if column.type.kind is not Kind.TEXT:
        return f"t.{name} <=> s.{name}"
    kind = _kind(column)
    return f"CAST(t.{name} AS {kind}) <=> CAST(s.{name} AS {kind})"


def _kind(column: Column) -> str:
    # To the byte: a collation takes more for equal.
    return "CHAR" if column.type.mysql.upper().startswith("JSON") else "BINARY"


def _key(connection: Connection, to: Destination) -> tuple[str, ...]:
    """Return the columns of a unique key that every row fills; none where there is no such key."""
    filled = {column.name for column in to.columns if not column.nullable}
    keys: dict[str, list[str]] = {}
    for name, column in connection.query(text("describe_keys"), (to.table,)):
        keys.setdefault(str(name), []).append(str(column))
    return next((tuple(columns) for columns in keys.values() if set(columns) <= filled), ())
