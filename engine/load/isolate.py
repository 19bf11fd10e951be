"""The rows of a batch that the table doesn't take, found and left out, so that the others can be loaded.

The batch goes into a temporary table that has the target's columns and none of its rules, in the file's order. There
the receipt proves it whole. Rows whose key is in the target or in an earlier row of the batch, and rows without a
parent, are found by joins: ten thousand of them cost as much as one. What else a table can have against a row (a
trigger, a CHECK, a key over expressions) shows only when it's inserted: the rest goes from the temporary table into the
target, and a part that is refused is halved until its rows are alone. At the end MySQL's totals of the new rows in the
target must be those of the rows that weren't refused. So the proof has no gap: file = temporary table = target + refused.
"""

from __future__ import annotations

from dataclasses import replace

from engine.load.conflicts import find_conflicts
from engine.load.connection import Connection
from engine.load.insertion import Insertion, reason
from engine.load.moved import before_move, check_moved
from engine.load.rows import ORDER, REFUSED, BatchRows
from engine.load.sending import Destination, UnexpectedResult, check_receipt, held
from engine.model import LoadResult, RefusedRow, RejectClass, StagedBatch
from engine.sql import quote_mysql


def isolate(connection: Connection, to: Destination, batch: StagedBatch) -> LoadResult:
    """Load the rows of a batch that the table takes, within the caller's transaction, and name the others.

    The table must not have any row of this batch. The caller notes the refused rows in the batch's ledger row.

    Raises:
        UnexpectedResult: The rows that are in aren't those that were sent.
        LoadError: The server refused too many, or for a reason that isn't in the rows.
    """
    rows = BatchRows.load(connection, to, batch)
    before = before_move(connection, to)
    insertion, refused = _insert_what_is_taken(rows, batch.rows)
    kept, kept_totals = rows.totals(refused=False)
    if insertion.moved != kept or kept + len(refused) != batch.rows:
        raise UnexpectedResult(
            f"batch {batch.number}: of {batch.rows} rows {insertion.moved} reached {to.table}, {len(refused)} were refused",
            code="load.count",
        )
    totals = kept_totals
    if to.receipt and to.order_column and kept:
        where = f"{quote_mysql(to.order_column)} >= {insertion.first_id}"
        found = held(connection, to, quote_mysql(to.table), where)
        check_receipt(batch, (kept, kept_totals), found)
        totals = found[1]
    elif kept:
        check_moved(connection, to, rows.table, before, f"s.{REFUSED} = 0")
    result = LoadResult(
        number=batch.number,
        rows=kept,
        seconds=0.0,
        totals=totals if to.receipt else None,
        refused=tuple(refused[row] for row in sorted(refused)),
        refused_totals=rows.totals(refused=True)[1] if to.receipt else None,
    )
    rows.drop()
    return result


def recount(connection: Connection, to: Destination, batch: StagedBatch, result: LoadResult) -> LoadResult:
    """Add to the result of a batch that is in, and of which rows were refused, the totals of both parts."""
    if not to.receipt:
        return result
    rows = BatchRows.load(connection, to, batch)
    rows.mark((row.row for row in result.refused), refused=True)
    counted = replace(result, totals=rows.totals(refused=False)[1], refused_totals=rows.totals(refused=True)[1])
    rows.drop()
    return counted


def _insert_what_is_taken(rows: BatchRows, count: int) -> tuple[Insertion, dict[int, RefusedRow]]:
    """Insert as if the rows were tried one after the other: who was refused holds no key against those behind him."""
    connection = rows.connection
    known: dict[int, RefusedRow] = {}
    while True:
        connection.execute("SAVEPOINT headrace_rows")
        conflicts = find_conflicts(rows, known)
        rows.mark(conflicts.refused, refused=True)
        insertion = _insertion(rows)
        insertion.insert(0, count - 1)
        freed = set(conflicts.earlier.values()) & set(insertion.refused)
        found = {row: why for row, why in insertion.refused.items() if why.reject_class is not RejectClass.KEY}
        if not freed or not found:
            rows.mark(insertion.refused, refused=True)
            return insertion, known | conflicts.refused | insertion.refused
        # Again, with those left out from the start.
        connection.execute("ROLLBACK TO SAVEPOINT headrace_rows")
        rows.mark(found, refused=True)
        known |= found


def _insertion(rows: BatchRows) -> Insertion:
    to = rows.to

    def statement(low: int, high: int) -> str:
        return (
            f"INSERT INTO {quote_mysql(to.table)} ({to.names}) SELECT {to.names} FROM {rows.table} "
            f"WHERE {REFUSED} = 0 AND {ORDER} BETWEEN {rows.number(low)} AND {rows.number(high)} ORDER BY {ORDER}"
        )

    return Insertion(connection=rows.connection, table=to.table, statement=statement, explain=reason)
