"""What a tool left behind of a file: rows, reports, a refusal, or a crash; it travels between processes as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, get_args

# How the values of a column are written as text. A float is its shortest text that reads back equal.
ValueKind = Literal["text", "number", "float", "boolean", "date", "datetime", "time"]
VALUE_KINDS: tuple[ValueKind, ...] = get_args(ValueKind)


@dataclass(frozen=True, kw_only=True, slots=True)
class Landed:
    """What is in the table (or data frame, or list) once a tool is through with a file.

    Attributes:
        names: The columns' names; None where the tool gives none.
        kinds: The kind of each column.
        rows: Values as text, None for NULL. Of a tool that keeps records as they are, each as long as it is.
        reported: How many rows the tool says it left out.
        reported_at: Line, first byte and byte behind the last of each, where it tells them.
        originals: The header's texts, where the tool keeps them beside its names.
        counts: Rows read, loaded and rejected, where the tool says so.
        refused: Why it took nothing, in its own words.
        crashed: The end of a traceback, where it failed in a way that nobody foresaw.
    """

    names: tuple[str, ...] | None = None
    kinds: tuple[ValueKind, ...] = ()
    rows: tuple[tuple[str | None, ...], ...] = ()
    reported: int = 0
    reported_at: tuple[tuple[int, int, int], ...] | None = None
    originals: tuple[str, ...] | None = None
    counts: tuple[int, int, int] | None = None
    refused: str | None = None
    crashed: str | None = None
    hung: bool = False


def to_plain(landed: Landed) -> dict[str, object]:
    """Return what `json` can write."""
    return asdict(landed)


def from_plain(plain: dict[str, object]) -> Landed:
    """Return what `to_plain` was given, after a way through JSON, which knows lists only."""
    return Landed(**{name: _tuples(value) for name, value in plain.items()})  # type: ignore[arg-type]  # as they were written


def _tuples(value: object) -> object:
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value
