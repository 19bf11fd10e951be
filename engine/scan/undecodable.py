"""Bytes that are no text in a file's encoding: marked in the UTF-8 text, so that only their record is rejected."""

from __future__ import annotations

import codecs
import re

# A byte that can't be decoded becomes the lone surrogate U+DC00 + byte (from 0x80 on as in PEP 383): no encoding has
# that character, and in UTF-8 it is invalid, so the check that every record gets finds it.
_FIRST = 0xDC00
_MARKS = re.compile("[\udc00-\udcff]+")
_ERRORS = "headrace.mark"


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(_FIRST + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_ERRORS, _mark)


class Transcoder:
    """Turns a file's bytes into UTF-8 with marks, and pieces of that into the file's own bytes again.

    Args:
        encoding: A codec's name.
    """

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)(_ERRORS)

    def utf8(self, raw: bytes, *, final: bool) -> bytes:
        """Decode the next bytes of the file."""
        return self._decoder.decode(raw, final=final).encode("utf-8", "surrogatepass")

    def source(self, text: bytes) -> bytes:
        """Return the file's own bytes of a piece of the text."""
        chars = text.decode("utf-8", "surrogatepass")
        parts, at = [], 0
        for marks in _MARKS.finditer(chars):
            parts.append(chars[at : marks.start()].encode(self._encoding, "replace"))
            parts.append(bytes(ord(mark) - _FIRST for mark in marks[0]))
            at = marks.end()
        parts.append(chars[at:].encode(self._encoding, "replace"))
        return b"".join(parts)


def source_byte(text: bytes, at: int) -> int:
    """Return the byte of the file that isn't text, found at `at` in the UTF-8 text: a mark's, or the byte itself."""
    if text[at] == 0xED and text[at + 1 : at + 2] >= b"\xb0" and len(text) >= at + 3:
        return ord(text[at : at + 3].decode("utf-8", "surrogatepass")) - _FIRST
    return text[at]
