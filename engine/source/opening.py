"""A file opened once: its stored bytes hashed as they pass, and the delimited text that they hold."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from engine.ahead import ahead
from engine.errors import SourceError
from engine.model import SourceFile
from engine.source.identity import open_regular, refusal, unchanged
from engine.source.registry import format_named

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Stored bytes are read and hashed in pieces of this size, big enough for `hashlib` to let other threads run.
RAW_CHUNK_BYTES = 1 << 20
# Each of 1 MB, as a rule: enough for the time between two batches, and no more to hold.
_CHUNKS_AHEAD = 4


class HashingReader(io.RawIOBase):
    """Reads a file's stored bytes, hashing and counting them in the same pass; closing it closes the file.

    Args:
        handle: The file, at its start.
        hashed: Whether the digest is wanted; without it a pass costs nothing more than reading.
    """

    def __init__(self, handle: io.FileIO, *, hashed: bool = True) -> None:
        self.handle = handle
        self.position = 0
        self.at_end = False
        self._hash = hashlib.sha256() if hashed else None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        count = self.handle.readinto(view) or 0
        if self._hash is not None:
            self._hash.update(view[:count])
        self.position += count
        self.at_end = count == 0 and len(view) > 0
        return count

    def digest(self) -> bytes:
        """Return the SHA-256 of all stored bytes.

        Raises:
            ValueError: They weren't all read, or weren't hashed.
        """
        if self._hash is None or not self.at_end:
            raise ValueError("a digest needs hashed=True and every byte read")
        return self._hash.digest()

    def hexdigest(self) -> str:
        """Return the SHA-256 of all stored bytes as text, as `digest` does."""
        return self.digest().hex()

    def close(self) -> None:
        self.handle.close()
        super().close()


class DelimitedStream(io.RawIOBase):
    """The delimited text of a file. `read(n)` returns n bytes, fewer only at the end.

    Raises:
        SourceError: From any read: the file is cut, damaged or followed by something else (`source.corrupt`),
            or can't be read any further (`source.unreadable`).
    """

    def __init__(self, file: SourceFile, chunks: Iterator[bytes], stored: io.BufferedReader[HashingReader]) -> None:
        self.position = 0
        self._file = file
        self._chunks = chunks
        self._stored = stored
        self._rest = b""
        self._unpacked = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            return b"".join(iter(self.read1, b""))
        pieces = []
        while size and (piece := self.read1(size)):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def read1(self, size: int = -1, /) -> bytes:
        """Return the next bytes as they come, at most `size`, b"" only at the end."""
        piece = self._rest or self._next()
        # A slice of all of it is the same object, not a copy.
        cut = len(piece) if size < 0 else min(size, len(piece))
        result, self._rest = piece[:cut], piece[cut:]
        self.position += cut
        return result

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the stream, once nothing reads ahead for it any more."""
        if isinstance(self._chunks, Generator):
            self._chunks.close()
        super().close()

    def _next(self) -> bytes:
        """Return the next piece, b"" at the end of the text, which has to be the end of the file as well."""
        try:
            for chunk in self._chunks:
                if chunk:
                    self._unpacked += len(chunk)
                    return chunk
            left_over = self._stored.read(1)
        except (OSError, EOFError, ValueError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise refusal(self._file.path, error) from error
            raise self._corrupt(str(error) or type(error).__name__) from error
        if left_over:
            raise self._corrupt("something follows its end")
        if self._file.format != "csv" and not self._unpacked and self._file.size_bytes == 0:
            raise self._corrupt("the file is empty")
        return b""

    def _corrupt(self, reason: str) -> SourceError:
        return SourceError(
            f"{self._file.path}: not readable as {self._file.format} after {self._unpacked} bytes of text: {reason}",
            code="source.corrupt",
            next_step="have the file sent again; what could be read of it was not loaded",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """An open source file: `raw` has its stored bytes' position and digest, `stream` its delimited text."""

    file: SourceFile
    raw: HashingReader
    stream: DelimitedStream
    _stored: io.BufferedReader[HashingReader]

    def unchanged(self) -> None:
        """Check that the file is still the one that was found; raises SourceError `source.changed`."""
        unchanged(self.file, self.raw.handle)

    def close(self) -> None:
        """Close the file."""
        self.stream.close()
        self._stored.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_source(file: SourceFile, *, hashed: bool = True, read_ahead: bool = False) -> Opened:
    """Open a file that was found, as a stream of the delimited text that it holds.

    Args:
        file: The file.
        hashed: Hash the stored bytes as they are read, for `raw.digest()` at the end.
        read_ahead: Read, hash and unpack the next 4 MB or so in another thread, where the file is larger than one.

    Raises:
        SourceError: It is gone, unreadable, or no longer the same file.
    """
    entry = format_named(file.format)
    handle = open_regular(file.path)
    try:
        unchanged(file, handle)
        os.posix_fadvise(handle.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        raw = HashingReader(handle, hashed=hashed)
        stored = io.BufferedReader(raw, RAW_CHUNK_BYTES)
        chunks = iter(entry.opener(stored))
        if read_ahead and file.size_bytes > RAW_CHUNK_BYTES:
            chunks = ahead(chunks, _CHUNKS_AHEAD)
        stream = DelimitedStream(file, chunks, stored)
    except BaseException:
        handle.close()
        raise
    return Opened(file=file, raw=raw, stream=stream, _stored=stored)
