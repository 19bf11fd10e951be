"""Sums and sums of squares without a rounding: the same to the last bit in whatever order they are added."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

# Doubles are summed in units of the smallest one, so every double is a whole number of units.
DOUBLE_UNIT: Final = 1074
_INT64: Final = 2**63
# Sums of products of 22-bit limbs stay below 2^63 for 2^19 rows, those of 28-bit limbs below 2^53 for 2^24.
_CHUNK_ROWS: Final = 2**18
_LIMB: Final = np.uint64(22)
_LIMB_MASK: Final = np.uint64(2**22 - 1)
_HALF: Final = np.uint64(26)
_HALF_MASK: Final = np.uint64(2**26 - 1)


def sums_of_integers(values: pl.Series, *, squares: bool) -> tuple[int, int]:
    """Sum a column of integers of 64 or 128 bits without NULLs.

    One machine dot product where it can't overflow, one over limbs of 22 bits where it could (about 12 ms per
    million), and Python's integers only for values beyond 64 bits.

    Args:
        values: Int64, UInt64 or Int128.
        squares: Sum the squares as well; else they are 0.
    """
    if values.is_empty():
        return 0, 0
    low, high = values.min(), values.max()
    assert isinstance(low, int)
    assert isinstance(high, int)
    if values.dtype == pl.Int128:
        if not -_INT64 <= low <= high < _INT64:
            numbers = values.to_list()
            return sum(numbers), sum(number * number for number in numbers) if squares else 0
        values = values.cast(pl.Int64)
    array, peak, rows = values.to_numpy(), max(-low, high), len(values)
    total = int(array.sum()) if peak * rows < _INT64 else _sum_in_halves(array)
    if not squares:
        return total, 0
    if peak * peak * rows < _INT64:
        return total, int(np.dot(array, array))
    return total, sum(_squares_in_limbs(array[at : at + _CHUNK_ROWS]) for at in range(0, rows, _CHUNK_ROWS))


def _sum_in_halves(array: NDArray[np.int64] | NDArray[np.uint64]) -> int:
    return (int((array >> 32).sum()) << 32) + int((array & 0xFFFF_FFFF).sum())


def _squares_in_limbs(array: NDArray[np.int64] | NDArray[np.uint64]) -> int:
    # The magnitude of -2^63 is right as well: its bits are those of the unsigned 2^63.
    magnitude = array if array.dtype == np.uint64 else np.abs(array).view(np.uint64)
    low = magnitude & _LIMB_MASK
    middle = (magnitude >> _LIMB) & _LIMB_MASK
    high = magnitude >> (_LIMB + _LIMB)
    return (
        int(np.dot(low, low))
        + (int(np.dot(low, middle)) << 23)
        + (int(np.dot(low, high)) << 45)
        + (int(np.dot(middle, middle)) << 44)
        + (int(np.dot(middle, high)) << 67)
        + (int(np.dot(high, high)) << 88)
    )


def sums_of_doubles(array: NDArray[np.float64]) -> tuple[int, int]:
    """Sum finite doubles and their squares, in units of 2^-1074 and 2^-2148.

    A superaccumulator (Kulisch; Neal, "Fast exact summation using small and large superaccumulators", 2015):
    mantissas are whole numbers of 53 bits, cut into limbs and summed for each exponent, where no sum of limbs
    reaches 2^53 and so none is rounded.
    """
    total = squares = 0
    for at in range(0, len(array), _CHUNK_ROWS):
        fractions, exponents = np.frexp(array[at : at + _CHUNK_ROWS])
        mantissas = np.ldexp(np.abs(fractions), 53).astype(np.uint64)
        lowest = int(exponents.min())
        places = (exponents - lowest).astype(np.intp)
        unit = lowest - 53 + DOUBLE_UNIT
        low, high = mantissas & _HALF_MASK, mantissas >> _HALF
        signs = np.sign(fractions)
        total += _shifted((_per_place(places, signs * low), _per_place(places, signs * high)), unit, 1)
        squares += _shifted(_square_limbs(places, low, high), 2 * unit, 2)
    return total, squares


def _square_limbs(places: NDArray[np.intp], low: NDArray[np.uint64], high: NDArray[np.uint64]) -> tuple[list[int], ...]:
    """Square 53-bit mantissas into limbs of 26 bits with the carries passed on, summed by place."""
    first = low * low
    second = ((low * high) << np.uint64(1)) + (first >> _HALF)
    third = high * high + (second >> _HALF)
    limbs = (first & _HALF_MASK, second & _HALF_MASK, third & _HALF_MASK, third >> _HALF)
    return tuple(_per_place(places, limb.astype(np.float64)) for limb in limbs)


def _per_place(places: NDArray[np.intp], limbs: NDArray[np.float64]) -> list[int]:
    return [int(limb) for limb in np.bincount(places, weights=limbs)]


def _shifted(limbs: tuple[list[int], ...], unit: int, power: int) -> int:
    """Add up limbs of 26 bits, each at its place (times `power`) above 2^`unit`."""
    total = 0
    for number, sums in enumerate(limbs):
        for place, value in enumerate(sums):
            if value:
                shift = unit + power * place + 26 * number
                # Only subnormal doubles reach below the unit, and there their mantissas end in zeros.
                total += value << shift if shift >= 0 else value >> -shift
    return total
