"""Tables: the columns that a file asks for, and those that are there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """How a file reaches its target table."""

    APPEND = "append"
    REPLACE = "replace"
    UPSERT = "upsert"


class Kind(StrEnum):
    """Families of MySQL types, as far as proving and staging treat them alike."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DOUBLE = "double"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    TEXT = "text"


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnType:
    """A MySQL type and the limits that a value must keep.

    Attributes:
        mysql: The type as DDL text, such as `DECIMAL(10,2)`.
        minimum, maximum: Range of a BOOLEAN or INTEGER column.
        precision, scale: Digits in all and after the point of a DECIMAL column.
        max_chars: Characters that a TEXT column holds, None where only bytes bound it.
        max_bytes: UTF-8 bytes that a TEXT column holds, None where only characters bound it.
        fraction_digits: Digits of a second's fraction that DATETIME and TIME keep, 0 to 6.
        charset: Character set of a TEXT column that can't hold every character, None where it can.
        formats: For DATE and DATETIME, the chrono/strftime formats accepted, the first that fits the column.
            Empty means ISO 8601, and `%+` ISO 8601 with a zone, stored in UTC. For BOOLEAN, the file's two words for
            0 and 1; empty means `false` and `true` in any case, and numbers.
    """

    kind: Kind
    mysql: str
    minimum: int | None = None
    maximum: int | None = None
    precision: int | None = None
    scale: int | None = None
    max_chars: int | None = None
    max_bytes: int | None = None
    charset: str | None = None
    fraction_digits: int = 0
    formats: tuple[str, ...] = ()
    # JSON that the engine itself writes, character by character as MySQL shows it: the receipt compares its text.
    canonical: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class WideField:
    """A field of the file that has no column of its own: its text is in the JSON column, under `key`."""

    key: str
    original: str
    position: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of the file and of the table.

    Attributes:
        name: Legal and unique in MySQL.
        original: The header's own text ("" where the file has no header).
        position: Index of the field in a record, from 0.
        declared: A value that doesn't fit is a reject; otherwise the type was inferred and is widened.
        nullable: NULL is allowed.
    """

    name: str
    original: str
    position: int
    type: ColumnType
    declared: bool = False
    nullable: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """A secondary index."""

    name: str
    columns: tuple[str, ...]
    unique: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class TableSchema:
    """A target table as this file needs it.

    Attributes:
        columns: The file's columns that are loaded, in the file's order.
        create_sql: `CREATE TABLE` for a new table, with `{table}` where the quoted name goes and without
            secondary indexes; None for a table that exists.
        indexes: Secondary indexes that are built after a bulk load.
        auto_column: The AUTO_INCREMENT column, which the file doesn't fill; None where there is none.
        key: Columns of the primary key or declared key that the file fills; empty where there is none.
        exists: The table was there before.
        alter_sql: Statements that evolve an existing table, with `{table}` for its quoted name.
        wide: What is in the JSON column for want of room, in the order in which MySQL keeps the keys.
        ignored: Header names of columns in the file that are dropped, by the feed's `discard` policy.
        notes: What a person should know about the plan, such as columns moved to TEXT or ambiguous dates.
    """

    table: str
    columns: tuple[Column, ...]
    create_sql: str | None = None
    indexes: tuple[Index, ...] = ()
    auto_column: str | None = None
    key: tuple[str, ...] = ()
    exists: bool = False
    alter_sql: tuple[str, ...] = ()
    wide: tuple[WideField, ...] = ()
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class TableColumn:
    """A column of an existing table, as `information_schema` shows it.

    `has_default` means a default other than NULL.
    """

    name: str
    column_type: str
    nullable: bool
    has_default: bool
    auto_increment: bool
    generated: bool
    character_set: str | None
    collation: str | None = None
    invisible: bool = False
    comment: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExistingTable:
    """What the server says about a table that is there before the load. `versioned`: it keeps its rows' history."""

    name: str
    columns: tuple[TableColumn, ...]
    primary_key: tuple[str, ...]
    unique_keys: tuple[tuple[str, ...], ...]
    engine: str
    triggers: tuple[str, ...] = ()
    foreign_keys: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    versioned: bool = False
