"""Columns that are aligned with blanks: a printed table, which no delimiter parts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.errors import DialectError

LOOKED_AT = 200
ALIKE = 0.9
_CELL = re.compile(r"\S+(?: \S+)*")


def refuse_aligned(lines: Sequence[str], *, file_name: str, delimiter: str) -> None:
    """Refuse a file whose lines are no single cells but columns that blanks align.

    Args:
        lines: The first ones, with nothing that parts them.
        file_name: For the error.
        delimiter: One that leaves the lines whole.

    Raises:
        DialectError: The columns are aligned (`dialect.aligned`).
    """
    rows = [[match.span() for match in _CELL.finditer(line)] for line in lines[:LOOKED_AT] if line.strip()]
    width = len(rows[0]) if rows else 0
    if len(rows) < 3 or width < 2 or not all(_aligned(rows, column, width) for column in range(width)):
        return
    raise DialectError(
        f"{file_name}: {width} columns aligned with blanks (fixed width), which isn't delimited text",
        code="dialect.aligned",
        next_step=f"ask for it as CSV; to load each line as one text: --delimiter {delimiter!r}",
    )


def _aligned(rows: Sequence[Sequence[tuple[int, int]]], column: int, width: int) -> bool:
    """Tell whether nearly all cells of a column begin, or end, at the same place."""
    places = [row[column] for row in rows if len(row) == width]
    most = ALIKE * len(rows)
    edges = ([place[side] for place in places] for side in (0, 1))
    return any(sum(edge == max(set(some), key=some.count) for edge in some) >= most for some in edges)
