"""A scanned batch, and where in the file each of its records is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from engine.model import Dialect, Reject, RejectClass
from engine.scan.structure import Positions, line_ends
from engine.scan.text import Text
from engine.scan.window import Flaw, Window


class Place:
    """Where a window lies in the file. Both tables are made when the first reject of the window asks.

    Args:
        window: The window.
        text: What it was read from.
        dialect: The file's dialect.
    """

    def __init__(self, window: Window, text: Text, dialect: Dialect) -> None:
        self.window = window
        self._text = text
        self._dialect = dialect
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

    def reject(self, index: int, reject_class: RejectClass, flaw: Flaw, column: str | None) -> Reject:
        """Make a reject of a record of the window."""
        window = self.window
        start, end = int(window.starts[index]), int(window.ends[index] - window.terminators[index])
        byte_start, byte_end = self.source_range(index)
        return Reject(
            line=self.line(start),
            byte_start=byte_start,
            byte_end=byte_end,
            reject_class=reject_class,
            code=flaw.code,
            message=flaw.message,
            raw=window.text[start:end],
            column=column,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ScannedBatch:
    """Consecutive records of the file.

    Attributes:
        number: From 0.
        byte_start, byte_end: Range in the decompressed file; the next batch begins where this one ends.
        first_line: Line of the first byte, from 1.
        rows_read: Records, rejected ones included, blank lines not.
        frame: The regular and repaired records as String columns, shape (rows, width).
        rejects: The irregular records, in the file's order.
        repaired_lines: Lines of the repaired records.
        blank_lines: Lines without anything in a file of several columns.
        crc32: Of the batch's text.
    """

    number: int
    byte_start: int
    byte_end: int
    first_line: int
    rows_read: int
    frame: pl.DataFrame
    rejects: tuple[Reject, ...]
    repaired_lines: tuple[int, ...]
    blank_lines: int
    crc32: int
    _place: Place
    _records: Positions

    def reject(self, row: int, reject_class: RejectClass, code: str, message: str, column: str | None) -> Reject:
        """Make a reject of a row of `frame`, with its place in the file."""
        return self._place.reject(int(self._records[row]), reject_class, Flaw(code=code, message=message), column)
