"""Tables: what the server has, the shadow tables that a file is loaded into, and how one becomes visible."""

from __future__ import annotations

import hashlib

from engine.errors import LoadError
from engine.load.connection import Connection
from engine.load.statements import text
from engine.model import Column, ExistingTable, Index, TableColumn
from engine.sql import quote_mysql

SHADOW_PREFIX = "_ingest_shadow_"
OLD_PREFIX = "_ingest_old_"
_MODEL_PREFIX = "_ingest_model_"
# Order of arrival in a staging table.
STAGING_ORDER = "_ingest_order"
# Marks the rows of a batch that the target doesn't take.
REFUSED = "_ingest_refused"


def model_name(target: str) -> str:
    """Name the table that a target's columns and indexes are read from: the same for every file, under the target's lock."""
    return _MODEL_PREFIX + hashlib.sha256(target.lower().encode()).hexdigest()[:20]


def describe(connection: Connection, table: str) -> ExistingTable | None:
    """Ask the server what it has under a name; None where there is nothing.

    Raises:
        LoadError: It is a view, or not visible to this user.
    """
    rows = connection.query(text("describe_table"), (table,))
    if not rows:
        return None
    name, kind, engine = (str(value) for value in rows[0])
    if kind != "BASE TABLE":
        raise LoadError(
            f"{table} is a {kind.lower()}, not a table", code="load.not_a_table", next_step="name a table with --table"
        )
    columns = tuple(
        TableColumn(
            name=str(column),
            column_type=_text(column_type),
            nullable=nullable == "YES",
            # MariaDB writes out the default NULL of a nullable column, and quotes the text 'NULL'.
            has_default=default is not None and str(default) != "NULL",
            auto_increment="auto_increment" in str(extra).lower(),
            generated="generated" in str(extra).lower() and "default_generated" not in str(extra).lower(),
            character_set=None if charset is None else str(charset),
            collation=None if collation is None else str(collation),
        )
        for column, column_type, nullable, default, extra, charset, collation in connection.query(
            text("describe_columns"), (name,)
        )
    )
    keys: dict[str, list[str]] = {}
    for key, column in connection.query(text("describe_keys"), (name,)):
        keys.setdefault(str(key), []).append(str(column))
    primary = tuple(keys.pop("PRIMARY", ()))
    return ExistingTable(
        name=name,
        columns=columns,
        primary_key=primary,
        unique_keys=tuple(tuple(key) for key in keys.values()),
        engine=engine,
        triggers=_names(connection, "describe_triggers", name),
        foreign_keys=_names(connection, "describe_foreign_keys", name, name),
        checks=_names(connection, "describe_checks", name),
    )


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _names(connection: Connection, name: str, *parameters: str) -> tuple[str, ...]:
    return tuple(_text(row[0]) for row in connection.query(text(name), parameters))


def secondary_indexes(connection: Connection, table: str, columns: tuple[TableColumn, ...]) -> tuple[Index, ...]:
    """List the plain secondary indexes that can be dropped and built again from their columns alone."""
    found: dict[str, list[str]] = {}
    unique: dict[str, bool] = {}
    special: set[str] = set()
    automatic = {column.name for column in columns if column.auto_increment}
    for key, column, part, kind, non_unique, order in connection.query(text("describe_indexes"), (table,)):
        if str(key) == "PRIMARY":
            continue
        first = str(key) not in found
        found.setdefault(str(key), []).append(str(column))
        unique[str(key)] = not int(str(non_unique))
        plain = column is not None and part is None and kind == "BTREE" and order in ("A", None)
        # An AUTO_INCREMENT column needs its index at all times.
        if not plain or (first and str(column) in automatic):
            special.add(str(key))
    return tuple(
        Index(name=name, columns=tuple(columns), unique=unique[name])
        for name, columns in found.items()
        if name not in special
    )


def drop_indexes(connection: Connection, table: str, indexes: tuple[Index, ...]) -> None:
    """Drop indexes of an empty table, before it is filled."""
    if indexes:
        drops = ", ".join(f"DROP INDEX {quote_mysql(index.name)}" for index in indexes)
        connection.execute(f"ALTER TABLE {quote_mysql(table)} {drops}")


def build_indexes(connection: Connection, table: str, indexes: tuple[Index, ...]) -> None:
    """Build indexes of a filled table in one pass over it; those that an earlier attempt built are there already."""
    there = {str(row[0]) for row in connection.query(text("describe_indexes"), (table,))}
    adds = ", ".join(
        f"ADD {'UNIQUE ' if index.unique else ''}INDEX {quote_mysql(index.name)} "
        f"({', '.join(quote_mysql(column) for column in index.columns)})"
        for index in indexes
        if index.name not in there
    )
    if adds:
        connection.execute(f"ALTER TABLE {quote_mysql(table)} {adds}")


def create(connection: Connection, create_sql: str, table: str) -> None:
    """Create a table from text in which `{table}` stands for its quoted name and other braces are doubled."""
    connection.execute(create_sql.format(table=quote_mysql(table)))


def create_like(connection: Connection, table: str, model: str) -> None:
    """Create an empty table with the columns and indexes of another."""
    connection.execute(f"CREATE TABLE {quote_mysql(table)} LIKE {quote_mysql(model)}")


def drop(connection: Connection, table: str) -> None:
    """Drop a table if it's there."""
    connection.execute(f"DROP TABLE IF EXISTS {quote_mysql(table)}")


def exists(connection: Connection, table: str) -> bool:
    """Tell whether there is a table of this very name."""
    return bool(connection.query(text("describe_table"), (table,)))


def publish_new(connection: Connection, shadow: str, target: str) -> None:
    """Give the shadow table its name: readers see all of it from this moment on."""
    connection.execute(f"RENAME TABLE {quote_mysql(shadow)} TO {quote_mysql(target)}")


def publish_replacement(connection: Connection, shadow: str, target: str, old: str) -> None:
    """Put the shadow table in the target's place in one atomic statement, and drop what was there."""
    connection.execute(
        f"RENAME TABLE {quote_mysql(target)} TO {quote_mysql(old)}, {quote_mysql(shadow)} TO {quote_mysql(target)}"
    )
    drop(connection, old)


def upsert(connection: Connection, staging: str, target: str, columns: tuple[Column, ...], order: str | None) -> int:
    """Insert the staged rows or update those whose key is there. Runs in the caller's transaction.

    Returns:
        Affected rows as MySQL counts them: 1 for a new row, 2 for a changed one, 0 for one that was equal.
    """
    names = [quote_mysql(column.name) for column in columns]
    updates = ", ".join(f"{name} = VALUES({name})" for name in names)
    ordered = f" ORDER BY {quote_mysql(order)}" if order else ""
    return connection.execute(
        f"INSERT INTO {quote_mysql(target)} ({', '.join(names)}) SELECT {', '.join(names)} FROM {quote_mysql(staging)}"
        f"{ordered} ON DUPLICATE KEY UPDATE {updates}"
    )


def create_staging(connection: Connection, staging: str, target: str, columns: tuple[Column, ...]) -> None:
    """Create an empty table with some columns of another, without its keys, that keeps the order of arrival."""
    names = ", ".join(quote_mysql(column.name) for column in columns)
    connection.execute(
        f"CREATE TABLE {quote_mysql(staging)} ({quote_mysql(STAGING_ORDER)} BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY) "
        f"ENGINE = InnoDB SELECT {names} FROM {quote_mysql(target)} LIMIT 0"
    )


def create_temporary(connection: Connection, model: str) -> str:
    """Create an empty temporary table like another and return its quoted name; nothing is committed by that."""
    name = quote_mysql("_ingest_proof")
    connection.execute(f"DROP TEMPORARY TABLE IF EXISTS {name}")
    connection.execute(f"CREATE TEMPORARY TABLE {name} LIKE {quote_mysql(model)}")
    return name


def create_rows(connection: Connection, model: str, columns: tuple[Column, ...]) -> str:
    """Create an empty temporary table with some columns of another, none of its rules, the order of arrival and a mark.

    Returns:
        Its quoted name.
    """
    name = quote_mysql("_ingest_rows")
    names = ", ".join(quote_mysql(column.name) for column in columns)
    connection.execute(f"DROP TEMPORARY TABLE IF EXISTS {name}")
    connection.execute(
        f"CREATE TEMPORARY TABLE {name} ({quote_mysql(STAGING_ORDER)} BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, "
        f"{quote_mysql(REFUSED)} TINYINT NOT NULL DEFAULT 0) ENGINE = InnoDB SELECT {names} FROM {quote_mysql(model)} LIMIT 0"
    )
    return name
