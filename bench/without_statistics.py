"""The engine's command line, counting of a column only what the receipt compares: `python -m bench.without_statistics …`.

The engine has no such switch, because statistics are part of what it promises. This is how their price is measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from engine import ingest
from engine.model import Column, ColumnTotals, TableProfile
from engine.pipeline import reading
from engine.stats.aggregates import Aggregates, aggregate
from engine.stats.limits import Limits
from engine.stats.parts import Keys, Shape
from engine.stats.profile import table_totals
from engine.stats.stored import Storage


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """In the place of `TableStats`: the receipt's figures and nothing else."""

    columns: tuple[Column, ...]
    rows: int
    counted: tuple[Aggregates, ...]

    @classmethod
    def empty(cls, columns: tuple[Column, ...], *, keys: Keys = ()) -> Totals:
        """Return the totals of no rows."""
        del keys
        return cls(columns=columns, rows=0, counted=tuple(Aggregates() for _ in columns))

    @classmethod
    def measure(
        cls,
        typed: pl.DataFrame,
        columns: tuple[Column, ...],
        *,
        batch_number: int,
        keys: Keys = (),
        known: Totals | None = None,
    ) -> Totals:
        """Add up one batch."""
        del batch_number, keys, known
        return cls(
            columns=columns,
            rows=typed.height,
            counted=tuple(_counted(typed[column.name], column) for column in columns),
        )

    def __add__(self, other: Totals) -> Totals:
        counted = tuple(ours + theirs for ours, theirs in zip(self.counted, other.counted, strict=True))
        return Totals(columns=self.columns, rows=self.rows + other.rows, counted=counted)

    def totals(self) -> tuple[ColumnTotals, ...]:
        """Return what a receipt compares."""
        return table_totals(Shape(columns=self.columns, keys=(), limits=Limits()), self.counted)

    def profile(self) -> TableProfile:
        """Return that nothing is known of any column."""
        return TableProfile(rows=self.rows, columns=(), duplicate_rows=0, duplicate_rows_exact=False)


def _counted(typed: pl.Series, column: Column) -> Aggregates:
    storage = Storage(column)
    stored = storage.encode(typed)
    return aggregate(storage, stored.drop_nulls(), None, rows=len(stored))


if __name__ == "__main__":
    setattr(reading, "TableStats", Totals)  # noqa: B010 - in the place of a class, which an assignment can't say to mypy
    ingest.main()
