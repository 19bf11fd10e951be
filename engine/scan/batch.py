"""A scanned batch, and where in the file each of its records is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from engine.model import Dialect, Reject, RejectClass, Repair, SourceText
from engine.scan.bitmap import Positions
from engine.scan.source_text import source_text
from engine.scan.structure import line_ends
from engine.scan.text import Text
from engine.scan.window import Flaw, Window


class Place:
    """Where a window lies in the file. Both tables are made when the first reject of the window asks.

    Args:
        window: The window.
        text: What it was read from.
        dialect: The file's dialect.
        width: Fields of a regular record.
    """

    def __init__(self, window: Window, text: Text, dialect: Dialect, width: int) -> None:
        self.window = window
        self._text = text
        self._dialect = dialect
        self._width = width
        self._offset = text.offset
        self._first_line = text.line
        self._line_ends: Positions | None = None
        self._source_ends: Positions | None = None

    def line(self, at: int) -> int:
        """Line of the byte at `at` in the window, from 1."""
        if self._line_ends is None:
            self._line_ends = line_ends(np.frombuffer(self.window.text, np.uint8), self._dialect)
        return self._first_line + int(np.searchsorted(self._line_ends, at))

    def source_range(self, index: int) -> tuple[int, int]:
        """Byte range in the source of a record of the window, its terminator included."""
        window = self.window
        if self._source_ends is None:
            self._source_ends = window.ends
            if not self._text.plain:
                edges = zip(window.starts.tolist(), window.ends.tolist(), strict=True)
                lengths = [self._text.source_bytes(window.text[start:end]) for start, end in edges]
                self._source_ends = np.cumsum(np.array(lengths, np.int64))
        start = int(self._source_ends[index - 1]) if index else 0
        return self._offset + start, self._offset + int(self._source_ends[index])

    def reject(self, index: int, reject_class: RejectClass, flaw: Flaw) -> Reject:
        """Make a reject of a record of the window."""
        byte_start, byte_end = self.source_range(index)
        raw = self._raw(index)
        undecodable = not self._text.plain and flaw.code == "parse.encoding"
        return Reject(
            line=self.line(int(self.window.starts[index])),
            byte_start=byte_start,
            byte_end=byte_end,
            reject_class=reject_class,
            code=flaw.code,
            message=flaw.message if flaw.at < 0 else f"{flaw.message} ({self._whereabouts(index, flaw.at)})",
            raw=self._text.source(raw) if undecodable else raw,
            column=flaw.column,
            undecodable=undecodable,
        )

    def source_text(self, first: int, last: int) -> SourceText | None:
        """Return records of the window as the source has them, None where LOAD DATA couldn't read them so."""
        return source_text(self.window, self._dialect, first, last)

    def repair(self, index: int, flaw: Flaw) -> Repair:
        """Say what was done to a record of the window to make it a row."""
        fields, expected = len(self.window.repaired[index].fields), self._width
        done = []
        if flaw.code in ("parse.stray_quote", "parse.unclosed_quote"):
            done.append("the quote was taken as it stands")
        if fields < expected:
            done.append(f"filled with NULL up to {expected} fields")
        if fields > expected:
            done.append(f"fields {expected + 1} to {fields} kept in _rescued")
        byte_start, byte_end = self.source_range(index)
        return Repair(
            line=self.line(int(self.window.starts[index])),
            byte_start=byte_start,
            byte_end=byte_end,
            code=flaw.code,
            message="; ".join(done),
            fields=fields,
            expected=expected,
            raw=self._raw(index),
        )

    def _raw(self, index: int) -> bytes:
        window = self.window
        return window.text[int(window.starts[index]) : int(window.ends[index] - window.terminators[index])]

    def _whereabouts(self, index: int, at: int) -> str:
        """Say where in the source a byte of the window is."""
        start, line = int(self.window.starts[index]), self.line(at)
        # A record may have several lines.
        ends = self._lines_within(start, at)
        line_start = int(ends[-1]) + 1 if len(ends) else start
        byte = self._text.source_bytes(self.window.text[line_start:at]) + 1
        offset = self.source_range(index)[0] + self._text.source_bytes(self.window.text[start:at])
        return f"line {line}, byte {byte}; offset {offset}"

    def _lines_within(self, start: int, end: int) -> Positions:
        assert self._line_ends is not None
        low, high = np.searchsorted(self._line_ends, (start, end))
        return self._line_ends[low:high]


@dataclass(frozen=True, kw_only=True, slots=True)
class ScannedBatch:
    """Consecutive records of the file.

    Attributes:
        number: From 0.
        byte_start, byte_end: Range in the decompressed file; the next batch begins where this one ends.
        first_line: Line of the first byte, from 1.
        rows_read: Records, rejected ones included, blank lines and comments not.
        frame: The regular and repaired records as String columns, shape (rows, width).
        rejects: The irregular records, in the file's order.
        repairs: What was done to the repaired records.
        blank_lines: Lines without anything in a file of several columns.
        comment_lines: Lines that are comments.
        crc32: Of the batch's text.
    """

    number: int
    byte_start: int
    byte_end: int
    first_line: int
    rows_read: int
    frame: pl.DataFrame
    rejects: tuple[Reject, ...]
    repairs: tuple[Repair, ...]
    blank_lines: int
    comment_lines: int
    crc32: int
    _place: Place
    _records: Positions

    def source_text(self) -> SourceText | None:
        """Return all records as the source has them, None where one isn't regular or LOAD DATA couldn't read them so."""
        if len(self._records) != self.rows_read or self.blank_lines or self.comment_lines or not self.rows_read:
            return None
        return self._place.source_text(int(self._records[0]), int(self._records[-1]) + 1)

    def reject(self, row: int, reject_class: RejectClass, code: str, message: str, column: str | None) -> Reject:
        """Make a reject of a row of `frame`, with its place in the file."""
        return self._place.reject(
            int(self._records[row]), reject_class, Flaw(code=code, message=message, column=column)
        )
