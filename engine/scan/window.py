"""A window of the file: every record in it found and judged, by the vectorised scan or the exact reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.model import Dialect
from engine.scan.bitmap import Positions
from engine.scan.exact import ExactReader, Incomplete, Record
from engine.scan.form import in_source, is_translated, polars_form, translated
from engine.scan.structure import Structure, structure
from engine.scan.undecodable import source_byte

# Records by what becomes of them.
REGULAR, BLANK, REJECTED, REPAIRED, COMMENT = 0, 1, 2, 3, 4
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
    """What is wrong with a record.

    Attributes:
        column: The column that it is about, None where it's about the whole record.
        at: Offset in the window of the byte that it is about, -1 where it's about no byte.
    """

    code: str
    message: str
    column: str | None = None
    at: int = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The records at the start of a piece of text. Arrays have one element a record; offsets are into `text`.

    Attributes:
        quotes, doubled: Of the regular records, as in `Structure`.
        flaws: What is wrong, by the record's index.
        repaired: Records that are written again in the form that Polars reads, by index.
        form: The dialect that Polars reads the regular records in, None where there are none.
        incomplete: The window ends within its first record: more text is needed.
    """

    text: bytes
    starts: Positions
    ends: Positions
    terminators: Positions
    status: Statuses
    quotes: Positions
    doubled: Positions
    form: Dialect | None = None
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
        names: Of the columns, one for each field of a regular record.
        repair: Irregular records are read leniently instead of rejected.
        rescue: What a long record has too much is kept; without it, it is rejected although others are repaired.
    """

    def __init__(self, dialect: Dialect, names: Sequence[str], *, repair: bool, rescue: bool) -> None:
        self._dialect = dialect
        self._names = names
        self._width = len(names)
        self._repair = repair
        self._rescue = rescue
        self._exact = ExactReader(dialect, self._width)

    def read(self, text: bytes, *, final: bool, alone: bool = False) -> Window:
        """Judge the records at the start of `text`, which begins at a record start.

        Args:
            text: UTF-8, longer than the last window of the same start where that was incomplete.
            final: Nothing follows.
            alone: Take only the first record, which was too long for a window.
        """
        parts = _Parts()
        form = polars_form(self._dialect, text)
        at, size, calm, enough, behind_flaw = 0, len(text), _CALM_RECORDS, _CALM_RECORDS, 0
        while at < len(text):
            if form is not None and not alone and calm >= enough:
                piece = text[at : at + size]
                last = at + size >= len(text)
                at, irregular = self._vectorised(piece, at, parts, form, final=final and last)
                if not irregular and not last:
                    size *= 2
                    continue
                if at >= len(text) or (not irregular and parts.count):
                    break
                few = parts.count - behind_flaw < _FEW_RECORDS
                enough = min(enough * 2, _MOST_CALM_RECORDS) if few else _CALM_RECORDS
                calm = 0
            try:
                record = self._exact.read(text, at, final=final)
            except Incomplete:
                break
            calm = calm + 1 if self._judge(record, parts) else 0
            at, size, behind_flaw = record.end, _FIRST_PIECE_BYTES, parts.count
            if alone:
                break
        window = parts.window(text, form, incomplete=not final and not parts.count)
        self._check_text(window)
        return window

    def _vectorised(self, piece: bytes, at: int, parts: _Parts, form: Dialect, *, final: bool) -> tuple[int, bool]:
        """Take the regular records at the start of `piece`; return where they end and whether a flaw follows."""
        plain = translated(piece, self._dialect, form)
        found = structure(plain, form, final=final, stand_in=is_translated(self._dialect))
        found = in_source(found, plain, self._dialect, form)
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
            flaw = self._width_flaw(int(found.fields[index]))
            parts.flaws[parts.count + index] = flaw
            status[index] = REPAIRED if self._repairs(flaw) else REJECTED
            if status[index] == REPAIRED:
                parts.repaired[parts.count + index] = self._exact.read(piece, int(found.starts[index]), final=True)
        edge = int(found.ends[count - 1]) if count else 0
        parts.add_regular(found, at, count, status)
        return at + edge, irregular

    def _judge(self, record: Record, parts: _Parts) -> bool:
        """Add one record that the exact reader read, and tell whether it's regular."""
        if record.comment or (self._width > 1 and record.content_end == record.start):
            parts.add(record, COMMENT if record.comment else BLANK)
            return True
        flaw = self._flaw(record)
        if flaw is not None:
            parts.flaws[parts.count] = flaw
        # A regular one is written again as well: where its quotes are isn't known, or Polars can't read the dialect.
        status = REJECTED if flaw is not None and not self._repairs(flaw, len(record.fields)) else REPAIRED
        if status == REPAIRED:
            parts.repaired[parts.count] = record
        parts.add(record, status)
        return flaw is None

    def _repairs(self, flaw: Flaw, fields: int = 0) -> bool:
        """Tell whether a record with this flaw becomes a row, with nothing of it lost."""
        long = flaw.code == "parse.long_row" or fields > self._width
        return self._repair and flaw.code != "parse.too_long" and (self._rescue or not long)

    def _flaw(self, record: Record) -> Flaw | None:
        if record.problem is not None:
            return Flaw(code=f"parse.{record.problem}", message=_PROBLEMS[record.problem])
        if len(record.fields) != self._width:
            return self._width_flaw(len(record.fields))
        return None

    def _width_flaw(self, fields: int) -> Flaw:
        noun = "field" if fields == 1 else "fields"
        owner = "header has" if self._dialect.header else "other rows have"
        message = f"{fields} {noun} where the {owner} {self._width}"
        if fields < self._width:
            return Flaw(code="parse.short_row", message=message)
        if self._repair and not self._rescue:
            message += ", and the table has no column _rescued JSON to keep the rest"
        return Flaw(code="parse.long_row", message=message)

    def _check_text(self, window: Window) -> None:
        """Reject the records that aren't UTF-8."""
        if window.text.isascii() or _is_utf8(window.text):
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
        """Reject the record that holds the bad byte, unless it's none, and return its end."""
        index = int(np.searchsorted(window.ends, bad, "right"))
        if window.status[index] != COMMENT:
            window.status[index] = REJECTED
            window.repaired.pop(index, None)
            window.flaws[index] = self._encoding_flaw(window, index, bad)
        return int(window.ends[index])

    def _encoding_flaw(self, window: Window, index: int, bad: int) -> Flaw:
        fields = self._exact.read(window.text, int(window.starts[index]), final=True).fields
        field_index = next((place for place, value in enumerate(fields) if not _is_text(value)), None)
        column, where = None, ""
        if field_index is not None:
            column = self._names[field_index].strip() if field_index < self._width else None
            where = f" in field {field_index + 1}"
        bad_byte = f"byte 0x{source_byte(window.text, bad):02x}{where}"
        message = f"{bad_byte} is not {self._dialect.encoding} text"
        if self._dialect.encoding == "utf-8":
            message = f"{bad_byte} is not UTF-8; if the whole file is in another encoding, name it: --encoding cp1252"
        return Flaw(
            code="parse.encoding",
            message=message,
            column=column,
            at=bad,
        )


# What is wrong, by the exact reader's word for it.
_PROBLEMS = {
    "stray_quote": "a quote stands inside a field that it doesn't enclose; if the file quotes nothing: --quote-char ''",
    "unclosed_quote": "a quote opens a field and is never closed",
    "too_long": "a record has no end within 256 MiB: is the line end right?",
}


def _is_utf8(text: bytes) -> bool:
    """Tell whether all of it is UTF-8, by Arrow: half of what decoding costs, and without the interpreter's lock."""
    offsets = pa.py_buffer(np.array([0, len(text)], np.int64))
    try:
        pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(text)]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _is_text(value: bytes | None) -> bool:
    try:
        (value or b"").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


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

    def window(self, text: bytes, form: Dialect | None, *, incomplete: bool) -> Window:
        self._flush()
        starts, ends, terminators, status = (list(column) for column in zip(*self._arrays, strict=True))
        edges = _joined(ends)
        return Window(
            # Cut once here: a slice of all of it is the same object, and not a copy, wherever it's taken later.
            text=text[: int(edges[-1]) if len(edges) else 0],
            starts=_joined(starts),
            ends=edges,
            terminators=_joined(terminators),
            status=status[0] if len(status) == 1 else np.concatenate(status),
            quotes=_joined(self._quotes),
            doubled=_joined(self._doubled),
            form=form,
            flaws=self.flaws,
            repaired=self.repaired,
            incomplete=incomplete,
        )

    def _flush(self) -> None:
        if self._single or not self._arrays:
            table = np.array(self._single, np.int64).reshape(-1, 4)
            self._arrays.append((table[:, 0], table[:, 1], table[:, 2], table[:, 3].astype(np.int8)))
            self._single = []


def _joined(parts: list[Positions]) -> Positions:
    if not parts:
        return np.empty(0, np.int64)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _spans_lines(piece: bytes, found: Structure, index: int) -> bool:
    if not len(found.quotes):
        return False
    start, end = int(found.starts[index]), int(found.ends[index] - found.terminator_bytes[index])
    return piece.find(b"\n", start, end) != -1 or piece.find(b"\r", start, end) != -1
