"""Text columns: lengths, and what ENUM, SET, CHAR and JSON would change or refuse."""

from __future__ import annotations

import json
from collections.abc import Callable

import polars as pl

from engine.model import ColumnType
from engine.schema.types import members


def misfits(text: pl.Series, column: ColumnType) -> pl.Series | None:
    """Tell which values a text column would cut, change or refuse; None where there are none.

    Cost: a millisecond for a million values of VARCHAR, because a text has no more characters than bytes; ENUM,
    SET and JSON take each different value once, in Python.
    """
    allowed = members(column)
    if allowed and column.mysql.startswith("ENUM"):
        # Compared exactly: a collation without case would turn `Red` into the member `red`.
        return _found(~text.is_in(allowed))
    if allowed:
        return _by_value(text, lambda value: _is_set(value, allowed))
    bad = _too_long(text, column)
    if column.mysql.startswith("CHAR("):
        # The server cuts blanks off the end of a CHAR when it's read.
        trailing = _found(text.str.ends_with(" "))
        bad = trailing if bad is None else bad if trailing is None else bad | trailing
    if column.mysql == "JSON":
        return _by_value(text, is_json)
    return bad


def is_json(value: str) -> bool:
    """Tell whether a text is JSON by RFC 8259 (no NaN, no Infinity)."""
    try:
        json.loads(value, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _too_long(text: pl.Series, column: ColumnType) -> pl.Series | None:
    longest = text.str.len_bytes().max()
    if not isinstance(longest, int):
        return None
    if column.max_chars is not None and longest > column.max_chars:
        return _found(text.str.len_chars() > column.max_chars)
    if column.max_bytes is not None and longest > column.max_bytes:
        return _found(text.str.len_bytes() > column.max_bytes)
    return None


def _by_value(text: pl.Series, fits: Callable[[str], bool]) -> pl.Series | None:
    unfit = [value for value in text.unique() if value is not None and not fits(value)]
    return _found(text.is_in(unfit)) if unfit else None


def _is_set(value: str, allowed: tuple[str, ...]) -> bool:
    # The server stores members in the order of the definition, and each once.
    parts = value.split(",") if value else []
    return parts == [member for member in allowed if member in parts]


def _found(mask: pl.Series) -> pl.Series | None:
    return mask.fill_null(value=False) if mask.any() else None


def _refuse(constant: str) -> object:
    raise ValueError(constant)
