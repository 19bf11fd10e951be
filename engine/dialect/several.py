"""Delimiters of several characters that could be meant, by what stands where the lines part."""

from __future__ import annotations

import re

LONGEST_DELIMITER = 5
# What joins a single delimiter to a longer one, such as `||`, `~|~` and `::`; others are only doubled.
_LONG = "|~^:¦§#@&*!"
# Between pipes stands what parts fields as well: `|;|`.
_BETWEEN_PIPES = ";,\t"
_CLOSING = {"<": ">", "[": "]", "{": "}", "(": ")"}
# Signs that part fields two by two (`@@`, `=>`), and not those of links, paths, ellipses and quoted words.
_RUN = re.compile(r"[<>@#$%=+\-&*!?^~|]{2,5}")
# Enough to leave out what stands in some lines only.
_LINES = 100


def around(text: str, single: str) -> str | None:
    """Return the delimiter of several characters that each `single` in a text is part of, None where there is none.

    Args:
        text: The sample without its quoted cells.
        single: A delimiter of one character.
    """
    joined = re.escape(_LONG + (_BETWEEN_PIPES if single == "|" else "") if single in _LONG else single)
    runs = re.findall(f"[{joined}]*{re.escape(single)}[{joined}]*", text)
    shortest = min(runs, key=len, default="")
    if 2 <= len(shortest) <= LONGEST_DELIMITER and text.count(shortest) * shortest.count(single) == text.count(single):
        return shortest
    return _between_marks(text, single)


def runs(text: str) -> list[str]:
    """Return the runs of signs that stand equally often, twice or more, in each line, the most frequent first.

    In each line at least twice: a link, a dash or an arrow stands in many lines once.
    """
    lines = [line for line in text.split("\n") if line.strip()][:_LINES]
    if len(lines) < 2:
        return []
    first = _RUN.findall(lines[0])
    candidates = {run: first.count(run) for run in first}
    wanted = {run: count for run, count in candidates.items() if count > 1}
    return [
        run
        for run, count in sorted(wanted.items(), key=lambda item: -item[1])
        if all(line.count(run) >= count for line in lines)
    ]


def _between_marks(text: str, single: str) -> str | None:
    """Return such as `<|>` and `$|$`: the same two marks around each, and no line that begins or ends with them."""
    found = re.search(rf"([^\w\s\"'\\]){re.escape(single)}([^\w\s\"'\\])", text)
    if found is None or _CLOSING.get(found[1], found[1]) != found[2] or single in found.group(1, 2):
        return None
    bounds = re.search(rf"^{re.escape(found[2])}|{re.escape(found[1])}$", text, re.MULTILINE)
    return found[0] if bounds is None and text.count(found[0]) == text.count(single) else None
