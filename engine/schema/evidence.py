"""What is known about the columns of a file so far: which kinds of value hold for all of a column, and how large."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.schema.temporal import FORMATS, ZONED

# Whole numbers of so many digits always fit 128 bits.
RANGE_DIGITS = 38


class Shape(StrEnum):
    """A kind of text that all values of a column may have in common."""

    LOWER_BOOLEAN = "true"
    TITLE_BOOLEAN = "True"
    UPPER_BOOLEAN = "TRUE"
    INTEGER = "integer"
    # An INTEGER is a DECIMAL too.
    DECIMAL = "decimal"
    # A DECIMAL that a double holds exactly is a FLOAT too.
    FLOAT = "float"
    DATE = "date"
    # With hours and minutes at least, without a zone.
    DATETIME = "datetime"
    ZONED_DATETIME = "zoned datetime"
    # With a zone or without.
    MOMENT = "moment"
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
        fraction_digits: Most digits of a second's fraction of a column of datetimes (with a zone, too) or times.
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
        shapes, formats = self.shapes & other.shapes, self.formats & other.formats
        integer_digits = max(self.integer_digits, other.integer_digits)
        in_range = Shape.INTEGER in shapes and integer_digits <= RANGE_DIGITS
        bounds = [bound for one in (self, other) for bound in (one.minimum, one.maximum) if bound is not None]
        fraction = max(self.fraction_digits, other.fraction_digits)
        # Extents of a shape that doesn't hold are dropped, so that the order of the parts doesn't matter.
        return ColumnEvidence(
            filled=self.filled + other.filled,
            shapes=shapes,
            formats=formats,
            max_chars=max(self.max_chars, other.max_chars),
            max_bytes=max(self.max_bytes, other.max_bytes),
            minimum=min(bounds, default=None) if in_range else None,
            maximum=max(bounds, default=None) if in_range else None,
            integer_digits=integer_digits if Shape.DECIMAL in shapes else 0,
            scale=max(self.scale, other.scale) if Shape.DECIMAL in shapes else 0,
            fraction_digits=fraction if shapes & {Shape.DATETIME, Shape.TIME} or ZONED in formats else 0,
        )

    @property
    def date_format(self) -> str | None:
        """The one format that fits all values, None for plain ISO 8601 or where several fit or the century is open."""
        if not self.filled or len(self.formats) != 1 or self._is_iso:
            return None
        (only,) = self.formats
        return None if FORMATS[only].two_digit_year else only

    @property
    def ambiguous(self) -> bool:
        """Dates, but written in a way that can be read in more than one."""
        return bool(self.filled and self.formats and not self._is_iso and self.date_format is None)

    @property
    def undecided(self) -> bool:
        """Further values can still tell which of several formats is meant."""
        return self.ambiguous and any(not FORMATS[name].two_digit_year for name in self.formats)

    @property
    def zones_mixed(self) -> bool:
        """Datetimes, but only some of them with a zone."""
        one_way = {Shape.DATETIME, Shape.ZONED_DATETIME}
        return bool(self.filled and Shape.MOMENT in self.shapes and not self.shapes & one_way)

    @property
    def _is_iso(self) -> bool:
        return bool(self.shapes & {Shape.DATE, Shape.DATETIME})


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
    def undecided(self) -> bool:
        """Further rows can still tell how some column's dates are meant."""
        return any(column.undecided for column in self.columns)
