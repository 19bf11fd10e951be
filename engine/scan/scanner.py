"""Windows of the file cut into batches on record boundaries: the same file and settings give the same batches."""

from __future__ import annotations

import re
import zlib
from bisect import bisect_left
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace

import numpy as np

from engine.errors import ScanError
from engine.model import Dialect, Irregular, RejectClass
from engine.scan.batch import Place, ScannedBatch
from engine.scan.exact import LOOK_AHEAD_BYTES, MOST_RECORD_BYTES, ExactReader, Incomplete, Record
from engine.scan.regular import RegularText
from engine.scan.structure import LINE_ENDS
from engine.scan.text import Stream, Text
from engine.scan.undecodable import source_byte
from engine.scan.window import BLANK, COMMENT, REGULAR, REJECTED, REPAIRED, Window, WindowReader

_CONTENT = re.compile(rb"[^\r\n]")
# What ends a DOS file, alone on its last line (some programs fill a block with it); in a single column it is a value.
_END_MARK = re.compile(rb"(?:(?<=[\r\n])|\A)\x1a+\Z")


class Scanner:
    """Reads one file: its header when constructed, then its batches.

    Args:
        stream: The decompressed file at its start.
        dialect: Its dialect.
        irregular: What to do with short rows, long rows and stray quotes.
        batch_bytes: A batch ends before it grows beyond so many bytes of text (a longer record is a batch alone).
        batch_rows: A batch has at most so many records.

    Attributes:
        header: Names as the file has them, "" for each field where it has no header; empty where it has no record.
        header_bytes: Everything above the first row (skipped lines, header) as UTF-8, a byte order mark aside.
        trailing_blank_lines: Once the batches are read: blank lines at the end of the file, which belong to no batch.

    Raises:
        ScanError: The header is broken or isn't text.
    """

    def __init__(
        self, stream: Stream, dialect: Dialect, *, irregular: Irregular, batch_bytes: int, batch_rows: int
    ) -> None:
        if dialect.escape_char == dialect.quote_char:
            # A quote that escapes a quote is a doubled quote.
            dialect = replace(dialect, escape_char=None)
        self._dialect = dialect
        self._irregular = irregular
        self._batch_bytes = batch_bytes
        self._batch_rows = batch_rows
        self._line_end = re.compile(LINE_ENDS[dialect.line_end])
        self._text = Text(stream, dialect)
        self._number = 0
        # Blank lines and comments above the header or the first row; the first batch counts them.
        self._leading_blank_lines = self._leading_comment_lines = 0
        self.trailing_blank_lines = 0
        self.header_bytes = self._skipped_lines()
        self.header: tuple[str, ...] = self._read_header()

    @property
    def bytes_done(self) -> int:
        """Bytes of the decompressed file that have been dealt with."""
        return self._text.offset

    def batches(self, names: Sequence[str], *, rescue: bool = True) -> Iterator[ScannedBatch]:
        """Yield the batches of the file, the columns under `names`, shape (width,).

        Args:
            names: One for each field.
            rescue: Where irregular records are repaired, a column `_rescued` keeps what a long one has too much;
                without it long records are rejected.

        Raises:
            ScanError: An irregular record where the policy is `error`, or two readers that disagree.
        """
        size = self._batch_bytes
        repair = self._irregular is Irregular.REPAIR
        reader = WindowReader(self._dialect, names, repair=repair, rescue=rescue)
        # In a file of one column a blank line is a NULL, unless nothing follows it.
        bare_lines = len(self.header) == 1
        while True:
            text = self._text.peek(size)
            final = self._text.is_rest(size)
            if bare_lines and not final and text.endswith((b"\n", b"\r")) and self._only_line_ends_follow(size):
                blank, rest = self._without_trailing_blank_lines(self._text.peek(MOST_RECORD_BYTES))
                if len(rest) <= len(text):
                    self.trailing_blank_lines, text, final = blank, rest, True
            elif final:
                self.trailing_blank_lines, text = self._without_trailing_blank_lines(text)
            if not text:
                return
            window = reader.read(text, final=final, alone=size > self._batch_bytes)
            if window.incomplete:
                size *= 2
                continue
            size = self._batch_bytes
            line = yield from self._cut(window, names, rescue=repair and rescue)
            self._text.take(window.consumed)
            self._text.line = line

    def _read_header(self) -> tuple[str, ...]:
        """Read the first record that isn't blank; without a header only its fields are counted."""
        record, piece = self._first_record()
        if record is None:
            return ()
        if not self._dialect.header:
            return ("",) * (self._dialect.width or len(record.fields))
        if record.problem is not None:
            at = self._text.offset + self._text.source_bytes(piece[: max(record.problem_at, 0)])
            raise ScanError(
                f"line {self._text.line}: the header is broken: {record.problem.replace('_', ' ')} at byte {at}",
                code="scan.header",
                next_step="correct the header, or name the dialect with --delimiter and --quote-char",
            )
        try:
            names = tuple((part or b"").decode("utf-8") for part in record.fields)
        except UnicodeDecodeError as error:
            bad = source_byte(error.object, error.start)
            raise ScanError(
                f"line {self._text.line}: the header is not {self._dialect.encoding} text (byte 0x{bad:02x})",
                code="scan.encoding",
                next_step="name the file's encoding, for example --encoding cp1252",
            ) from None
        self.header_bytes += piece[: record.end]
        self._advance(piece[: record.end])
        return names

    def _skipped_lines(self) -> bytes:
        """Drop and return the lines above the header that the dialect says; comments among them are counted."""
        lines = [self._text.skip_line() for _ in range(self._dialect.skip_lines)]
        if self._dialect.comment:
            self._leading_comment_lines = sum(line.startswith(self._dialect.comment.encode()) for line in lines)
        return b"".join(lines)

    def _first_record(self) -> tuple[Record | None, bytes]:
        """Return the first record that isn't blank, not yet taken, and the text that it begins."""
        exact = ExactReader(self._dialect, None)
        size = 1 << 16
        while True:
            piece = self._text.peek(size)
            if not piece:
                return None, piece
            try:
                record = exact.read(piece, 0, final=self._text.is_rest(size))
            except Incomplete:
                if size < LOOK_AHEAD_BYTES:
                    size *= 2
                    continue
                record = exact.first_line(piece, 0)
            if record.content_end > record.start and not record.comment:
                return record, piece
            self._leading_blank_lines += not record.comment
            self._leading_comment_lines += record.comment
            self.header_bytes += piece[: record.end]
            self._advance(piece[: record.end])

    def _advance(self, text: bytes) -> None:
        self._text.line += self._lines(text, 0, len(text))
        self._text.take(len(text))

    def _only_line_ends_follow(self, size: int) -> bool:
        """Look ahead, within limits, whether the file has anything but line ends left."""
        known = size
        while not self._text.is_rest(known) and known < MOST_RECORD_BYTES:
            if _CONTENT.search(self._text.peek(known * 2), known):
                return False
            known *= 2
        return self._text.is_rest(known)

    def _without_trailing_blank_lines(self, text: bytes) -> tuple[int, bytes]:
        """Count and drop the blank lines at the very end of the file: an editor's leftovers, not rows."""
        mark = _END_MARK.search(text, len(text.rstrip(b"\x1a")))
        if mark and len(self.header) > 1:
            text = text[: mark.start()]
        at = keep = len(text.rstrip(b"\r\n"))
        blank, ended = 0, at == 0
        for end in self._line_end.finditer(text, at):
            if ended and end.start() == at:
                blank += 1
            else:
                keep, blank, ended = end.end(), 0, True
            at = end.end()
        return (blank, text[:keep]) if at == len(text) else (0, text)

    def _cut(self, window: Window, names: Sequence[str], *, rescue: bool) -> Generator[ScannedBatch, None, int]:
        """Cut the records of a window into batches of at most `batch_rows`; return the line behind the last."""
        place = Place(window, self._text, self._dialect, len(names))
        flawed = sorted(window.flaws)
        if self._irregular is Irregular.ERROR and flawed:
            self._stop(place, flawed[0])
        regular = RegularText(window, self._dialect, names, rescue=rescue)
        byte_start, first_line, edge = self._text.offset, self._text.line, 0
        for begin in range(0, len(window.ends), self._batch_rows):
            end = min(begin + self._batch_rows, len(window.ends))
            until = int(window.ends[end - 1])
            piece = window.text[edge:until]
            byte_end = byte_start + self._text.source_bytes(piece)
            status = window.status[begin:end]
            blank, comments = (int(np.count_nonzero(status == each)) for each in (BLANK, COMMENT))
            here = flawed[bisect_left(flawed, begin) : bisect_left(flawed, end)]
            yield ScannedBatch(
                number=self._number,
                byte_start=byte_start,
                byte_end=byte_end,
                first_line=first_line,
                rows_read=end - begin - blank - comments,
                frame=regular.frame(begin, end),
                rejects=tuple(
                    place.reject(index, RejectClass.PARSE, window.flaws[index])
                    for index in here
                    if window.status[index] == REJECTED
                ),
                repairs=tuple(
                    place.repair(index, window.flaws[index]) for index in here if window.status[index] == REPAIRED
                ),
                blank_lines=blank + self._leading_blank_lines,
                comment_lines=comments + self._leading_comment_lines,
                crc32=zlib.crc32(piece),
                _place=place,
                _records=np.flatnonzero((status == REGULAR) | (status == REPAIRED)) + begin,
            )
            self._leading_blank_lines = self._leading_comment_lines = 0
            self._number += 1
            first_line += self._lines(window.text, edge, until)
            byte_start, edge = byte_end, until
        return first_line

    def _stop(self, place: Place, index: int) -> None:
        flaw = place.window.flaws[index]
        raise ScanError(
            f"line {place.line(int(place.window.starts[index]))}: {flaw.message}",
            code=flaw.code,
            next_step="correct the line, or read on with --irregular reject or --irregular repair",
        )

    def _lines(self, text: bytes, start: int, end: int) -> int:
        """Count the physical line ends in a range."""
        feeds = 0
        if self._dialect.line_end != "\r":
            # A third of what counting in the bytes themselves costs.
            feeds = int(np.count_nonzero(np.frombuffer(text, np.uint8)[start:end] == 0x0A))
        if self._dialect.line_end == "\n":
            return feeds
        returns = text.count(b"\r", start, end)
        return returns + feeds - (text.count(b"\r\n", start, end) if feeds else 0)
