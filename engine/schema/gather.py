"""Look at every value of a batch and note which kinds hold and how large they get."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache

import polars as pl

from engine.schema import numbers, temporal
from engine.schema.evidence import RANGE_DIGITS, ColumnEvidence, Evidence, Shape

_PATTERNS = {
    Shape.LOWER_BOOLEAN: "false|true",
    Shape.TITLE_BOOLEAN: "False|True",
    Shape.UPPER_BOOLEAN: "FALSE|TRUE",
    Shape.INTEGER: numbers.INTEGER,
    Shape.DECIMAL: numbers.DECIMAL,
    Shape.FLOAT: numbers.FLOAT,
    Shape.DATE: temporal.DATE,
    Shape.DATETIME: temporal.DATETIME,
    Shape.ZONED_DATETIME: temporal.ZONED_DATETIME,
    Shape.MOMENT: temporal.MOMENT,
    Shape.TIME: temporal.TIME,
}
_NUMBERS = {Shape.INTEGER, Shape.DECIMAL, Shape.FLOAT}
# A handful of values rules out nearly every kind, so that a million rows are held against one to three patterns
# (about 20 ms each) and not against 115.
_GLANCE = 32
TWO_NUMBERS = re.compile(r"[0-9][^0-9]+[0-9]")
_FIRST_YEAR, _LAST_YEAR = 1000, 9999


def gather(frame: pl.DataFrame, null_tokens: Iterable[str] = (), known: Evidence | None = None) -> Evidence:
    """Gather evidence about every column of a batch.

    Args:
        frame: All cells as text, NULL where the field is empty and unquoted.
        null_tokens: Texts that mean NULL.
        known: Earlier evidence about the same file: what it has ruled out isn't looked for again. Its counts
            are not included in the result.
    """
    cells = with_nulls(frame, null_tokens)
    before = known.columns if known is not None else (ColumnEvidence(),) * cells.width
    glances = [_glance(column, earlier) for column, earlier in zip(cells.iter_columns(), before, strict=True)]
    found = _hold_patterns(cells, glances)
    return Evidence(
        names=tuple(frame.columns),
        columns=tuple(_measure(column, one) for column, one in zip(cells.iter_columns(), found, strict=True)),
        rows=frame.height,
    )


def with_nulls(frame: pl.DataFrame, null_tokens: Iterable[str]) -> pl.DataFrame:
    """Return the frame with NULL in place of each of the tokens."""
    tokens = list(null_tokens)
    if not tokens or not frame.width:
        return frame
    # Most columns hold none, and need no copy.
    touched = [name for name, found in frame.select(pl.all().is_in(tokens).any()).row(0, named=True).items() if found]
    return frame.with_columns(
        pl.when(pl.col(name).is_in(tokens).not_()).then(pl.col(name)).alias(name) for name in touched
    )


def _glance(column: pl.Series, earlier: ColumnEvidence) -> ColumnEvidence:
    """Return the kinds that a column's first values and earlier evidence leave possible."""
    values = column.head(_GLANCE).drop_nulls().to_list() or column.drop_nulls().head(_GLANCE).to_list()
    if not values:
        return ColumnEvidence(shapes=frozenset(), formats=frozenset())
    shapes = frozenset(shape for shape in earlier.shapes if _all_match(_PATTERNS[shape], values))
    # No number is written like a date, and a date has two numbers at least: that spares most texts 115 patterns.
    dated = not shapes & _NUMBERS and all(map(TWO_NUMBERS.search, values))
    possible = earlier.formats if dated else frozenset[str]()
    formats = frozenset(name for name in possible if _all_match(temporal.FORMATS[name].pattern, values))
    return ColumnEvidence(shapes=shapes, formats=formats)


def _all_match(pattern: str, values: Sequence[str]) -> bool:
    compiled = _compiled(pattern)
    return all(compiled.fullmatch(value) for value in values)


# Of the 115 a file needs few, or none; all take 15 ms.
@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _hold_patterns(cells: pl.DataFrame, glances: Sequence[ColumnEvidence]) -> list[ColumnEvidence]:
    """Measure all columns at once, and keep of the possible kinds those whose pattern every value matches."""
    wanted: list[pl.Expr] = []
    for name, glance in zip(cells.columns, glances, strict=True):
        text = pl.col(name)
        lengths = [text.count(), text.str.len_chars().max(), text.str.len_bytes().max()]
        patterns = [_PATTERNS[shape] for shape in sorted(glance.shapes)]
        patterns += [temporal.FORMATS[one].pattern for one in sorted(glance.formats)]
        wanted += [*lengths, *(text.str.contains(f"^(?:{pattern})$").all() for pattern in patterns)]
    if not wanted:
        return []
    values = iter(cells.select(one.alias(str(number)) for number, one in enumerate(wanted)).row(0))
    found = []
    for glance in glances:
        filled, chars, size = next(values), next(values), next(values)
        shapes = frozenset(shape for shape in sorted(glance.shapes) if next(values))
        formats = frozenset(one for one in sorted(glance.formats) if next(values))
        found.append(
            replace(glance, filled=filled, max_chars=chars or 0, max_bytes=size or 0, shapes=shapes, formats=formats)
        )
    return found


def _measure(text: pl.Series, found: ColumnEvidence) -> ColumnEvidence:
    """Check what a pattern can't say (calendar, exactness) and note the extents."""
    if not found.filled:
        return ColumnEvidence()
    if Shape.DECIMAL in found.shapes or Shape.FLOAT in found.shapes:
        return _measure_numbers(text, found)
    if Shape.DATE in found.shapes:
        return found if _in_calendar(temporal.iso_dates(text), text) else _only_text(found)
    if Shape.MOMENT in found.shapes and not _in_calendar(temporal.iso_dates(text.str.slice(0, 10)), text):
        return _only_text(found)
    if Shape.DATETIME in found.shapes:
        return replace(found, fraction_digits=_fraction(found.max_bytes - len("2024-01-05 10:00:00.")))
    if Shape.TIME in found.shapes:
        return replace(found, fraction_digits=_fraction(found.max_bytes - len("10:00:00.")))
    fitting = {one for one in found.formats if temporal.read_format(text, one).null_count() == text.null_count()}
    fraction = text.str.extract(r"\.([0-9]+)").str.len_bytes().max() if temporal.ZONED in fitting else None
    digits = _fraction(fraction) if isinstance(fraction, int) else 0
    return replace(found, formats=frozenset(fitting), fraction_digits=digits)


def _fraction(digits: int) -> int:
    return min(max(0, digits), temporal.FRACTION_DIGITS)


def _measure_numbers(text: pl.Series, found: ColumnEvidence) -> ColumnEvidence:
    if text.str.contains(f"^(?:{numbers.NEGATIVE_ZERO})$").any():
        return _only_text(found)
    shapes = set(found.shapes)
    # Few digits without an exponent fit any double; looking at each would cost half a second a million.
    surely = Shape.DECIMAL in shapes and found.max_bytes <= numbers.SAFE_DIGITS
    if Shape.FLOAT in shapes and not surely:
        fits = numbers.fits_double(text, text.cast(pl.Float64, strict=False)).all()
        shapes -= set() if fits else {Shape.FLOAT}
    found = replace(found, shapes=frozenset(shapes))
    if Shape.DECIMAL not in shapes:
        return found
    size, sign = pl.col("t").str.len_bytes().cast(pl.Int64), pl.col("t").str.starts_with("-").cast(pl.Int64)
    point = pl.col("t").str.find(".", literal=True).cast(pl.Int64)
    whole, scale = (
        text.to_frame("t")
        .select(
            (point.fill_null(size) - sign).max().alias("whole"), (size - point - 1).max().fill_null(0).alias("scale")
        )
        .row(0)
    )
    found = replace(found, integer_digits=whole, scale=scale)
    if Shape.INTEGER not in shapes or whole > RANGE_DIGITS:
        return found
    integers = text.cast(pl.Int64 if whole <= 18 else pl.Int128)
    low, high = integers.min(), integers.max()
    if not isinstance(low, int) or not isinstance(high, int):  # pragma: no cover - there is a value
        return found
    return replace(found, minimum=low, maximum=high)


def _in_calendar(read: pl.Series, text: pl.Series) -> bool:
    if read.null_count() > text.null_count():
        return False
    year = read.dt.year()
    return bool(((year >= _FIRST_YEAR) & (year <= _LAST_YEAR)).all())


def _only_text(found: ColumnEvidence) -> ColumnEvidence:
    return replace(found, shapes=frozenset(), formats=frozenset())
