"""Compressed files, unpacked for tools that can't."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What is raised of a file that is cut or damaged; bz2 raises ValueError or OSError.
UNPACK_ERRORS = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError)


def unpacked(path: Path, compression: str) -> bytes:
    """Return what is in a file."""
    data = path.read_bytes()
    match compression:
        case "":
            return data
        case "gz":
            return gzip.decompress(data)
        case "bz2":
            return bz2.decompress(data)
        case "xz":
            return lzma.decompress(data)
        case _:
            import pyarrow as pa

            with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
                return bytes(stream.read())


@contextmanager
def readable(path: Path, compression: str, *known: str) -> Iterator[Path]:
    """Yield a file that a tool can read which knows these compressions."""
    if compression in ("", *known):
        yield path
        return
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(unpacked(path, compression))
        file.flush()
        yield Path(file.name)
