"""One batch, one transaction: ledger row, LOAD DATA, the server's own count, receipt, commit."""

from __future__ import annotations

import json
import time
from dataclasses import replace

from engine.errors import LoadError
from engine.load import tables
from engine.load.connection import Connection
from engine.load.control import taken_over
from engine.load.isolate import isolate, recount
from engine.load.moved import before_move, check_moved
from engine.load.refusal import Refused
from engine.load.retrying import repeat
from engine.load.rows import ORDER
from engine.load.sending import Destination, UnexpectedResult, check_receipt, held, send_text
from engine.load.statements import text
from engine.log import logger
from engine.model import LoadResult, RefusedRow, RejectClass, StagedBatch
from engine.sql import quote_mysql

_DUPLICATE = 1062


def load_batch(connection: Connection, to: Destination, batch: StagedBatch) -> LoadResult:
    """Load one batch in a transaction of its own, exactly once.

    A deadlock, a lock wait or a lost connection is met with the same transaction again. That is safe also where the
    reply to a COMMIT was lost: its first statement, the ledger row, waits for the old session's end and then says
    whether the batch is in.

    Raises:
        LoadError: The server refused it, changed it, or was lost for good, or another worker does this load now; the
            batch is not in.
    """
    began = time.perf_counter()
    proved: list[LoadResult] = []

    def once() -> LoadResult:
        try:
            connection.begin(snapshot=True)
            if not enter_ledger(connection, to, batch):
                # This very call may have put it there, and only the reply was lost.
                result = proved[-1] if proved else already_in(connection, to, batch)
                connection.rollback()
                return result
            result = load_within(connection, to, batch)
            proved.append(result)
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        return result

    result = repeat(connection, once, what=f"batch {batch.number}")
    return replace(result, seconds=time.perf_counter() - began)


def load_within(connection: Connection, to: Destination, batch: StagedBatch) -> LoadResult:
    """Load one batch, whose ledger row was entered, within the caller's transaction.

    Raises:
        LoadError: The server refused the batch or changed it; the caller has to roll back.
    """
    temporary = None if to.order_column else tables.create_rows(connection, to.table, to.columns)
    if not to.isolate:
        return send(connection, to, batch, temporary)
    connection.execute("SAVEPOINT headrace_batch")
    try:
        return send(connection, to, batch, temporary)
    except LoadError as error:
        if connection.lost or not _blames_rows(error):
            raise
        logger.info("batch %d: looking for the rows that %s doesn't take: %s", batch.number, to.table, error.message)
    connection.execute("ROLLBACK TO SAVEPOINT headrace_batch")
    result = isolate(connection, to, batch)
    note_refused(connection, to, result)
    return result


def note_refused(connection: Connection, to: Destination, result: LoadResult) -> None:
    """Note in the ledger which rows of a batch were refused, in the transaction of the others."""
    connection.execute(text("batch_refused"), (result.rows, _as_json(result.refused), to.file_id.bytes, result.number))


def _blames_rows(error: LoadError) -> bool:
    if isinstance(error, Refused):
        return error.blames_a_row
    return isinstance(error, UnexpectedResult) and error.code == "load.duplicate_key"


def send(connection: Connection, to: Destination, batch: StagedBatch, temporary: str | None) -> LoadResult:
    """Send a batch within the caller's transaction and prove it, all or nothing.

    Raises:
        UnexpectedResult: The server's count or the receipt differs from what was sent.
        LoadError: The server refused the batch.
    """
    if not batch.rows:
        return LoadResult(number=batch.number, rows=0, seconds=0.0, totals=batch.totals if to.receipt else None)
    into = temporary or quote_mysql(to.table)
    send_text(connection, to, batch, into)
    totals = None
    if to.receipt:
        where = f"{quote_mysql(to.order_column)} >= LAST_INSERT_ID()" if to.order_column else ""
        rows, totals = held(connection, to, into, where)
        check_receipt(batch, (batch.rows, batch.totals), (rows, totals))
    if temporary:
        before = before_move(connection, to)
        moved = connection.execute(
            f"INSERT INTO {quote_mysql(to.table)} ({to.names}) SELECT {to.names} FROM {temporary} ORDER BY {ORDER}"
        )
        if moved != batch.rows:
            raise UnexpectedResult(
                f"batch {batch.number}: {moved} of {batch.rows} rows reached {to.table}", code="load.count"
            )
        check_moved(connection, to, temporary, before)
    return LoadResult(number=batch.number, rows=batch.rows, seconds=0.0, totals=totals)


def enter_ledger(connection: Connection, to: Destination, batch: StagedBatch) -> bool:
    """Insert the batch's ledger row; False where it is there already, of the same bytes.

    Raises:
        LoadError: The row that is there speaks of other bytes. `load.taken_over`: another worker does this load now.
    """
    try:
        entered = connection.execute(
            text("batch_enter"),
            (
                batch.number,
                batch.byte_start,
                batch.byte_end,
                batch.first_line,
                batch.rows_read,
                batch.rows,
                batch.crc32,
                to.file_id.bytes,
                to.attempt,
            ),
        )
    except Refused as error:
        if error.number != _DUPLICATE:
            raise
    else:
        if not entered:
            raise taken_over()
        return True
    found = connection.query(text("batch_find"), (to.file_id.bytes, batch.number))
    if found:
        byte_start, byte_end, rows_read, rows_loaded, crc32, refused = found[0]
        sent = int(str(rows_loaded)) + len(_from_json(refused))
        ours = (batch.byte_start, batch.byte_end, batch.rows_read, batch.rows, batch.crc32)
        if (byte_start, byte_end, rows_read, sent, crc32) != ours:
            raise LoadError(
                f"batch {batch.number} is in the ledger with other bytes: the file changed since its load was cut short",
                code="load.resume",
                next_step="restore the file as it was and run it again",
            )
    return False


def already_in(connection: Connection, to: Destination, batch: StagedBatch) -> LoadResult:
    """Report a batch that an earlier attempt committed, with the rows that were refused then."""
    found = connection.query(text("batch_find"), (to.file_id.bytes, batch.number))
    refused = _from_json(found[0][5] if found else None)
    result = LoadResult(
        number=batch.number,
        rows=batch.rows - len(refused),
        seconds=0.0,
        # They were held against the server's before the batch was committed.
        totals=batch.totals if to.receipt else None,
        resumed=True,
        refused=refused,
    )
    return recount(connection, to, batch, result) if refused else result


def _as_json(refused: tuple[RefusedRow, ...]) -> str:
    """Write refused rows with each reason once: there may be many rows and are few reasons."""
    reasons: dict[tuple[str, str, str], int] = {}
    rows = [
        [row.row, reasons.setdefault((row.reject_class.value, row.code, row.message), len(reasons))] for row in refused
    ]
    return json.dumps({"reasons": list(reasons), "rows": rows}, ensure_ascii=False)


def _from_json(document: object) -> tuple[RefusedRow, ...]:
    if document is None:
        return ()
    known = json.loads(document if isinstance(document, bytes) else str(document))
    return tuple(
        RefusedRow(row=row, reject_class=RejectClass(reason[0]), code=reason[1], message=reason[2])
        for row, reason in ((row, known["reasons"][index]) for row, index in known["rows"])
    )
