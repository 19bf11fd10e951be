"""Text columns: lengths, and what ENUM, SET, CHAR and JSON would change or refuse."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from decimal import Decimal

import polars as pl

from engine.model import ColumnType
from engine.schema.numbers import decimal_of
from engine.schema.types import members

# Python's names for those of the server's one-byte character sets whose 256 characters are the same (asked of MySQL 9.7
# and MariaDB 10.11, byte by byte); its latin1 has five more. Of other sets (greek, gbk) the server is asked, and refuses
# in strict mode what it can't write.
_CODECS = {
    "latin1": "cp1252", "latin2": "iso8859_2", "latin5": "iso8859_9", "latin7": "iso8859_13", "cp1250": "cp1250",
    "cp1251": "cp1251", "cp1257": "cp1257", "koi8r": "koi8_r", "cp850": "cp850", "cp852": "cp852",
    "macroman": "mac_roman", "macce": "mac_latin2",
}  # fmt: skip
_LATIN1_MORE = "\x81\x8d\x8f\x90\x9d"
_NOT_ASCII = r"[^\x00-\x7F]"
_BEYOND_THE_PLANE = "[^\x00-\uffff]"


def _lacking(charset: str, codec: str) -> str:
    held = bytes(range(0x80, 0x100)).decode(codec, errors="ignore") + (_LATIN1_MORE if charset == "latin1" else "")
    return rf"[^\x00-\x7F{held}]"


# A pattern of the characters that a column of the character set can't hold.
_LACKING = {
    "ascii": _NOT_ASCII,
    **dict.fromkeys(("utf8mb3", "utf8", "ucs2"), _BEYOND_THE_PLANE),
    **{charset: _lacking(charset, codec) for charset, codec in _CODECS.items()},
}


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
    bad = _either(_too_long(text, column), _unwritable(text, column.charset))
    if column.mysql.startswith("CHAR("):
        # The server cuts blanks off the end of a CHAR when it's read.
        bad = _either(bad, _found(text.str.ends_with(" ")))
    if column.mysql == "JSON" and not column.canonical:
        return _by_value(text, lambda value: json_fault(value) is None)
    return bad


def json_fault(value: str) -> str | None:
    """Tell why a JSON column would refuse a text or change what it says; None where it's JSON and stays equal.

    MySQL keeps integers of 64 bits, rounds every other number to a double, and of a repeated key keeps the last, all
    without a warning. MariaDB keeps the text.
    """
    try:
        json.loads(
            value, parse_constant=_refuse, parse_int=_integer, parse_float=_double, object_pairs_hook=_without_repeats
        )
    except _Changed as changed:
        return str(changed)
    except (ValueError, RecursionError):
        return "isn't JSON"
    return None


def _too_long(text: pl.Series, column: ColumnType) -> pl.Series | None:
    longest = text.str.len_bytes().max()
    if not isinstance(longest, int):
        return None
    if column.max_chars is not None and longest > column.max_chars:
        return _found(text.str.len_chars() > column.max_chars)
    if column.max_bytes is not None and longest > column.max_bytes:
        return _found(text.str.len_bytes() > column.max_bytes)
    return None


def first_unwritable(value: str, charset: str | None) -> str | None:
    """Return the first character of a text that a character set lacks, None where it has them all or isn't known."""
    return next((char for char in value if re.match(_LACKING.get(charset or "", "(?!)"), char)), None)


def _unwritable(text: pl.Series, charset: str | None) -> pl.Series | None:
    lacking = _LACKING.get(charset or "")
    return None if lacking is None else _found(text.str.contains(lacking))


def _either(one: pl.Series | None, other: pl.Series | None) -> pl.Series | None:
    return other if one is None else one if other is None else one | other


def _by_value(text: pl.Series, fits: Callable[[str], bool]) -> pl.Series | None:
    unfit = [value for value in text.unique() if value is not None and not fits(value)]
    return _found(text.is_in(unfit)) if unfit else None


def _is_set(value: str, allowed: tuple[str, ...]) -> bool:
    # The server stores members in the order of the definition, and each once.
    parts = value.split(",") if value else []
    return parts == [member for member in allowed if member in parts]


def _found(mask: pl.Series) -> pl.Series | None:
    return mask.fill_null(value=False) if mask.any() else None


class _Changed(Exception):
    """What a JSON column would make of a text isn't what it says."""


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def _integer(digits: str) -> int:
    if len(digits) > len(str(-(2**63))) or not -(2**63) <= int(digits) < 2**64:
        raise _Changed(f"has {digits[:40]}, which MySQL's JSON would round")
    return int(digits)


def _double(digits: str) -> float:
    value, exact = float(digits), decimal_of(digits)
    if exact is None or not math.isfinite(value) or exact != Decimal(repr(value)):
        raise _Changed(f"has {digits[:40]}, which MySQL's JSON would round")
    return value


def _without_repeats(pairs: list[tuple[str, object]]) -> None:
    if len({key for key, _ in pairs}) < len(pairs):
        raise _Changed("has a key twice, of which MySQL's JSON would keep the last")
