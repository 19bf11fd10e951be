"""Names that MySQL can hold: of columns from a header, of a table from a file's name."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import PurePath

from engine.config import Feed
from engine.model import Column

# The engine's own invisible primary key, so no column of a file can have it.
ROW_ID = "_row_id"
# The engine's own JSON column, with the fields of a file that is wider than a table can be.
WIDE = "_wide"

_MAX_CHARS = 64
_NOTED = 5
_NO_IDENTIFIER = re.compile("[\0\ud800-\udfff\U00010000-\U0010ffff]")
# Room for what the engine appends to a target's name for its shadow and staging tables.
_MAX_TABLE_CHARS = 50
# A table's file is named with up to five bytes for a character that isn't ASCII, `@` and four digits, and most
# file systems stop at 255 bytes, suffixes included.
_MAX_TABLE_BYTES = 180
_FILE_SUFFIXES = frozenset({
    "csv", "tsv", "tab", "txt", "dat", "psv", "data", "gz", "gzip", "zst", "zstd", "bz2", "xz", "lzma", "zip",
    "parquet", "json", "jsonl", "ndjson", "arrow", "feather", "xlsx",
})  # fmt: skip


def column_names(header: Sequence[str], reserved: Collection[str] = (ROW_ID,)) -> tuple[str, ...]:
    """Give every column of a header a legal name that is unique without regard to case.

    A name that MySQL can hold is kept as it is, even where a column before it would be renamed to the same. The
    others: blanks around are cut; an empty one becomes `column_3` (position from 1); NUL and characters beyond the
    Basic Multilingual Plane become their number, such as `U+1F600`; a long one is cut and ends with a hash of the
    whole; a repeated one gets `_2`, `_3`...

    A name depends on the header's text, not on its place: where several are the same but for case, lower case comes
    first, so that files with their columns in another order have the same names. Only empty texts and equal ones, which
    nothing else tells apart, go by position.

    Args:
        header: The header's texts; all empty for a file without a header.
        reserved: Names that no column of the file can have.
    """
    wanted = [_legal(text) or f"column_{position}" for position, text in enumerate(header, start=1)]
    seen = Counter[str]()
    repeats = []
    for text in header:
        repeats.append(seen[text])
        seen[text] += 1
    by_text = sorted(range(len(header)), key=lambda at: (repeats[at], wanted[at].swapcase(), header[at], at))
    names: dict[int, str] = {}
    taken = {identity(name) for name in reserved}
    for at in by_text:
        if wanted[at] == header[at] and identity(wanted[at]) not in taken:
            names[at] = wanted[at]
            taken.add(identity(wanted[at]))
    # Where the search for a free number goes on: ten thousand equal names would otherwise be tried from 2 each time.
    numbers = Counter[str]()
    for at in by_text:
        if at not in names:
            names[at] = _unique(wanted[at], taken, numbers)
            taken.add(identity(names[at]))
    return tuple(names[at] for at in range(len(header)))


def names_note(columns: Sequence[Column], feed: Feed) -> tuple[str, ...]:
    """Say which columns aren't named as the header does, blanks around and the feed's own names aside."""
    sources = {rule.source for rule in feed.columns.values()}
    changed = [
        f"{column.original!r} is {column.name}"
        for column in columns
        if column.original.strip() and column.original not in sources and column.name != column.original.strip()
    ]
    if not changed:
        return ()
    more = f" and {len(changed) - _NOTED:,} more" if len(changed) > _NOTED else ""
    return (f"names that MySQL can't hold, or that are there twice: {', '.join(changed[:_NOTED])}{more}",)


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
    # One character for one: Python's own lower() makes two of a capital I with a dot. Of the Basic Multilingual Plane both
    # servers fold no other letters than these, and 476 fewer.
    return name.lower() if name.isascii() else "".join(char.lower()[0] for char in name)


def _legal(text: str) -> str:
    # Identifiers are of the Basic Multilingual Plane, and no blank ends them (both servers take every other character).
    name = _NO_IDENTIFIER.sub(lambda char: f"U+{ord(char[0]):04X}", text).strip()
    if len(name) <= _MAX_CHARS:
        return name
    suffix = "_" + _hash(text)
    return name[: _MAX_CHARS - len(suffix)].rstrip() + suffix


def _unique(name: str, taken: Collection[str], numbers: Counter[str]) -> str:
    candidate = name
    while identity(candidate) in taken:
        numbers[name] = max(2, numbers[name] + 1)
        suffix = f"_{numbers[name]}"
        candidate = name[: _MAX_CHARS - len(suffix)].rstrip() + suffix
    return candidate


def _hash(text: str) -> str:
    return hashlib.blake2s(text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()


def _encoded_bytes(name: str) -> int:
    return sum(1 if char.isascii() else 5 for char in name)
