"""A window of the file: every record in it found and judged, by the vectorised scan or the exact reader."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.model import Dialect
from engine.scan.exact import ExactReader, Incomplete, Record
from engine.scan.structure import Positions, Structure, structure

# Records by what becomes of them.
REGULAR, BLANK, REJECTED, REPAIRED = 0, 1, 2, 3
Statuses = npt.NDArray[np.int8]

# After an irregular record the exact reader goes on (10 µs a record) until so many in a row are regular, then the
# vectorised scan with a small piece that doubles (150 µs at first). Where that finds but few records before the next
# irregular one, twice as many must be regular the next time. So a broken line here and there costs a re-scan of 16 KiB,
# not of the whole window, and 2 MB in which every line is broken take 2 s (16 s with pieces of 64 KiB at once).
_CALM_RECORDS, _MOST_CALM_RECORDS = 8, 4096
_FEW_RECORDS = 32
_FIRST_PIECE_BYTES = 16 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Flaw:
    """What is wrong with a record."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The records at the start of a piece of text. Arrays have one element a record; offsets are into `text`.

    Attributes:
        quotes, doubled: Of the regular records, as in `Structure`.
        flaws: What is wrong, by the record's index.
        repaired: Records that are written again in the form that Polars reads, by index.
        incomplete: The window ends within its first record: more text is needed.
    """

    text: bytes
    starts: Positions
    ends: Positions
    terminators: Positions
    status: Statuses
    quotes: Positions
    doubled: Positions
    flaws: dict[int, Flaw] = field(default_factory=dict)
    repaired: dict[int, Record] = field(default_factory=dict)
    incomplete: bool = False

    @property
    def consumed(self) -> int:
        """Bytes of the records."""
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

    def read(self, text: bytes, *, final: bool, alone: bool = False) -> Window:
        """Judge the records at the start of `text`, which begins at a record start.

        Args:
            text: UTF-8, longer than the last window of the same start where that was incomplete.
            final: Nothing follows.
            alone: Take only the first record, which was too long for a window.
        """
        parts = _Parts()
        at, size, calm, enough, behind_flaw = 0, len(text), _CALM_RECORDS, _CALM_RECORDS, 0
        while at < len(text):
            if self._simple and not alone and calm >= enough:
                piece = text[at : at + size]
                last = at + size >= len(text)
                at, irregular = self._vectorised(piece, at, parts, final=final and last)
                if not irregular and not last:
                    size *= 2
                    continue
                if at >= len(text) or (not irregular and parts.count):
                    break
                few = parts.count - behind_flaw < _FEW_RECORDS
                enough = min(enough * 2, _MOST_CALM_RECORDS) if few else _CALM_RECORDS
            try:
                record = self._exact.read(text, at, final=final)
            except Incomplete:
                break
            calm = calm + 1 if self._judge(record, parts) else 0
            at, size, behind_flaw = record.end, _FIRST_PIECE_BYTES, parts.count
            if alone:
                break
        window = parts.window(text, incomplete=not final and not parts.count)
        self._check_text(window)
        return window

    def _vectorised(self, piece: bytes, at: int, parts: _Parts, *, final: bool) -> tuple[int, bool]:
        """Take the regular records at the start of `piece`; return where they end and whether a flaw follows."""
        found = structure(piece, self._dialect, final=final)
        count, irregular = len(found.ends), found.irregular
        status = np.zeros(count, np.int8)
        if self._width > 1:
            status[found.ends - found.starts == found.terminator_bytes] = BLANK
        odd = np.flatnonzero((found.fields != self._width) & (status == REGULAR))
        for index in odd.tolist():
            # A record of several lines with a wrong number of fields may be an unclosed quote: the exact reader sees.
            if _spans_lines(piece, found, index):
                count, irregular = index, True
                break
            parts.flaws[parts.count + index] = self._width_flaw(int(found.fields[index]))
            status[index] = REPAIRED if self._repair else REJECTED
            if self._repair:
                parts.repaired[parts.count + index] = self._exact.read(piece, int(found.starts[index]), final=True)
        edge = int(found.ends[count - 1]) if count else 0
        parts.add_regular(found, at, count, status)
        return at + edge, irregular

    def _judge(self, record: Record, parts: _Parts) -> bool:
        """Add one record that the exact reader read, and tell whether it's regular."""
        if self._width > 1 and record.content_end == record.start:
            parts.add(record, BLANK)
            return True
        flaw = self._flaw(record)
        if flaw is not None:
            parts.flaws[parts.count] = flaw
        # A regular one is written again as well: where its quotes are isn't known, or Polars can't read the dialect.
        status = REJECTED if flaw is not None and not self._repair else REPAIRED
        if status == REPAIRED:
            parts.repaired[parts.count] = record
        parts.add(record, status)
        return flaw is None

    def _flaw(self, record: Record) -> Flaw | None:
        if record.problem == "stray_quote":
            return Flaw(code="parse.stray_quote", message="a quote stands inside a field that it doesn't enclose")
        if record.problem == "unclosed_quote":
            return Flaw(code="parse.unclosed_quote", message="a quote opens a field and is never closed")
        if record.problem == "too_long":
            return Flaw(code="parse.too_long", message="a record has no end within 256 MiB: is the line end right?")
        if len(record.fields) != self._width:
            return self._width_flaw(len(record.fields))
        return None

    def _width_flaw(self, fields: int) -> Flaw:
        noun = "field" if fields == 1 else "fields"
        return Flaw(
            code="parse.short_row" if fields < self._width else "parse.long_row",
            message=f"{fields} {noun} where the header has {self._width}",
        )

    def _check_text(self, window: Window) -> None:
        """Reject the records that aren't UTF-8."""
        if window.text.isascii():
            return
        view, at, end = memoryview(window.text), 0, window.consumed
        size = end
        while at < end:
            # Between two records there is a whole character.
            until = int(window.ends[min(int(np.searchsorted(window.ends, at + size)), len(window.ends) - 1)])
            try:
                str(view[at:until], "utf-8")
            except UnicodeDecodeError as error:
                at, size = self._reject_bytes(window, at + error.start), _FIRST_PIECE_BYTES
            else:
                at, size = until, size * 2

    def _reject_bytes(self, window: Window, bad: int) -> int:
        """Reject the record that holds the bad byte and return its end."""
        index = int(np.searchsorted(window.ends, bad, "right"))
        window.status[index] = REJECTED
        window.repaired.pop(index, None)
        position = bad - int(window.starts[index]) + 1
        window.flaws[index] = Flaw(
            code="parse.encoding",
            message=f"byte 0x{window.text[bad]:02x} at position {position} of the record is not UTF-8; "
            "if the whole file is in another encoding, name it: --encoding cp1252",
        )
        return int(window.ends[index])


class _Parts:
    """The records of a window while it is read."""

    def __init__(self) -> None:
        self.count = 0
        self.flaws: dict[int, Flaw] = {}
        self.repaired: dict[int, Record] = {}
        self._arrays: list[tuple[Positions, Positions, Positions, Statuses]] = []
        self._quotes: list[Positions] = []
        self._doubled: list[Positions] = []
        self._single: list[tuple[int, int, int, int]] = []

    def add(self, record: Record, status: int) -> None:
        """Add a record whose quotes don't matter."""
        self._single.append((record.start, record.end, record.end - record.content_end, status))
        self.count += 1

    def add_regular(self, found: Structure, at: int, count: int, status: Statuses) -> None:
        """Add the first `count` records of a piece that begins at `at`."""
        self._flush()
        edge = int(found.ends[count - 1]) if count else 0
        whole = found if not at and count == len(found.ends) else None
        if whole is not None:
            self._arrays.append((found.starts, found.ends, found.terminator_bytes, status))
        else:
            self._arrays.append(
                (at + found.starts[:count], at + found.ends[:count], found.terminator_bytes[:count], status[:count])
            )
        self._quotes.append(at + found.quotes[: int(np.searchsorted(found.quotes, edge))])
        self._doubled.append(at + found.doubled[: int(np.searchsorted(found.doubled, edge))])
        self.count += count

    def window(self, text: bytes, *, incomplete: bool) -> Window:
        self._flush()
        starts, ends, terminators, status = (list(column) for column in zip(*self._arrays, strict=True))
        return Window(
            text=text,
            starts=_joined(starts),
            ends=_joined(ends),
            terminators=_joined(terminators),
            status=status[0] if len(status) == 1 else np.concatenate(status),
            quotes=_joined(self._quotes),
            doubled=_joined(self._doubled),
            flaws=self.flaws,
            repaired=self.repaired,
            incomplete=incomplete,
        )

    def _flush(self) -> None:
        if self._single or not self._arrays:
            table = np.array(self._single, np.int64).reshape(-1, 4)
            self._arrays.append((table[:, 0], table[:, 1], table[:, 2], table[:, 3].astype(np.int8)))
            self._single = []


def vectorised(dialect: Dialect) -> bool:
    """Tell whether the vectorised scan and Polars read this dialect, line ends apart."""
    marks = dialect.delimiter + (dialect.quote_char or "")
    return dialect.escape_char is None and len(dialect.delimiter) == 1 and marks.isascii()


def _joined(parts: list[Positions]) -> Positions:
    if not parts:
        return np.empty(0, np.int64)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _spans_lines(piece: bytes, found: Structure, index: int) -> bool:
    if not len(found.quotes):
        return False
    start, end = int(found.starts[index]), int(found.ends[index] - found.terminator_bytes[index])
    return piece.find(b"\n", start, end) != -1 or piece.find(b"\r", start, end) != -1
