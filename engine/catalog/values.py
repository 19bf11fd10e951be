"""Typed values as PostgreSQL takes them: exact text, exact JSON, nothing that its text types refuse."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from json.encoder import encode_basestring
from pathlib import Path

# A cell can be megabytes long, and a JSONB value ends at 256 MB for all columns of a row together: 2,000 columns
# with 10 samples and 10 frequent values of 1,000 characters each stay well below, and a person reads no more.
VALUE_CHARS = 1_000

# JSONB numbers are NUMERIC: at most 131,072 digits before the point. MySQL's own have 65 (DECIMAL) or 309 (DOUBLE).
_JSON_DIGITS = 1_000

_WORDS = {None: "null", True: "true", False: "false"}
_ILLEGAL = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    r"""Make text storable: PostgreSQL has no U+0000, UTF-8 no lone surrogates.

    NUL becomes U+2400 (its picture), a byte that was not UTF-8 (a surrogate from `os.fsdecode`) `\xe9`, any other
    lone surrogate `\ud800`. Other text is returned as it is.
    """
    return text if text.isascii() and "\x00" not in text else _ILLEGAL.sub(_picture, text)


def cut(text: str, chars: int) -> str:
    """Make text storable in at most `chars` characters; a longer one ends with an ellipsis."""
    # Cut before and after: a picture is longer than what it replaces.
    text = storable(text[: chars + 1])
    return text if len(text) <= chars else text[: chars - 1] + "…"


def plain_text(value: object) -> str | None:
    """Write a value as ISO 8601 or exact decimal text, cut to `VALUE_CHARS`; None stays None."""
    return None if value is None else cut(_plain(value), VALUE_CHARS)


def json_text(value: object) -> str:
    """Write records, mappings, sequences and values as JSON with exact numbers.

    A Decimal keeps every digit, dates and times are ISO 8601 text, NaN and the infinities are text. Strings are made
    storable, not cut. The standard encoder would write a Decimal as float or text only.

    Raises:
        TypeError: A value of a type that no record has, which is a bug.
    """
    writer = _WRITERS.get(type(value))
    return writer(value) if writer else _json_other(value)


def cut_all(texts: Iterable[str]) -> tuple[str, ...]:
    """Cut each text to `VALUE_CHARS`."""
    return tuple(cut(text, VALUE_CHARS) for text in texts)


def _plain(value: object) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, Decimal):
        return format(value, "f") if _short(value) else str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _clock(value)
    if isinstance(value, int | float | Path):
        return str(value)
    raise TypeError(f"no text form for {type(value).__name__}")


def _clock(value: timedelta) -> str:
    """Write MySQL's TIME, which has a sign and goes beyond a day: `-838:59:59.5` is `-838:59:59.500000`."""
    microseconds = value // timedelta(microseconds=1)
    seconds, fraction = divmod(abs(microseconds), 1_000_000)
    text = f"{'-' if microseconds < 0 else ''}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{text}.{fraction:06d}" if fraction else text


def _json_string(value: str) -> str:
    return encode_basestring(storable(value))


def _json_float(value: float) -> str:
    return repr(value) if math.isfinite(value) else f'"{value}"'


def _json_decimal(value: Decimal) -> str:
    return format(value, "f") if _short(value) else f'"{value}"'


def _json_array(value: Iterable[object]) -> str:
    return "[" + ",".join(map(json_text, value)) + "]"


def _json_object(value: Mapping[object, object]) -> str:
    return "{" + ",".join([f"{_json_string(_key(key))}:{json_text(item)}" for key, item in value.items()]) + "}"


# By exact type: 2,000 columns have half a million values, and asking each what it is an instance of took 1 s for
# them; this takes a quarter of it.
_WRITERS: Mapping[type, Callable[..., str]] = {
    str: _json_string,
    int: str,
    float: _json_float,
    Decimal: _json_decimal,
    bool: _WORDS.__getitem__,
    type(None): _WORDS.__getitem__,
    tuple: _json_array,
    list: _json_array,
    dict: _json_object,
}


def _json_other(value: object) -> str:
    if is_dataclass(value) and not isinstance(value, type):
        return _json_object({field.name: getattr(value, field.name) for field in fields(value)})
    if isinstance(value, Mapping):
        return _json_object(value)
    if isinstance(value, float):
        return _json_float(float(value))
    if isinstance(value, int):
        return str(int(value))
    return _json_string(_plain(value))


def _short(value: Decimal) -> bool:
    return value.is_finite() and abs(value.adjusted()) <= _JSON_DIGITS


def _key(key: object) -> str:
    """Join a composite key, since JSON's are text."""
    if type(key) is str:
        return key
    return ",".join(map(_plain, key)) if isinstance(key, tuple) else _plain(key)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code == 0:
        return "␀"
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
