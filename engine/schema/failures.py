"""Say why a value isn't one of its column's type, and what to do about it."""

from __future__ import annotations

import re
from decimal import Decimal

from engine.model import Column, ColumnType, Kind
from engine.schema import numbers
from engine.schema.texts import is_json
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
    if column.kind in (Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE):
        return _number(value, column)
    return _moment(value, column)


def _text(value: str, column: ColumnType) -> tuple[str, str, str]:
    if members(column):
        return "type.not_allowed", "is none of its values as they are defined", "correct it, or extend the type"
    if column.mysql == "JSON" and not is_json(value):
        return "type.not_json", "isn't JSON", "correct it, or declare the column LONGTEXT"
    if column.max_chars is not None and len(value) > column.max_chars:
        return "type.too_long", f"has {len(value):,} characters", "shorten it, or widen the column"
    if column.max_bytes is not None and (size := len(value.encode())) > column.max_bytes:
        return "type.too_long", f"has {size:,} bytes", "shorten it, or widen the column to LONGTEXT"
    return "type.trailing_blank", "ends with a blank, which CHAR would lose", "declare the column VARCHAR"


def _number(value: str, column: ColumnType) -> tuple[str, str, str]:
    if re.fullmatch(numbers.ANY_NUMBER, value) is None:
        return _not_of(column), "isn't a number", "correct it, or declare the column as text"
    if column.minimum == 0 and Decimal(value) < 0:
        return "type.out_of_range", "is negative", "correct it, or use a type that isn't UNSIGNED"
    if column.kind is Kind.INTEGER:
        return _integer(Decimal(value), column)
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
    plain = numbers.plain_decimal(value, scale)
    if plain is None:
        return "type.too_precise", f"has more than {scale} digits after the point", "round it, or use a larger scale"
    room = (column.precision or 0) - scale
    if len(plain.partition(".")[0].strip("-").lstrip("0")) > room:
        return "type.out_of_range", f"has more than {room} digits before the point", "correct it, or use more digits"
    return "type.not_decimal", "isn't written as a plain decimal", "write it with digits and a point alone"


def _moment(value: str, column: ColumnType) -> tuple[str, str, str]:
    if column.formats:
        return _not_of(column), f"isn't a date of the format {column.formats[0]}", "correct it, or change the format"
    if column.kind is not Kind.DATE and re.search(r"[0-9](?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)$", value[10:]):
        fix = 'declare format = "%Y-%m-%dT%H:%M:%S%.f%z" to store UTC, or the column as text'
        return _not_of(column), "has a time zone", fix
    if match := re.search(r":[0-9]{2}\.([0-9]+)$", value):
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
        Kind.INTEGER: "type.not_integer",
        Kind.DECIMAL: "type.not_decimal",
        Kind.DOUBLE: "type.not_number",
        Kind.DATE: "type.not_date",
        Kind.DATETIME: "type.not_datetime",
        Kind.TIME: "type.not_time",
        Kind.TEXT: "type.not_text",
    }[column.kind]
