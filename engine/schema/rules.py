"""The rules that a feed declares for the values of a column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import Never

import polars as pl

from engine.config import ColumnRule
from engine.errors import SchemaError
from engine.model import Column, Kind
from engine.schema import temporal
from engine.schema.readings import DECIMAL_DIGITS, Reading


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """A rule and where it's broken. `message` follows the value."""

    code: str
    message: str
    where: pl.Series


def broken_rules(reading: Reading, column: Column, rule: ColumnRule) -> Iterator[Broken]:
    """Yield each rule that some value of a column breaks. NULL breaks only `not_null`.

    `pattern` is one of Rust's `regex` and must match the whole text; it and `values` look at the text as it's loaded.

    Raises:
        SchemaError: `schema.rule`, a rule that makes no sense for the column's type.
    """
    text = reading.text
    if rule.not_null and text.null_count():
        yield Broken(code="rule.not_null", message="is empty, and the feed says not_null", where=text.is_null())
    if rule.minimum is not None:
        yield from _broken("minimum", rule.minimum, _beyond(reading, column, rule.minimum, below=True))
    if rule.maximum is not None:
        yield from _broken("maximum", rule.maximum, _beyond(reading, column, rule.maximum, below=False))
    if rule.pattern is not None:
        yield from _broken("pattern", rule.pattern, ~_matches(text, column, rule.pattern))
    if rule.values is not None:
        yield from _broken("values", ", ".join(rule.values)[:200], ~text.is_in(rule.values))


def _broken(name: str, limit: float | str, where: pl.Series) -> Iterator[Broken]:
    if where.any():
        message = f"breaks the feed's rule {name} = {limit!r}"
        yield Broken(code=f"rule.{name}", message=message, where=where.fill_null(value=False))


def _matches(text: pl.Series, column: Column, pattern: str) -> pl.Series:
    try:
        return text.str.contains(rf"\A(?:{pattern})\z")
    except pl.exceptions.PolarsError as error:
        finding = str(error).strip().splitlines()[-1]
        raise _senseless(column, f"pattern = {pattern!r}", f"can't be used: {finding}") from None


def _beyond(reading: Reading, column: Column, limit: float | str, *, below: bool) -> pl.Series:
    typed = reading.typed
    name = "minimum" if below else "maximum"
    try:
        bound = _bound(column, limit)
    except (ValueError, InvalidOperation):
        finding = f"doesn't suit its type {column.type.mysql}"
        raise _senseless(column, f"{name} = {limit!r}", finding) from None
    if isinstance(bound, Decimal):
        return _beyond_number(typed, column, bound, below=below)
    return typed < bound if below else typed > bound


def _bound(column: Column, limit: float | str) -> Decimal | float | str | datetime | timedelta:
    """Return a limit as what the column's typed values compare with."""
    kind = column.type.kind
    if kind in (Kind.BOOLEAN, Kind.INTEGER, Kind.DECIMAL):
        return Decimal(str(limit))
    if kind is Kind.DOUBLE:
        return float(limit)
    if kind is Kind.TEXT:
        return str(limit) if isinstance(limit, str) else _refuse(limit)
    if not isinstance(limit, str):
        return _refuse(limit)
    if kind is Kind.TIME:
        read = temporal.long_times(pl.Series([limit])).item()
        return read if isinstance(read, timedelta) else _refuse(limit)
    moment = datetime.fromisoformat(limit)
    return moment if moment.tzinfo is None else _refuse(limit)


def _beyond_number(typed: pl.Series, column: Column, bound: Decimal, *, below: bool) -> pl.Series:
    if typed.dtype == pl.String:
        values = {
            value: value is not None and _is_beyond(Decimal(value), bound, below=below) for value in typed.unique()
        }
        return pl.Series([values[value] for value in typed], dtype=pl.Boolean)
    scale = column.type.scale or 0
    # The nearest value that the column can hold, so that both sides have one type.
    near = bound.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_CEILING if below else ROUND_FLOOR)
    limit = pl.lit(near, dtype=pl.Decimal(DECIMAL_DIGITS, scale)) if scale else pl.lit(int(near), dtype=pl.Int128)
    value = pl.col("v") if scale else pl.col("v").cast(pl.Int128)
    return typed.to_frame("v").select(value < limit if below else value > limit).to_series()


def _is_beyond(value: Decimal, bound: Decimal, *, below: bool) -> bool:
    return value < bound if below else value > bound


def _refuse(limit: object) -> Never:
    raise ValueError(limit)


def _senseless(column: Column, rule: str, finding: str) -> SchemaError:
    return SchemaError(
        f"column {column.name}: the feed's rule {rule} {finding}",
        code="schema.rule",
        next_step="correct the rule in the feed, or declare the column's type",
    )
