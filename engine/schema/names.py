"""Names that MySQL can hold: of columns from a header, of a table from a file's name."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from pathlib import PurePath

# The engine's own invisible primary key, so no column of a file can have it.
ROW_ID = "_row_id"

_MAX_CHARS = 64
# Room for what the engine appends to a target's name for its shadow and staging tables.
_MAX_TABLE_CHARS = 50
# A table's file is named with up to five bytes for a character that isn't ASCII, `@` and four digits, and most
# file systems stop at 255 bytes, suffixes included.
_MAX_TABLE_BYTES = 180
_FILE_SUFFIXES = frozenset({
    "csv", "tsv", "tab", "txt", "dat", "psv", "data", "gz", "gzip", "zst", "zstd", "bz2", "xz", "lzma", "zip",
    "parquet", "json", "jsonl", "ndjson", "arrow", "feather", "xlsx",
})  # fmt: skip


def column_names(header: Sequence[str]) -> tuple[str, ...]:
    """Give every column of a header a legal name that is unique without regard to case.

    A name that MySQL can hold is kept as it is, even where a column before it would be renamed to the same. The
    others: blanks around are cut; an empty one becomes `column_3` (position from 1); NUL and characters beyond the
    Basic Multilingual Plane become `_`; a long one is cut and ends with a hash of the whole; a repeated one
    gets `_2`, `_3`...

    Args:
        header: The header's texts; all empty for a file without a header.
    """
    wanted = [_legal(text) or f"column_{position}" for position, text in enumerate(header, start=1)]
    names: list[str | None] = [None] * len(wanted)
    taken = {identity(ROW_ID)}
    for keep_only in (True, False):
        for index, name in enumerate(wanted):
            if names[index] is not None or (keep_only and (name != header[index] or identity(name) in taken)):
                continue
            names[index] = _unique(name, taken)
            taken.add(identity(names[index] or ""))
    return tuple(name for name in names if name is not None)


def table_name(file_name: str) -> str:
    """Make a legal, readable and stable table name of at most 50 characters from a file's name.

    `Sales Report (March).csv.gz` becomes `sales_report_march`. It never starts with an underscore, which the
    engine's own tables do.
    """
    stem = PurePath(file_name).name
    while (parts := stem.rsplit(".", 1)) and len(parts) == 2 and parts[1].lower() in _FILE_SUFFIXES:
        stem = parts[0]
    plain = "".join(char for char in unicodedata.normalize("NFKD", stem) if not unicodedata.combining(char))
    # Recomposed, because a script like Hangul would stay in pieces.
    plain = unicodedata.normalize("NFC", plain).lower()
    words = re.sub(r"[\W_]+", "_", "".join(char if ord(char) <= 0xFFFF else "_" for char in plain))
    name = words.strip("_") or "file"
    if len(name) <= _MAX_TABLE_CHARS and _encoded_bytes(name) <= _MAX_TABLE_BYTES:
        return name
    suffix = "_" + _hash(name)
    cut = name[: _MAX_TABLE_CHARS - len(suffix)]
    while _encoded_bytes(cut) + len(suffix) > _MAX_TABLE_BYTES:
        cut = cut[:-1]
    return cut.rstrip("_") + suffix


def identity(name: str) -> str:
    """Return what MySQL and MariaDB compare of a column's name: each character in lower case, accents kept."""
    # One character for one: Python's own lower() makes two of a capital I with a dot.
    return "".join(char.lower()[0] for char in name)


def _legal(text: str) -> str:
    usable = "".join(
        "_" if char == "\0" or ord(char) > 0xFFFF or 0xD800 <= ord(char) <= 0xDFFF else char for char in text
    )
    name = usable.strip()
    if len(name) <= _MAX_CHARS:
        return name
    suffix = "_" + _hash(text)
    return name[: _MAX_CHARS - len(suffix)].rstrip() + suffix


def _unique(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while identity(candidate) in taken:
        number += 1
        suffix = f"_{number}"
        candidate = name[: _MAX_CHARS - len(suffix)].rstrip() + suffix
    return candidate


def _hash(text: str) -> str:
    return hashlib.blake2s(text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()


def _encoded_bytes(name: str) -> int:
    return sum(1 if char.isascii() else 5 for char in name)
