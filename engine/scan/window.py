"""A window of the file: every record in it found and judged, by the vectorised scan or the exact reader."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.model import Dialect
from engine.scan.exact import ExactReader, Incomplete, Record
from engine.scan.structure import Positions, structure

# Records by what becomes of them.
REGULAR, BLANK, REJECTED, REPAIRED = 0, 1, 2, 3

# After an irregular record the vectorised scan goes on with a small piece and doubles it: a file with a broken line
# here and there costs a re-scan of 64 KiB each, not of the whole window.
_FIRST_PIECE_BYTES = 64 * 1024
# A record longer than this is taken for an unclosed quote. Rows of 100 MB are real; a cell beyond MySQL's largest
# max_allowed_packet (1 GiB) can't be loaded anyway.
MOST_RECORD_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Flaw:
    """What is wrong with a record."""

    code: str
    message: str


@dataclass(kw_only=True, slots=True)
class Window:
    """The records at the start of a piece of text. Arrays have one element a record; offsets are into `text`."""

    text: bytes
    starts: Positions
    ends: Positions
    terminators: Positions
    status: np.ndarray[tuple[int], np.dtype[np.int8]]
    quotes: Positions
    doubled: Positions
    flaws: dict[int, Flaw] = field(default_factory=dict)
    repaired: dict[int, Record] = field(default_factory=dict)
    # The window ends within its first record: more text is needed.
    incomplete: bool = False

    @property
    def consumed(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0


class WindowReader:
    """Judges windows of one file.

    Args:
        dialect: How the text is cut.
        width: Fields of a regular record.
        repair: Irregular records are read leniently instead of rejected.
    """

    def __init__(self, dialect: Dialect, width: int, *, repair: bool) -> None:
        self._dialect = dialect
        self._width = width
        self._repair = repair
        self._exact = ExactReader(dialect, width)
        self._simple = vectorised(dialect)

    def read(self, text: bytes, *, final: bool) -> Window:
        """Judge the records at the start of `text`, which begins at a record start."""
        parts = _Parts()
        at, size = 0, len(text)
        while at < len(text):
            if self._simple:
                piece = text if at == 0 and size >= len(text) else text[at : at + size]
                at, irregular = self._vectorised(piece, at, parts, final=final and at + size >= len(text))
                whole = at + size >= len(text)
                if at >= len(text) or (not irregular and whole and (parts.count or final)):
                    break
                if not irregular and not whole:
                    size *= 2
                    continue
            size = _FIRST_PIECE_BYTES
            try:
                record = self._exact.read(text, at, final=final)
            except Incomplete:
                if at:
                    break
                given_up = self._exact.unclosed(text, at)
                if given_up is None and len(text) < MOST_RECORD_BYTES:
                    return parts.window(text, incomplete=True)
                record = given_up or self._exact.first_line(text, at)
            self._judge(record, parts)
            at = record.end
        window = parts.window(text, incomplete=not final and not parts.count)
        self._check_text(window)
        return window

    def _vectorised(self, piece: bytes, at: int, parts: _Parts, *, final: bool) -> tuple[int, bool]:
        """Take the regular records at the start of `piece`; return where they end and whether a flaw follows."""
        found = structure(piece, self._dialect, final=final)
        count = len(found.ends)
        content = found.ends - found.starts - found.terminator_bytes
        status = np.zeros(count, np.int8)
        irregular = found.irregular
        if self._width > 1:
            status[content == 0] = BLANK
        odd = np.flatnonzero((found.fields != self._width) & (status == REGULAR))
        for index in odd.tolist():
            start, end = int(found.starts[index]), int(found.ends[index])
            # A record of several lines with a wrong number of fields may be an unclosed quote: the exact reader sees.
            if len(found.quotes) and _spans_lines(piece, start, end - int(found.terminator_bytes[index])):
                count, irregular = index, True
                break
            parts.flaws[parts.count + index] = self._width_flaw(int(found.fields[index]))
            status[index] = REPAIRED if self._repair else REJECTED
            if self._repair:
                parts.repaired[parts.count + index] = self._exact.read(piece, start, final=True)
        edge = int(found.ends[count - 1]) if count else 0
        parts.add(
            at + found.starts[:count],
            at + found.ends[:count],
            found.terminator_bytes[:count],
            status[:count],
            at + found.quotes[found.quotes < edge],
            at + found.doubled[found.doubled < edge],
        )
        return at + edge, irregular

    def _judge(self, record: Record, parts: _Parts) -> None:
        """Add one record that the exact reader read."""
        blank = self._width > 1 and record.content_end == record.start
        status = BLANK if blank else REGULAR
        flaw = None if blank else self._flaw(record)
        if flaw is not None:
            status = REPAIRED if self._repair else REJECTED
            parts.flaws[parts.count] = flaw
        elif not blank and not self._simple:
            # Polars can't read this dialect: the record is written again in the one it reads.
            status = REPAIRED
        elif not blank and record.problem is None:
            status = REPAIRED
        if status == REPAIRED:
            parts.repaired[parts.count] = record
        none = np.empty(0, np.int64)
        parts.add(
            np.array([record.start]),
            np.array([record.end]),
            np.array([record.end - record.content_end]),
            np.array([status], np.int8),
            none,
            none,
        )

    def _flaw(self, record: Record) -> Flaw | None:
        if record.problem == "stray_quote":
            return Flaw(code="parse.stray_quote", message="a quote stands inside a field that it doesn't enclose")
        if record.problem == "unclosed_quote":
            return Flaw(code="parse.unclosed_quote", message="a quote opens a field and is never closed")
        if len(record.fields) != self._width:
            return self._width_flaw(len(record.fields))
        return None

    def _width_flaw(self, fields: int) -> Flaw:
        short = fields < self._width
        noun = "field" if fields == 1 else "fields"
        return Flaw(
            code="parse.short_row" if short else "parse.long_row",
            message=f"{fields} {noun} where the header has {self._width}",
        )

    def _check_text(self, window: Window) -> None:
        """Reject the records that aren't UTF-8."""
        text = window.text
        if text.isascii():
            return
        view, at, end = memoryview(text), 0, window.consumed
        while at < end:
            try:
                str(view[at:end], "utf-8")
                return
            except UnicodeDecodeError as error:
                bad = at + error.start
            index = int(np.searchsorted(window.ends, bad, "right"))
            column = bad - int(window.starts[index]) + 1
            window.status[index] = REJECTED
            window.repaired.pop(index, None)
            window.flaws[index] = Flaw(
                code="parse.encoding",
                message=f"byte 0x{text[bad]:02x} at position {column} of the record is not UTF-8; if the whole file is in "
                "another encoding, name it: --encoding cp1252",
            )
            at = int(window.ends[index])


class _Parts:
    """The records of a window while it is read."""

    def __init__(self) -> None:
        self.count = 0
        self.flaws: dict[int, Flaw] = {}
        self.repaired: dict[int, Record] = {}
        self._parts: list[tuple[Positions, Positions, Positions, np.ndarray[tuple[int], np.dtype[np.int8]]]] = []
        self._quotes: list[Positions] = []
        self._doubled: list[Positions] = []

    def add(
        self,
        starts: Positions,
        ends: Positions,
        terminators: Positions,
        status: np.ndarray[tuple[int], np.dtype[np.int8]],
        quotes: Positions,
        doubled: Positions,
    ) -> None:
        self._parts.append((starts, ends, terminators, status))
        self._quotes.append(quotes)
        self._doubled.append(doubled)
        self.count += len(starts)

    def window(self, text: bytes, *, incomplete: bool) -> Window:
        none = np.empty(0, np.int64)
        columns = list(zip(*self._parts, strict=True)) or [[none], [none], [none], [np.empty(0, np.int8)]]
        return Window(
            text=text,
            starts=np.concatenate(columns[0]),
            ends=np.concatenate(columns[1]),
            terminators=np.concatenate(columns[2]),
            status=np.concatenate(columns[3]),
            quotes=np.concatenate(self._quotes) if self._quotes else none,
            doubled=np.concatenate(self._doubled) if self._doubled else none,
            flaws=self.flaws,
            repaired=self.repaired,
            incomplete=incomplete,
        )


def vectorised(dialect: Dialect) -> bool:
    """Tell whether the vectorised scan and Polars read this dialect, line ends apart."""
    marks = dialect.delimiter + (dialect.quote_char or "")
    return dialect.escape_char is None and len(dialect.delimiter) == 1 and marks.isascii()


def _spans_lines(piece: bytes, start: int, end: int) -> bool:
    return piece.find(b"\n", start, end) != -1 or piece.find(b"\r", start, end) != -1
