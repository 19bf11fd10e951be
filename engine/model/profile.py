"""What the pass over a file measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from engine.model.table import Kind
from engine.model.values import Value


@dataclass(frozen=True, kw_only=True, slots=True)
class Histogram:
    """Equal-width bins between the smallest and the largest value.

    `edges` has one element more than `counts`; a bin holds its lower edge, the last one both. Numbers as they
    are, dates as days and times as seconds since 1970-01-01. Where not exact, counts are scaled from a sample.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    exact: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnProfile:
    """The finished statistics of one column of one file.

    Attributes:
        rows, nulls, empties: Counts of all rows, NULLs, and empty strings.
        distinct: Distinct values other than NULL.
        distinct_error: Relative standard error of `distinct`, 0.0 where it is exact.
        minimum, maximum: Typed; of text in the order of its UTF-8 bytes. None where all is NULL.
        total, mean, stddev: Of numbers; `total` exact, `stddev` of the population. None for other kinds.
        min_chars, max_chars: Length in characters of the shortest and longest value as text.
        quantiles: Pairs of a probability and the value there, of numbers, dates and times.
        quantiles_error: Bound on the error of a probability at 99 % confidence, 0.0 where exact.
        top_values: Most frequent values as text with counts, most frequent first.
        top_error: Bound on the error of a count relative to rows at 99 % confidence, 0.0 where exact.
        samples: Values as text, chosen at random but the same for the same file.
    """

    column: str
    kind: Kind
    rows: int
    nulls: int
    empties: int
    distinct: int
    distinct_error: float
    minimum: Value | None
    maximum: Value | None
    total: int | float | Decimal | None
    mean: float | None
    stddev: float | None
    min_chars: int | None
    max_chars: int | None
    quantiles: tuple[tuple[float, Value], ...]
    quantiles_error: float
    top_values: tuple[tuple[str, int], ...]
    top_error: float
    histogram: Histogram | None
    samples: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class TableProfile:
    """The statistics of a file: its columns and what concerns whole rows.

    `duplicate_rows` counts rows equal to an earlier one in every column; `duplicate_rows_exact` is False where
    it was estimated from a sample of row hashes.
    """

    rows: int
    columns: tuple[ColumnProfile, ...]
    duplicate_rows: int
    duplicate_rows_exact: bool
    # For each declared key: rows minus distinct keys, estimated like duplicate_rows.
    duplicate_keys: Mapping[tuple[str, ...], int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityCheck:
    """One measured property of a file, or of a column of it.

    Attributes:
        name: Such as `completeness`.
        column: None for a property of the whole file.
        value: The measurement.
        unit: `ratio` (0 to 1), `count`, `seconds`, or `text`.
        passed: None where there is no rule to hold it against.
        message: What a person needs to know, "" where the value says all.
    """

    name: str
    value: float | int | str
    unit: Literal["ratio", "count", "seconds", "text"]
    column: str | None = None
    passed: bool | None = None
    message: str = ""
