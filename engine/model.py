"""The records that pass between the rooms: frozen, keyword-only, without behaviour worth a test of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Literal

# What a cell can be once its type is proved.
Value = int | float | Decimal | str | date | datetime | time | timedelta | bool


class Mode(StrEnum):
    """How a file reaches its target table."""

    APPEND = "append"
    REPLACE = "replace"
    UPSERT = "upsert"


class Irregular(StrEnum):
    """What happens to a short or long row and to a stray quote."""

    REJECT = "reject"
    REPAIR = "repair"
    ERROR = "error"


class RejectClass(StrEnum):
    """Why a row that was read is not loaded."""

    PARSE = "parse"
    TYPE = "type"
    RULE = "rule"
    KEY = "key"
    SERVER = "server"


class FileStatus(StrEnum):
    """How a file ended."""

    LOADED = "loaded"
    DUPLICATE = "duplicate"
    HELD = "held"
    FAILED = "failed"


class Kind(StrEnum):
    """Families of MySQL types, as far as proving and staging treat them alike."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    DOUBLE = "double"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    TEXT = "text"


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """One file, found complete and identified."""

    path: Path
    size_bytes: int
    mtime_ns: int
    inode: int
    device: int
    # SHA-256 over size, first and last MiB: equal files have equal ones, so a new one proves a new file.
    quick_hash: bytes
    # The registry's name of the format, such as "csv" or "csv.gz".
    format: str
    from_input: bool = False

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    r"""How the bytes of a file become records and fields (CSVW and Python `csv` names).

    `line_end` is `"\n"` (LF and CRLF), `"\r"`, or `"any"` (all three mixed). Without `quote_char` a quote is
    an ordinary character. `escape_char` is None where quotes are doubled.
    """

    encoding: str = "utf-8"
    delimiter: str = ","
    quote_char: str | None = '"'
    escape_char: str | None = None
    line_end: Literal["\n", "\r", "any"] = "\n"
    header: bool = True
    skip_lines: int = 0
    null_tokens: tuple[str, ...] = ()
    # Bytes of the byte order mark at the start of the (decompressed) file.
    bom_bytes: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnType:
    """A MySQL type and the limits that a value must keep.

    Attributes:
        mysql: The type as DDL text, such as `DECIMAL(10,2)`.
        minimum, maximum: Range of an INTEGER column.
        precision, scale: Digits in all and after the point of a DECIMAL column.
        max_chars: Characters that a TEXT column holds, None where only bytes bound it.
        max_bytes: UTF-8 bytes that a TEXT column holds, None where only characters bound it.
        fraction_digits: Digits of a second's fraction that DATETIME and TIME keep, 0 to 6.
        formats: For DATE and DATETIME, the chrono/strftime formats accepted, the first that fits the column.
            Empty means ISO 8601.
    """

    kind: Kind
    mysql: str
    minimum: int | None = None
    maximum: int | None = None
    precision: int | None = None
    scale: int | None = None
    max_chars: int | None = None
    max_bytes: int | None = None
    fraction_digits: int = 0
    formats: tuple[str, ...] = ()


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


@dataclass(frozen=True, kw_only=True, slots=True)
class ExistingTable:
    """What the server says about a table that is there before the load."""

    name: str
    columns: tuple[TableColumn, ...]
    primary_key: tuple[str, ...]
    unique_keys: tuple[tuple[str, ...], ...]
    engine: str
    triggers: tuple[str, ...] = ()
    foreign_keys: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Reject:
    """A record that was read but is not loaded.

    `line` counts from 1, `byte_start` and `byte_end` are offsets in the (decompressed) file.
    """

    line: int
    byte_start: int
    byte_end: int
    reject_class: RejectClass
    code: str
    message: str
    raw: bytes
    column: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnTotals:
    """What a receipt compares for one column of one batch or file. Sums of dates are of their day numbers.

    `total` is exact: an integer or Decimal for numbers; for DATE the sum of days since 1970-01-01; for
    DATETIME of microseconds since then; for TIME of microseconds; None for other kinds. `minimum` and
    `maximum` are None for long texts and where all is NULL.
    """

    column: str
    filled: int
    total: int | Decimal | None
    minimum: Value | None
    maximum: Value | None
    bytes: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedBatch:
    """A batch in the text that LOAD DATA reads: in memory (`data`) or in the staging folder (`path`)."""

    number: int
    byte_start: int
    byte_end: int
    first_line: int
    rows_read: int
    rows: int
    rows_rejected: int
    # CRC-32 of the source bytes of the range, which a resumed load compares.
    crc32: int
    size_bytes: int
    totals: tuple[ColumnTotals, ...]
    data: bytes | None = None
    path: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusedRow:
    """A row that was proved and sent, and that the table didn't take. `row` counts the batch's staged rows from 0."""

    row: int
    reject_class: RejectClass
    code: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadResult:
    """What MySQL confirmed of one batch before it was committed.

    Attributes:
        rows, totals: Of the rows that are in.
        resumed: The batch was already in, from an earlier attempt that was cut short.
        refused: The rows that the table didn't take, in the file's order.
        refused_totals: The totals of those, so that both add up to what was sent; None where all were taken.
    """

    number: int
    rows: int
    seconds: float
    totals: tuple[ColumnTotals, ...] | None
    resumed: bool = False
    refused: tuple[RefusedRow, ...] = ()
    refused_totals: tuple[ColumnTotals, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Histogram:
    """Equal-width bins between the smallest and the largest value.

    `edges` has one element more than `counts`; a bin holds its lower edge, the last one both. Numbers as they
    are, dates as days and times as seconds since 1970-01-01. Where not exact, counts are scaled from a sample.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    exact: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnProfile:
    """The finished statistics of one column of one file.

    Attributes:
        rows, nulls, empties: Counts of all rows, NULLs, and empty strings.
        distinct: Distinct values other than NULL.
        distinct_error: Relative standard error of `distinct`, 0.0 where it is exact.
        minimum, maximum: Typed; of text in the order of its UTF-8 bytes. None where all is NULL.
        total, mean, stddev: Of numbers; `total` exact, `stddev` of the population. None for other kinds.
        min_chars, max_chars: Length in characters of the shortest and longest value as text.
        quantiles: Pairs of a probability and the value there, of numbers, dates and times.
        quantiles_error: Bound on the error of a probability at 99 % confidence, 0.0 where exact.
        top_values: Most frequent values as text with counts, most frequent first.
        top_error: Bound on the error of a count relative to rows at 99 % confidence, 0.0 where exact.
        samples: Values as text, chosen at random but the same for the same file.
    """

    column: str
    kind: Kind
    rows: int
    nulls: int
    empties: int
    distinct: int
    distinct_error: float
    minimum: Value | None
    maximum: Value | None
    total: int | float | Decimal | None
    mean: float | None
    stddev: float | None
    min_chars: int | None
    max_chars: int | None
    quantiles: tuple[tuple[float, Value], ...]
    quantiles_error: float
    top_values: tuple[tuple[str, int], ...]
    top_error: float
    histogram: Histogram | None
    samples: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class TableProfile:
    """The statistics of a file: its columns and what concerns whole rows.

    `duplicate_rows` counts rows equal to an earlier one in every column; `duplicate_rows_exact` is False where
    it was estimated from a sample of row hashes.
    """

    rows: int
    columns: tuple[ColumnProfile, ...]
    duplicate_rows: int
    duplicate_rows_exact: bool
    # For each declared key: rows minus distinct keys, estimated like duplicate_rows.
    duplicate_keys: Mapping[tuple[str, ...], int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityCheck:
    """One measured property of a file, or of a column of it.

    Attributes:
        name: Such as `completeness`.
        column: None for a property of the whole file.
        value: The measurement.
        unit: `ratio` (0 to 1), `count`, `seconds`, or `text`.
        passed: None where there is no rule to hold it against.
        message: What a person needs to know, "" where the value says all.
    """

    name: str
    value: float | int | str
    unit: Literal["ratio", "count", "seconds", "text"]
    column: str | None = None
    passed: bool | None = None
    message: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnReceipt:
    """One column as the engine counted it and as MySQL confirmed it, both as text."""

    column: str
    engine: Mapping[str, str | None]
    mysql: Mapping[str, str | None]
    equal: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """What was read beside what MySQL holds. `verified` is False where it was switched off, and `note` says so."""

    verified: bool
    rows_engine: int
    rows_mysql: int
    columns: tuple[ColumnReceipt, ...]
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorReport:
    """An expected failure, as the report shows it."""

    code: str
    message: str
    retryable: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnReport:
    """A column as the report shows it."""

    name: str
    original: str
    mysql_type: str
    profile: ColumnProfile | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FileReport:
    """Everything about one file of one run. `rows_read == rows_loaded + rows_rejected` for a loaded file.

    `file_id` is the ledger's id (a UUID), the same for every attempt at the same file.
    """

    file_id: str
    run_id: str
    attempt: int
    path: Path
    sha256: str | None
    size_bytes: int
    mtime: datetime | None
    feed: str | None
    table: str
    mode: Mode
    status: FileStatus
    started_at: datetime
    seconds: float
    seconds_by_step: Mapping[str, float]
    rows_read: int = 0
    rows_loaded: int = 0
    rows_rejected: int = 0
    rejects_by_class: Mapping[str, int] = field(default_factory=dict)
    blank_lines: int = 0
    repaired_rows: int = 0
    restarts: int = 0
    batches: int = 0
    rejects_path: Path | None = None
    archived_to: Path | None = None
    error: ErrorReport | None = None
    receipt: Receipt | None = None
    columns: tuple[ColumnReport, ...] = ()
    checks: tuple[QualityCheck, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RunReport:
    """Everything about one run, what `--json` writes."""

    run_id: str
    started_at: datetime
    wall_seconds: float
    files: tuple[FileReport, ...]
    dry_run: bool = False
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Every file was loaded, or had been before."""
        return all(f.status in (FileStatus.LOADED, FileStatus.DUPLICATE) for f in self.files)

    @property
    def rows_read(self) -> int:
        return sum(f.rows_read for f in self.files)

    @property
    def rows_loaded(self) -> int:
        return sum(f.rows_loaded for f in self.files)

    @property
    def rows_rejected(self) -> int:
        return sum(f.rows_rejected for f in self.files)


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a file is, for whoever shows it.

    `loading` is set where the file was read and staged whole before and now goes to the server: then `rows` are those
    that are in, and `bytes_done` is their share of the file.
    """

    file: str
    bytes_done: int
    bytes_total: int
    rows: int
    loading: bool = False
