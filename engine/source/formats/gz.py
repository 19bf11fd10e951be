"""Delimited text in gzip members, one or many."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from engine.source.formats.plain import CHUNK_BYTES, TEXT_SUFFIXES
from engine.source.registry import source_format


@source_format("csv.gz", suffixes=tuple(f"{suffix}.gz" for suffix in TEXT_SUFFIXES), magic=b"\x1f\x8b")
def open_gzip(handle: BinaryIO) -> Iterator[bytes]:
    """Yield the text of all members; `gzip` itself refuses a cut member and bytes after the last one."""
    try:
        with gzip.GzipFile(fileobj=handle, mode="rb") as members:
            while chunk := members.read(CHUNK_BYTES):
                yield chunk
    except zlib.error as error:
        # Neither an OSError nor a ValueError: damage within the deflated bytes.
        raise ValueError(str(error)) from None
