"""A byte stream as UTF-8 text in pieces: the byte order mark and leading lines dropped, other encodings transcoded."""

from __future__ import annotations

import codecs
import re
from typing import Protocol

from engine.model import Dialect
from engine.scan.footer import Footer
from engine.scan.structure import LINE_ENDS
from engine.scan.undecodable import Transcoder


class Stream(Protocol):
    """What the scan reads from: `read1` returns what comes next, at most so many bytes, none only at the end."""

    def read1(self, size: int, /) -> bytes: ...


class Text:
    """Reads UTF-8 bytes from a stream in any encoding and keeps what was read ahead.

    Bytes that can't be decoded are in the text as invalid UTF-8.

    Args:
        stream: The decompressed file, at its start.
        dialect: Encoding, line end, footer and byte order mark.
    """

    def __init__(self, stream: Stream, dialect: Dialect) -> None:
        self._stream = stream
        self._line_end = re.compile(LINE_ENDS[dialect.line_end])
        self.plain = codecs.lookup(dialect.encoding).name in ("utf-8", "ascii")
        self._transcoder = None if self.plain else Transcoder(dialect.encoding)
        self._footer = Footer(dialect.skip_footer, dialect.line_end) if dialect.skip_footer else None
        # What was read and not yet taken is buffer[start:].
        self._buffer = b""
        self._start = 0
        self._at_end = False
        # Offset in the source of the first byte not yet taken, and its line.
        self.offset = dialect.bom_bytes
        self.line = 1
        if dialect.bom_bytes:
            self._fill(dialect.bom_bytes)

    def peek(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer only at the end of the file."""
        missing = size - (len(self._buffer) - self._start)
        while missing > 0 and not self._at_end:
            parts = self._fill(missing)
            if self._transcoder is not None:
                parts = [self._transcoder.utf8(b"".join(parts), final=self._at_end)]
            if self._footer is not None:
                parts = [self._footer.without(b"".join(parts), final=self._at_end)]
            self._buffer = b"".join((self._buffer[self._start :], *parts))
            self._start = 0
            missing = size - len(self._buffer)
        return self._buffer[self._start : self._start + size]

    def is_rest(self, size: int) -> bool:
        """Tell whether what `peek` returned for `size` is known to be all that is left."""
        return self._at_end and len(self._buffer) - self._start <= size

    def take(self, size: int) -> None:
        """Drop the next `size` bytes, no more than were peeked at: they're dealt with."""
        end = self._start + size
        self.offset += size if self.plain else self.source_bytes(self._buffer[self._start : end])
        self._start = end

    def skip_line(self) -> bytes:
        """Drop one physical line and return it."""
        size = 1 << 16
        while True:
            piece = self.peek(size)
            found = self._line_end.search(piece)
            # A CR at the very end may be the first half of CRLF.
            if self.is_rest(size) or (found and found.end() < len(piece)):
                break
            size *= 2
        line = piece[: found.end()] if found else piece
        self.take(len(line))
        self.line += found is not None
        return line

    def source(self, text: bytes) -> bytes:
        """The file's own bytes of a piece of the UTF-8 text."""
        return text if self._transcoder is None else self._transcoder.source(text)

    def source_bytes(self, text: bytes) -> int:
        """Length in the source of a piece of the UTF-8 text."""
        return len(self.source(text))

    def _fill(self, size: int) -> list[bytes]:
        parts, missing = [], size
        while missing > 0:
            part = self._stream.read1(missing)
            if not part:
                self._at_end = True
                break
            parts.append(part)
            missing -= len(part)
        return parts
