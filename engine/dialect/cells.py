"""What a single cell looks like, as far as telling delimiters and headers needs it."""

from __future__ import annotations

import re
from functools import lru_cache

# Any of these is no evidence for or against anything.
NULLS = frozenset({"", "null", "none", "nan", "n/a", "na", "-", "--", "?", ".", r"\n", "#n/a"})

# Longer than any number, date or time that people write.
LONGEST_VALUE = 40

_NUMBER = re.compile(
    r"[$€£¥]?\s?[-+]?(?:\d+(?:[.,]\d+)?|\d{1,3}(?:[.,' \u00a0]\d{3})+(?:[.,]\d+)?|[.,]\d+)(?:[eE][-+]?\d+)?\s?(?:%|€|[A-Z]{3})?"
)
_DATE = re.compile(
    r"\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2\d{2}(?:\d{2})?|\d{1,2}[- ][A-Za-z]{3}[- ]\d{2,4}"
)
_CLOCK = re.compile(r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:\s?[AaPp][Mm])?")
_DIGIT = re.compile(r"\d")
_ZONE = re.compile(r"Z|[-+]\d{2}:?\d{2}")
_WORD = re.compile(r"[\w.@/\\+#%&'\u2019()_*\[\]-]+(?: [\w.@/\\+#%&'\u2019()_*\[\]-]+)*")
_LINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")


def kind(cell: str) -> str:
    """Return `null`, `number`, `date`, `clock`, `moment` (a date with a clock), or `text`."""
    cell = cell.strip()
    return "text" if len(cell) > LONGEST_VALUE else _kind(cell)


# Each way to part a sample into cells gives many of the same ones again, and so does the next file of the same kind.
@lru_cache(maxsize=20_000)
def _kind(cell: str) -> str:
    if cell.lower() in NULLS:
        return "null"
    if not _DIGIT.search(cell):
        return "text"
    for name, pattern in (("number", _NUMBER), ("date", _DATE), ("clock", _CLOCK)):
        if pattern.fullmatch(cell):
            return name
    return "moment" if _is_moment(cell) else "text"


def _is_moment(cell: str) -> bool:
    day, _, rest = cell.replace("T", " ", 1).partition(" ")
    clock = _CLOCK.match(rest)
    if clock is None or not _DATE.fullmatch(day):
        return False
    zone = rest[clock.end() :].strip()
    return not zone or bool(_ZONE.fullmatch(zone))


# The first lines of a sample are looked at twice.
@lru_cache(maxsize=20_000)
def is_whole(cell: str) -> bool:
    """Tell whether the cell is something that a person would write into one cell: a value, words, a link, nothing."""
    cell = cell.strip()
    # Most values are words as well, and that costs one pattern instead of four.
    return bool(_WORD.fullmatch(cell)) or kind(cell) != "text" or bool(_LINK.fullmatch(cell))
