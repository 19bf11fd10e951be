"""A sample of whole rows, drawn by a fixed hash of where a row stands: the same for the same file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.stats.limits import FEW_ROWS
from engine.stats.stored import compact

PRIORITY: Final = "priority"
_BATCH_BITS: Final = 40


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RowSample:
    """The rows of lowest priority, a bottom-k sample: a uniform one without replacement, merged by keeping the lowest.

    Cohen and Kaplan, "Summarizing Data using Bottom-k Sketches", PODC 2007.

    Attributes:
        size: k, how many rows are kept.
        frame: Kept rows by ascending priority, a column `priority`, then the stored columns named "0", "1", ….
        rows: Rows that the sample was drawn from.
    """

    size: int
    frame: pl.DataFrame
    rows: int = 0

    @property
    def complete(self) -> bool:
        """Tell whether the sample is all there is."""
        return self.rows <= self.size

    @classmethod
    def merged(cls, samples: Sequence[RowSample]) -> RowSample:
        """Return the sample of all rows. There is at least one sample, and all have the same size."""
        size = samples[0].size
        both = pl.concat([each.frame for each in samples])
        if both.height > size:
            priorities = both[PRIORITY].to_numpy()
            both = both.filter(priorities <= np.partition(priorities, size - 1)[size - 1])
        return cls(size=size, frame=compact(both.sort(PRIORITY)), rows=sum(each.rows for each in samples))


def no_rows(dtypes: Sequence[type[pl.DataType]], size: int) -> RowSample:
    """Return a sample of nothing."""
    schema: dict[str, type[pl.DataType]] = {PRIORITY: pl.UInt64}
    return RowSample(size=size, frame=pl.DataFrame(schema=schema | {str(at): dtype for at, dtype in enumerate(dtypes)}))


def sample_of(
    stored: Sequence[pl.Series],
    *,
    rows: int,
    batch_number: int,
    chars: int,
    known: RowSample,
) -> RowSample:
    """Draw the sample of one batch.

    Args:
        stored: The columns of the batch in stored form.
        rows: Its rows.
        batch_number: Its number in the file, from 0 to 2^24, which no other batch of the file has.
        chars: Where a text is cut.
        known: A sample of the same size that this one will be added to: rows that can't be in the sum are left out.
    """
    size = known.size
    priorities = _priorities(batch_number, rows)
    chosen: NDArray[np.intp] = np.arange(rows)
    if known.frame.height == size:
        chosen = np.flatnonzero(priorities <= np.uint64(known.frame[PRIORITY][-1]))
    if len(chosen) > size:
        chosen = chosen[np.argpartition(priorities[chosen], size)[:size]]
    chosen = chosen[np.argsort(priorities[chosen])]
    if rows <= FEW_ROWS:
        return RowSample(size=size, frame=_few(stored, chosen, priorities[chosen], chars), rows=rows)
    frame = pl.DataFrame([series.alias(str(at)) for at, series in enumerate(stored)])[chosen]
    frame = frame.with_columns(pl.col(pl.String).str.slice(0, chars)) if pl.String in frame.dtypes else frame
    frame = compact(frame.insert_column(0, pl.Series(PRIORITY, priorities[chosen])))
    return RowSample(size=size, frame=frame, rows=rows)


def _few(
    stored: Sequence[pl.Series], chosen: NDArray[np.intp], priorities: NDArray[np.uint64], chars: int
) -> pl.DataFrame:
    """Take the rows out of a small batch, column by column; its text buffers may as well stay."""
    columns = [pl.Series(PRIORITY, priorities)]
    order = chosen.tolist()
    for at, series in enumerate(stored):
        values = series.to_list()
        taken = [values[row] for row in order]
        if series.dtype == pl.String:
            taken = [value and value[:chars] for value in taken]
        columns.append(pl.Series(str(at), taken, dtype=series.dtype))
    return pl.DataFrame(columns)


def _priorities(batch_number: int, rows: int) -> NDArray[np.uint64]:
    """Hash the places of a batch's rows: the finalizer of splitmix64, a bijection, so no two rows tie.

    Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
    """
    mixed = np.arange(1, rows + 1, dtype=np.uint64)
    mixed += np.uint64(batch_number << _BATCH_BITS)
    mixed *= np.uint64(0x9E3779B97F4A7C15)
    shifted = mixed >> np.uint64(30)
    mixed ^= shifted
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    np.right_shift(mixed, np.uint64(27), out=shifted)
    mixed ^= shifted
    mixed *= np.uint64(0x94D049BB133111EB)
    np.right_shift(mixed, np.uint64(31), out=shifted)
    mixed ^= shifted
    return mixed
