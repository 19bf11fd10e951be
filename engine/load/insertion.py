"""Rows from one table into another in parts: one that is refused is halved until its rows are alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from engine.load.connection import Connection
from engine.load.refusal import Refused
from engine.model import RefusedRow, RejectClass

# Statements for one batch. A row that is alone among 250,000 takes 36 of them. Beyond this the table and the file don't
# belong together, and the error says so within a minute or two rather than after hours.
MOST_STATEMENTS = 3_000

_KEY_CODES = ("load.duplicate_key", "load.foreign_key")


@dataclass(kw_only=True, slots=True)
class Insertion:
    """The way of a batch's rows into a table.

    Args:
        table: Names it in messages.
        statement: Writes the statement for the rows from one number to another, both included, in their order.
        explain: Gives the reason why the table doesn't take a row that is alone.
    """

    connection: Connection
    table: str
    statement: Callable[[int, int], str]
    explain: Callable[[Refused, int], RefusedRow]
    refused: dict[int, RefusedRow] = field(default_factory=dict)
    # Rows as the server counts them.
    moved: int = 0
    statements: int = 0
    # Of the AUTO_INCREMENT column, of the first row that is in.
    first_id: int | None = None

    def insert(self, low: int, high: int) -> None:
        """Insert the rows from `low` to `high`."""
        parts = [(low, high)]
        while parts:
            low, high = parts.pop()
            try:
                self._insert_part(low, high)
            except Refused as error:
                if self.connection.lost or not error.blames_a_row:
                    raise
                if self.statements >= MOST_STATEMENTS:
                    raise _too_many(error, self.table, len(self.refused)) from None
                if low == high:
                    self.refused[low] = self.explain(error, low)
                    continue
                middle = (low + high) // 2
                # The lower half next, so that the first of two rows with one key is the one that stays.
                parts += [(middle + 1, high), (low, middle)]

    def _insert_part(self, low: int, high: int) -> None:
        self.statements += 1
        moved = self.connection.execute(self.statement(low, high))
        if moved and self.first_id is None:
            self.first_id = int(str(self.connection.query("SELECT LAST_INSERT_ID()")[0][0]))
        self.moved += moved


def reason(error: Refused, row: int) -> RefusedRow:
    """Return the reason why a row is refused, as the server says it."""
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
