"""The rows of a batch that the table doesn't take, found and left out, so that the others can be loaded.

The batch goes into a temporary table that has the target's columns and none of its rules, in the file's order. There
the receipt proves it whole. Rows whose key is in the target, or in an earlier row of the batch, and rows without a
parent are found by joins: ten thousand of them cost as much as one. What else a table can have against a row (a trigger,
a CHECK, a key over expressions) shows only when it's inserted: the rest goes from the temporary table into the target,
and a part that is refused is halved until the rows are alone. In the end MySQL's totals of the new rows in the target must be those
of the rows that weren't refused, so the proof has no gap: file = temporary table = target + refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from engine.load import tables
from engine.load.conflicts import Conflicts, find_conflicts
from engine.load.connection import Connection
from engine.load.refusal import Refused
from engine.load.sending import Destination, UnexpectedResult, check_receipt, held, send_text
from engine.model import LoadResult, RefusedRow, RejectClass, StagedBatch
from engine.sql import quote_mysql

# Statements for one batch. A row that is alone among 250,000 takes 2 x 18 of them; beyond this the table and the file
# don't belong together, and the error says so sooner.
_MOST_STATEMENTS = 3_000
# Numbers in one list of an UPDATE.
_FLAGGED_AT_ONCE = 5_000

_KEY_CODES = ("load.duplicate_key", "load.foreign_key")


def isolate(connection: Connection, to: Destination, batch: StagedBatch) -> LoadResult:
    """Load the rows of a batch that the table takes, within the caller's transaction, and name the others.

    The table must not have any row of this batch. The caller notes the refused rows in the batch's ledger row.

    Raises:
        UnexpectedResult: The rows that are in aren't those that were sent.
        LoadError: The server refused too many, or for a reason that isn't in the rows.
    """
    rows = _Rows.load(connection, to, batch)
    conflicts = find_conflicts(connection, to, rows.table)
    rows.refuse(conflicts.refused)
    insertion = _Insertion(connection=connection, to=to, rows=rows)
    insertion.insert(0, batch.rows - 1)
    rows.refuse(insertion.refused)
    _give_freed_keys(insertion, conflicts)
    refused = conflicts.refused | insertion.refused
    kept, kept_totals, refused_totals = _both_totals(connection, to, rows)
    if insertion.moved != kept or kept + len(refused) != batch.rows:
        raise UnexpectedResult(
            f"batch {batch.number}: of {batch.rows} rows {insertion.moved} reached {to.table} and {len(refused)} were refused",
            code="load.count",
        )
    totals = kept_totals
    if to.receipt and to.order_column and kept:
        where = f"{quote_mysql(to.order_column)} >= {insertion.first_id}"
        found = held(connection, to, quote_mysql(to.table), where)
        check_receipt(batch, (kept, kept_totals), found)
        totals = found[1]
    tables.drop_temporary(connection, rows.table)
    return LoadResult(
        number=batch.number,
        rows=kept,
        seconds=0.0,
        totals=totals if to.receipt else None,
        refused=tuple(refused[row] for row in sorted(refused)),
        refused_totals=refused_totals if to.receipt else None,
    )


def recount(connection: Connection, to: Destination, batch: StagedBatch, result: LoadResult) -> LoadResult:
    """Add to the result of a batch that is in, of which rows were refused, the totals of both parts."""
    if not to.receipt:
        return result
    rows = _Rows.load(connection, to, batch)
    rows.refuse({row.row: row for row in result.refused})
    _, totals, refused_totals = _both_totals(connection, to, rows)
    tables.drop_temporary(connection, rows.table)
    return replace(result, totals=totals, refused_totals=refused_totals)


@dataclass(kw_only=True, slots=True)
class _Rows:
    """A batch in its temporary table, whose order column tells the rows apart."""

    connection: Connection
    table: str
    first: int
    step: int

    @classmethod
    def load(cls, connection: Connection, to: Destination, batch: StagedBatch) -> _Rows:
        """Load and prove the whole batch where nothing is refused."""
        table = tables.create_rows(connection, to.table, to.columns)
        send_text(connection, to, batch, table)
        if to.receipt:
            check_receipt(batch, (batch.rows, batch.totals), held(connection, to, table))
        order = quote_mysql(tables.STAGING_ORDER)
        (low, high, count) = connection.query(f"SELECT MIN({order}), MAX({order}), COUNT(*) FROM {table}")[0]
        first, last, rows = int(str(low)), int(str(high)), int(str(count))
        # A cluster's nodes number in steps.
        step = max(1, (last - first) // max(1, rows - 1))
        if rows != batch.rows or first + step * (rows - 1) != last:
            raise UnexpectedResult(
                f"batch {batch.number}: {rows} rows are numbered {first} to {last} in a temporary table",
                code="load.count",
            )
        return cls(connection=connection, table=table, first=first, step=step)

    def number(self, row: int) -> int:
        return self.first + self.step * row

    def refuse(self, refused: dict[int, RefusedRow]) -> None:
        """Mark rows as refused."""
        self._mark(list(refused), refused=True)

    def accept(self, row: int) -> None:
        """Take a mark back."""
        self._mark([row], refused=False)

    def _mark(self, rows: list[int], *, refused: bool) -> None:
        for at in range(0, len(rows), _FLAGGED_AT_ONCE):
            numbers = ", ".join(str(self.number(row)) for row in rows[at : at + _FLAGGED_AT_ONCE])
            self.connection.execute(
                f"UPDATE {self.table} SET {quote_mysql(tables.REFUSED)} = {int(refused)} "
                f"WHERE {quote_mysql(tables.STAGING_ORDER)} IN ({numbers})"
            )


@dataclass(kw_only=True, slots=True)
class _Insertion:
    """The way from the temporary table into the target, by parts that are halved where they're refused."""

    connection: Connection
    to: Destination
    rows: _Rows
    refused: dict[int, RefusedRow] = field(default_factory=dict)
    moved: int = 0
    statements: int = 0
    # Of the AUTO_INCREMENT column, of the first row that is in.
    first_id: int | None = None

    def insert(self, low: int, high: int) -> None:
        """Insert the rows from `low` to `high` that aren't marked."""
        parts = [(low, high)]
        while parts:
            low, high = parts.pop()
            try:
                self._insert_part(low, high)
            except Refused as error:
                if self.connection.lost or not error.blames_a_row:
                    raise
                if self.statements >= _MOST_STATEMENTS:
                    raise _too_many(error, self.to.table, len(self.refused)) from None
                if low == high:
                    self.refused[low] = _reason(error, low)
                    continue
                middle = (low + high) // 2
                parts += [(middle + 1, high), (low, middle)]

    def _insert_part(self, low: int, high: int) -> None:
        order = quote_mysql(tables.STAGING_ORDER)
        self.statements += 1
        moved = self.connection.execute(
            f"INSERT INTO {quote_mysql(self.to.table)} ({self.to.names}) SELECT {self.to.names} FROM {self.rows.table} "
            f"WHERE {quote_mysql(tables.REFUSED)} = 0 AND {order} BETWEEN {self.rows.number(low)} AND {self.rows.number(high)} "
            f"ORDER BY {order}"
        )
        if moved and self.first_id is None:
            self.first_id = int(str(self.connection.query("SELECT LAST_INSERT_ID()")[0][0]))
        self.moved += moved


def _give_freed_keys(insertion: _Insertion, conflicts: Conflicts) -> None:
    """Try again the rows that lost their key to an earlier row which was itself refused later."""
    for row, earlier in sorted(conflicts.earlier.items()):
        if earlier not in insertion.refused:
            continue
        insertion.rows.accept(row)
        del conflicts.refused[row]
        insertion.insert(row, row)
        if row in insertion.refused:
            insertion.rows.refuse({row: insertion.refused[row]})


def _both_totals(connection: Connection, to: Destination, rows: _Rows):  # type: ignore[no-untyped-def]
    mark = quote_mysql(tables.REFUSED)
    kept, kept_totals = held(connection, to, rows.table, f"{mark} = 0")
    _, refused_totals = held(connection, to, rows.table, f"{mark} = 1")
    return kept, kept_totals, refused_totals


def _reason(error: Refused, row: int) -> RefusedRow:
    reject_class = RejectClass.KEY if error.code in _KEY_CODES else RejectClass.SERVER
    code = f"{reject_class.value}.{error.code.removeprefix('load.')}"
    return RefusedRow(row=row, reject_class=reject_class, code=code, message=error.words)


def _too_many(error: Refused, table: str, found: int) -> Refused:
    refused = Refused(
        f"{table} doesn't take {found} rows of one batch and more: {error.message}",
        code=error.code,
        next_step=error.next_step or "compare the file with the table's own rules",
    )
    refused.number = error.number
    return refused
