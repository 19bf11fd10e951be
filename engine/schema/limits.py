"""What one InnoDB table can hold, and types moved and narrowed until they fit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import SchemaError
from engine.model import ColumnType, Kind
from engine.schema.types import text_type, varchar_type

# All of a row's columns but the contents of TEXT, and what half a page of 16 KiB leaves for a row (manual, "Limits on
# Table Column Count and Row Size"). The sizes below were found by creating tables of one type, one column more
# at a time, on MySQL 9.7 and MariaDB 10.11: whichever server takes more counts. The engine's own key is in.
MAX_COLUMNS = 1016
MAX_ROW_BYTES = 65_535
MAX_PAGE_BYTES = 8_125
_PAGE_OVERHEAD = 5 + 8 + 6 + 7
_ROW_OVERHEAD = 8
# A longer column's contents can leave the page, and 40 bytes and its length stay. MariaDB counts a VARCHAR of up to
# 255 bytes whole, so that VARCHAR(63) takes 253: only 31 fit, where 196 of VARCHAR(64) do.
_OFF_PAGE_BYTES = 41
# What a TEXT or JSON takes of the row: its length and a pointer.
_TEXT_ROW_BYTES = 12
# Up to here a VARCHAR takes less of the page than a TEXT.
_SHORT_CHARS = 9
_LEFTOVER_BYTES = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)
_FIXED_BYTES = {
    "TINYINT": 1, "SMALLINT": 2, "MEDIUMINT": 3, "INT": 4, "BIGINT": 8, "YEAR": 1, "FLOAT": 4, "DOUBLE": 8,
    "DATE": 3, "TIME": 3, "TIMESTAMP": 4, "DATETIME": 5, "ENUM": 2, "SET": 8,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """Types that fit one table, and the positions of those that were changed for it."""

    types: tuple[ColumnType, ...]
    spilled: tuple[int, ...] = ()
    shortened: tuple[int, ...] = ()


def fit(types: Sequence[ColumnType], seen_chars: Sequence[int | None], seen_bytes: Sequence[int]) -> Fitted:
    """Make a table possible: short VARCHAR are cut to what was seen, and the widest become TEXT.

    Args:
        types: Types of all columns of the file.
        seen_chars: The longest value of a text column whose type may be changed, None for one that mustn't.
        seen_bytes: The same in bytes.

    Raises:
        SchemaError: `schema.too_wide`, whatever is moved.
    """
    fitted = list(types)
    refuse_too_many(len(fitted))
    shortened = _shorten(fitted, seen_chars)
    spilled = _spill(fitted, seen_chars, seen_bytes)
    if (size := _row(fitted)) > MAX_ROW_BYTES:
        raise _too_wide(f"a row of {size:,} bytes, and MySQL's limit is {MAX_ROW_BYTES:,} (TEXT not counted)")
    if (size := _page(fitted)) > MAX_PAGE_BYTES:
        raise _too_wide(
            f"{len(fitted):,} columns that take {size:,} bytes of a page, and InnoDB's limit is {MAX_PAGE_BYTES + 1:,}: "
            "at most 196 text columns longer than 9 characters"
        )
    return Fitted(types=tuple(fitted), spilled=spilled, shortened=shortened)


def fits(types: Sequence[ColumnType], seen_chars: Sequence[int | None]) -> bool:
    """Tell whether `fit` can make one table of these columns."""
    try:
        fit(types, seen_chars, [0] * len(types))
    except SchemaError:
        return False
    return True


def how_many(types: Sequence[ColumnType], movable: Sequence[bool]) -> int:
    """Tell how many columns, counted from the first, one table holds with the room that their types have.

    Args:
        types: In the order in which columns are given up from the end.
        movable: Which VARCHAR may become TEXT.
    """
    row = page = 0
    for count, (column, moves) in enumerate(zip(types, movable, strict=True), start=1):
        size = row_bytes(column)
        row += min(size, _TEXT_ROW_BYTES) if moves and column.kind is Kind.TEXT else size
        page += page_bytes(column)
        nulls = (count + 7) // 8
        if (
            count > MAX_COLUMNS
            or _ROW_OVERHEAD + nulls + row > MAX_ROW_BYTES
            or _PAGE_OVERHEAD + nulls + page > MAX_PAGE_BYTES
        ):
            return count - 1
    return len(types)


def refuse_too_many(columns: int) -> None:
    """Refuse a file that no table can hold before its values are looked at.

    Raises:
        SchemaError: `schema.too_wide`.
    """
    if columns > MAX_COLUMNS:
        raise _too_wide(f"{columns:,} columns, and an InnoDB table holds {MAX_COLUMNS:,} beside its key")


def row_bytes(column: ColumnType) -> int:
    """Return what a column takes of MySQL's 65,535 bytes for a row, in utf8mb4."""
    if column.kind is Kind.TEXT and column.max_bytes is not None:
        return _TEXT_ROW_BYTES
    if (fixed := _fixed_bytes(column)) is not None:
        return fixed
    size = 4 * (column.max_chars or 0)
    return size + (1 if size <= 255 else 2)


def page_bytes(column: ColumnType) -> int:
    """Return what a column takes at most of InnoDB's 8,126 bytes for a row on its page, in utf8mb4."""
    if (fixed := _fixed_bytes(column)) is not None:
        return fixed
    if column.max_chars is None:
        return _OFF_PAGE_BYTES
    size = 4 * column.max_chars
    return size + 1 if size <= 255 else _OFF_PAGE_BYTES


def _fixed_bytes(column: ColumnType) -> int | None:
    if column.kind is Kind.DECIMAL:
        scale = column.scale or 0
        digits = ((column.precision or 0) - scale, scale)
        return sum(part // 9 * 4 + _LEFTOVER_BYTES[part % 9] for part in digits)
    name = re.match(r"[A-Z]+", column.mysql)
    size = _FIXED_BYTES.get(name[0]) if name else None
    return None if size is None else size + (column.fraction_digits + 1) // 2


def _spill(types: list[ColumnType], seen_chars: Sequence[int | None], seen_bytes: Sequence[int]) -> tuple[int, ...]:
    """Turn the widest VARCHAR into TEXT until a row fits; return their positions."""
    movable = [
        index
        for index, column in enumerate(types)
        if seen_chars[index] is not None and column.mysql.startswith("VARCHAR")
    ]
    movable.sort(key=lambda index: types[index].max_chars or 0)
    spilled = []
    size = _row(types)
    while movable and size > MAX_ROW_BYTES:
        index = movable.pop()
        before = row_bytes(types[index])
        types[index] = text_type(seen_bytes[index])
        size += row_bytes(types[index]) - before
        spilled.append(index)
    return tuple(sorted(spilled))


def _shorten(types: list[ColumnType], seen_chars: Sequence[int | None]) -> tuple[int, ...]:
    """Cut VARCHAR columns to the longest value seen, the shortest first, until a row fits its page."""
    candidates = [
        (chars, index)
        for index, chars in enumerate(seen_chars)
        if chars is not None and chars <= _SHORT_CHARS and types[index].kind is Kind.TEXT
    ]
    shortened = []
    size = _page(types)
    for chars, index in sorted(candidates):
        if size <= MAX_PAGE_BYTES:
            break
        before = page_bytes(types[index])
        types[index] = varchar_type(max(chars, 1))
        size += page_bytes(types[index]) - before
        shortened.append(index)
    return tuple(sorted(shortened))


def _row(types: Sequence[ColumnType]) -> int:
    return _ROW_OVERHEAD + (len(types) + 7) // 8 + sum(map(row_bytes, types))


def _page(types: Sequence[ColumnType]) -> int:
    return _PAGE_OVERHEAD + (len(types) + 7) // 8 + sum(map(page_bytes, types))


def _too_wide(finding: str) -> SchemaError:
    return SchemaError(
        f"no table can hold this file: {finding}",
        code="schema.too_wide",
        next_step='keep the surplus columns in one JSON column with --wide json (in a feed: wide = "json"), '
        "or declare columns with shorter or numeric types",
    )
