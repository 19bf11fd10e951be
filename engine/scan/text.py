"""A byte stream as UTF-8 text in pieces: the byte order mark and leading lines dropped, other encodings transcoded."""

from __future__ import annotations

import codecs
import re
from typing import Protocol

from engine.errors import DialectError
from engine.model import Dialect


class Stream(Protocol):
    """What the scan reads from."""

    def read(self, size: int, /) -> bytes: ...


class Text:
    """Reads UTF-8 bytes from a stream in any encoding and keeps what was read ahead.

    Args:
        stream: The decompressed file, at its start.
        dialect: Encoding and byte order mark.
    """

    def __init__(self, stream: Stream, dialect: Dialect) -> None:
        self._stream = stream
        self._encoding = dialect.encoding
        self._plain = codecs.lookup(dialect.encoding).name in ("utf-8", "ascii")
        self._decoder = None if self._plain else codecs.getincrementaldecoder(dialect.encoding)()
        self._buffer = b""
        self._read_bytes = dialect.bom_bytes
        self.at_end = False
        # Offset in the source of the first byte not yet taken.
        self.offset = dialect.bom_bytes
        self.line = 1
        if dialect.bom_bytes:
            self._fill(dialect.bom_bytes)

    def _fill(self, size: int) -> bytes:
        parts, missing = [], size
        while missing > 0:
            part = self._stream.read(missing)
            if not part:
                self.at_end = True
                break
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def peek(self, size: int) -> bytes:
        """Return at least `size` bytes of what comes next, fewer only at the end of the file.

        Raises:
            DialectError: The file isn't in the encoding that it was taken for.
        """
        while len(self._buffer) < size and not self.at_end:
            raw = self._fill(size - len(self._buffer))
            self._buffer = self._buffer + self._decode(raw) if self._buffer else self._decode(raw)
        return self._buffer

    def take(self, size: int) -> None:
        """Drop the first `size` bytes of what `peek` returned: they're dealt with."""
        taken = self._buffer[:size]
        self._buffer = self._buffer[size:]
        self.offset += self.source_bytes(taken)

    def source_bytes(self, text: bytes) -> int:
        """Length in the source of a piece of the UTF-8 text."""
        return len(text) if self._plain else len(text.decode("utf-8").encode(self._encoding))

    def _decode(self, raw: bytes) -> bytes:
        if self._decoder is None:
            return raw
        try:
            text = self._decoder.decode(raw, final=self.at_end)
        except UnicodeDecodeError as error:
            at = self._read_bytes + error.start
            raise DialectError(
                f"byte {at} (0x{error.object[error.start]:02x}) is not {self._encoding} text",
                code="dialect.encoding",
                next_step="name the file's encoding with --encoding",
            ) from None
        self._read_bytes += len(raw)
        return text.encode("utf-8")

    def skip_lines(self, count: int, dialect: Dialect) -> None:
        """Drop the first `count` physical lines."""
        end = re.compile({"\n": rb"\n", "\r": rb"\r", "any": rb"\r\n|\n|\r"}[dialect.line_end])
        for _ in range(count):
            size = 1 << 16
            while True:
                piece = self.peek(size)
                found = end.search(piece)
                if found or len(piece) < size:
                    break
                size *= 2
            self.take(found.end() if found else len(piece))
            self.line += 1
