"""Values of cells, and how one that was written down comes back."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal

from engine.model.table import Kind

# What a cell can be once its type is proved.
Value = int | float | Decimal | str | date | datetime | time | timedelta | bool


def typed(kind: Kind, stored: object) -> Value | None:
    """Give a value that was written down, in JSON or as text, the type of its column; a time is in seconds.

    Raises:
        ValueError, ArithmeticError: It is no such value.
    """
    if stored is None:
        return None
    text = str(stored)
    match kind:
        case Kind.BOOLEAN | Kind.INTEGER:
            return int(text)
        case Kind.DECIMAL:
            return Decimal(text)
        case Kind.DOUBLE:
            return float(text)
        case Kind.DATE:
            return date.fromisoformat(text)
        case Kind.DATETIME:
            return datetime.fromisoformat(text)
        case Kind.TIME:
            return timedelta(seconds=float(text))
        case _:
            return text
