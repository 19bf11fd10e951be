"""Values held against each other: what a cell says, read as the kind of value that it landed as."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from bench.robustness.landed import ValueKind

# What begins with a zero or a plus sign is a code or a telephone number: as a number it wouldn't be the same.
_NUMBER = re.compile(r"-?(?=\.?\d)(?:0|[1-9]\d*)?(?:\.\d*)?(?:[eE][+-]?\d+)?")
_NOT_FINITE = {"nan": "nan", "inf": "inf", "infinity": "inf", "-inf": "-inf", "-infinity": "-inf"}
_TRUE, _FALSE = frozenset({"true", "t", "yes", "y", "1"}), frozenset({"false", "f", "no", "n", "0"})
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}|\d{8}")
# Six digits are what a datetime holds here; zeros behind them say nothing.
_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6}(?=0*(?!\d)))?)?0*(?:Z|[+-]\d{2}:?\d{2})?)?"
)
_CLOCK = re.compile(r"(-?)(\d{1,3}):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?")


def true_value(cell: str | None, kind: ValueKind, day_format: str | None, *, nulls: bool) -> object:
    """Read a cell as a kind of value; what can't be read so stays text, and equals nothing of that kind.

    Args:
        day_format: The one strptime format that fits all dates of the column; without it only ISO 8601 is a date.
        nulls: NULL and "" are two things.
    """
    if cell is None or (cell == "" and not nulls):
        return None
    match kind:
        case "text":
            return cell
        case "number" | "float":
            return Decimal(cell) if _NUMBER.fullmatch(cell) else _NOT_FINITE.get(cell.lower(), cell)
        case "boolean":
            return True if cell.lower() in _TRUE else False if cell.lower() in _FALSE else cell
        case "date":
            return _day(cell, day_format) or cell
        case "datetime":
            return _moment(cell) or cell
        case "time":
            clock = _clock(cell)
            return cell if clock is None else clock


def landed_value(text: str | None, kind: ValueKind, *, nulls: bool) -> object:
    """Read the text of a landed value."""
    if text is None or (text == "" and not nulls):
        return None
    match kind:
        case "text":
            return text
        case "number" | "float":
            return _NOT_FINITE.get(text.lower()) or _decimal(text)
        case "boolean":
            return text.lower() in _TRUE
        case "date":
            return _day(text, None) or text
        case "datetime":
            return _moment(text) or text
        case "time":
            clock = _clock(text)
            return text if clock is None else clock


def _decimal(text: str) -> object:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _day(text: str, day_format: str | None) -> date | None:
    try:
        if day_format is not None:
            return datetime.strptime(text, day_format).replace(tzinfo=UTC).date()
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def _moment(text: str) -> datetime | None:
    if not _MOMENT.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _clock(text: str) -> Decimal | None:
    """Return seconds."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    seconds = int(found[2]) * 3600 + int(found[3]) * 60 + Decimal(found[4] or 0)
    return -seconds if found[1] else seconds
