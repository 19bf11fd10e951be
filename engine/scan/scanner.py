"""Windows of the file cut into batches on record boundaries: the same file and settings give the same batches."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from engine.errors import ScanError
from engine.model import Dialect, Irregular, Reject, RejectClass
from engine.scan.exact import ExactReader, Incomplete
from engine.scan.polars_reader import read_text
from engine.scan.structure import Positions
from engine.scan.text import Stream, Text
from engine.scan.window import BLANK, MOST_RECORD_BYTES, REGULAR, REJECTED, REPAIRED, Window, WindowReader, vectorised

# The column that keeps a long row's surplus fields where irregular rows are repaired.
RESCUED = "_rescued"


@dataclass(frozen=True, kw_only=True, slots=True)
class ScannedBatch:
    """Consecutive records of the file.

    Attributes:
        number: From 0.
        byte_start, byte_end: Range in the decompressed file.
        first_line: Line of the first byte, from 1.
        rows_read: Records, rejected ones included, blank lines not.
        frame: The regular and repaired records as String columns, shape (rows, width).
        rejects: The irregular records.
        repaired_lines: Lines of the repaired records.
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
    _window: Window
    _records: Positions
    _text: Text
    _dialect: Dialect
    _window_offset: int
    _window_line: int

    def reject(self, row: int, reject_class: RejectClass, code: str, message: str, column: str | None) -> Reject:
        """Make a reject of a row of `frame`, with its place in the file."""
        return _reject(self._place, int(self._records[row]), reject_class, code, message, column)

    @property
    def _place(self) -> _Place:
        return _Place(self._window, self._text, self._dialect, self._window_offset, self._window_line)


@dataclass(frozen=True, slots=True)
class _Place:
    window: Window
    text: Text
    dialect: Dialect
    offset: int
    line: int


class Scanner:
    """Reads one file.

    Args:
        stream: The decompressed file at its start.
        dialect: Its dialect.
        irregular: What to do with short rows, long rows and stray quotes.
        batch_bytes: A batch ends before it grows beyond so many bytes of text (a longer record is a batch alone).
        batch_rows: A batch has at most so many records.
    """

    def __init__(
        self, stream: Stream, dialect: Dialect, *, irregular: Irregular, batch_bytes: int, batch_rows: int
    ) -> None:
        self._dialect = dialect
        self._irregular = irregular
        self._batch_bytes = batch_bytes
        self._batch_rows = batch_rows
        self._text = Text(stream, dialect)
        self._text.skip_lines(dialect.skip_lines, dialect)
        self._number = 0
        # Blank lines at the end of the file, which belong to no batch.
        self.trailing_blank_lines = 0
        self.header_bytes = b""
        self.header: tuple[str, ...] = self._read_header()
        self._reader = WindowReader(dialect, len(self.header), repair=irregular is Irregular.REPAIR)

    @property
    def bytes_done(self) -> int:
        """Bytes of the decompressed file that have been dealt with."""
        return self._text.offset

    def _read_header(self) -> tuple[str, ...]:
        """Read the first record that isn't blank; without a header only its fields are counted."""
        exact = ExactReader(self._dialect, None)
        size = 1 << 16
        while True:
            piece = self._text.peek(size)
            if not piece:
                return ()
            final = self._text.at_end
            try:
                record = exact.read(piece, 0, final=final)
            except Incomplete:
                if len(piece) >= MOST_RECORD_BYTES:
                    raise ScanError("the header has no end", code="scan.header") from None
                size = len(piece) * 2
                continue
            if record.content_end == record.start:
                self._advance(piece[: record.end])
                continue
            break
        if record.problem is not None:
            raise ScanError(
                f"line {self._text.line}: the header is broken: {record.problem.replace('_', ' ')} at byte "
                f"{self._text.offset + (record.problem_at or 0)}",
                code="scan.header",
                next_step="correct the header, or name the dialect with --delimiter and --quote-char",
            )
        try:
            names = tuple((part or b"").decode("utf-8") for part in record.fields)
        except UnicodeDecodeError as error:
            raise ScanError(
                f"line {self._text.line}: the header is not UTF-8 (byte 0x{error.object[error.start]:02x})",
                code="scan.encoding",
                next_step="name the file's encoding, for example --encoding cp1252",
            ) from None
        if not self._dialect.header:
            return ("",) * len(names)
        self.header_bytes = piece[: record.end]
        self._advance(self.header_bytes)
        return names

    def _advance(self, text: bytes) -> None:
        self._text.line += _lines(text, 0, len(text), self._dialect)
        self._text.take(len(text))

    def batches(self, names: Sequence[str]) -> Iterator[ScannedBatch]:
        """Yield the batches of the file, the columns under `names`, shape (width,).

        Raises:
            ScanError: An irregular record where the policy is `error`, or two readers that disagree.
        """
        size = self._batch_bytes
        while True:
            text = self._text.peek(size)
            whole = len(text) <= size and self._text.at_end
            text = text[:size] if not whole else text
            if whole:
                blank = len(text) - len(bare := _without_trailing_blank_lines(text))
                self.trailing_blank_lines = _lines(text, len(text) - blank, len(text), self._dialect)
                text = bare
            if not text:
                return
            window = self._reader.read(text, final=whole)
            if window.incomplete:
                size *= 2
                continue
            size = self._batch_bytes
            if window.consumed == 0:
                return
            yield from self._cut(window, names)
            self._advance(text[: window.consumed])
            if whole and window.consumed >= len(text):
                return

    def _cut(self, window: Window, names: Sequence[str]) -> Iterator[ScannedBatch]:
        """Cut the records of a window into batches of at most `batch_rows`."""
        offset, line = self._text.offset, self._text.line
        place = _Place(window, self._text, self._dialect, offset, line)
        if self._irregular is Irregular.ERROR and window.flaws:
            self._stop(place)
        content = _lf_ended(window, self._dialect)
        byte_start, first_line, edge = offset, line, 0
        for begin in range(0, len(window.ends), self._batch_rows):
            records = slice(begin, min(begin + self._batch_rows, len(window.ends)))
            until = int(window.ends[records.stop - 1])
            piece = window.text[edge:until]
            byte_end = byte_start + self._text.source_bytes(piece)
            status = window.status[records]
            kept = np.flatnonzero((status == REGULAR) | (status == REPAIRED)) + begin
            flawed = [index for index in window.flaws if begin <= index < records.stop]
            yield ScannedBatch(
                number=self._number,
                byte_start=byte_start,
                byte_end=byte_end,
                first_line=first_line,
                rows_read=int(np.count_nonzero(status != BLANK)),
                frame=self._frame(window, content, records, names),
                rejects=tuple(
                    _reject(
                        place, index, RejectClass.PARSE, window.flaws[index].code, window.flaws[index].message, None
                    )
                    for index in sorted(flawed)
                    if window.status[index] == REJECTED
                ),
                repaired_lines=tuple(
                    _line(place, int(window.starts[index]))
                    for index in sorted(flawed)
                    if window.status[index] == REPAIRED
                ),
                blank_lines=int(np.count_nonzero(status == BLANK)),
                crc32=zlib.crc32(piece),
                _window=window,
                _records=kept,
                _text=self._text,
                _dialect=self._dialect,
                _window_offset=offset,
                _window_line=line,
            )
            self._number += 1
            first_line += _lines(window.text, edge, until, self._dialect)
            byte_start, edge = byte_end, until

    def _stop(self, place: _Place) -> None:
        index = min(place.window.flaws)
        flaw = place.window.flaws[index]
        raise ScanError(
            f"line {_line(place, int(place.window.starts[index]))}: {flaw.message}",
            code=flaw.code,
            next_step="correct the line, or read on with --irregular reject or --irregular repair",
        )

    def _frame(self, window: Window, content: bytes, records: slice, names: Sequence[str]) -> pl.DataFrame:
        """Read a batch's records with Polars, the repaired ones written again as regular text first."""
        width = len(self.header)
        parts: list[bytes] = []
        rescued: dict[int, str] = {}
        rows = payload = 0
        dialect = self._dialect if vectorised(self._dialect) else replace(self._dialect, delimiter=",", quote_char='"')
        for kind, first, last in _runs(window.status, records):
            if kind == REGULAR:
                start, end = int(window.starts[first]), int(window.ends[last - 1])
                parts.append(content[start:end] if end - start < len(content) else content)
                payload += _payload(window, first, last, width)
                rows += last - first
            elif kind == REPAIRED:
                for index in range(first, last):
                    fields = window.repaired[index].fields
                    if len(fields) > width:
                        rescued[rows] = _surplus(fields[width:])
                    regular = (*fields[:width], *(None,) * (width - len(fields)))
                    parts.append(_written(regular, dialect))
                    payload += sum(len(part) for part in regular if part)
                    rows += 1
        text = parts[0] if len(parts) == 1 else b"".join(parts)
        frame = read_text(text, names, dialect, rows=rows, payload_bytes=payload)
        if self._irregular is Irregular.REPAIR:
            surplus: list[str | None] = [None] * rows if rescued else []
            for row, value in rescued.items():
                surplus[row] = value
            column = pl.Series(RESCUED, surplus, pl.String) if rescued else pl.Series(RESCUED, [None], pl.String)
            frame = frame.with_columns(column if rescued else pl.lit(None, pl.String).alias(RESCUED))
        return frame


def _runs(status: np.ndarray[tuple[int], np.dtype[np.int8]], records: slice) -> Iterator[tuple[int, int, int]]:
    """Yield (status, first, behind the last) of the stretches of records that share a status."""
    part = status[records]
    changes = np.flatnonzero(part[1:] != part[:-1]) + 1
    edges = [0, *changes.tolist(), len(part)]
    for first, last in zip(edges[:-1], edges[1:], strict=True):
        yield int(part[first]), records.start + first, records.start + last


def _payload(window: Window, first: int, last: int, width: int) -> int:
    """Bytes of the values of some regular records: what is left without separators, terminators and quoting."""
    start, end = int(window.starts[first]), int(window.ends[last - 1])
    quoting = _between(window.quotes, start, end) - _between(window.doubled, start, end)
    terminators = int(window.terminators[first:last].sum())
    return end - start - terminators - (width - 1) * (last - first) - quoting


def _between(positions: Positions, start: int, end: int) -> int:
    low, high = np.searchsorted(positions, (start, end))
    return int(high - low)


def _lf_ended(window: Window, dialect: Dialect) -> bytes:
    """The window's text with CR record ends turned into LF, which is what Polars reads."""
    if dialect.line_end == "\n" or b"\r" not in window.text:
        return window.text
    codes = np.frombuffer(window.text, np.uint8).copy()
    last = window.ends[window.terminators > 0] - 1
    codes[last] = 0x0A
    return codes.tobytes()


def _written(fields: Sequence[bytes | None], dialect: Dialect) -> bytes:
    """Write a record as regular text."""
    quote = (dialect.quote_char or "").encode()
    if not quote:
        return dialect.delimiter.encode().join(part or b"" for part in fields) + b"\n"
    written = (b"" if part is None else quote + part.replace(quote, quote * 2) + quote for part in fields)
    line = dialect.delimiter.encode().join(written)
    return line + b"\n"


def _surplus(fields: Sequence[bytes | None]) -> str:
    return json.dumps(
        [None if part is None else part.decode("utf-8", "replace") for part in fields], ensure_ascii=False
    )


def _lines(text: bytes, start: int, end: int, dialect: Dialect) -> int:
    """Count the physical line ends in a range."""
    if dialect.line_end == "\n":
        return text.count(b"\n", start, end)
    returns = text.count(b"\r", start, end)
    if dialect.line_end == "\r":
        return returns
    return returns + text.count(b"\n", start, end) - text.count(b"\r\n", start, end)


def _line(place: _Place, start: int) -> int:
    return place.line + _lines(place.window.text, 0, start, place.dialect)


def _reject(
    place: _Place, index: int, reject_class: RejectClass, code: str, message: str, column: str | None
) -> Reject:
    window = place.window
    start, end = int(window.starts[index]), int(window.ends[index])
    byte_start = place.offset + place.text.source_bytes(window.text[:start])
    raw = window.text[start:end]
    return Reject(
        line=_line(place, start),
        byte_start=byte_start,
        byte_end=byte_start + place.text.source_bytes(raw),
        reject_class=reject_class,
        code=code,
        message=message,
        raw=raw[: len(raw) - int(window.terminators[index])],
        column=column,
    )


def _without_trailing_blank_lines(text: bytes) -> bytes:
    """Drop the blank lines at the very end of the file: an editor's leftovers, not rows."""
    bare = text.rstrip(b"\r\n")
    tail = text[len(bare) :]
    if not bare:
        return bare
    first = 2 if tail.startswith(b"\r\n") else min(1, len(tail))
    return text[: len(bare) + first]
