"""The exact reader: one record at a time, for what the vectorised scan can't take as it is.

It reads every dialect (escape character, delimiters of several characters, no quotes) and every irregular quote, says
what is wrong, and finds where the damage ends, so that a broken record doesn't take its neighbours with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from engine.model import Dialect

Problem = Literal["stray_quote", "unclosed_quote"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A record as read; a field is None where it is empty and not quoted."""

    fields: tuple[bytes | None, ...]
    start: int
    # Offset behind the terminator, and where the content ends.
    end: int
    content_end: int
    problem: Problem | None = None
    problem_at: int | None = None


class Incomplete(Exception):  # noqa: N818 - a request for more bytes, not an error
    """The piece ends within the record and more of the file follows."""


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
        self._escape = dialect.escape_char.encode() if dialect.escape_char else None
        self._null_raw = frozenset(token.encode() for token in dialect.null_tokens)
        ends = {"\n": rb"\r?\n", "\r": rb"\r", "any": rb"\r\n|\n|\r"}[dialect.line_end]
        self._line_end = re.compile(ends)
        stops = [b"(?P<delimiter>" + re.escape(self._delimiter) + b")", b"(?P<end>" + ends + b")"]
        if self._escape:
            stops.insert(0, b"(?P<escape>" + re.escape(self._escape) + b")")
        self._stop = re.compile(b"|".join(stops))
        inside = [re.escape(mark) for mark in (self._quote, self._escape) if mark]
        self._inside = re.compile(b"|".join(inside)) if inside else None
        # What may follow a closing quote: a delimiter or CRLF, whole.
        self._lookahead = max(2, len(self._delimiter))

    def read(self, piece: bytes, start: int, *, final: bool) -> Record:
        """Read the record at `start`; a broken one ends where the next regular record begins.

        Raises:
            Incomplete: The record isn't whole in `piece` and `final` is not set.
        """
        record = self._parse(piece, start, final=final)
        spans_lines = self._line_end.search(piece, start, record.content_end) is not None
        broken = record.problem is not None or (self.width is not None and len(record.fields) != self.width)
        if not (broken and spans_lines):
            return record
        line = self._line(piece, start, problem=record.problem or "unclosed_quote", at=record.problem_at or start)
        if self._regular_line(piece, line.end, final=final):
            return line
        return record if record.problem != "unclosed_quote" else line

    def unclosed(self, piece: bytes, start: int) -> Record | None:
        """Tell, without the rest of the file, that a quote opened in this line is never meant to close.

        True where the next two lines are regular records by themselves; None where that can't be said.
        """
        if self.width is None or self.width < 2:
            return None
        line = self._line(piece, start, problem="unclosed_quote", at=start)
        try:
            first = self._parse(piece, line.end, final=False)
            second = self._parse(piece, first.end, final=False)
        except Incomplete:
            return None
        regular = all(r.problem is None and len(r.fields) == self.width for r in (first, second))
        return line if regular else None

    def first_line(self, piece: bytes, start: int) -> Record:
        """Take the physical line at `start` as a broken record."""
        return self._line(piece, start, problem="unclosed_quote", at=start)

    def _regular_line(self, piece: bytes, start: int, *, final: bool) -> bool:
        """Tell whether a regular record begins at `start`; the end of the file counts as one."""
        if start >= len(piece):
            return True
        try:
            record = self._parse(piece, start, final=final)
        except Incomplete:
            return False
        return record.problem is None and (self.width is None or len(record.fields) == self.width)

    def _line(self, piece: bytes, start: int, *, problem: Problem, at: int) -> Record:
        """Read one physical line, its quotes taken as ordinary characters."""
        end = self._line_end.search(piece, start)
        content_end, behind = (end.start(), end.end()) if end else (len(piece), len(piece))
        fields = tuple(part or None for part in piece[start:content_end].split(self._delimiter))
        return Record(fields=fields, start=start, end=behind, content_end=content_end, problem=problem, problem_at=at)

    def _parse(self, piece: bytes, start: int, *, final: bool) -> Record:
        fields: list[bytes | None] = []
        problem: Problem | None = None
        problem_at: int | None = None
        at = start
        while True:
            if self._quote and piece.startswith(self._quote, at):
                value, at, flaw, flaw_at = self._quoted(piece, at, final=final)
            else:
                value, at, flaw, flaw_at = self._plain(piece, at, final=final)
            if flaw and problem is None:
                problem, problem_at = flaw, flaw_at
            fields.append(value)
            if piece.startswith(self._delimiter, at):
                at += len(self._delimiter)
                continue
            end = self._line_end.match(piece, at)
            if end is None and at < len(piece):
                raise AssertionError(f"field ended within a line at byte {at}")
            if end is None and not final:
                raise Incomplete
            behind = end.end() if end else at
            return Record(
                fields=tuple(fields),
                start=start,
                end=behind,
                content_end=at,
                problem=problem,
                problem_at=problem_at,
            )

    def _plain(self, piece: bytes, at: int, *, final: bool) -> tuple[bytes | None, int, Problem | None, int | None]:
        """Read a field that doesn't begin with a quote. A quote inside it is kept and reported."""
        parts, begin = [], at
        while True:
            stop = self._stop.search(piece, at)
            if stop is None:
                if not final:
                    raise Incomplete
                parts.append(piece[at:])
                at = len(piece)
                break
            # A CR at the very end may be the first half of CRLF.
            if stop.lastgroup != "escape" and stop.end() == len(piece) and piece.endswith(b"\r") and not final:
                raise Incomplete
            parts.append(piece[at : stop.start()])
            if stop.lastgroup != "escape":
                at = stop.start()
                break
            if stop.end() >= len(piece):
                if not final:
                    raise Incomplete
                parts.append(stop.group())
                at = len(piece)
                break
            parts.append(piece[stop.end() : stop.end() + 1])
            at = stop.end() + 1
        if self._escape and piece[begin:at] in self._null_raw:
            return None, at, None, None
        value = b"".join(parts)
        if self._quote and self._quote in value and not self._escape:
            return value, at, "stray_quote", piece.index(self._quote, begin)
        return value or None, at, None, None

    def _quoted(self, piece: bytes, at: int, *, final: bool) -> tuple[bytes, int, Problem | None, int | None]:
        """Read a quoted field. A quote that neither closes nor is doubled is kept and reported."""
        assert self._quote is not None
        assert self._inside is not None
        opened, parts, at = at, [], at + 1
        flaw_at: int | None = None
        while True:
            mark = self._inside.search(piece, at)
            if mark is None:
                if not final:
                    raise Incomplete
                line = self._line(piece, opened, problem="unclosed_quote", at=opened)
                return piece[opened : line.content_end], line.content_end, "unclosed_quote", opened
            parts.append(piece[at : mark.start()])
            behind = mark.end()
            if behind + self._lookahead > len(piece) and not final:
                raise Incomplete
            if mark.group() == self._escape and (self._escape != self._quote):
                parts.append(piece[behind : behind + 1])
                at = behind + 1
            elif piece.startswith(self._quote, behind):
                parts.append(self._quote)
                at = behind + 1
            elif (
                behind >= len(piece) or piece.startswith(self._delimiter, behind) or self._line_end.match(piece, behind)
            ):
                value = b"".join(parts)
                return value, behind, "stray_quote" if flaw_at is not None else None, flaw_at
            else:
                flaw_at = mark.start() if flaw_at is None else flaw_at
                parts.append(self._quote)
                at = behind
