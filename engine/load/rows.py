"""A batch in a temporary table of its own: proved whole, in the file's order, each row marked as refused or not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.load import tables
from engine.load.connection import Connection
from engine.load.sending import Destination, UnexpectedResult, check_receipt, held, send_text
from engine.model import ColumnTotals, StagedBatch
from engine.sql import quote_mysql

ORDER = quote_mysql(tables.STAGING_ORDER)
REFUSED = quote_mysql(tables.REFUSED)

# Numbers in one list of an UPDATE.
_MARKED_AT_ONCE = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchRows:
    """The temporary table.

    Attributes:
        table: Its quoted name. MySQL lets a statement name a temporary table only once.
        first, step: The order column's value of row 0, and from one row to the next.
        count: Rows of the batch.
    """

    connection: Connection
    to: Destination
    table: str
    first: int
    step: int
    count: int

    @classmethod
    def load(cls, connection: Connection, to: Destination, batch: StagedBatch) -> BatchRows:
        """Load and prove a batch where nothing is refused: a table with the target's columns and none of its rules.

        Raises:
            UnexpectedResult: MySQL has something else than was sent.
        """
        table = tables.create_rows(connection, to.table, to.columns)
        send_text(connection, to, batch, table)
        if to.receipt:
            check_receipt(batch, (batch.rows, batch.totals), held(connection, to, table))
        places = connection.query(f"SELECT MIN({ORDER}), MAX({ORDER}), COUNT(*) FROM {table}")[0]
        return cls.between(connection, to, table, places, batch.rows)

    @classmethod
    def between(
        cls, connection: Connection, to: Destination, table: str, places: Sequence[object], expected: int
    ) -> BatchRows:
        """Take the rows of a table, whose name is quoted, from one number to another.

        Args:
            places: The lowest number, the highest, and how many there are.
            expected: How many rows the batch has.

        Raises:
            UnexpectedResult: They aren't so many, or not numbered evenly.
        """
        first, last, count = (int(str(value or 0)) for value in places)
        # 1, unless the servers of a cluster share the numbers among them (auto_increment_increment).
        step = max(1, (last - first) // max(1, count - 1))
        if count != expected or first + step * (count - 1) != last:
            raise UnexpectedResult(
                f"{count} of {expected} rows of a batch are numbered {first} to {last} in {table}", code="load.count"
            )
        return cls(connection=connection, to=to, table=table, first=first, step=step, count=count)

    def number(self, row: int) -> int:
        """Return the order column's value of a row of the batch, counted from 0."""
        return self.first + self.step * row

    def row(self, number: object) -> int:
        """Return the row of the batch, counted from 0, that has this value in the order column."""
        return (int(str(number)) - self.first) // self.step

    def mark(self, rows: Iterable[int], *, refused: bool) -> None:
        """Mark rows as refused, or take the mark back."""
        numbers = [str(self.number(row)) for row in rows]
        for at in range(0, len(numbers), _MARKED_AT_ONCE):
            these = ", ".join(numbers[at : at + _MARKED_AT_ONCE])
            self.connection.execute(f"UPDATE {self.table} SET {REFUSED} = {int(refused)} WHERE {ORDER} IN ({these})")

    def totals(self, *, refused: bool) -> tuple[int, tuple[ColumnTotals, ...]]:
        """Ask MySQL for the number and the totals of the refused rows, or of the others."""
        return held(self.connection, self.to, self.table, f"{REFUSED} = {int(refused)}")

    def drop(self) -> None:
        """Drop the table; the transaction goes on."""
        self.connection.execute(f"DROP TEMPORARY TABLE {self.table}")
