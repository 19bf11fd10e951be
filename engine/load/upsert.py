"""Rows by key from a staging table into the target: as if they were put in one after the other, in the file's order.

A row goes in, or updates the one that has its key, or is refused and leaves no trace: by a trigger, a CHECK, a foreign
key, or because another unique key of the table belongs to a row with another key, which MySQL would update instead. The
staging table was proved batch by batch; at the end the last row of each key must be in the target as it is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.load.batch import note_refused
from engine.load.conflicts import orphans, parents
from engine.load.connection import Connection
from engine.load.insertion import Insertion, reason
from engine.load.moved import differing
from engine.load.refusal import Refused
from engine.load.rows import ORDER, REFUSED, BatchRows
from engine.load.sending import Destination, UnexpectedResult, held
from engine.model import LoadResult, RefusedRow, RejectClass
from engine.sql import quote_mysql

# No number is larger, so adding to it fails: only an error keeps ON DUPLICATE KEY UPDATE from the wrong row.
_TOO_LARGE = "18446744073709551615"
_OUT_OF_RANGE = 1690


@dataclass(frozen=True, kw_only=True, slots=True)
class Upsert:
    """What goes where.

    Attributes:
        staging: The table that holds the file, with its order and its marks.
        target: The table that gets the rows.
        key: Columns of the target's unique key that tells the rows apart.
    """

    staging: Destination
    target: str
    key: tuple[str, ...]


def upsert(connection: Connection, work: Upsert, batches: Sequence[LoadResult]) -> tuple[LoadResult, ...]:
    """Put every staged row into the target, within the caller's transaction, and name those that it doesn't take.

    Args:
        batches: What the staging table has, in the file's order.

    Returns:
        The batches with the refused rows taken out, in the ledger as well.

    Raises:
        UnexpectedResult: The target has something else than was sent.
        LoadError: The server refused too many, or for a reason that isn't in the rows.
    """
    placed = _places(connection, work.staging, batches)
    known = _known(connection, work, placed)
    results = []
    for index, (batch, rows) in enumerate(zip(batches, placed, strict=True)):
        refused = dict(known.get(index, {}))
        if rows is not None:
            rows.mark(refused, refused=True)
            insertion = _insertion(work, rows)
            insertion.insert(0, batch.rows - 1)
            rows.mark(insertion.refused, refused=True)
            refused |= insertion.refused
        results.append(_without(connection, work.staging, batch, rows, refused))
    if work.staging.receipt:
        _prove(connection, work)
    return tuple(results)


def _places(connection: Connection, to: Destination, batches: Sequence[LoadResult]) -> list[BatchRows | None]:
    """Find which numbers in the staging table's order each batch has; None for one without rows."""
    placed: list[BatchRows | None] = []
    last = 0
    for batch in batches:
        if not batch.rows:
            placed.append(None)
            continue
        low, high, count = connection.query(
            f"SELECT MIN({ORDER}), MAX({ORDER}), COUNT(*) FROM (SELECT {ORDER} FROM {quote_mysql(to.table)} "
            f"WHERE {ORDER} > {last} ORDER BY {ORDER} LIMIT {batch.rows}) AS b"
        )[0]
        rows = BatchRows.between(connection, to, quote_mysql(to.table), (low, high, count), batch.rows)
        last = rows.number(batch.rows - 1)
        placed.append(rows)
    return placed


def _known(
    connection: Connection, work: Upsert, placed: Sequence[BatchRows | None]
) -> dict[int, dict[int, RefusedRow]]:
    """Find the rows that no order could help, by the index of their batch: without a key, or without a parent."""
    table = quote_mysql(work.staging.table)
    empty = " OR ".join(f"{quote_mysql(name)} IS NULL" for name in work.key)
    message = f"the key ({', '.join(work.key)}) is empty: the row would be added again at every load"
    found: dict[int, RefusedRow] = {}
    for (number,) in connection.query(f"SELECT {ORDER} FROM {table} WHERE {empty}"):
        found[int(str(number))] = RefusedRow(row=0, reject_class=RejectClass.KEY, code="key.empty", message=message)
    for parent in parents(connection, work.target, work.staging.columns):
        for number in orphans(connection, table, parent):
            found.setdefault(int(str(number)), parent.refusal(0))
    by_batch: dict[int, dict[int, RefusedRow]] = {}
    if found:
        for index, rows in enumerate(placed):
            if rows is not None:
                first, last = rows.first, rows.number(rows.count - 1)
                here = {rows.row(number): why for number, why in found.items() if first <= number <= last}
                by_batch[index] = {row: replace(why, row=row) for row, why in here.items()}
    return by_batch


def _insertion(work: Upsert, rows: BatchRows) -> Insertion:
    target, to = quote_mysql(work.target), work.staging
    names = [quote_mysql(column.name) for column in to.columns]
    guarded = quote_mysql(work.key[0])
    same = " AND ".join(f"{target}.{quote_mysql(name)} = s.{quote_mysql(name)}" for name in work.key)
    # First, before the columns that it compares get their new values.
    updates = [f"{target}.{guarded} = IF({same}, s.{guarded}, {_TOO_LARGE} + LENGTH(s.{guarded}))"]
    updates += [f"{target}.{name} = s.{name}" for name in names if name != guarded]

    def statement(low: int, high: int) -> str:
        return (
            f"INSERT INTO {target} ({', '.join(names)}) SELECT {', '.join(f's.{name}' for name in names)} "
            f"FROM {rows.table} s WHERE s.{REFUSED} = 0 AND s.{ORDER} BETWEEN {rows.number(low)} AND {rows.number(high)} "
            f"ORDER BY s.{ORDER} ON DUPLICATE KEY UPDATE {', '.join(updates)}"
        )

    return Insertion(connection=rows.connection, table=work.target, statement=statement, explain=_reason)


def _reason(error: Refused, row: int) -> RefusedRow:
    if error.number == _OUT_OF_RANGE and _TOO_LARGE in error.words:
        message = "another unique key of the table has the row's value in a row with another key"
        return RefusedRow(row=row, reject_class=RejectClass.KEY, code="key.other_row", message=message)
    return reason(error, row)


def _without(
    connection: Connection, to: Destination, batch: LoadResult, rows: BatchRows | None, refused: dict[int, RefusedRow]
) -> LoadResult:
    """Take the refused rows out of a batch's result, in the ledger as well."""
    if rows is None or not refused:
        return batch
    first, last = rows.number(0), rows.number(batch.rows - 1)
    totals = [
        held(connection, to, rows.table, f"{REFUSED} = {mark} AND {ORDER} BETWEEN {first} AND {last}")
        for mark in (0, 1)
    ]
    if (totals[0][0], totals[1][0]) != (batch.rows - len(refused), len(refused)):
        raise UnexpectedResult(
            f"batch {batch.number}: {totals[1][0]} rows are marked, {len(refused)} were refused", code="load.count"
        )
    result = replace(
        batch,
        rows=totals[0][0],
        totals=totals[0][1] if to.receipt else None,
        refused=tuple(refused[row] for row in sorted(refused)),
        refused_totals=totals[1][1] if to.receipt else None,
    )
    note_refused(connection, to, result)
    return result


def _prove(connection: Connection, work: Upsert) -> None:
    """Hold the target against the last row of each key in the staging table.

    Raises:
        UnexpectedResult: They differ.
    """
    staging = quote_mysql(work.staging.table)
    names = ", ".join(quote_mysql(column.name) for column in work.staging.columns)
    key = ", ".join(quote_mysql(name) for name in work.key)
    differs = differing(work.target, work.key, work.staging.columns)
    # Mostly there is none, and then nobody has to ask which row of a key is its last: that takes a sort.
    if not connection.query(f"SELECT 1 FROM {staging} s {differs} AND s.{REFUSED} = 0 LIMIT 1"):
        return
    last = f"SELECT {ORDER}, {names}, MAX({ORDER}) OVER (PARTITION BY {key}) AS last_order FROM {staging} WHERE {REFUSED} = 0"
    found = connection.query(f"SELECT COUNT(*) FROM ({last}) s {differs} AND s.{ORDER} = s.last_order")[0][0]
    if found:
        raise UnexpectedResult(
            f"{work.target} holds {found} rows otherwise than they were sent",
            code="load.receipt",
            next_step="everything was rolled back; look for a trigger or a conversion in the table's columns",
        )
