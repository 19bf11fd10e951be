"""What the scan's tests share: a file read whole, checked for what holds of every reading, and a slow reference."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.model import Dialect, Irregular, Reject
from engine.scan import ScannedBatch, Scanner

Rows = list[tuple[str | None, ...]]


@dataclass(frozen=True)
class Read:
    """Everything that one reading gave."""

    scanner: Scanner
    batches: list[ScannedBatch]

    @classmethod
    def of(cls, data: bytes, *, batch_bytes: int = 8 << 20) -> Read:
        """Read a large file without the checks of `scan`, which take their time."""
        scanner = Scanner(
            io.BytesIO(data), Dialect(), irregular=Irregular.REJECT, batch_bytes=batch_bytes, batch_rows=250_000
        )
        return cls(scanner, list(scanner.batches([f"c{index}" for index in range(len(scanner.header))])))

    @property
    def rows(self) -> Rows:
        return [row for batch in self.batches for row in batch.frame.rows()]

    @property
    def rejects(self) -> list[Reject]:
        return [reject for batch in self.batches for reject in batch.rejects]

    @property
    def codes(self) -> list[tuple[int, str, bytes]]:
        """Line, what is wrong and text of every reject."""
        return [(reject.line, reject.code.removeprefix("parse."), reject.raw) for reject in self.rejects]

    @property
    def repaired_lines(self) -> list[int]:
        return [repair.line for batch in self.batches for repair in batch.repairs]

    @property
    def blank_lines(self) -> int:
        return sum(batch.blank_lines for batch in self.batches) + self.scanner.trailing_blank_lines


class Trickle:
    """A stream that gives at most a few bytes at a time, as a pipe or a decompressor may."""

    def __init__(self, data: bytes, most: int) -> None:
        self._inner = io.BytesIO(data)
        self._most = most

    def read1(self, size: int, /) -> bytes:
        return self._inner.read(min(size, self._most))


def scan(
    data: bytes,
    dialect: Dialect | None = None,
    *,
    irregular: Irregular = Irregular.REJECT,
    batch_bytes: int = 1 << 20,
    batch_rows: int = 1_000_000,
) -> Read:
    """Read a file and check that its batches lie one behind the other, within their limits, with nothing left out."""
    dialect = dialect or Dialect()
    scanner = Scanner(io.BytesIO(data), dialect, irregular=irregular, batch_bytes=batch_bytes, batch_rows=batch_rows)
    position = scanner.bytes_done
    batches = list(scanner.batches([f"c{index}" for index in range(len(scanner.header))]))
    text = lines_of(data, dialect)
    for number, batch in enumerate(batches):
        assert batch.number == number
        assert batch.byte_start == position
        assert batch.first_line == text.line(position)
        assert batch.frame.height + len(batch.rejects) == batch.rows_read <= batch_rows
        position = batch.byte_end
        piece = data[batch.byte_start : batch.byte_end].decode(dialect.encoding, "replace")
        size = 0 if "\ufffd" in piece else len(piece.encode())
        lines = batch.rows_read + batch.blank_lines + batch.comment_lines
        # The first batch counts the blank lines and comments above the header as well.
        assert size <= batch_bytes or lines <= 1 or number == 0
        for reject in batch.rejects:
            assert batch.byte_start <= reject.byte_start < reject.byte_end <= batch.byte_end
            assert reject.line == text.line(reject.byte_start)
            own = data[reject.byte_start : reject.byte_end]
            assert reject.raw == (_without_end(own, dialect) if reject.undecodable else _utf8(own, dialect))
    if not dialect.skip_footer:
        assert not _utf8(data[position:], dialect).strip(b"\r\n\x1a")
    return Read(scanner, batches)


def _without_end(piece: bytes, dialect: Dialect) -> bytes:
    """A record's own bytes without its terminator."""
    ends = [end.encode(dialect.encoding) for end in ("\r\n", "\n", "\r")]
    return next((piece.removesuffix(end) for end in ends if piece.endswith(end)), piece)


def _utf8(piece: bytes, dialect: Dialect) -> bytes:
    """A record's text without its terminator."""
    plain = dialect.encoding == "utf-8"
    text = piece if plain else piece.decode(dialect.encoding, "replace").encode()
    return re.sub(LINE_END[dialect.line_end] + rb"\Z", b"", text, count=1)


LINE_END = {"\n": rb"(?:\r?\n|\r\Z)", "\r": rb"\r", "any": rb"(?:\r\n|\n|\r)"}


@dataclass(frozen=True)
class Lines:
    """Offsets in the source behind each line end."""

    ends: tuple[int, ...]

    def line(self, position: int) -> int:
        """Line of a byte, from 1."""
        return 1 + sum(end <= position for end in self.ends)


def lines_of(data: bytes, dialect: Dialect) -> Lines:
    """Find the physical lines of a file in any encoding, one character after the other."""
    if dialect.encoding == "utf-8" or dialect.encoding.startswith("cp"):
        pattern = re.compile(LINE_END[dialect.line_end])
        return Lines(tuple(match.end() for match in pattern.finditer(data, dialect.bom_bytes)))
    ends, unit = [], len("\n".encode(dialect.encoding))
    marks = {end: end.encode(dialect.encoding) for end in "\r\n"}
    units = [data[at : at + unit] for at in range(dialect.bom_bytes, len(data), unit)]
    for number, here in enumerate(units):
        last = here == marks["\n"] and dialect.line_end != "\r"
        if here == marks["\r"] and dialect.line_end != "\n":
            last = dialect.line_end == "\r" or units[number + 1 : number + 2] != [marks["\n"]]
        if last:
            ends.append(dialect.bom_bytes + (number + 1) * unit)
    return Lines(tuple(ends))


def written(rows: Sequence[Sequence[str]], dialect: Dialect, *, quoting: int, line_end: str) -> str:
    """Write rows with Python's csv module."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(
        buffer,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote_char,
        escapechar=dialect.escape_char,
        doublequote=dialect.escape_char is None,
        quoting=quoting,  # type: ignore[arg-type]  # csv's own numbers
        lineterminator=line_end,
    )
    writer.writerows(rows)
    return buffer.getvalue()
