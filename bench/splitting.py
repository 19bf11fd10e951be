"""Cuts a CSV in two at the end of a record, for two connections that load at once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import BinaryIO

_BLOCK_BYTES = 1 << 22


def halves(path: Path) -> tuple[Path, Path]:
    """Return two files with about half of the records each, both with the header; made beside it unless they are there.

    Each is in a folder of its own and called as the file is, so that what takes a table's name from a file's can.
    """
    found = tuple(path.parent / "halves" / str(number) / path.name for number in (1, 2))
    if not all(half.exists() for half in found):
        cut = record_end(path, path.stat().st_size // 2)
        with path.open("rb") as source:
            header = source.readline()
            source.seek(0)
            _write(found[0], b"", source, cut)
            _write(found[1], header, source, None)
    return found[0], found[1]


def record_end(path: Path, at: int) -> int:
    """Return the offset behind the first record that ends at or after `at`.

    Quotes are doubled within quotes, so that a line end is a record's where the number of quotes before it is even.
    """
    with path.open("rb") as file:
        quotes = left = 0
        while left < at:
            block = file.read(min(_BLOCK_BYTES, at - left))
            quotes += block.count(b'"')
            left += len(block)
        # What lies between here and the end of this line may still be within quotes.
        for line in file:
            left += len(line)
            quotes += line.count(b'"')
            if quotes % 2 == 0:
                break
    return left


def _write(half: Path, header: bytes, source: BinaryIO, size_bytes: int | None) -> None:
    """Write the header and then so many bytes of the source, or all that is left of it."""
    half.parent.mkdir(parents=True, exist_ok=True)
    partial = half.with_suffix(".partial")
    with partial.open("wb") as target:
        target.write(header)
        if size_bytes is None:
            shutil.copyfileobj(source, target, _BLOCK_BYTES)
        else:
            while size_bytes and (block := source.read(min(_BLOCK_BYTES, size_bytes))):
                target.write(block)
                size_bytes -= len(block)
    partial.rename(half)
