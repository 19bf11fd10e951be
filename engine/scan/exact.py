"""The exact reader: one record at a time, for what the vectorised scan can't take as it is.

It reads every dialect (escape character, delimiters of several characters, no quotes) and every irregular quote, says
what is wrong, and finds where the damage ends, so that a broken record doesn't take its neighbours with it. What it
decides depends on the text alone, never on where a window ends: where more of it is needed it asks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from engine.model import Dialect
from engine.scan.structure import LINE_ENDS

Problem = Literal["stray_quote", "unclosed_quote", "too_long"]

# How many lines behind a broken one are looked at to tell where it ends. Its cost is paid once for each broken line:
# with 16, 2 MB of nothing but stray or unclosed quotes take 2 to 4 s, with 32 half as much again.
_MOST_LINES = 16
# Regular lines within a broken record speak for an unclosed quote once they hold so many delimiters together: text in a
# cell hardly ever has exactly the file's number of commas in line after line.
_EVIDENCE = 8
# A quote that is open for so long, with rows behind it, is taken for one that never closes; a cell of 20 MB without
# such lines is still read whole.
LOOK_AHEAD_BYTES = 16 * 1024 * 1024
# A record longer than this is given up. Rows of 100 MB are real; a cell beyond MySQL's largest max_allowed_packet
# (1 GiB) can't be loaded anyway.
MOST_RECORD_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A record as read; a field is None where it is empty and not quoted."""

    fields: tuple[bytes | None, ...]
    start: int
    # Offset behind the terminator, and where the content ends.
    end: int
    content_end: int
    problem: Problem | None = None
    problem_at: int = -1
    # Every quote that opens a field closes it within the lines that belong together.
    closed: bool = True
    # A line that is no record.
    comment: bool = False


@dataclass(frozen=True, slots=True)
class _Field:
    """A field, where it ends, and where the first quote in it is that isn't regular (-1 for none)."""

    value: bytes | None
    end: int
    flaw_at: int = -1
    closed: bool = True


class Incomplete(Exception):
    """The piece ends before the record does, or before it's clear where it does, and more of the file follows."""


class ExactReader:
    """Reads records of one dialect from bytes.

    Args:
        dialect: Any dialect; its text is UTF-8 by now.
        width: Fields of a regular record, None while that is unknown (the header).
    """

    def __init__(self, dialect: Dialect, width: int | None) -> None:
        self.width = width
        self._delimiter = dialect.delimiter.encode()
        self._quote = dialect.quote_char.encode() if dialect.quote_char else None
        # Unlike a double quote, it's part of words: within a field that it doesn't open it says nothing.
        self._apostrophe = self._quote == b"'"
        self._escape = dialect.escape_char.encode() if dialect.escape_char else None
        self._comment = dialect.comment.encode() if dialect.comment else None
        self._comment_guessed = dialect.comment_guessed
        self._null_raw = frozenset(token.encode() for token in dialect.null_tokens)
        ends = LINE_ENDS[dialect.line_end]
        self._line_end = re.compile(ends)
        self._plain_end = {"\n": b"\n", "\r": b"\r", "any": None}[dialect.line_end]
        stops = [b"(?P<delimiter>" + re.escape(self._delimiter) + b")", b"(?P<end>" + ends + b")"]
        if self._escape:
            stops.insert(0, b"(?P<escape>" + re.escape(self._escape) + b")")
        self._stop = re.compile(b"|".join(stops))
        self._marks = [mark for mark in (self._quote, self._escape) if mark]
        if self._quote:
            self._inside, self._pair = _inside(self._quote, self._escape)
        # What may follow a closing quote: a delimiter or CRLF, whole.
        self._lookahead = max(2, len(self._delimiter), len(self._quote or b""))

    def read(self, piece: bytes, start: int, *, final: bool) -> Record:
        """Read the record at `start`; a broken one ends where the next regular record begins.

        Raises:
            Incomplete: More of the file is needed, which `final` says doesn't exist.
        """
        if self._comment is None or not piece.startswith(self._comment, start):
            return self._read(piece, start, final=final)
        if not self._comment_guessed:
            return self._comment_line(piece, start, final=final)
        record = self._read(piece, start, final=final)
        if self.width is None or self._regular(record):
            return record
        line = self._comment_line(piece, start, final=final)
        return line if len(line.fields) != self.width else record

    def _read(self, piece: bytes, start: int, *, final: bool) -> Record:
        far = final or len(piece) - start >= LOOK_AHEAD_BYTES
        try:
            record = self._parse(piece, start, final=final, far=far)
        except Incomplete:
            line = self._line(piece, start, Record(fields=(), start=start, end=start, content_end=start))
            if len(piece) - start >= MOST_RECORD_BYTES:
                return line if line.end < len(piece) else replace(line, problem="too_long")
            if far and self.width and self._rows_within(piece, line.end, len(piece), final=final, far=True):
                return line
            raise
        if self._regular(record):
            return record
        line = self._line(piece, start, record)
        if not record.closed:
            return line
        if line.end >= record.end or self.width is None:
            return record
        swallows = self._rows_within(piece, line.end, record.end, final=final, far=far)
        return line if swallows else record

    def first_line(self, piece: bytes, start: int) -> Record:
        """Take the physical line at `start` as a broken record."""
        return self._line(piece, start, Record(fields=(), start=start, end=start, content_end=start))

    def _comment_line(self, piece: bytes, start: int, *, final: bool) -> Record:
        """Read the physical line at `start`; quotes mean nothing in a comment."""
        line = self._end_of_line(piece, start)
        if not final and (line is None or (line[1] == len(piece) and piece.endswith(b"\r"))):
            raise Incomplete
        content_end, behind = line or (len(piece), len(piece))
        fields = self._split(piece[start:content_end])
        return Record(fields=fields, start=start, end=behind, content_end=content_end, comment=True)

    def _regular(self, record: Record) -> bool:
        return record.problem is None and (self.width is None or len(record.fields) == self.width)

    def _rows_within(self, piece: bytes, at: int, end: int, *, final: bool, far: bool) -> bool:
        """Tell whether the lines from `at` to `end`, the rest of a broken record, are rows of their own.

        They are where one of them begins a regular record that reaches the end: text within a cell leaves the cell's
        closing quote behind, which no regular record can hold. And where nearly all of them are regular, and many.
        """
        assert self.width is not None
        lines = regular = 0
        while at < end and lines < _MOST_LINES:
            found = self._regular_end(piece, at, final=final, far=far)
            if found is not None and found >= end:
                return True
            line = self._end_of_line(piece, at)
            if line is None or line[1] >= end:
                break
            lines += 1
            regular += found is not None
            at = line[1]
        return regular * (self.width - 1) >= _EVIDENCE and regular * 10 >= lines * 9

    def _regular_end(self, piece: bytes, start: int, *, final: bool, far: bool) -> int | None:
        """Return where the regular record at `start` ends, None where there is none."""
        try:
            record = self._parse(piece, start, final=final, far=far, strict=True)
        except Incomplete:
            if far:
                return None
            raise
        return record.end if self._regular(record) else None

    def _line(self, piece: bytes, start: int, record: Record) -> Record:
        """Read the first physical line of a broken record, its quotes taken as ordinary characters."""
        content_end, behind = self._end_of_line(piece, start) or (len(piece), len(piece))
        stray = record.problem == "stray_quote" and record.problem_at < content_end
        return Record(
            fields=self._split(piece[start:content_end]),
            start=start,
            end=behind,
            content_end=content_end,
            problem="stray_quote" if stray else "unclosed_quote",
            problem_at=record.problem_at if stray else start,
            closed=False,
        )

    def _end_of_line(self, piece: bytes, at: int) -> tuple[int, int] | None:
        """Find the next line terminator, as the pattern does; ten times as fast where it's one character."""
        if self._plain_end is None or (place := piece.find(self._plain_end, at)) < 0:
            match = self._line_end.search(piece, max(at, len(piece) - 1) if self._plain_end else at)
            return match.span() if match else None
        crlf = self._plain_end == b"\n" and place > at and piece[place - 1] == 0x0D
        return place - crlf, place + 1

    def _split(self, line: bytes) -> tuple[bytes | None, ...]:
        return tuple([part or None for part in line.split(self._delimiter)])

    def _parse(self, piece: bytes, start: int, *, final: bool, far: bool, strict: bool = False) -> Record:
        """Read a record field by field; a `strict` reading gives up at the first quote that isn't regular."""
        line = self._end_of_line(piece, start)
        if not final and (line is None or (line[1] == len(piece) and piece.endswith(b"\r"))):
            # A CR at the very end may be the first half of CRLF.
            raise Incomplete
        content_end, behind = line or (len(piece), len(piece))
        if all(piece.find(mark, start, content_end) < 0 for mark in self._marks):
            fields = self._split(piece[start:content_end])
            return Record(fields=fields, start=start, end=behind, content_end=content_end)
        found: list[bytes | None] = []
        flaw_at, at = -1, start
        while True:
            if self._quote and piece.startswith(self._quote, at):
                field = self._quoted(piece, at, start, final=final, far=far, strict=strict)
            else:
                field = self._plain(piece, at, final=final)
            found.append(field.value)
            if flaw_at < 0:
                flaw_at = field.flaw_at
            if not field.closed or not piece.startswith(self._delimiter, field.end):
                break
            at = field.end + len(self._delimiter)
        end = self._line_end.match(piece, field.end)
        if field.closed and end is None and field.end < len(piece):
            raise AssertionError(f"field ended within a line at byte {field.end}")
        problem: Problem | None = "stray_quote" if flaw_at >= 0 else None
        if problem is None and not field.closed:
            problem = "unclosed_quote"
        return Record(
            fields=tuple(found),
            start=start,
            end=end.end() if end else field.end,
            content_end=field.end,
            problem=problem,
            problem_at=flaw_at,
            closed=field.closed,
        )

    def _plain(self, piece: bytes, begin: int, *, final: bool) -> _Field:
        """Read a field that doesn't begin with a quote. A quote inside it is kept and reported."""
        parts, at, flaw_at = [], begin, -1
        while True:
            stop = self._stop.search(piece, at)
            if not final and (stop is None or stop.end() == len(piece)):
                raise Incomplete
            until = stop.start() if stop else len(piece)
            if self._quote and flaw_at < 0 and not self._apostrophe:
                flaw_at = piece.find(self._quote, at, until)
            parts.append(piece[at:until])
            if stop is None or stop.lastgroup != "escape":
                break
            if stop.end() >= len(piece):
                parts.append(stop.group())
                until = len(piece)
                break
            parts.append(piece[stop.end() : stop.end() + 1])
            at = stop.end() + 1
        if self._escape and piece[begin:until] in self._null_raw:
            return _Field(None, until)
        return _Field(b"".join(parts) or None, until, flaw_at)

    def _quoted(self, piece: bytes, opened: int, start: int, *, final: bool, far: bool, strict: bool) -> _Field:
        """Read a quoted field. A quote that neither closes nor is doubled is kept and reported."""
        assert self._quote is not None
        begin = at = opened + len(self._quote)
        flaw_at, limit = -1, len(piece)
        while True:
            # Up to the first quote that is neither doubled nor escaped.
            inside = self._inside.match(piece, at, limit)
            mark = inside.end() if inside else at
            behind = mark + len(self._quote)
            if flaw_at < 0 and not final and behind + self._lookahead > len(piece):
                raise Incomplete
            if mark >= limit or not piece.startswith(self._quote, mark):
                return _Field(None, limit, flaw_at, closed=False)
            if behind >= len(piece) or piece.startswith(self._delimiter, behind) or self._line_end.match(piece, behind):
                return _Field(self._value(piece[begin:mark]), behind, flaw_at)
            if flaw_at < 0:
                # From here on it's a guess, and a guess doesn't go far.
                flaw_at, limit = mark, len(piece) if strict else self._lines_end(piece, start, far=far)
            if strict or self._opens_later(piece, mark, start):
                return _Field(None, behind, flaw_at, closed=False)
            at = behind

    def _value(self, content: bytes) -> bytes:
        """Return what the content of a quoted field stands for."""
        if self._escape:
            return self._pair.sub(rb"\g<quote>\g<char>", content)
        assert self._quote is not None
        return content.replace(self._quote * 2, self._quote)

    def _opens_later(self, piece: bytes, quote: int, start: int) -> bool:
        """Tell whether a quote within a quoted field stands where it would open one, in a line behind the first."""
        opens = piece.startswith(self._delimiter, quote - len(self._delimiter)) or piece[quote - 1] in b"\r\n"
        return opens and (self._end_of_line(piece, start) or (quote, quote))[1] <= quote

    def _lines_end(self, piece: bytes, at: int, *, far: bool) -> int:
        """Return the end of the lines that can belong to a broken record at `at`."""
        for _ in range(_MOST_LINES):
            line = self._end_of_line(piece, at)
            if not far and (line is None or line[1] == len(piece)):
                raise Incomplete
            if line is None:
                return len(piece)
            at = line[1]
        return at


def _inside(quote: bytes, escape: bytes | None) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return what matches the content of a quoted field, and a pair in it that stands for one character."""
    mark, other = re.escape(quote), re.escape(escape or quote)
    first = re.escape(quote[:1]) + re.escape((escape or quote)[:1])
    # Possessive, so that a long field needs no memory for ways back.
    pairs = mark * 2 + (b"|" + other + b"." if escape else b"")
    content = b"(?:[^" + first + b"]++|" + pairs + b"|(?!" + mark + b"|" + other + b").)*+"
    pair = mark + b"(?P<quote>" + mark + b")|" + other + b"(?P<char>.)"
    return re.compile(content, re.DOTALL), re.compile(pair, re.DOTALL)
