"""Tables: what the server has, the shadow tables that a file is loaded into, and how one becomes visible."""

from __future__ import annotations

import hashlib
import re

from engine.errors import LoadError
from engine.load.connection import Connection
from engine.load.control import Control
from engine.load.privileges import refuse_hidden_triggers, user_of
from engine.load.refusal import Refused
from engine.load.statements import text
from engine.model import Column, ExistingTable, Index, TableColumn
from engine.sql import quote_mysql

# What the server says where a table, a column or an index is there, or is gone, already.
_TABLE_IS_THERE, _COLUMN_IS_THERE, _INDEX_IS_THERE = 1050, 1060, 1061
_NO_TABLE, _NO_INDEX = 1146, 1091
_DENIED, _NO_PRIVILEGE = 1044, 1142
# A shadow's name is used once, so one that is gone, or a target that is there, was renamed by the first try.
_RENAMED = frozenset({_TABLE_IS_THERE, _NO_TABLE})

_NEXT_NUMBER = re.compile(r" AUTO_INCREMENT=\d+")

# MariaDB's word for a table that keeps its rows' history.
_VERSIONED = "SYSTEM VERSIONED"

# For both indexes of 2,000,000 sales the server's default of 1 MiB takes 16.7 and 17.8 CPU seconds of its own, this 15.3
# and 16.3, 64 MiB not less.
_DDL_BUFFER, _DDL_BUFFER_BYTES = "innodb_ddl_buffer_size", 16 * 1024 * 1024
# The server's default is four, or an eighth of its cores where that is more. On two cores, and for 10,000,000 sales, two
# took 20.9 s and 36.3 CPU seconds where four took 23.5 and 41.9 (medians of 3).
_READ_THREADS = "innodb_parallel_read_threads"

SHADOW_PREFIX = "_ingest_shadow_"
OLD_PREFIX = "_ingest_old_"
_MODEL_PREFIX = "_ingest_model_"
# Order of arrival in a staging table.
STAGING_ORDER = "_ingest_order"
# Marks the rows of a batch that the target doesn't take.
REFUSED = "_ingest_refused"
_IN_ORDER = (
    f"{quote_mysql(STAGING_ORDER)} BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, "
    f"{quote_mysql(REFUSED)} TINYINT NOT NULL DEFAULT 0"
)


def model_name(target: str) -> str:
    """Name the table that a target's columns and indexes are read from: the same for every file, under the target's lock."""
    return _MODEL_PREFIX + hashlib.sha256(target.lower().encode()).hexdigest()[:20]


def stored_name(connection: Connection, table: str) -> str:
    """Return a table's name as the server keeps it: where it ignores case, two spellings are one table."""
    if "lower_case_table_names" not in connection.seen:
        connection.seen["lower_case_table_names"] = connection.query("SELECT @@GLOBAL.lower_case_table_names")[0][0]
    return table if connection.seen["lower_case_table_names"] == 0 else table.lower()


def describe(connection: Connection, table: str) -> ExistingTable | None:
    """Ask the server what it has under a name; None where there is nothing.

    Raises:
        LoadError: It is a view, or not visible to this user.
    """
    rows = connection.query(text("describe_table"), (table,))
    if not rows:
        return None
    name, kind, engine = (str(value) for value in rows[0])
    if kind not in ("BASE TABLE", _VERSIONED):
        raise LoadError(
            f"{table} is a {kind.lower()}, not a table", code="load.not_a_table", next_step="name a table with --table"
        )
    refuse_hidden_triggers(connection, name)
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
            invisible="invisible" in str(extra).lower(),
            comment=_text(comment),
        )
        for column, column_type, nullable, default, extra, charset, collation, comment in connection.query(
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
        versioned=kind == _VERSIONED,
    )


def describe_under_lock(connection: Control, table: str) -> ExistingTable | None:
    """Describe a table whose lock is held; what was learned of it before counts while its CREATE TABLE is the same.

    That shows columns, keys, checks and foreign keys in one statement instead of eight, also those that somebody else has
    changed meanwhile. Triggers, and foreign keys of other tables, are as they were when the lock was taken.
    """
    now = _create_text(connection, table)
    known = connection.kept.get(("table", table))
    if now is not None and isinstance(known, tuple) and known[0] == now:
        assert isinstance(known[1], ExistingTable)
        return known[1]
    described = describe(connection, table)
    connection.kept["table", table] = now, described
    return described


def _create_text(connection: Connection, table: str) -> str | None:
    """Return a table's own CREATE TABLE without its next number; None where there is none, or it's no table."""
    try:
        rows = connection.query(f"SHOW CREATE TABLE {quote_mysql(table)}")
    except Refused as error:
        if error.number not in (_NO_TABLE, _NO_PRIVILEGE):
            raise
        return None
    return _NEXT_NUMBER.sub("", _text(rows[0][1]))


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
        connection.change(f"ALTER TABLE {quote_mysql(table)} {drops}", already=frozenset({_NO_INDEX}))


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
        _suit_to_machine(connection)
        connection.change(f"ALTER TABLE {quote_mysql(table)} {adds}", already=frozenset({_INDEX_IS_THERE}))


def _suit_to_machine(connection: Connection) -> None:
    """Let this session's next ALTER sort in larger pieces, and read with no more threads than there are cores.

    MySQL has settings for that since 8.0.27; MariaDB has none.
    """
    found = connection.query("SHOW SESSION VARIABLES WHERE Variable_name IN (%s, %s)", (_DDL_BUFFER, _READ_THREADS))
    told = {str(name): int(str(value)) for name, value in found}
    if told.get(_DDL_BUFFER, _DDL_BUFFER_BYTES) < _DDL_BUFFER_BYTES:
        connection.execute(f"SET SESSION {_DDL_BUFFER} = {_DDL_BUFFER_BYTES}")
    cores = connection.address.shared_cores
    if cores is not None and told.get(_READ_THREADS, 0) > cores:
        connection.execute(f"SET SESSION {_READ_THREADS} = {cores}")


def create(connection: Connection, create_sql: str, table: str) -> None:
    """Create a table from text in which `{table}` stands for its quoted name and other braces are doubled."""
    connection.change(create_sql.format(table=quote_mysql(table)), already=frozenset({_TABLE_IS_THERE}))


def alter(connection: Connection, alter_sql: str, table: str) -> None:
    """Evolve a table by text in which `{table}` stands for its quoted name and other braces are doubled."""
    connection.change(alter_sql.format(table=quote_mysql(table)), already=frozenset({_COLUMN_IS_THERE}))


def create_like(connection: Connection, table: str, model: str) -> None:
    """Create an empty table with the columns and indexes of another."""
    connection.change(
        f"CREATE TABLE {quote_mysql(table)} LIKE {quote_mysql(model)}", already=frozenset({_TABLE_IS_THERE})
    )


def drop(connection: Connection, table: str) -> None:
    """Drop a table if it's there."""
    connection.execute(f"DROP TABLE IF EXISTS {quote_mysql(table)}")


def exists(connection: Connection, table: str) -> bool:
    """Tell whether there is a table of this very name."""
    return bool(connection.query(text("describe_table"), (table,)))


def publish_new(connection: Connection, shadow: str, target: str) -> None:
    """Give the shadow table its name: readers see all of it from this moment on."""
    connection.change(f"RENAME TABLE {quote_mysql(shadow)} TO {quote_mysql(target)}", already=_RENAMED)


def publish_replacement(connection: Connection, shadow: str, target: str, old: str) -> None:
    """Put the shadow table in the target's place in one atomic statement, and drop what was there."""
    connection.change(
        f"RENAME TABLE {quote_mysql(target)} TO {quote_mysql(old)}, {quote_mysql(shadow)} TO {quote_mysql(target)}",
        already=_RENAMED,
    )
    drop(connection, old)


def create_staging(connection: Connection, staging: str, target: str, columns: tuple[Column, ...]) -> None:
    """Create an empty table with some columns of another, none of its rules, the order of arrival and a mark."""
    names = ", ".join(quote_mysql(column.name) for column in columns)
    connection.change(
        f"CREATE TABLE {quote_mysql(staging)} ({_IN_ORDER}) ENGINE = InnoDB SELECT {names} FROM {quote_mysql(target)} LIMIT 0",
        already=frozenset({_TABLE_IS_THERE}),
    )


def _create_temporary(connection: Connection, sql: str) -> None:
    try:
        connection.execute(sql)
    except Refused as error:
        if error.number != _DENIED:
            raise
        # The server's own words name the database alone.
        raise LoadError(
            f"{error.message}: the privilege CREATE TEMPORARY TABLES is missing",
            code=error.code,
            next_step="have it granted: GRANT CREATE TEMPORARY TABLES ON "
            f"`{connection.address.database}`.* TO {user_of(connection)}; {error.next_step}",
        ) from None


def create_rows(connection: Connection, model: str, columns: tuple[Column, ...]) -> str:
    """Create an empty temporary table with some columns of another, none of its rules, the order of arrival and a mark.

    Returns:
        Its quoted name.
    """
    name = quote_mysql("_ingest_rows")
    names = ", ".join(quote_mysql(column.name) for column in columns)
    connection.execute(f"DROP TEMPORARY TABLE IF EXISTS {name}")
    _create_temporary(
        connection,
        f"CREATE TEMPORARY TABLE {name} ({_IN_ORDER}) ENGINE = InnoDB SELECT {names} FROM {quote_mysql(model)} LIMIT 0",
    )
    return name
