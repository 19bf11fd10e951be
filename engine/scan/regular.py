"""The good records of a window as text that Polars reads, and as a frame."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from engine.model import RESCUED, Dialect
from engine.scan.bitmap import Positions
from engine.scan.form import translated
from engine.scan.polars_reader import read_text
from engine.scan.window import REGULAR, REPAIRED, Window


class RegularText:
    """Reads the regular and repaired records of one window with Polars.

    Args:
        window: The window, judged.
        dialect: The file's dialect.
        names: Column names, shape (width,).
        rescue: Add the column `_rescued`, which keeps what a long row has too much.
    """

    def __init__(self, window: Window, dialect: Dialect, names: Sequence[str], *, rescue: bool) -> None:
        self._window = window
        self._names = names
        self._rescue = rescue
        self._source_dialect = dialect
        # Without a form there are no regular records, and repaired ones can be written in any.
        self._dialect = window.form or replace(dialect, delimiter=",", quote_char='"')
        self._content = _lf_ended(window, dialect)

    def frame(self, first: int, last: int) -> pl.DataFrame:
        """Return the records from `first` up to, not including, `last` that are rows, shape (rows, width)."""
        window, width = self._window, len(self._names)
        parts: list[bytes] = []
        rescued: dict[int, str] = {}
        rows = payload = 0
        for repaired, begin, end in _runs(window, first, last):
            if not repaired:
                text, count, size = self._stretch(begin, end)
                parts.append(text)
                rows += count
                payload += size
                continue
            for index in range(begin, end):
                fields = window.repaired[index].fields
                if len(fields) > width:
                    rescued[rows] = _surplus(fields[width:])
                regular = (*fields[:width], *(None,) * (width - len(fields)))
                parts.append(_written(regular, self._dialect))
                payload += sum(len(part) for part in regular if part)
                rows += 1
        text = parts[0] if len(parts) == 1 else b"".join(parts)
        frame = read_text(text, self._names, self._dialect, rows=rows, payload_bytes=payload)
        if not self._rescue:
            return frame
        surplus = pl.Series([rescued.get(row) for row in range(rows)], dtype=pl.String) if rescued else None
        return frame.with_columns((pl.lit(None, pl.String) if surplus is None else surplus).alias(RESCUED))

    def _stretch(self, first: int, last: int) -> tuple[bytes, int, int]:
        """Return the text of the regular records of a stretch without repaired ones, their number and their payload.

        The payload is what is left of them without separators, terminators and quoting.
        """
        window = self._window
        kept = window.status[first:last] == REGULAR
        start, end = int(window.starts[first]), int(window.ends[last - 1])
        rows = int(np.count_nonzero(kept))
        text = self._content[start:end]
        quoting = _between(window.quotes, start, end), _between(window.doubled, start, end)
        terminators = window.terminators[first:last]
        if rows < last - first:
            lengths = window.ends[first:last] - window.starts[first:last]
            text = np.frombuffer(text, np.uint8)[np.repeat(kept, lengths)].tobytes()
            terminators = terminators[kept]
            owners = [np.searchsorted(window.ends[first:last], marks, "right") for marks in quoting]
            quoting = quoting[0][kept[owners[0]]], quoting[1][kept[owners[1]]]
        text = translated(text, self._source_dialect, self._dialect)
        separators = (len(self._names) - 1) * rows
        payload = len(text) - separators - int(terminators.sum()) - len(quoting[0]) + len(quoting[1])
        return text, rows, payload


def _runs(window: Window, first: int, last: int) -> Iterator[tuple[bool, int, int]]:
    """Yield the stretches of records that are all repaired, or all not: (repaired, first, behind the last)."""
    repaired = window.status[first:last] == REPAIRED
    changes = (np.flatnonzero(repaired[1:] != repaired[:-1]) + 1).tolist()
    begin = 0
    for end in (*changes, last - first):
        yield bool(repaired[begin]), first + begin, first + end
        begin = end


def _between(positions: Positions, start: int, end: int) -> Positions:
    low, high = np.searchsorted(positions, (start, end))
    return positions[low:high]


def _lf_ended(window: Window, dialect: Dialect) -> bytes:
    """The window's text with CR record ends turned into LF, which is what Polars reads."""
    if dialect.line_end == "\n" or b"\r" not in window.text:
        return window.text
    codes = np.frombuffer(window.text, np.uint8).copy()
    codes[window.ends[window.terminators > 0] - 1] = 0x0A
    return codes.tobytes()


def _written(fields: Sequence[bytes | None], dialect: Dialect) -> bytes:
    """Write a record as regular text."""
    delimiter, quote = dialect.delimiter.encode(), (dialect.quote_char or "").encode()
    if not quote:
        return delimiter.join([part or b"" for part in fields]) + b"\n"
    return (
        delimiter.join([b"" if part is None else quote + part.replace(quote, quote * 2) + quote for part in fields])
        + b"\n"
    )


def _surplus(fields: Sequence[bytes | None]) -> str:
    return json.dumps(
        [None if part is None else part.decode("utf-8", "replace") for part in fields], ensure_ascii=False
    )
