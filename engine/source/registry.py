"""The registry of source formats: which function turns a file's bytes into delimited text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from engine.errors import SourceError

# Takes the stored bytes, yields the delimited text in pieces of a bounded size. Bytes that it can't read are an
# OSError, EOFError or ValueError; whoever opened the file adds its name.
Opener = Callable[[BinaryIO], Iterator[bytes]]


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFormat:
    """One way in which delimited text is stored.

    Attributes:
        name: Such as `csv.gz`.
        suffixes: Ends of file names, lower case, with the dot.
        magic: The first bytes of such a file, which decide for a file that is named without a known suffix.
    """

    name: str
    suffixes: tuple[str, ...]
    opener: Opener
    magic: bytes = b""


_FORMATS: dict[str, SourceFormat] = {}


def source_format(name: str, *, suffixes: tuple[str, ...], magic: bytes = b"") -> Callable[[Opener], Opener]:
    """Register the decorated function as the way to read files whose names end with one of `suffixes`.

    Args:
        name: The format's name; registering a name again replaces it.
        suffixes: With the dot, such as `(".csv.gz",)`; of several that fit a file the longest wins.
        magic: First bytes of every such file, if there are any.

    Raises:
        ValueError: Another format has one of the suffixes.
    """
    lowered = tuple(suffix.lower() for suffix in suffixes)
    for other in _FORMATS.values():
        if other.name != name and (taken := set(lowered) & set(other.suffixes)):
            raise ValueError(f"source format {name}: {', '.join(sorted(taken))} belongs to {other.name}")

    def register(opener: Opener) -> Opener:
        _FORMATS[name] = SourceFormat(name=name, suffixes=lowered, opener=opener, magic=magic)
        return opener

    return register


def format_named(name: str) -> SourceFormat:
    """Return the format of that name.

    Raises:
        SourceError: No such format is registered (`source.format`).
    """
    if name not in _FORMATS:
        raise SourceError(
            f"no source format is called {name!r}",
            code="source.format",
            next_step=f"registered are {', '.join(sorted(_FORMATS))}",
        )
    return _FORMATS[name]


def format_of_name(file_name: str) -> SourceFormat | None:
    """Return the format with the longest suffix that ends `file_name`, None where there is none."""
    lowered = file_name.lower()
    fitting = [
        (len(suffix), entry) for entry in _FORMATS.values() for suffix in entry.suffixes if lowered.endswith(suffix)
    ]
    return max(fitting, key=lambda pair: pair[0])[1] if fitting else None


def format_of_bytes(head: bytes) -> SourceFormat:
    """Return the format whose magic begins `head`, else plain `csv`."""
    for entry in _FORMATS.values():
        if entry.magic and head.startswith(entry.magic):
            return entry
    return _FORMATS["csv"]


def known_suffixes() -> tuple[str, ...]:
    """Return every registered suffix, sorted."""
    return tuple(sorted(suffix for entry in _FORMATS.values() for suffix in entry.suffixes))
