"""Delimited text in Zstandard frames, one or many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from engine.source.formats.plain import CHUNK_BYTES, TEXT_SUFFIXES
from engine.source.registry import source_format


class _Borrowed:
    """Lets pyarrow read a file without closing it."""

    closed = False

    def __init__(self, handle: BinaryIO) -> None:
        self.read = handle.read

    def close(self) -> None:
        self.closed = True


@source_format("csv.zst", suffixes=tuple(f"{suffix}.zst" for suffix in TEXT_SUFFIXES), magic=b"\x28\xb5\x2f\xfd")
def open_zstandard(handle: BinaryIO) -> Iterator[bytes]:
    """Yield the text of all frames.

    By pyarrow: `zstandard.ZstdDecompressor().stream_reader` takes a cut frame for the end of the file (0.25, every
    cut of two frames that was tried), and its `decompressobj` has no bound on what one call returns.
    """
    import pyarrow as pa

    with pa.CompressedInputStream(pa.PythonFile(_Borrowed(handle), mode="r"), "zstd") as frames:
        while chunk := frames.read(CHUNK_BYTES):
            yield chunk
