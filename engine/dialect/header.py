"""Whether the first record holds the names of the columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from itertools import pairwise

from engine.dialect.cells import kind

# Records below the first that are looked at, and how many of a column's cells must be alike to give it a kind.
LOOKED_AT = 200
ALIKE = 0.9


def has_header(records: Sequence[Sequence[str]], names: Collection[str]) -> bool:
    """Tell whether the first record is a header; it is unless the evidence against it is strong.

    Strong is: the columns that hold numbers, dates or times hold one in the first record as well. Names that are
    themselves numbers, such as years or months in a row, are still names.

    Args:
        records: The first records, without blank lines.
        names: Names that the feed declares; where the first record has one, it is a header.
    """
    if not records:
        return True
    first, rest = records[0], records[1 : LOOKED_AT + 1]
    declared = {name.strip().lower() for name in names}
    if any(cell.strip().lower() in declared for cell in first):
        return True
    kinds = [kind(cell) for cell in first]
    if not rest:
        return "number" not in kinds and "date" not in kinds and "moment" not in kinds
    columns = [_column_kind([record[at] for record in rest if at < len(record)]) for at in range(len(first))]
    telling = [(one, column) for one, column in zip(kinds, columns, strict=True) if "null" not in (one, column)]
    values = [one == column for one, column in telling if column != "text"]
    if not values or not all(values):
        return True
    return _counts_up(first, kinds) and not any(_counts_up(record, [kind(cell) for cell in record]) for record in rest)


def shows_header(records: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first record shows to be a header: texts stand above numbers, dates or times, never the reverse."""
    first, rest = records[0] if records else (), records[1 : LOOKED_AT + 1]
    columns = [_column_kind([record[at] for record in rest if at < len(record)]) for at in range(len(first))]
    told = [(kind(cell), column) for cell, column in zip(first, columns, strict=True) if column not in ("null", "text")]
    return bool(told) and all(one == "text" for one, _ in told)


def _column_kind(cells: list[str]) -> str:
    counts = Counter(kind(cell) for cell in cells)
    counts.pop("null", None)
    if not counts:
        return "null"
    usual, count = counts.most_common(1)[0]
    return usual if count >= ALIKE * counts.total() else "text"


def _counts_up(record: Sequence[str], kinds: Sequence[str]) -> bool:
    """Tell whether text or nothing comes first and then at least two whole numbers, each by the same step more."""
    numbers = [cell.strip() for cell, one in zip(record, kinds, strict=True) if one == "number"]
    if len(numbers) < 2 or not numbers[0].isdigit() or kinds[0] == "number":
        return False
    if not all(number.isdigit() for number in numbers):
        return False
    steps = {int(after) - int(before) for before, after in pairwise(numbers)}
    return len(steps) == 1 and steps.pop() > 0
