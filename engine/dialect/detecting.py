"""The whole dialect of a file from its first bytes, each part a guess only where the feed doesn't say it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from engine.config import Feed
from engine.dialect.above import Above, comments_above, first_lines, title_lines, usual_width, without_comments
from engine.dialect.aligned import refuse_aligned
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
        feed: Its `encoding`, `delimiter`, `quote_char`, `escape_char`, `header`, `skip_lines`, `comment` and `null`
            switch the guess of that part off; names of its `columns` are evidence for a header.
        name: The file's name, for errors and for what its suffix says.
        complete: The sample is the whole text.

    Raises:
        DialectError: The file isn't delimited text (`dialect.binary`, `dialect.markup`, `dialect.aligned`), or its
            encoding can't be told (`dialect.encoding`).
    """
    known = recognised_encoding(sample) if feed.encoding is None else None
    if feed.encoding is not None:
        known = declared_encoding(feed.encoding, sample, file_name=name)
    refuse_binary(sample, file_name=name, known_text=known is not None)
    encoding = known or guessed_encoding(sample, file_name=name, complete=complete)
    declared = Declared(
        delimiter=_spelled(feed.delimiter), quote_char=feed.quote_char, escape_char=_spelled(feed.escape_char)
    )
    prior = _prior(name)
    start = _start(decode(sample, encoding, complete=complete), feed, declared, prior=prior, complete=complete)
    if declared.delimiter is None:
        declared = replace(declared, delimiter=start.delimiter)
    line_end, separation = _lines(start.text, declared, prior=prior, complete=complete)
    if declared.delimiter is None and usual_width(separation) == 1:
        lines = [record[0] for record in separation.records]
        refuse_aligned(lines, file_name=name, delimiter=separation.delimiter)
    names = {*feed.columns, *(rule.source for rule in feed.columns.values() if rule.source)}
    return Dialect(
        encoding=encoding.name,
        delimiter=separation.delimiter,
        quote_char=separation.quote_char,
        escape_char=separation.escape_char,
        line_end=line_end,
        header=has_header(separation.records, names) if feed.header is None else feed.header,
        skip_lines=start.skip_lines,
        null_tokens=feed.null,
        skip_footer=feed.skip_footer,
        comment=feed.comment or start.comment,
        comment_guessed=start.comment is not None,
        width=usual_width(separation),
        bom_bytes=encoding.bom_bytes,
    )


def _spelled(text: str | None) -> str | None:
    # A shell has no easy way to write a tab.
    return "\t" if text == "\\t" else text


def _prior(name: str) -> str | None:
    suffix = re.search(r"\.(tsv|tab|psv)(?:\.\w+)?\Z", name.lower())
    return PRIORS[suffix[1]] if suffix else None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Start:
    """The text of the table, without what stands above it and without comments, and what that says of it.

    Attributes:
        skip_lines: Physical lines above it.
        delimiter: The one that the first line names.
        comment: What comment lines begin with, where nobody said it.
    """

    text: str
    skip_lines: int
    delimiter: str | None = None
    comment: str | None = None


def _start(text: str, feed: Feed, declared: Declared, *, prior: str | None, complete: bool) -> _Start:
    """Find where the table begins."""
    named = _SEP_LINE.match(text)
    end = "\n" if "\n" in text else "\r"
    skip_lines = feed.skip_lines if feed.skip_lines is not None else (1 if named else 0)
    lines = text.split(end)[skip_lines:]
    delimiter = named[1] if named and skip_lines else None
    if delimiter is not None and declared.delimiter is None:
        declared = replace(declared, delimiter=delimiter)

    def separated(some: Sequence[str]) -> Separation:
        few = "\n".join(first_lines(some)).replace("\r\n", "\n").replace("\r", "\n")
        return separate(few, declared, prior=prior, complete=True)

    whole = lines if complete else lines[:-1]
    above = Above()
    if feed.comment:
        lines = without_comments(lines, feed.comment)
    elif feed.comment is None:
        above = comments_above(whole, separated)
    if above.comment is not None:
        # The first line below them may be a header that begins like a comment.
        lines = [*lines[above.lines :][:1], *without_comments(lines[above.lines + 1 :], above.comment)]
    titles = 0
    if feed.skip_lines is None and feed.header is not False and not named:
        titles = title_lines(lines if complete else lines[:-1], separated)
    skip_lines += above.lines + titles
    return _Start(text=end.join(lines[titles:]), skip_lines=skip_lines, delimiter=delimiter, comment=above.comment)


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
