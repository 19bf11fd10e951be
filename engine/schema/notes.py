"""What a person should know about how a plan reads the values of a file."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model import Column, Kind
from engine.schema.evidence import ColumnEvidence
from engine.schema.temporal import ZONED


def notes_on_values(columns: Sequence[Column], seen: Sequence[ColumnEvidence | None]) -> tuple[str, ...]:
    """Name the columns whose text says more, or less, than what is stored.

    Args:
        columns: The file's columns as planned.
        seen: The evidence about each, None where there is none.
    """
    pairs = list(zip(columns, seen, strict=True))
    findings = (
        (
            "dates that can be read in more than one way, kept as text (declare a format in the feed)",
            [column for column, found in pairs if found is not None and found.ambiguous and _is_text(column)],
        ),
        (
            "times with a zone are stored in UTC",
            [column for column in columns if column.type.formats == (ZONED,)],
        ),
        (
            "times with and without a zone, kept as text",
            [column for column, found in pairs if found is not None and found.zones_mixed and _is_text(column)],
        ),
        (
            "times without a zone are taken as UTC, because a TIMESTAMP is a moment",
            [c for c in columns if c.type.mysql.startswith("TIMESTAMP") and c.type.formats != (ZONED,)],
        ),
        (
            "true and false are stored as 1 and 0",
            [column for column in columns if column.type.kind is Kind.BOOLEAN and column.type.formats],
        ),
    )
    return tuple(f"{finding}: {', '.join(c.name for c in found)}" for finding, found in findings if found)


def _is_text(column: Column) -> bool:
    return not column.declared and column.type.kind is Kind.TEXT
