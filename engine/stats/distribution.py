"""Quantiles and histograms of counted values, whether they are all of them or a sample's."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.model import Histogram, Kind, Value
from engine.stats.limits import FEW_ROWS
from engine.stats.stored import Storage

_PERCENTS: Final = (1, 5, 25, 50, 75, 95, 99)
_BINS: Final = 20
_CONFIDENCE: Final = 0.99


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Distribution:
    """Values of one column in ascending order, integers or finite doubles in stored form, with running counts.

    Attributes:
        below: Occurrences of the value and of all smaller ones.
        exact: These are all values of the column, not a sample's.
    """

    storage: Storage
    values: Sequence[int] | Sequence[float]
    below: NDArray[np.int64]
    exact: bool

    @property
    def size(self) -> int:
        return int(self.below[-1]) if len(self.below) else 0

    def quantiles(self) -> tuple[tuple[float, Value], ...]:
        """Return values that are there at fixed probabilities: the nearest rank, type 1 of Hyndman and Fan (1996)."""
        if not self.size:
            return ()
        ranks = [max(1, -(-self.size * percent // 100)) for percent in _PERCENTS]
        places = np.searchsorted(self.below, ranks)
        return tuple(
            (percent / 100, self.storage.value(self.values[int(place)]))
            for percent, place in zip(_PERCENTS, places, strict=True)
        )

    def histogram(self, low: float, high: float, filled: int) -> Histogram | None:
        """Count the values in bins of equal width, scaled to `filled` in all.

        Args:
            low: Smallest value of the column in stored form.
            high: Greatest one.
            filled: Values of the column.

        Returns:
            20 bins; one for each whole number where a BOOLEAN, INTEGER or DATE column has at most 20 of them, the last edge
            being 1 more than the greatest; one where all values are equal. None without values to count.
        """
        if not self.size:
            return None
        starts, edges = self._bins(low, high)
        before = [int(self.below[place - 1]) if place else 0 for place in (bisect_left(self.values, s) for s in starts)]
        counts = [after - earlier for earlier, after in zip([0, *before], [*before, self.size], strict=True)]
        return Histogram(edges=edges, counts=_scaled(counts, filled), exact=self.exact)

    def _bins(self, low: float, high: float) -> tuple[list[int] | list[float], tuple[float, ...]]:
        """Return where each bin but the first one starts, in stored form, and all edges."""
        storage = self.storage
        if storage.kind in (Kind.BOOLEAN, Kind.INTEGER, Kind.DATE) and high - low < _BINS:
            whole = range(int(low), int(high) + 2)
            return list(whole[1:-1]), tuple(storage.edge(value) for value in whole)
        if low == high:
            return [], (storage.edge(low), storage.edge(high))
        # Parts of both ends, because the width itself can be beyond the largest double.
        first, last = storage.edge(low), storage.edge(high)
        inner = [first * ((_BINS - number) / _BINS) + last * (number / _BINS) for number in range(1, _BINS)]
        edges = (first, *inner, last)
        if storage.kind is Kind.DOUBLE:
            return inner, edges
        # The smallest integer v with (v - low) / (high - low) >= number / 20.
        start, width = int(low), int(high) - int(low)
        return [start - (-width * number // _BINS) for number in range(1, _BINS)], edges


def distribution_of(storage: Storage, counts: pl.DataFrame, *, exact: bool) -> Distribution:
    """Order counted values (columns `value` and `count`) of a column that isn't text."""
    if storage.kind is Kind.DOUBLE:
        counts = counts.filter(pl.col("value").is_finite())
    if storage.dtype is pl.String:
        pairs = sorted(zip(storage.units(counts["value"]), counts["count"].to_list(), strict=True))
        values: list[int] = [value for value, _ in pairs]
        below = np.cumsum(np.array([count for _, count in pairs], dtype=np.int64))
        return Distribution(storage=storage, values=values, below=below, exact=exact)
    if counts.height <= FEW_ROWS:
        few = sorted(zip(counts["value"].to_list(), counts["count"].to_list(), strict=True))
        running = np.cumsum(np.array([count for _, count in few], dtype=np.int64))
        return Distribution(storage=storage, values=[value for value, _ in few], below=running, exact=exact)
    ordered = counts.sort("value")
    below = np.cumsum(ordered["count"].to_numpy().astype(np.int64))
    return Distribution(storage=storage, values=ordered["value"].to_list(), below=below, exact=exact)


def rank_error(size: int) -> float:
    """Bound the difference between a sample's distribution function and the column's, at 99 % confidence.

    sqrt(ln(2/0.01) / 2k): Massart, "The Tight Constant in the Dvoretzky-Kiefer-Wolfowitz Inequality", 1990. It
    holds everywhere at once, and sampling without replacement only makes it smaller.
    """
    return min(1.0, math.sqrt(math.log(2 / (1 - _CONFIDENCE)) / (2 * size))) if size else 1.0


def _scaled(counts: list[int], total: int) -> tuple[int, ...]:
    """Scale counts to a new total by the method of largest remainders, so that they sum to it exactly."""
    size = sum(counts)
    if size == total:
        return tuple(counts)
    scaled = [count * total // size for count in counts]
    remainders = sorted(range(len(counts)), key=lambda at: (-(counts[at] * total % size), at))
    for at in remainders[: total - sum(scaled)]:
        scaled[at] += 1
    return tuple(scaled)
