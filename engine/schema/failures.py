"""Say why a value isn't one of its column's type, and what to do about it."""

from __future__ import annotations

import re
from decimal import Decimal

from engine.model import Column, ColumnType, Kind
from engine.schema import numbers
from engine.schema.temporal import ZONED
from engine.schema.texts import first_unwritable, json_fault
from engine.schema.types import members

_SHOWN_CHARS = 80


def shown(value: str | None) -> str:
    """Return a value as messages quote it: cut to 80 characters, control characters escaped."""
    if value is None:
        return "NULL"
    return repr(value) if len(value) <= _SHOWN_CHARS else repr(value[:_SHOWN_CHARS])[:-1] + "…'"


def misfit(value: str, column: Column) -> tuple[str, str]:
    """Return the code and the message for a value that a column can't take as it is."""
    code, reason, fix = _reason(value, column.type)
    return code, f"{shown(value)} {reason}, and {column.name} is {column.type.mysql}; {fix}"


def _reason(value: str, column: ColumnType) -> tuple[str, str, str]:
    if column.kind is Kind.TEXT:
        return _text(value, column)
    if value == "":
        return "type.empty", "is a quoted empty text", '--null "" reads it as NULL'
    if value != value.strip():
        return _not_of(column), "has blanks around it", "take them away"
    if column.kind is Kind.BOOLEAN:
        return _not_of(column), "is neither true nor false", "correct it, or declare the column as text"
    if column.kind in (Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE):
        return _number(value, column)
    return _moment(value, column)


def _text(value: str, column: ColumnType) -> tuple[str, str, str]:
    if members(column):
        return "type.not_allowed", "is none of its values as they are defined", "correct it, or extend the type"
    if column.mysql == "JSON" and (fault := json_fault(value)) is not None:
        return "type.not_json", fault, "correct it, or declare the column LONGTEXT"
    if column.max_chars is not None and len(value) > column.max_chars:
        return "type.too_long", f"has {len(value):,} characters", "shorten it, or widen the column"
    if column.max_bytes is not None and (size := len(value.encode())) > column.max_bytes:
        return "type.too_long", f"has {size:,} bytes", "shorten it, or widen the column to LONGTEXT"
    if (char := first_unwritable(value, column.charset)) is not None:
        fix = "convert the column to utf8mb4"
        return "type.not_in_charset", f"has {char!r}, which the column's character set {column.charset} lacks", fix
    return "type.trailing_blank", "ends with a blank, which CHAR would lose", "declare the column VARCHAR"


def _number(value: str, column: ColumnType) -> tuple[str, str, str]:
    number = numbers.decimal_of(value)
    if number is None:
        return _not_of(column), "isn't a number", "correct it, or declare the column as text"
    if column.minimum == 0 and number < 0:
        return "type.out_of_range", "is negative", "correct it, or use a type that isn't UNSIGNED"
    if column.kind is Kind.INTEGER:
        return _integer(number, column)
    if column.kind is Kind.DOUBLE:
        return "type.too_precise", "would be changed by a floating-point type", "declare the column DECIMAL or text"
    return _decimal(value, column)


def _integer(number: Decimal, column: ColumnType) -> tuple[str, str, str]:
    if number != number.to_integral_value():
        return "type.not_integer", "isn't a whole number", "correct it, or use a DECIMAL"
    low, high = column.minimum or 0, column.maximum or 0
    if not low <= number <= high:
        return "type.out_of_range", f"is out of range ({low} to {high})", "correct it, or use a larger type"
    return "type.not_integer", "isn't written as a plain whole number", "write it with digits alone"


def _decimal(value: str, column: ColumnType) -> tuple[str, str, str]:
    scale = column.scale or 0
    room = (column.precision or 0) - scale
    number = numbers.decimal_of(value)
    if number and number.adjusted() >= room:
        return "type.out_of_range", f"has more than {room} digits before the point", "correct it, or use more digits"
    if numbers.plain_decimal(value, scale) is None:
        return "type.too_precise", f"has more than {scale} digits after the point", "round it, or use a larger scale"
    return "type.not_decimal", "isn't written as a plain decimal", "write it with digits and a point alone"


def _moment(value: str, column: ColumnType) -> tuple[str, str, str]:
    zoned = column.formats == (ZONED,)
    if column.formats and not zoned:
        return _not_of(column), f"isn't a date of the format {column.formats[0]}", "correct it, or change the format"
    has_zone = re.search(r"[0-9] ?(?:Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)$", value[10:]) is not None
    if has_zone and not zoned and column.kind is not Kind.DATE:
        fix = 'declare format = "%+" where all have one, to store UTC, or the column as text'
        return _not_of(column), "has a time zone", fix
    if zoned and not has_zone:
        return _not_of(column), "has no time zone, unlike the column's others", "add it, such as +00:00 or Z"
    if match := re.search(r":[0-9]{2}\.([0-9]+)", value):
        digits = len(match[1].rstrip("0"))
        if digits > column.fraction_digits and column.kind is not Kind.DATE:
            return "type.too_precise", f"has {digits} digits of a second's fraction", "use more digits, up to 6"
    if column.mysql.startswith("TIMESTAMP") and re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return "type.out_of_range", "is no moment from 1970 to 2038", "correct it, or declare the column DATETIME"
    example = {Kind.DATE: "2024-01-31", Kind.DATETIME: "2024-01-31 23:59:59", Kind.TIME: "23:59:59"}[column.kind]
    fix = f"write it like {example}" + ("" if column.kind is Kind.TIME else ", or declare its format in the feed")
    return _not_of(column), f"isn't a {column.kind} that exists", fix


def _not_of(column: ColumnType) -> str:
    return {
        Kind.BOOLEAN: "type.not_boolean",
        Kind.INTEGER: "type.not_integer",
        Kind.DECIMAL: "type.not_decimal",
        Kind.DOUBLE: "type.not_number",
        Kind.DATE: "type.not_date",
        Kind.DATETIME: "type.not_datetime",
        Kind.TIME: "type.not_time",
        Kind.TEXT: "type.not_text",
    }[column.kind]
