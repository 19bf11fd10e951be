"""Compressed files of several members, for the decompressors that share the interface of `bz2` and `lzma`.

`bz2.open` and `lzma.open` take bytes after the last member for padding and drop them in silence, and with them every
member after a damaged header. Here they are an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

from engine.source.formats.plain import CHUNK_BYTES


class Decompressor(Protocol):
    """One member's decompressor."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def member_chunks(handle: BinaryIO, new_decompressor: Callable[[], Decompressor], padding: int = 0) -> Iterator[bytes]:
    """Yield the contents of one member after the other, at most 1 MiB at a time.

    Args:
        handle: The stored bytes.
        new_decompressor: Makes the decompressor of one member.
        padding: Zeros are allowed after a member, in multiples of so many bytes; 0 allows none.

    Raises:
        EOFError: The last member is cut, or there is none.
        OSError, ValueError: What follows a member isn't one, or it is damaged; also what the decompressor raises.
    """
    data = handle.read(CHUNK_BYTES)
    if not data:
        raise EOFError("the file is empty")
    while data:
        member = new_decompressor()
        yield from _member(handle, member, data)
        data = member.unused_data or handle.read(CHUNK_BYTES)
        if padding:
            data = _skip_padding(handle, data, padding)


def _member(handle: BinaryIO, member: Decompressor, data: bytes) -> Iterator[bytes]:
    while True:
        if chunk := member.decompress(data, CHUNK_BYTES):
            yield chunk
        if member.eof:
            return
        data = handle.read(CHUNK_BYTES) if member.needs_input else b""
        if member.needs_input and not data:
            raise EOFError("the file ends before its last member does")


def _skip_padding(handle: BinaryIO, data: bytes, unit: int) -> bytes:
    zeros = 0
    while data:
        rest = data.lstrip(b"\0")
        zeros += len(data) - len(rest)
        if rest:
            data = rest
            break
        data = handle.read(CHUNK_BYTES)
    if zeros % unit:
        raise ValueError(f"{zeros} bytes of padding, which isn't a multiple of {unit}")
    return data
