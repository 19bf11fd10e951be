"""What stands above a table and isn't part of it: comment lines, and lines of a title."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile

from engine.dialect.header import shows_header
from engine.dialect.separation import Separation, parse

# What comment lines begin with where nobody says it; a longer one before its own beginning.
PREFIXES = ("#", "--", "//", "%", ";")
# A report's title has two or three lines, the longest of 2,700 public files 29.
MOST_LINES = 40
# Enough of the table below to see whether it is one; a title is looked for behind every line.
_LOOKED_AT_CHARS = 8_192
_REGULAR = 0.9

Separate = Callable[[Sequence[str]], Separation]


@dataclass(frozen=True, kw_only=True, slots=True)
class Above:
    """How many physical lines stand above the table, and what its comment lines begin with, None for no comments."""

    lines: int = 0
    comment: str | None = None


def comments_above(lines: Sequence[str], separate: Separate) -> Above:
    """Tell comment lines above the table from its first rows: not all of them have the table's number of fields.

    A first line such as `#id,name`, which has, is the header, unless the line below it shows to be one.

    Args:
        lines: Of the sample, without their ends.
        separate: Finds out how lines part into fields.
    """
    first = next((line for line in lines if line.strip()), "")
    prefix = next((prefix for prefix in PREFIXES if first.startswith(prefix)), None)
    if prefix is None:
        return Above()
    block = list(takewhile(lambda line: line.startswith(prefix) or not line.strip(), lines))
    while block and not block[-1].strip():
        block.pop()
    below = separate(without_comments(lines[len(block) :], prefix))
    usual = usual_width(below)
    if usual is None or usual < 2 or prefix in below.delimiter:
        return Above()
    widths = [len(_record(line, below)) for line in block]
    while block and widths[-1] == usual and not shows_header(below.records):
        # It can be the header, or a row.
        block.pop()
        widths.pop()
    return Above(lines=len(block), comment=prefix) if any(width != usual for width in widths) else Above()


def without_comments(lines: Sequence[str], prefix: str) -> list[str]:
    """Drop the lines that begin as comments do."""
    return [line for line in lines if not line.startswith(prefix)]


def title_lines(lines: Sequence[str], separate: Separate) -> int:
    """Count the lines of a title: narrower than the regular table below them, which has a header of its own.

    Args:
        lines: Of the sample, without their ends.
        separate: Finds out how lines part into fields.
    """
    if len(lines) < 2 or _begins_with_its_header(separate(lines)):
        return 0
    for count in range(1, min(MOST_LINES, len(lines) - 1) + 1):
        if not _may_begin(lines, count):
            continue
        below = separate(lines[count:])
        if _is_table(below) and _is_title(lines[:count], below):
            return count
    return 0


def first_lines(lines: Sequence[str]) -> list[str]:
    """Return as many of the lines as it takes to see whether they are a table."""
    sizes = accumulate(len(line) + 1 for line in lines)
    return [
        line for line, size in takewhile(lambda pair: pair[1] <= _LOOKED_AT_CHARS, zip(lines, sizes, strict=True))
    ] or list(lines[:1])


def usual_width(separation: Separation) -> int | None:
    """Return how many fields most records have, None where they differ."""
    lengths = [len(record) for record in separation.records]
    usual = max(set(lengths), key=lengths.count, default=0)
    return usual if lengths.count(usual) * 2 > len(lengths) else None


def _begins_with_its_header(one: Separation) -> bool:
    usual = usual_width(one)
    if usual is None or usual < 2 or len(one.records[0]) != usual:
        return False
    filled = len(_filled(one.records[0]))
    return filled > usual - 2 or filled * 2 > usual


def _may_begin(lines: Sequence[str], at: int) -> bool:
    """Tell, without parsing, whether a table may begin at a line: it has a delimiter, and more than the lines above."""
    here, behind = lines[at], lines[at + 1] if at + 1 < len(lines) else lines[at]
    if not here.strip():
        return False
    marks = {char for char in here if not char.isalnum() and char not in "\"' .-_"} | {" "}
    return any(
        char in behind and max(line.rstrip(char + " ").count(char) for line in lines[:at]) < here.count(char)
        for char in marks
    )


def _is_table(below: Separation) -> bool:
    usual = usual_width(below)
    if usual is None or usual < 2 or len(below.records) < 2 or len(below.records[0]) != usual:
        return False
    regular = sum(len(record) == usual for record in below.records) >= _REGULAR * len(below.records)
    return regular and len(_filled(below.records[0])) == usual and all(cell.strip() for cell in below.records[0])


def _is_title(above: Sequence[str], below: Separation) -> bool:
    usual = len(below.records[0])
    widest = max((len(_filled(_record(line, below))) for line in above), default=0)
    if widest >= usual:
        return False
    if shows_header(below.records):
        return True
    # Names above texts look like a row of texts: only what is clearly no row tells.
    parted = not above[-1].strip() or len(above) > 1
    return usual >= 3 and len(below.records) >= 4 and widest <= 1 and (parted or usual > 3)


def _filled(record: Sequence[str]) -> Sequence[str]:
    """Drop the empty fields at a record's end."""
    end = len(record)
    while end and not record[end - 1].strip():
        end -= 1
    return record[:end]


def _record(line: str, below: Separation) -> Sequence[str]:
    """Part a line as the records below it."""
    records = parse(line, below.delimiter, below.quote_char, below.escape_char)
    return records[0] if records else ()
