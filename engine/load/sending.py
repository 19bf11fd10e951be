"""A staged batch on its way into one table: LOAD DATA, the server's own count of it, and the receipt."""

from __future__ import annotations

import re
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.errors import LoadError
from engine.load.connection import Connection
from engine.load.receipt import collation_by_bytes, compare, read_totals, totals_query
from engine.model import Column, ColumnTotals, StagedBatch
from engine.sql import quote_mysql

_INFO = re.compile(r"Records: (\d+)\s+Deleted: (\d+)\s+Skipped: (\d+)\s+Warnings: (\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """Where the batches of one file go.

    Attributes:
        attempt: Which attempt at the file this is, by the ledger: a batch goes in only while that is so.
        table: The target, a shadow or a staging table.
        columns: What each staged line holds, in order.
        order_column: AUTO_INCREMENT column that the file doesn't fill: rows of a batch are those from
            LAST_INSERT_ID() on. None: the batch goes through a temporary table, where it is alone.
        charsets: Character set by column of those that have one; utf8mb4 where it isn't said.
        receipt: Ask for the receipt before each commit.
        isolate: Where the table refuses rows of a batch, find them and load the others; else the batch fails.
        triggers: The table has some, which may change what they are given.
        bare: The table has no secondary index yet: they are built once all rows are in.
    """

    file_id: uuid.UUID
    attempt: int
    table: str
    columns: tuple[Column, ...]
    order_column: str | None
    charsets: Mapping[str, str | None] = field(default_factory=dict)
    receipt: bool = True
    isolate: bool = False
    triggers: bool = False
    bare: bool = False

    @property
    def names(self) -> str:
        """The columns as a quoted list."""
        return ", ".join(quote_mysql(column.name) for column in self.columns)

    @property
    def charset(self) -> str:
        """What LOAD DATA is told of the text, which is UTF-8: where every column keeps it as it is, that it's just bytes.

        Then the server finds the fields byte by byte, and looks at characters where it stores a text, as it does in any
        case: the same texts are refused. It saves 2 % of the server's time on MySQL, 4 % on MariaDB.
        """
        kept = all(charset == "utf8mb4" for charset in self.charsets.values())
        # MySQL makes no JSON of bytes.
        return (
            "binary" if kept and not any(column.type.mysql.upper() == "JSON" for column in self.columns) else "utf8mb4"
        )


class UnexpectedResult(LoadError):
    """The server took a batch, but not as it was sent; the transaction has to be rolled back."""


def send_text(connection: Connection, to: Destination, batch: StagedBatch, into: str) -> None:
    """Send a batch's text into a table, whose name is quoted already, and hold the server's count against it.

    Raises:
        UnexpectedResult: A row was replaced, skipped, or taken with a warning.
        LoadError: The server refused the batch.
    """
    offered = f"headrace:{to.file_id}:{batch.number}"
    info = connection.load(
        # REPLACE isn't there to replace: without it LOCAL turns every error into a warning.
        f"LOAD DATA LOCAL INFILE '{offered}' REPLACE INTO TABLE {into} CHARACTER SET {to.charset} "
        f"{batch.format} ({to.names})",
        offered,
        batch.data if batch.data is not None else _read(batch),
    )
    _check_info(info, batch)


def held(connection: Connection, to: Destination, table: str, where: str = "") -> tuple[int, tuple[ColumnTotals, ...]]:
    """Ask MySQL for the number and the totals of the rows in a table, whose name is quoted, that meet a condition."""
    query = totals_query(table, to.columns, where, to.charsets, collation_by_bytes(connection.server))
    return read_totals(connection.query(query)[0], to.columns)


def check_receipt(
    batch: StagedBatch,
    sent: tuple[int, tuple[ColumnTotals, ...]],
    found: tuple[int, tuple[ColumnTotals, ...]],
) -> None:
    """Hold what MySQL has of a batch against what was sent.

    Raises:
        UnexpectedResult: They differ.
    """
    receipt = compare(sent[1], found[1], sent[0], found[0])
    if receipt.verified:
        return
    wrong = [
        f"{column.column}: sent {dict(column.engine)}, MySQL has {dict(column.mysql)}"
        for column in receipt.columns
        if not column.equal
    ]
    raise UnexpectedResult(
        f"batch {batch.number} (lines from {batch.first_line}): sent {sent[0]} rows, MySQL holds {found[0]}"
        + (f"; {'; '.join(wrong[:3])}" if wrong else ""),
        code="load.receipt",
        next_step="the batch was rolled back; look for a trigger or a conversion in the table's columns",
    )


def _read(batch: StagedBatch) -> bytes:
    assert batch.path is not None
    try:
        data = batch.path.read_bytes()
    except OSError as error:
        raise LoadError(
            f"{batch.path}: a staged batch can't be read: {error.strerror}",
            code="load.staged_batch",
            next_step="run the file again: it is staged anew",
            retryable=True,
        ) from None
    if batch.text_crc32 is not None and zlib.crc32(data) != batch.text_crc32:
        raise LoadError(
            f"{batch.path}: a staged batch isn't what was written: its checksum differs",
            code="load.staged_batch",
            next_step="look at the disk that holds the staging folder, then run the file again: it is staged anew",
        )
    return data


def _check_info(info: str, batch: StagedBatch) -> None:
    """Hold the server's count against what was sent."""
    found = _INFO.search(info)
    if found is None:
        raise UnexpectedResult(f"batch {batch.number}: the server's answer is {info!r}", code="load.info")
    records, deleted, skipped, warnings = (int(part) for part in found.groups())
    if (records, deleted, skipped, warnings) == (batch.rows, 0, 0, 0):
        return
    if deleted and not skipped and not warnings:
        raise UnexpectedResult(
            f"batch {batch.number} (lines from {batch.first_line}): {deleted} rows have a key that is already in the table "
            "or twice in the file",
            code="load.duplicate_key",
            next_step="load with --mode upsert --key …, or take the duplicates out of the file",
        )
    raise UnexpectedResult(
        f"batch {batch.number} (lines from {batch.first_line}): sent {batch.rows} rows, the server says {info.strip()!r}",
        code="load.count",
        next_step="the batch was rolled back: nothing of it is in the table",
    )
