"""Delimited text as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from engine.source.registry import source_format

TEXT_SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".psv")
CHUNK_BYTES = 1 << 20


@source_format("csv", suffixes=TEXT_SUFFIXES)
def open_plain(handle: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of the file."""
    while chunk := handle.read(CHUNK_BYTES):
        yield chunk
