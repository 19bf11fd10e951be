"""Batches on their way into a table, and what the server said of them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from engine.model.rows import RejectClass
from engine.model.values import Value


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
class SourceText:
    """Regular records as the source has them, in UTF-8.

    Attributes:
        text: Whole records, each with its line end.
        delimiter, quote_char: One ASCII character each.
        line_end: LF or CRLF, the same for every record.
        empty: Where an empty unquoted field is: offsets of the byte behind it, ascending.
    """

    text: bytes
    delimiter: str
    quote_char: str
    line_end: str
    empty: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedBatch:
    """A batch in the text that LOAD DATA reads: in memory (`data`) or in the staging folder (`path`)."""

    number: int
    # LOAD DATA's options that read this batch's text.
    format: str
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
    # CRC-32 of the staged text, where that is in a file.
    text_crc32: int | None = None


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
