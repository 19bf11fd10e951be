"""One batch, one transaction: ledger row, LOAD DATA, the server's own count, receipt, commit."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.errors import LoadError
from engine.load import tables
from engine.load.connection import Connection
from engine.load.receipt import compare, read_totals, totals_query
from engine.load.refusal import Refused
from engine.log import logger
from engine.model import Column, LoadResult, StagedBatch
from engine.sql import quote_mysql

_DUPLICATE = 1062
_INFO = re.compile(r"Records: (\d+)\s+Deleted: (\d+)\s+Skipped: (\d+)\s+Warnings: (\d+)")
# Error numbers after which nobody knows whether the COMMIT went through.
_LOST = (2006, 2013, 2055)


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """Where the batches of one file go.

    Attributes:
        table: The target, a shadow or a staging table.
        columns: What each staged line holds, in order.
        order_column: AUTO_INCREMENT column that the file doesn't fill: rows of a batch are those from
            LAST_INSERT_ID() on. None: the batch goes through a temporary table, where it is alone.
        staged_format: LOAD DATA's options for the staged text.
        charsets: Character set by column, for those that aren't utf8mb4.
        receipt: Ask for the receipt before each commit.
    """

    file_id: uuid.UUID
    table: str
    columns: tuple[Column, ...]
    order_column: str | None
    staged_format: str
    charsets: Mapping[str, str | None] = field(default_factory=dict)
    receipt: bool = True


class UnexpectedResult(LoadError):
    """The server took a batch, but not as it was sent; the batch was rolled back."""


def load_batch(connection: Connection, to: Destination, batch: StagedBatch) -> LoadResult:
    """Load one batch in a transaction of its own, exactly once.

    Raises:
        LoadError: The server refused it, changed it, or was lost; the batch is not in.
    """
    began = time.perf_counter()
    temporary = None if to.order_column else tables.create_temporary(connection, to.table)
    try:
        connection.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        if not enter_ledger(connection, to.file_id, batch):
            connection.rollback()
            return LoadResult(
                number=batch.number,
                rows=batch.rows,
                seconds=time.perf_counter() - began,
                totals=batch.totals if to.receipt else None,
                resumed=True,
            )
        result = send(connection, to, batch, temporary)
        _commit(connection, to.file_id, batch)
    except LoadError:
        connection.rollback()
        raise
    return LoadResult(number=batch.number, rows=result.rows, seconds=time.perf_counter() - began, totals=result.totals)


def send(connection: Connection, to: Destination, batch: StagedBatch, temporary: str | None) -> LoadResult:
    """Send a batch within the caller's transaction and prove it.

    Raises:
        UnexpectedResult: The server's count or the receipt differs from what was sent.
        LoadError: The server refused the batch.
    """
    if not batch.rows:
        return LoadResult(number=batch.number, rows=0, seconds=0.0, totals=batch.totals if to.receipt else None)
    data = batch.data if batch.data is not None else _read(batch)
    names = ", ".join(quote_mysql(column.name) for column in to.columns)
    into = temporary or quote_mysql(to.table)
    offered = f"headrace:{to.file_id}:{batch.number}"
    info = connection.load(
        # REPLACE isn't there to replace: without it LOCAL turns every error into a warning.
        f"LOAD DATA LOCAL INFILE '{offered}' REPLACE INTO TABLE {into} CHARACTER SET utf8mb4 {to.staged_format} ({names})",
        offered,
        data,
    )
    _check_info(info, batch)
    totals = None
    if to.receipt:
        where = f"{quote_mysql(to.order_column)} >= LAST_INSERT_ID()" if to.order_column else ""
        rows, totals = read_totals(connection.query(totals_query(into, to.columns, where, to.charsets))[0], to.columns)
        receipt = compare(batch.totals, totals, batch.rows, rows)
        if not receipt.verified:
            wrong = [
                f"{column.column}: read {dict(column.engine)}, MySQL has {dict(column.mysql)}"
                for column in receipt.columns
                if not column.equal
            ]
            raise UnexpectedResult(
                f"batch {batch.number} (lines from {batch.first_line}): sent {batch.rows} rows, MySQL holds {rows}"
                + (f"; {'; '.join(wrong[:3])}" if wrong else ""),
                code="load.receipt",
                next_step="the batch was rolled back; look for a trigger or a conversion in the table's columns",
            )
    if temporary:
        moved = connection.execute(f"INSERT INTO {quote_mysql(to.table)} ({names}) SELECT {names} FROM {temporary}")
        if moved != batch.rows:
            raise UnexpectedResult(
                f"batch {batch.number}: {moved} of {batch.rows} rows reached {to.table}", code="load.count"
            )
    return LoadResult(number=batch.number, rows=batch.rows, seconds=0.0, totals=totals)


def _read(batch: StagedBatch) -> bytes:
    assert batch.path is not None
    try:
        return batch.path.read_bytes()
    except OSError as error:
        raise LoadError(
            f"{batch.path}: a staged batch can't be read: {error.strerror}",
            code="load.staged_batch",
            next_step="run the file again: it is staged anew",
            retryable=True,
        ) from None


def enter_ledger(connection: Connection, file_id: uuid.UUID, batch: StagedBatch) -> bool:
    """Insert the batch's ledger row; False where it is there already, of the same bytes.

    Raises:
        LoadError: The row that is there speaks of other bytes.
    """
    try:
        connection.execute(
            "INSERT INTO _ingest_batch (file_id, batch_no, byte_start, byte_end, first_line, rows_read, rows_loaded, crc32) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            (
                file_id.bytes,
                batch.number,
                batch.byte_start,
                batch.byte_end,
                batch.first_line,
                batch.rows_read,
                batch.rows,
                batch.crc32,
            ),
        )
    except Refused as error:
        if error.number != _DUPLICATE:
            raise
    else:
        return True
    found = connection.query(
        "SELECT byte_start, byte_end, rows_loaded, crc32 FROM _ingest_batch WHERE file_id = %s AND batch_no = %s",
        (file_id.bytes, batch.number),
    )
    if found and tuple(found[0]) != (batch.byte_start, batch.byte_end, batch.rows, batch.crc32):
        raise LoadError(
            f"batch {batch.number} is in the ledger with other bytes: the file changed since its load was cut short",
            code="load.resume",
            next_step="restore the file as it was and run it again",
        )
    return False


def _commit(connection: Connection, file_id: uuid.UUID, batch: StagedBatch) -> None:
    """Commit; where the reply is lost, only the ledger says whether the batch is in."""
    try:
        connection.commit()
    except Refused as error:
        if error.number not in _LOST:
            raise
        logger.warning("batch %d: the reply to COMMIT was lost; asking the ledger", batch.number)
        connection.reconnect()
        if not connection.query(
            "SELECT 1 FROM _ingest_batch WHERE file_id = %s AND batch_no = %s", (file_id.bytes, batch.number)
        ):
            raise


def _check_info(info: str, batch: StagedBatch) -> None:
    """Hold the server's count against what was sent.

    Raises:
        UnexpectedResult: A row was replaced, skipped, or taken with a warning.
    """
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
