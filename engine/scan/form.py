"""The form in which Polars reads a window's regular records, where the dialect itself is none that it knows.

A delimiter of several bytes gets a single byte that the window doesn't use, and so does the quote character of a dialect
that escapes without quotes. Records with an escape character or a quoted delimiter go through the exact reader.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.model import Dialect
from engine.scan.bitmap import Positions
from engine.scan.structure import Structure

# Separators of ASCII and controls that no text has; a window with all of them goes through the exact reader.
_SPARE = "\x1f\x1e\x1d\x1c\x02\x03\x04\x05\x06"


def polars_form(dialect: Dialect, text: bytes) -> Dialect | None:
    """Return the dialect in which Polars reads the regular records of `text`, once `translated`; None for none."""
    quote, escape = dialect.quote_char or "", dialect.escape_char
    if not quote.isascii() or any(mark and mark in dialect.delimiter for mark in (quote, escape, dialect.comment)):
        return None
    if quote and escape is None and not is_translated(dialect):
        return dialect
    spare = (mark for mark in _SPARE if mark not in (quote, escape) and mark.encode() not in text)
    delimiter = next(spare, None) if is_translated(dialect) else dialect.delimiter
    # A record that's written again may hold line ends and delimiters, which have to be quoted then.
    quote = quote or next(spare, "")
    if delimiter is None or (escape and not quote):
        return None
    return replace(dialect, delimiter=delimiter, quote_char=quote or None)


def is_translated(dialect: Dialect) -> bool:
    """Tell whether the delimiter has more than one byte."""
    return len(dialect.delimiter.encode()) > 1


def translated(text: bytes, dialect: Dialect, form: Dialect) -> bytes:
    """Return text with the form's delimiter in the place of the dialect's."""
    return text.replace(dialect.delimiter.encode(), form.delimiter.encode()) if is_translated(dialect) else text


def in_source(found: Structure, piece: bytes, dialect: Dialect, form: Dialect) -> Structure:
    """Return the structure of a translated piece with the positions that the piece had before."""
    if not is_translated(dialect):
        return found
    marks = np.flatnonzero(np.frombuffer(piece, np.uint8) == ord(form.delimiter))
    longer = len(dialect.delimiter.encode()) - 1

    def moved(positions: Positions) -> Positions:
        return np.asarray(positions + longer * np.searchsorted(marks, positions), np.int64)

    return Structure(
        starts=moved(found.starts),
        ends=moved(found.ends),
        fields=found.fields,
        terminator_bytes=found.terminator_bytes,
        quotes=moved(found.quotes),
        doubled=moved(found.doubled),
        irregular=found.irregular,
    )
