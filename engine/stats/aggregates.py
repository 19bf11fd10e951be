"""What is counted of a column without any limit: rows, NULLs, sums, extremes, lengths; all exact, all mergeable."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar
from zlib import crc32

import numpy as np
import polars as pl

from engine.model import Kind
from engine.stats.limits import FEW_ROWS
from engine.stats.stored import Storage, Stored
from engine.stats.sums import sums_of_doubles, sums_of_integers

S = TypeVar("S", bound=Stored)


@dataclass(frozen=True, kw_only=True, slots=True)
class Aggregates:
    """Exact counts and sums of one column.

    Attributes:
        total, squares: Sum and sum of squares in the stored form's units (squares of numbers only); of documents the sum
            of their CRC-32.
        minimum, maximum: Stored form; None where all is NULL.
        shallow, deep: The smallest value from 0 up and the greatest below 0: the shortest as text is one of them.
        min_chars, max_chars, bytes: Of text, in characters and UTF-8 bytes.
    """

    rows: int = 0
    nulls: int = 0
    empties: int = 0
    total: int = 0
    squares: int = 0
    minimum: Stored | None = None
    maximum: Stored | None = None
    shallow: int | None = None
    deep: int | None = None
    min_chars: int | None = None
    max_chars: int | None = None
    bytes: int = 0

    @property
    def filled(self) -> int:
        return self.rows - self.nulls

    def __add__(self, other: Aggregates) -> Aggregates:
        return Aggregates(
            rows=self.rows + other.rows,
            nulls=self.nulls + other.nulls,
            empties=self.empties + other.empties,
            total=self.total + other.total,
            squares=self.squares + other.squares,
            minimum=_lesser(self.minimum, other.minimum),
            maximum=_greater(self.maximum, other.maximum),
            shallow=_lesser(self.shallow, other.shallow),
            deep=_greater(self.deep, other.deep),
            min_chars=_lesser(self.min_chars, other.min_chars),
            max_chars=_greater(self.max_chars, other.max_chars),
            bytes=self.bytes + other.bytes,
        )


def aggregate(storage: Storage, filled: pl.Series, distinct: pl.Series | None, *, rows: int) -> Aggregates:
    """Measure one column of a batch.

    Args:
        storage: How the column is stored.
        filled: Its values in stored form, without NULLs.
        distinct: The same values once each, where they are known, which makes the extremes cheap.
        rows: Rows of the batch, NULLs counted.
    """
    nulls = rows - len(filled)
    if filled.is_empty():
        return Aggregates(rows=rows, nulls=nulls)
    if storage.column.type.canonical:
        return _of_documents(filled, rows=rows, nulls=nulls)
    if storage.kind is Kind.TEXT and len(filled) <= FEW_ROWS:
        return _of_few_texts(filled.to_list(), rows=rows, nulls=nulls)
    if storage.kind is Kind.TEXT:
        return _of_text(filled, filled if distinct is None else distinct, rows=rows, nulls=nulls)
    if storage.kind is Kind.DOUBLE:
        return _of_doubles(filled.to_numpy(), rows=rows, nulls=nulls)
    if storage.dtype is pl.String:
        return _of_wide(storage.units(filled), rows=rows, nulls=nulls)
    if len(filled) <= FEW_ROWS:
        few = _of_wide(filled.to_list(), rows=rows, nulls=nulls)
        return few if storage.is_number else replace(few, squares=0)
    total, squares = sums_of_integers(filled, squares=storage.is_number)
    return _of_integers(filled if distinct is None else distinct, total, squares, rows=rows, nulls=nulls)


def _of_text(filled: pl.Series, values: pl.Series, *, rows: int, nulls: int) -> Aggregates:
    sizes = filled.str.len_bytes()
    chars = values.str.len_chars()
    return Aggregates(
        rows=rows,
        nulls=nulls,
        empties=len(sizes) - int(np.count_nonzero(sizes.to_numpy())),
        minimum=_string(values.min()),
        maximum=_string(values.max()),
        min_chars=_integer(chars.min()),
        max_chars=_integer(chars.max()),
        bytes=_integer(sizes.cast(pl.UInt64).sum()),
    )


def _of_few_texts(values: list[str], *, rows: int, nulls: int) -> Aggregates:
    sizes = [len(value.encode()) for value in values]
    return Aggregates(
        rows=rows,
        nulls=nulls,
        empties=sizes.count(0),
        # Python orders texts by code point, as Polars does by UTF-8.
        minimum=min(values),
        maximum=max(values),
        min_chars=min(map(len, values)),
        max_chars=max(map(len, values)),
        bytes=sum(sizes),
    )


def _of_documents(filled: pl.Series, *, rows: int, nulls: int) -> Aggregates:
    """Count what proves documents: their bytes, and as the total the sum of their checksums."""
    return Aggregates(
        rows=rows,
        nulls=nulls,
        total=sum(crc32(text.encode()) for text in filled),
        bytes=_integer(filled.str.len_bytes().cast(pl.UInt64).sum()),
    )


def _of_doubles(values: np.ndarray[tuple[int], np.dtype[np.float64]], *, rows: int, nulls: int) -> Aggregates:
    # The schema room lets no other pass; if one does, it has no sum.
    finite = values[np.isfinite(values)]
    if not finite.size:
        return Aggregates(rows=rows, nulls=nulls)
    total, squares = sums_of_doubles(finite)
    return Aggregates(
        rows=rows,
        nulls=nulls,
        total=total,
        squares=squares,
        minimum=float(finite.min()),
        maximum=float(finite.max()),
    )


def _of_integers(values: pl.Series, total: int, squares: int, *, rows: int, nulls: int) -> Aggregates:
    low, high = _integer(values.min()), _integer(values.max())
    shallow, deep = (low, None) if low >= 0 else (None, high)
    if low < 0 <= high:
        shallow, deep = _integer(values.filter(values >= 0).min()), _integer(values.filter(values < 0).max())
    return Aggregates(
        rows=rows,
        nulls=nulls,
        total=total,
        squares=squares,
        minimum=low,
        maximum=high,
        shallow=shallow,
        deep=deep,
    )


def _of_wide(numbers: list[int], *, rows: int, nulls: int) -> Aggregates:
    return Aggregates(
        rows=rows,
        nulls=nulls,
        total=sum(numbers),
        squares=sum(number * number for number in numbers),
        minimum=min(numbers),
        maximum=max(numbers),
        shallow=min((number for number in numbers if number >= 0), default=None),
        deep=max((number for number in numbers if number < 0), default=None),
    )


def _lesser(one: S | None, other: S | None) -> S | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)  # values of one column are of one type


def _greater(one: S | None, other: S | None) -> S | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _integer(value: object) -> int:
    assert isinstance(value, int)
    return value


def _string(value: object) -> str:
    assert isinstance(value, str)
    return value
