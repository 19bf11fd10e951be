"""Source: finds the files that are complete, says which file it is, and opens it as delimited text."""

from engine.source import formats as _formats  # noqa: F401  (importing the built-in formats registers them)
from engine.source.finding import Found, Skipped, Waiting, find
from engine.source.identity import content_hash, fingerprint, unchanged
from engine.source.opening import DelimitedStream, HashingReader, Opened, open_source
from engine.source.registry import SourceFormat, known_suffixes, source_format

__all__ = [
    "DelimitedStream",
    "Found",
    "HashingReader",
    "Opened",
    "Skipped",
    "SourceFormat",
    "Waiting",
    "content_hash",
    "find",
    "fingerprint",
    "known_suffixes",
    "open_source",
    "source_format",
    "unchanged",
]
