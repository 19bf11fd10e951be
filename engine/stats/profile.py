"""From what was remembered of a table to its finished numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from heapq import nsmallest
from typing import Final

import polars as pl

from engine.model import (
    ColumnProfile,
    ColumnTotals,
    Histogram,
    Kind,
    TableProfile,
    Value,
)
from engine.stats.aggregates import Aggregates
from engine.stats.distribution import Distribution, distribution_of, rank_error
from engine.stats.limits import FEW_ROWS, Limits
from engine.stats.parts import ColumnPart, Shape, TableParts
from engine.stats.stored import Storage, Stored
from engine.stats.sums import DOUBLE_UNIT

_TOP: Final = 10
_SAMPLES: Final = 5
_ROOT_BITS: Final = 256


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Counts:
    """Values of a column with counts (columns `value` and `count`): all of them, or those of the sample."""

    frame: pl.DataFrame
    exact: bool


def table_profile(parts: TableParts) -> TableProfile:
    """Finish the statistics of a table."""
    return TableProfile(
        rows=parts.row_hashes.rows,
        columns=tuple(_column_profile(parts, at) for at in range(len(parts.measured))),
        duplicate_rows=parts.row_hashes.repeated(),
        duplicate_rows_exact=not parts.row_hashes.full,
        duplicate_keys={key: sketch.repeated() for key, sketch in zip(parts.shape.keys, parts.key_hashes, strict=True)},
    )


def table_totals(shape: Shape, found: Sequence[Aggregates]) -> tuple[ColumnTotals, ...]:
    """Return what a receipt compares, for each column."""
    return tuple(
        _column_totals(Storage(column), aggregates) for column, aggregates in zip(shape.columns, found, strict=True)
    )


def _column_totals(storage: Storage, found: Aggregates) -> ColumnTotals:
    long_text = storage.kind is Kind.TEXT and "TEXT" in storage.column.type.mysql.upper()
    return ColumnTotals(
        column=storage.column.name,
        filled=found.filled,
        total=_exact_total(storage, found),
        minimum=None if long_text else _typed(storage, found.minimum),
        maximum=None if long_text else _typed(storage, found.maximum),
        bytes=found.bytes if storage.kind is Kind.TEXT else None,
    )


def _column_profile(parts: TableParts, at: int) -> ColumnProfile:
    storage, part, limits = Storage(parts.shape.columns[at]), parts.measured[at], parts.shape.limits
    found, sampled = part.aggregates, parts.sample.frame[str(at)].drop_nulls()
    counts = _counts(storage, part, sampled, complete=parts.sample.complete)
    distinct, distinct_error = _distinct(part, sampled)
    spread = None if storage.kind is Kind.TEXT else distribution_of(storage, counts.frame, exact=counts.exact)
    min_chars, max_chars = _lengths(storage, found)
    return ColumnProfile(
        column=storage.column.name,
        kind=storage.kind,
        rows=found.rows,
        nulls=found.nulls,
        empties=found.empties,
        distinct=distinct,
        distinct_error=distinct_error,
        minimum=_typed(storage, found.minimum),
        maximum=_typed(storage, found.maximum),
        total=_total(storage, found),
        mean=_mean(storage, found),
        stddev=_stddev(storage, found),
        min_chars=min_chars,
        max_chars=max_chars,
        quantiles=() if spread is None else spread.quantiles(),
        quantiles_error=0.0 if spread is None or spread.exact else rank_error(spread.size),
        top_values=_top_values(storage, counts, rows=found.rows, sampled=parts.sample.frame.height, limits=limits),
        # A value's share is the difference of two points of the distribution function.
        top_error=0.0 if counts.exact else min(1.0, 2 * rank_error(parts.sample.frame.height)),
        histogram=_histogram(spread, found),
        samples=_samples(storage, sampled),
    )


def _counts(storage: Storage, part: ColumnPart, sampled: pl.Series, *, complete: bool) -> _Counts:
    if part.distinct.values is not None:
        return _Counts(frame=part.distinct.values, exact=True)
    # Texts are cut in the sample, so even a complete one isn't exact.
    return _Counts(
        frame=sampled.alias("value").value_counts(name="count"), exact=complete and storage.kind is not Kind.TEXT
    )


def _distinct(part: ColumnPart, sampled: pl.Series) -> tuple[int, float]:
    if part.distinct.values is not None:
        return part.distinct.values.height, 0.0
    sketch = part.distinct.sketch
    assert sketch is not None
    # Where neither the hashes nor the sample hold anything twice the column looks unique, and "about as many as
    # there are values" is closer than the estimate. The sample sees values that are frequent but few.
    unique = sketch.full and not sketch.repeated() and sampled.n_unique() == len(sampled)
    return part.aggregates.filled if unique else sketch.distinct(), sketch.relative_error


def _top_values(
    storage: Storage, counts: _Counts, *, rows: int, sampled: int, limits: Limits
) -> tuple[tuple[str, int], ...]:
    frame = counts.frame
    if not counts.exact:
        frame = frame.filter(pl.col("count") >= limits.top_seen)
    pairs = [(value, count) for value, count in zip(*_first(storage, frame), strict=True)]
    if counts.exact:
        return tuple((storage.text(value), count) for value, count in pairs)
    return tuple((storage.text(value), round(count * rows / sampled)) for value, count in pairs)


def _first(storage: Storage, frame: pl.DataFrame) -> tuple[list[Stored], list[int]]:
    """Return the most frequent values and their counts, of equally frequent ones the least first."""
    if frame.height > FEW_ROWS:
        frame = frame.sort("count", "value", descending=[True, False]).head(_TOP)
        return _decoded(storage, frame["value"].to_list()), frame["count"].to_list()
    values, counts = frame["value"].to_list(), frame["count"].to_list()
    order = nsmallest(_TOP, range(len(values)), key=lambda at: (-counts[at], values[at]))
    return _decoded(storage, [values[at] for at in order]), [counts[at] for at in order]


def _samples(storage: Storage, sampled: pl.Series) -> tuple[str, ...]:
    few = len(sampled) <= FEW_ROWS
    values = (
        list(dict.fromkeys(sampled.to_list())) if few else sampled.unique(maintain_order=True).head(_SAMPLES).to_list()
    )
    chosen = _decoded(storage, values[:_SAMPLES])
    return tuple(storage.text(value) for value in chosen)


def _histogram(spread: Distribution | None, found: Aggregates) -> Histogram | None:
    low, high = found.minimum, found.maximum
    if spread is None or low is None or high is None or isinstance(low, str) or isinstance(high, str):
        return None
    return spread.histogram(low, high, found.filled)


def _lengths(storage: Storage, found: Aggregates) -> tuple[int | None, int | None]:
    """Return the lengths in characters of the shortest and the longest value as text.

    A value that stands for an integer has the longer text the farther it is from 0, on either side of it.
    """
    if not storage.counts_units:
        return found.min_chars, found.max_chars
    shortest = [len(storage.text(value)) for value in (found.shallow, found.deep) if value is not None]
    longest = [len(storage.text(value)) for value in (found.minimum, found.maximum) if value is not None]
    return min(shortest, default=None), max(longest, default=None)


def _exact_total(storage: Storage, found: Aggregates) -> int | Decimal | None:
    if not storage.counts_units:
        return found.total if storage.column.type.canonical else None
    return storage.decimal(found.total) if storage.kind is Kind.DECIMAL else found.total


def _total(storage: Storage, found: Aggregates) -> int | float | Decimal | None:
    if not storage.is_number or not found.filled:
        return None
    return _ratio(found.total, _unit(storage)) if storage.kind is Kind.DOUBLE else _exact_total(storage, found)


def _mean(storage: Storage, found: Aggregates) -> float | None:
    if not storage.is_number or not found.filled:
        return None
    return _ratio(found.total, found.filled * _unit(storage))


def _stddev(storage: Storage, found: Aggregates) -> float | None:
    """Return the standard deviation of the population: sqrt(n * sum(x^2) - sum(x)^2) / n, rounded once."""
    if not storage.is_number or not found.filled:
        return None
    squared = found.filled * found.squares - found.total**2
    shift = max(0, _ROOT_BITS - squared.bit_length() // 2)
    return _ratio(math.isqrt(squared << 2 * shift), (found.filled * _unit(storage)) << shift)


def _unit(storage: Storage) -> int:
    """Return how many of the units that sums are counted in make 1."""
    return 1 << DOUBLE_UNIT if storage.kind is Kind.DOUBLE else int(10**storage.scale)


def _ratio(numerator: int, denominator: int) -> float | None:
    """Divide integers of any size, correctly rounded; None where no double is so large."""
    try:
        return numerator / denominator
    except OverflowError:
        return None


def _decoded(storage: Storage, stored: list[Stored]) -> list[Stored]:
    return [int(value) for value in stored] if storage.counts_units else stored


def _typed(storage: Storage, stored: Stored | None) -> Value | None:
    return None if stored is None else storage.value(stored)
