"""The whole dialect of a file from its first bytes, each part a guess only where the feed doesn't say it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import Literal

from engine.config import Feed
from engine.dialect.binary import refuse_binary
from engine.dialect.encoding import declared_encoding, decode, guessed_encoding, recognised_encoding
from engine.dialect.header import has_header
from engine.dialect.separation import Declared, Separation, separate, without_quoted
from engine.model import Dialect

# What delimiters and headers are told from. Twice as much changed no answer on the corpus of tests/dialect_corpus.py.
TEXT_CHARS = 65_536
PRIORS = {"tsv": "\t", "tab": "\t", "psv": "|"}
# Excel writes such a first line, and reads it.
_SEP_LINE = re.compile(r'"?sep=(.)"?(?:\r\n|\n|\r|\Z)', re.IGNORECASE)

# So many records must have the same length for bare CRs to end records rather than to be data.
REGULAR = 0.98

LineEnd = Literal["\n", "\r", "any"]


def detect(sample: bytes, feed: Feed, *, name: str, complete: bool) -> Dialect:
    """Detect the dialect of a file; what the feed declares is taken as it is.

    Args:
        sample: The first bytes of the delimited text; 256 KiB are plenty.
        feed: Its `encoding`, `delimiter`, `quote_char`, `escape_char`, `header`, `skip_lines` and `null` switch the
            guess of that part off; names of its `columns` are evidence for a header.
        name: The file's name, for errors and for what its suffix says.
        complete: The sample is the whole text.

    Raises:
        DialectError: The file isn't text (`dialect.binary`, `dialect.markup`), or its encoding can't be told
            (`dialect.encoding`).
    """
    known = recognised_encoding(sample) if feed.encoding is None else None
    if feed.encoding is not None:
        known = declared_encoding(feed.encoding, sample, file_name=name)
    refuse_binary(sample, file_name=name, known_text=known is not None)
    encoding = known or guessed_encoding(sample, file_name=name, complete=complete)
    declared = Declared(
        delimiter=_spelled(feed.delimiter), quote_char=feed.quote_char, escape_char=_spelled(feed.escape_char)
    )
    text, skip_lines, delimiter = _start(decode(sample, encoding, complete=complete), feed.skip_lines)
    if declared.delimiter is None:
        declared = replace(declared, delimiter=delimiter)
    line_end, separation = _lines(text, declared, prior=_prior(name), complete=complete)
    names = {*feed.columns, *(rule.source for rule in feed.columns.values() if rule.source)}
    return Dialect(
        encoding=encoding.name,
        delimiter=separation.delimiter,
        quote_char=separation.quote_char,
        escape_char=separation.escape_char,
        line_end=line_end,
        header=has_header(separation.records, names) if feed.header is None else feed.header,
        skip_lines=skip_lines,
        null_tokens=feed.null,
        bom_bytes=encoding.bom_bytes,
    )


def _spelled(text: str | None) -> str | None:
    # A shell has no easy way to write a tab.
    return "\t" if text == "\\t" else text


def _prior(name: str) -> str | None:
    suffix = re.search(r"\.(tsv|tab|psv)(?:\.\w+)?\Z", name.lower())
    return PRIORS[suffix[1]] if suffix else None


def _start(text: str, skip_lines: int | None) -> tuple[str, int, str | None]:
    """Return the text after the lines to skip, how many these are, and the delimiter that the first one names."""
    named = _SEP_LINE.match(text)
    if skip_lines is None:
        return (text[named.end() :], 1, named[1]) if named else (text, 0, None)
    end = "\n" if "\n" in text else "\r"
    return "".join(text.split(end, skip_lines)[skip_lines:]), skip_lines, named[1] if named and skip_lines else None


def _lines(text: str, declared: Declared, *, prior: str | None, complete: bool) -> tuple[LineEnd, Separation]:
    """Tell what ends a record, together with how records part into fields: only quotes tell an end from data."""
    # A sample may be cut between CR and LF.
    text = (text if complete else text.removesuffix("\r")).replace("\r\n", "\n")
    text, complete = _shortened(text, complete=complete)
    if "\r" not in text:
        return "\n", separate(text, declared, prior=prior, complete=complete)
    ended = separate(text.replace("\r", "\n"), declared, prior=prior, complete=complete)
    bare = without_quoted(text, ended)
    if "\r" in bare:
        if "\n" not in bare:
            return "\r", ended
        if "\r" not in re.sub(r"\r+\n", "\n", bare) or _regular(ended):
            return "any", ended
    return "\n", separate(text.replace("\r", " "), declared, prior=prior, complete=complete)


def _shortened(text: str, *, complete: bool) -> tuple[str, bool]:
    """Cut a long text at the end of a line."""
    ends = [place for end in "\r\n" if (place := text.find(end, TEXT_CHARS)) >= 0]
    return (text[: min(ends)], False) if ends and min(ends) + 1 < len(text) else (text, complete)


def _regular(separation: Separation) -> bool:
    lengths = Counter(map(len, separation.records))
    usual, count = lengths.most_common(1)[0] if lengths else (0, 0)
    return usual > 1 and count >= REGULAR * lengths.total()
