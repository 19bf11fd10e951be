"""Widen the columns of an existing table where the values of a file don't fit; nothing is ever narrowed."""

from __future__ import annotations

from engine.model import ColumnType, ExistingTable, Kind, TableColumn
from engine.schema.decide import decide_column
from engine.schema.evidence import ColumnEvidence, Shape
from engine.schema.limits import row_bytes

_BIGINT_DIGITS = 20


def may_widen(column: TableColumn, known: ColumnType, table: ExistingTable) -> bool:
    """Tell whether a column's type can be changed without changing a value, a default or an index.

    Whole numbers, signed decimals and text can: FLOAT would show other digits as DOUBLE, dates have no wider type, and
    ENUM, SET, JSON, YEAR and TINYINT(1) mean more than the values they hold.
    """
    indexed = column.name in table.primary_key or any(column.name in key for key in table.unique_keys)
    if column.has_default or column.auto_increment or column.generated or indexed:
        return False
    if known.kind is Kind.INTEGER:
        return known.mysql not in ("YEAR", "TINYINT(1)")
    if known.kind is Kind.DECIMAL:
        return known.minimum is None
    return known.kind is Kind.TEXT and not known.mysql.startswith(("ENUM", "SET", "JSON"))


def widened(known: ColumnType, seen: ColumnEvidence, *, all_text: bool = False) -> ColumnType | None:
    """Return the type that holds both what a column may hold already and what was seen, None if it does."""
    if not seen.filled or _fits(known, seen):
        return None
    return decide_column(_everything(known) + seen, all_text=all_text)


def _fits(known: ColumnType, seen: ColumnEvidence) -> bool:
    if known.kind is Kind.INTEGER:
        if Shape.INTEGER not in seen.shapes:
            return False
        low, high = seen.minimum, seen.maximum
        return low is not None and high is not None and _in_range(known, low, high)
    if known.kind is Kind.DECIMAL:
        scale = known.scale or 0
        room = seen.scale <= scale and seen.integer_digits <= (known.precision or 0) - scale
        return Shape.DECIMAL in seen.shapes and room
    if known.max_chars is not None:
        return seen.max_chars <= known.max_chars
    return known.max_bytes is None or seen.max_bytes <= known.max_bytes


def _in_range(known: ColumnType, low: int, high: int) -> bool:
    return (known.minimum is None or known.minimum <= low) and (known.maximum is None or high <= known.maximum)


def _everything(known: ColumnType) -> ColumnEvidence:
    """Return the evidence of a column that holds whatever its type allows."""
    if known.kind is Kind.INTEGER and known.minimum is not None and known.maximum is not None:
        return ColumnEvidence(
            filled=1,
            shapes=frozenset({Shape.INTEGER, Shape.DECIMAL}),
            formats=frozenset(),
            max_chars=_BIGINT_DIGITS,
            max_bytes=_BIGINT_DIGITS,
            minimum=known.minimum,
            maximum=known.maximum,
            integer_digits=len(str(known.maximum)),
        )
    if known.kind is Kind.DECIMAL:
        precision, scale = known.precision or 0, known.scale or 0
        return ColumnEvidence(
            filled=1,
            shapes=frozenset({Shape.DECIMAL}),
            formats=frozenset(),
            max_chars=precision + 2,
            max_bytes=precision + 2,
            integer_digits=precision - scale,
            scale=scale,
        )
    # Half, because the text type that's chosen is twice as long as what was seen.
    size = known.max_bytes or row_bytes(known)
    return ColumnEvidence(
        filled=1,
        shapes=frozenset(),
        formats=frozenset(),
        max_chars=(known.max_chars or size + 1) // 2 + 1,
        max_bytes=size // 2,
    )
