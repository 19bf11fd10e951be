"""What is remembered of a table while it is counted, as plain records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

from engine.model import Column
from engine.stats.aggregates import Aggregates
from engine.stats.distinct import Distinct
from engine.stats.limits import Limits
from engine.stats.sample import RowSample
from engine.stats.sketch import HashSketch

Keys = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ColumnPart:
    """What is remembered of one column."""

    aggregates: Aggregates
    distinct: Distinct


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What two parts must have in common to be added."""

    columns: tuple[Column, ...]
    keys: Keys
    limits: Limits


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TableParts:
    """What is remembered of a table: its columns, a sample of its rows, hashes of its rows and keys."""

    shape: Shape
    measured: tuple[ColumnPart, ...]
    sample: RowSample
    row_hashes: HashSketch
    key_hashes: tuple[HashSketch, ...]

    @property
    def rows(self) -> int:
        return self.row_hashes.rows

    @classmethod
    def merged(cls, parts: Sequence[TableParts]) -> TableParts:
        """Add parts of the same shape up; the order makes no difference. There is at least one."""
        if len(parts) == 1:
            return parts[0]
        shape = parts[0].shape
        return cls(
            shape=shape,
            measured=tuple(
                ColumnPart(
                    aggregates=reduce(add, (each.aggregates for each in column)),
                    distinct=Distinct.merged([each.distinct for each in column], shape.limits),
                )
                for column in zip(*(part.measured for part in parts), strict=True)
            ),
            sample=RowSample.merged([part.sample for part in parts]),
            row_hashes=HashSketch.merged([part.row_hashes for part in parts]),
            key_hashes=tuple(HashSketch.merged(key) for key in zip(*(part.key_hashes for part in parts), strict=True)),
        )
