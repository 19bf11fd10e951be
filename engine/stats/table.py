"""The statistics of a table, measured batch by batch and added up in any order to the same result."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.errors import SettingsError
from engine.model import Column, ColumnTotals, TableProfile
from engine.stats import wire
from engine.stats.aggregates import Aggregates, aggregate
from engine.stats.distinct import Distinct, distinct_of, hashes_of, no_values
from engine.stats.limits import Limits
from engine.stats.parts import ColumnPart, Keys, Shape, TableParts
from engine.stats.profile import table_profile, table_totals
from engine.stats.sample import no_rows, sample_of
from engine.stats.sketch import HashSketch
from engine.stats.stored import Storage

# 2^64 divided by the golden ratio; odd, so that multiplying by it loses no bit.
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
# Parts that may wait: each takes up to a few MB, and one that was measured with `known` far less.
_WAITING: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class TableStats:
    """Statistics of the batches seen so far. `+` is exact: any order and grouping gives the same profile.

    Memory is bounded by the `Limits`, whatever the number of rows. Nothing in it is random.

    Adding up costs about 10 ms, however small the part. So parts wait until they have as many rows as what is added
    up already, or are a few: over a file of 80 batches that is 13 times instead of 80.
    """

    # The largest one first; what waits has fewer rows in all.
    parts: tuple[TableParts, ...]

    @classmethod
    def empty(cls, columns: tuple[Column, ...], *, keys: Keys = (), limits: Limits | None = None) -> TableStats:
        """Return the statistics of no rows.

        Raises:
            SettingsError: A key names a column that isn't there.
        """
        shape = _shape(columns, keys, limits or Limits())
        dtypes = [Storage(column).dtype for column in columns]
        return cls(
            (
                TableParts(
                    shape=shape,
                    measured=tuple(ColumnPart(aggregates=Aggregates(), distinct=no_values(dtype)) for dtype in dtypes),
                    sample=no_rows(dtypes, shape.limits.sample_rows(len(columns))),
                    row_hashes=HashSketch(size=shape.limits.row_hashes),
                    key_hashes=tuple(HashSketch(size=shape.limits.row_hashes) for _ in keys),
                ),
            )
        )

    @classmethod
    def measure(
        cls,
        typed: pl.DataFrame,
        columns: tuple[Column, ...],
        *,
        batch_number: int,
        keys: Keys = (),
        known: TableStats | None = None,
        limits: Limits | None = None,
    ) -> TableStats:
        """Measure one batch.

        Args:
            typed: A column for each of `columns` by name, of the type that goes with its kind: Int64 or UInt64,
                Decimal (String where the precision is above 38), Float64, Date, Datetime('us'), Duration('us'), String.
            columns: What is measured.
            batch_number: The batch's number in the file; no two batches of a file have the same.
            keys: Column names of each key whose duplicates are counted. NULL in a key makes no duplicate.
            known: Statistics that the result will be added to, now or later. What can't change the sum is skipped,
                so the result is right only as a part of such a sum.
            limits: What to remember at most.

        Raises:
            SettingsError: A key names a column that isn't there.
        """
        shape = _shape(columns, keys, limits or Limits())
        before = (cls.empty(columns, keys=keys, limits=limits) if known is None else known).parts[0]
        if before.shape != shape:
            raise ValueError("known statistics are of other columns, keys or limits")
        stored = {column.name: Storage(column).encode(typed[column.name]) for column in columns}
        hashes = {name: hashes_of(series) for name, series in stored.items()}
        measured = tuple(
            _measured(column, stored[column.name], hashes[column.name], shape.limits, part.distinct)
            for column, part in zip(columns, before.measured, strict=True)
        )
        sample = sample_of(
            list(stored.values()),
            rows=typed.height,
            batch_number=batch_number,
            chars=shape.limits.sample_chars,
            known=before.sample,
        )
        row_hashes = HashSketch.of(
            _combined(list(hashes.values()), typed.height), size=shape.limits.row_hashes, known=before.row_hashes
        )
        key_hashes = tuple(
            HashSketch.of(_key_hashes(key, stored, hashes), size=shape.limits.row_hashes, known=sketch)
            for key, sketch in zip(keys, before.key_hashes, strict=True)
        )
        return cls(
            (TableParts(shape=shape, measured=measured, sample=sample, row_hashes=row_hashes, key_hashes=key_hashes),)
        )

    def __add__(self, other: TableStats) -> TableStats:
        if self.parts[0].shape != other.parts[0].shape:
            raise ValueError("statistics of different columns, keys or limits can't be added")
        both = (*self.parts, *other.parts)
        # No rows change nothing, and adding them up costs as much as any.
        filled = tuple(parts for parts in both if parts.rows) or both[:1]
        pending = tuple(sorted(filled, key=lambda parts: -parts.rows))
        if len(pending) > _WAITING or sum(parts.rows for parts in pending[1:]) >= pending[0].rows:
            pending = (TableParts.merged(pending),)
        return TableStats(pending)

    @property
    def rows(self) -> int:
        return sum(parts.rows for parts in self.parts)

    def totals(self) -> tuple[ColumnTotals, ...]:
        """Return what a receipt compares, exact, for each column."""
        columns = zip(*((column.aggregates for column in parts.measured) for parts in self.parts), strict=True)
        return table_totals(self.parts[0].shape, [reduce(add, column) for column in columns])

    def profile(self) -> TableProfile:
        """Return the finished numbers. Costs up to 50 ms a column, so it is for the end of a file."""
        return table_profile(TableParts.merged(self.parts))

    def to_bytes(self) -> bytes:
        """Return these statistics for another process that has the same version of Polars."""
        return wire.write(TableParts.merged(self.parts))

    @classmethod
    def from_bytes(cls, data: bytes) -> TableStats:
        """Return the statistics that `to_bytes` wrote.

        Raises:
            EngineError: These are no statistics, or another version of Polars made them.
        """
        return cls((wire.read(data),))


def _shape(columns: tuple[Column, ...], keys: Keys, limits: Limits) -> Shape:
    names = [column.name for column in columns]
    for key in keys:
        for name in key:
            if name not in names:
                raise SettingsError(
                    f"key column {name!r} is not a column of the file",
                    code="stats.key",
                    next_step=f"the columns are {', '.join(names)}",
                )
    return Shape(columns=columns, keys=keys, limits=limits)


def _measured(
    column: Column, stored: pl.Series, hashes: NDArray[np.uint64], limits: Limits, known: Distinct
) -> ColumnPart:
    filled = stored
    if stored.null_count():
        present = stored.is_not_null()
        filled, hashes = stored.filter(present), hashes[present.to_numpy()]
    distinct = distinct_of(filled, hashes, limits, known)
    values = None if distinct.values is None else distinct.values["value"]
    return ColumnPart(aggregates=aggregate(Storage(column), filled, values, rows=len(stored)), distinct=distinct)


def _combined(hashes: list[NDArray[np.uint64]], rows: int) -> NDArray[np.uint64]:
    """Make one hash of several, in which their order counts; a single one stays as it is."""
    mixed = np.zeros(rows, np.uint64)
    for each in hashes:
        mixed *= _MIX
        mixed += each
    return mixed


def _key_hashes(
    key: tuple[str, ...], stored: dict[str, pl.Series], hashes: dict[str, NDArray[np.uint64]]
) -> NDArray[np.uint64]:
    mixed = _combined([hashes[name] for name in key], len(stored[key[0]]))
    nullable = [stored[name] for name in key if stored[name].null_count()]
    if not nullable:
        return mixed
    present = np.logical_and.reduce([series.is_not_null().to_numpy() for series in nullable])
    return mixed[present]
