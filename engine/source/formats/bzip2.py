"""Delimited text in bzip2 streams, one or many."""

from __future__ import annotations

import bz2
from collections.abc import Iterator
from typing import BinaryIO

from engine.source.formats.members import member_chunks
from engine.source.formats.plain import TEXT_SUFFIXES
from engine.source.registry import source_format


@source_format("csv.bz2", suffixes=tuple(f"{suffix}.bz2" for suffix in TEXT_SUFFIXES), magic=b"BZh")
def open_bzip2(handle: BinaryIO) -> Iterator[bytes]:
    """Yield the text of all streams."""
    return member_chunks(handle, bz2.BZ2Decompressor)
