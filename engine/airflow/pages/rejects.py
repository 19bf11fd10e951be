"""Reject files as the catalog names them: only those, only in the folder of rejects, only to look at or to save."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

# As the engine names the file of reasons beside the rows.
_ROWS: Final = ".csv"
_REASONS: Final = ".errors.jsonl"
# A line of reasons holds the whole row, which can be megabytes.
_MOST_LINE_BYTES: Final = 1024 * 1024
_SHOWN_BYTES: Final = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """Why a row was rejected, as far as the line that says so can be read."""

    line: int | None
    column: str | None
    reject_class: str
    message: str
    raw: str


def confined(path: Path | None, folder: Path, suffix: str) -> Path | None:
    """Return the rows' or the reasons' file of a reject file, None where there is none to be had.

    Args:
        path: As the catalog has it. A place outside `folder`, also by a link, counts as none.
        suffix: `.csv` for the rows, `.errors.jsonl` for the reasons.
    """
    if path is None or path.suffix != _ROWS or suffix not in (_ROWS, _REASONS):
        return None
    found = path.with_name(path.name.removesuffix(_ROWS) + suffix)
    try:
        real = found.resolve(strict=True)
        inside = real.is_relative_to(folder.resolve(strict=True)) and real.name == found.name and real.is_file()
    except (OSError, ValueError, RuntimeError):
        return None
    return real if inside else None


def first_reasons(path: Path | None, folder: Path, limit: int) -> list[Reason]:
    """Return the first reasons of a reject file, none where it can't be read."""
    found = confined(path, folder, _REASONS)
    if found is None:
        return []
    reasons = list[Reason]()
    with suppress(OSError), found.open("rb") as lines:
        # The first line tells which load they are from.
        _whole_line(lines)
        while len(reasons) < limit and (text := _whole_line(lines)):
            reasons.append(_reason(text))
    return reasons


def _whole_line(lines: BinaryIO) -> bytes:
    """Read a line, and of a very long one its beginning."""
    text = part = lines.readline(_MOST_LINE_BYTES)
    while part and not part.endswith(b"\n"):
        part = lines.readline(_MOST_LINE_BYTES)
    return text


def _reason(text: bytes) -> Reason:
    try:
        entry = json.loads(text)
        raw = entry.get("raw", entry.get("raw_base64"))
        return Reason(
            line=int(entry["line"]),
            column=entry.get("column"),
            reject_class=str(entry["class"]),
            message=str(entry["message"]),
            raw=str(raw),
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        # Cut, or not as the engine writes it: what is there is still worth a look.
        start = text[:_SHOWN_BYTES].decode(errors="replace")
        return Reason(line=None, column=None, reject_class="", message="", raw=start)
