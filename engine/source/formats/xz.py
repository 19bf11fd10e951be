"""Delimited text in xz streams, one or many."""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from typing import BinaryIO

from engine.source.formats.members import member_chunks
from engine.source.formats.plain import TEXT_SUFFIXES
from engine.source.registry import source_format


@source_format("csv.xz", suffixes=tuple(f"{suffix}.xz" for suffix in TEXT_SUFFIXES), magic=b"\xfd7zXZ\x00")
def open_xz(handle: BinaryIO) -> Iterator[bytes]:
    """Yield the text of all streams; between them xz allows zeros in fours ("stream padding")."""
    try:
        yield from member_chunks(handle, lambda: lzma.LZMADecompressor(format=lzma.FORMAT_XZ), padding=4)
    except lzma.LZMAError as error:
        raise ValueError(str(error)) from None
