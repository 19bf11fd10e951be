"""What is known about the columns of a file so far: which kinds of value hold for all of a column, and how large."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.schema.temporal import FORMATS

# Whole numbers of so many digits always fit 128 bits.
RANGE_DIGITS = 38


class Shape(StrEnum):
    """A kind of text that all values of a column may have in common."""

    INTEGER = "integer"
    # An INTEGER is a DECIMAL too.
    DECIMAL = "decimal"
    # A DECIMAL that a double holds exactly is a FLOAT too.
    FLOAT = "float"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnEvidence:
    """What is known about one column; without a value everything is still possible.

    Attributes:
        filled: Values other than NULL.
        shapes: What all values are.
        formats: Formats of dates, other than ISO 8601, that fit all values.
        max_chars, max_bytes: The longest value, in characters and in UTF-8 bytes.
        minimum, maximum: Range of an INTEGER column, None beyond 38 digits.
        integer_digits, scale: Most digits before and after the point of a DECIMAL column.
        fraction_digits: Most digits of a second's fraction of a DATETIME or TIME column.
    """

    filled: int = 0
    shapes: frozenset[Shape] = frozenset(Shape)
    formats: frozenset[str] = frozenset(FORMATS)
    max_chars: int = 0
    max_bytes: int = 0
    minimum: int | None = None
    maximum: int | None = None
    integer_digits: int = 0
    scale: int = 0
    fraction_digits: int = 0

    def __add__(self, other: ColumnEvidence) -> ColumnEvidence:
        shapes = self.shapes & other.shapes
        integer_digits = max(self.integer_digits, other.integer_digits)
        in_range = Shape.INTEGER in shapes and integer_digits <= RANGE_DIGITS
        bounds = [bound for one in (self, other) for bound in (one.minimum, one.maximum) if bound is not None]
        fraction = max(self.fraction_digits, other.fraction_digits)
        # Extents of a shape that doesn't hold are dropped, so that the order of the parts doesn't matter.
        return ColumnEvidence(
            filled=self.filled + other.filled,
            shapes=shapes,
            formats=self.formats & other.formats,
            max_chars=max(self.max_chars, other.max_chars),
            max_bytes=max(self.max_bytes, other.max_bytes),
            minimum=min(bounds, default=None) if in_range else None,
            maximum=max(bounds, default=None) if in_range else None,
            integer_digits=integer_digits if Shape.DECIMAL in shapes else 0,
            scale=max(self.scale, other.scale) if Shape.DECIMAL in shapes else 0,
            fraction_digits=fraction if shapes & {Shape.DATETIME, Shape.TIME} else 0,
        )

    @property
    def date_format(self) -> str | None:
        """The one format that fits all values, None where none or several do or the century is open."""
        if not self.filled or len(self.formats) != 1:
            return None
        (only,) = self.formats
        return None if FORMATS[only].two_digit_year else only

    @property
    def ambiguous(self) -> bool:
        """Dates, but written in a way that can be read in more than one."""
        iso = self.shapes & {Shape.DATE, Shape.DATETIME}
        return bool(self.filled and self.formats and not iso and self.date_format is None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What is known about the columns of a file so far, in their order. Parts of a file add up to the whole."""

    names: tuple[str, ...]
    columns: tuple[ColumnEvidence, ...]
    rows: int = 0

    def __add__(self, other: Evidence) -> Evidence:
        if self.names != other.names:
            raise ValueError("evidence about other columns")
        return Evidence(
            names=self.names,
            columns=tuple(mine + theirs for mine, theirs in zip(self.columns, other.columns, strict=True)),
            rows=self.rows + other.rows,
        )

    @property
    def ambiguous_dates(self) -> tuple[str, ...]:
        """Names of the columns that stay text because their dates can be read in more than one way."""
        return tuple(name for name, column in zip(self.names, self.columns, strict=True) if column.ambiguous)
