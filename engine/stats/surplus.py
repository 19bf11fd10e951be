"""Statistics of the many fields that share one JSON column: less than a column's own, in a few hundred bytes each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.model import ColumnProfile, Kind
from engine.stats.sketch import HASH_SEED

# HyperLogLog (Flajolet et al., 2007): 512 registers have a relative standard error of 1.04 / sqrt(512), and take 10 MB for
# 20,000 fields.
_INDEX_BITS: Final = 9
_REGISTERS: Final = 1 << _INDEX_BITS
_ERROR: Final = 1.04 / _REGISTERS**0.5
_BIAS: Final = 0.7213 / (1 + 1.079 / _REGISTERS)
# Extremes are cut: 20,000 of them of a megabyte each would be all of the memory.
_EXTREME_CHARS: Final = 256
_NO_LENGTH: Final = 2**31


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SurplusStats:
    """What was counted of each field, mergeable with `+`.

    Attributes:
        rows: Rows of all.
        filled, empties, shortest, longest: Of each field, shape (fields,); lengths in characters.
        extremes: Columns `least` and `greatest`, cut texts in the order of their UTF-8 bytes.
        registers: HyperLogLog, shape (fields, registers).
    """

    rows: int
    filled: NDArray[np.int64]
    empties: NDArray[np.int64]
    shortest: NDArray[np.int64]
    longest: NDArray[np.int64]
    extremes: pl.DataFrame
    registers: NDArray[np.uint8]

    @classmethod
    def empty(cls, fields: int) -> SurplusStats:
        """Return the statistics of no rows."""
        return cls(
            rows=0,
            filled=np.zeros(fields, np.int64),
            empties=np.zeros(fields, np.int64),
            shortest=np.full(fields, _NO_LENGTH, np.int64),
            longest=np.zeros(fields, np.int64),
            extremes=pl.DataFrame(
                {name: pl.Series([None] * fields, dtype=pl.String) for name in ("least", "greatest")}
            ),
            registers=np.zeros((fields, _REGISTERS), np.uint8),
        )

    @classmethod
    def measure(cls, cells: pl.DataFrame) -> SurplusStats:
        """Measure one batch of String columns.

        All cells are looked at as one long column, because a call for each of 20,000 columns would take seconds.
        """
        result = cls.empty(cells.width)
        if not cells.height:
            return result
        owners = pl.Series("field", np.repeat(np.arange(cells.width, dtype=np.uint32), cells.height))
        text = pl.concat([cell.alias("text") for cell in cells.iter_columns()], rechunk=True)
        long = pl.DataFrame([owners, text]).drop_nulls("text")
        value = pl.col("text")
        found = (
            long.group_by("field")
            .agg(
                value.len().alias("filled"),
                (value == "").sum().alias("empties"),
                value.str.len_chars().min().alias("shortest"),
                value.str.len_chars().max().alias("longest"),
                value.min().str.slice(0, _EXTREME_CHARS).alias("least"),
                value.max().str.slice(0, _EXTREME_CHARS).alias("greatest"),
            )
            .sort("field")
        )
        where = found["field"].to_numpy()
        for name in ("filled", "empties", "shortest", "longest"):
            getattr(result, name)[where] = found[name].to_numpy()
        every = pl.DataFrame({"field": pl.Series(np.arange(cells.width, dtype=np.uint32))})
        extremes = every.join(found.select("field", "least", "greatest"), on="field", how="left", maintain_order="left")
        _note_hashes(result.registers, long["field"].to_numpy(), long["text"].hash(seed=HASH_SEED).to_numpy())
        return cls(
            rows=cells.height,
            filled=result.filled,
            empties=result.empties,
            shortest=result.shortest,
            longest=result.longest,
            extremes=extremes.select("least", "greatest"),
            registers=result.registers,
        )

    def __add__(self, other: SurplusStats) -> SurplusStats:
        least, greatest = (
            pl.DataFrame([self.extremes[name].alias("a"), other.extremes[name].alias("b")])
            for name in ("least", "greatest")
        )
        return SurplusStats(
            rows=self.rows + other.rows,
            filled=self.filled + other.filled,
            empties=self.empties + other.empties,
            shortest=np.minimum(self.shortest, other.shortest),
            longest=np.maximum(self.longest, other.longest),
            extremes=pl.DataFrame(
                [
                    least.select(pl.min_horizontal("a", "b").alias("least")).to_series(),
                    greatest.select(pl.max_horizontal("a", "b").alias("greatest")).to_series(),
                ]
            ),
            registers=np.maximum(self.registers, other.registers),
        )

    def profiles(self, names: Sequence[str]) -> tuple[ColumnProfile, ...]:
        """Return the finished numbers of each field. Frequent values, samples and quantiles aren't known of them."""
        distinct = np.minimum(np.rint(_estimates(self.registers)).astype(np.int64), self.filled)
        return tuple(
            ColumnProfile(
                column=name,
                kind=Kind.TEXT,
                rows=self.rows,
                nulls=self.rows - int(self.filled[at]),
                empties=int(self.empties[at]),
                distinct=int(distinct[at]),
                distinct_error=_ERROR if self.filled[at] else 0.0,
                minimum=least,
                maximum=greatest,
                total=None,
                mean=None,
                stddev=None,
                min_chars=int(self.shortest[at]) if self.filled[at] else None,
                max_chars=int(self.longest[at]) if self.filled[at] else None,
                quantiles=(),
                quantiles_error=0.0,
                top_values=(),
                top_error=1.0,
                histogram=None,
                samples=(),
            )
            for at, (name, (least, greatest)) in enumerate(zip(names, self.extremes.iter_rows(), strict=True))
        )


def _note_hashes(registers: NDArray[np.uint8], fields: NDArray[np.uint32], hashes: NDArray[np.uint64]) -> None:
    """Put hashes into the registers: the highest bits choose one, and it keeps the longest run of zeros at the low end."""
    slots = fields.astype(np.int64) * _REGISTERS + (hashes >> np.uint64(64 - _INDEX_BITS)).astype(np.int64)
    # A stop bit behind the bits that are left, so that there is always a lowest one.
    low = hashes | np.uint64(1 << (64 - _INDEX_BITS))
    lowest = low & (~low + np.uint64(1))
    ranks = (np.log2(lowest.astype(np.float64)) + 1).astype(np.uint8)
    np.maximum.at(registers.reshape(-1), slots, ranks)


def _estimates(registers: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Estimate how many different values each row of registers has seen; few ones by counting the registers unused."""
    raw = _BIAS * _REGISTERS**2 / np.exp2(-registers.astype(np.float32)).sum(axis=1, dtype=np.float64)
    unused = np.count_nonzero(registers == 0, axis=1)
    few = _REGISTERS * np.log(_REGISTERS / np.maximum(unused, 1))
    estimates: NDArray[np.float64] = np.where((raw <= 2.5 * _REGISTERS) & (unused > 0), few, raw)
    return estimates
