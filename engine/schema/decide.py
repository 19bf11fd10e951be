"""Choose the type of a column from the evidence: the narrowest that changes no value, with room to grow."""

from __future__ import annotations

from dataclasses import replace

from engine.model import ColumnType, Kind
from engine.schema.evidence import ColumnEvidence, Evidence, Shape
from engine.schema.limits import Fitted, fit
from engine.schema.temporal import FORMATS
from engine.schema.types import (
    boolean_type,
    date_type,
    datetime_type,
    decimal_type,
    double_type,
    integer_type,
    text_type,
    time_type,
    varchar_type,
)

# Sizes of VARCHAR that are chosen. None is below 64: MariaDB counts up to 255 bytes whole against InnoDB's page,
# so that 31 columns of VARCHAR(63) fill it, and 196 of VARCHAR(64) don't. Beyond 4,096, two such columns and a TEXT are
# better than a row of 65,535 bytes that is used up.
_VARCHAR_STEPS = (64, 128, 255, 512, 1024, 2048, 4096)
_EMPTY_COLUMN_CHARS = 255
# Other words for yes and no, and a mix of spellings, can be given back only as text.
_BOOLEANS = {
    Shape.LOWER_BOOLEAN: ("false", "true"),
    Shape.TITLE_BOOLEAN: ("False", "True"),
    Shape.UPPER_BOOLEAN: ("FALSE", "TRUE"),
}


def decide(evidence: Evidence, *, all_text: bool = False) -> tuple[ColumnType, ...]:
    """Choose a type for every column, such that one table holds them all.

    Raises:
        SchemaError: `schema.too_wide`.
    """
    return decide_fitting(evidence, all_text=all_text).types


def decide_fitting(evidence: Evidence, *, all_text: bool = False) -> Fitted:
    """Do as `decide`, and tell which columns were changed for the sake of the others."""
    types = [decide_column(column, all_text=all_text) for column in evidence.columns]
    return fit(types, [c.max_chars for c in evidence.columns], [c.max_bytes for c in evidence.columns])


def decide_column(column: ColumnEvidence, *, all_text: bool = False) -> ColumnType:
    """Choose the type of one column by itself; a column without a value becomes VARCHAR(255)."""
    if not column.filled:
        return varchar_type(_EMPTY_COLUMN_CHARS)
    return (None if all_text else _boolean(column) or _number(column) or _moment(column)) or text_for(column)


def as_written(known: ColumnType, seen: ColumnEvidence | None) -> ColumnType:
    """Read dates as the file writes them where that is certain: a type says what a value is, not how it looks."""
    written = seen.date_format if seen is not None else None
    if written is None or known.formats:
        return known
    same_kind = known.kind is (Kind.DATETIME if FORMATS[written].has_time else Kind.DATE)
    return replace(known, formats=(written,)) if same_kind else known


def text_for(column: ColumnEvidence) -> ColumnType:
    """Choose the text type with room for values twice as long as the longest one."""
    for chars in _VARCHAR_STEPS:
        if chars >= 2 * column.max_chars:
            return varchar_type(chars)
    return text_type(column.max_bytes)


def _boolean(column: ColumnEvidence) -> ColumnType | None:
    spellings = column.shapes & _BOOLEANS.keys()
    return boolean_type(*_BOOLEANS[next(iter(spellings))]) if spellings else None


def _number(column: ColumnEvidence) -> ColumnType | None:
    if Shape.INTEGER in column.shapes and (fitting := _integer(column)) is not None:
        return fitting
    if Shape.DECIMAL in column.shapes:
        return decimal_type(column.integer_digits, column.scale)
    return double_type() if Shape.FLOAT in column.shapes else None


def _integer(column: ColumnEvidence) -> ColumnType | None:
    if column.minimum is None or column.maximum is None:
        return None
    return integer_type(column.minimum, column.maximum)


def _moment(column: ColumnEvidence) -> ColumnType | None:
    if Shape.DATE in column.shapes:
        return date_type()
    if Shape.DATETIME in column.shapes:
        return datetime_type(column.fraction_digits)
    if Shape.TIME in column.shapes:
        return time_type(column.fraction_digits)
    if column.date_format is None:
        return None
    return (
        datetime_type(column.fraction_digits, column.date_format)
        if FORMATS[column.date_format].has_time
        else date_type(column.date_format)
    )
