"""What lies in the folder of rejects: which rows, of which load, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import RejectError
from engine.reject.origin import Origin, read_origin

SUFFIX, SIDECAR_SUFFIX = ".csv", ".errors.jsonl"


@dataclass(frozen=True, kw_only=True, slots=True)
class Why:
    """One line of the reasons."""

    line: int
    byte_start: int
    byte_end: int
    reject_class: str
    code: str
    message: str
    column: str | None
    raw: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A reject file and its reasons.

    Attributes:
        path: The rows.
        origin: The load that they are from; None where `problem` says why that can't be told.
        rows, by_class: How many were rejected.
        first: The first of them.
    """

    path: Path
    origin: Origin | None
    problem: RejectError | None = None
    rows: int = 0
    by_class: dict[str, int] = field(default_factory=dict)
    first: Why | None = None


def sidecar_of(path: Path) -> Path:
    """Name the file with the reasons that belongs to a reject file."""
    return path.with_name(path.name.removesuffix(SUFFIX) + SIDECAR_SUFFIX)


def find_pairs(folder: Path) -> Iterator[Path]:
    """Yield the reject files of every feed that have their reasons beside them, by name."""
    for sidecar in sorted(folder.glob(f"*/*{SIDECAR_SUFFIX}")):
        path = sidecar.with_name(sidecar.name.removesuffix(SIDECAR_SUFFIX) + SUFFIX)
        if path.is_file():
            yield path


def look_at(path: Path) -> Pair:
    """Count the rows of a reject file as they were rejected; what was corrected since doesn't show."""
    sidecar = sidecar_of(path)
    try:
        origin = read_origin(sidecar)
        rows, by_class, first = 0, dict[str, int](), None
        for why in reasons(sidecar):
            rows += 1
            by_class[why.reject_class] = by_class.get(why.reject_class, 0) + 1
            if first is None or why.line < first.line:
                first = why
    except RejectError as error:
        return Pair(path=path, origin=None, problem=error)
    return Pair(path=path, origin=origin, rows=rows, by_class=by_class, first=first)


def reasons(sidecar: Path) -> Iterator[Why]:
    """Yield the reasons one by one.

    Raises:
        RejectError: The file can't be read (`reject.foreign`).
    """
    number = 1
    try:
        with sidecar.open("rb") as handle:
            handle.readline()
            for number, line in enumerate(handle, 2):  # noqa: B007 - named where it fails
                entry = json.loads(line)
                yield Why(
                    line=int(entry["line"]),
                    byte_start=int(entry["byte_start"]),
                    byte_end=int(entry["byte_end"]),
                    reject_class=str(entry["class"]),
                    code=str(entry["code"]),
                    message=str(entry["message"]),
                    column=entry["column"],
                    raw=str(entry.get("raw", entry.get("raw_base64"))),
                )
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise RejectError(f"{sidecar}: line {number} can't be read: {error}", code="reject.foreign") from None
