"""The dialect of a file that was written in a known one and may have been edited since."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from engine.dialect.encoding import Encoding, declared_encoding, recognised_encoding
from engine.errors import DialectError
from engine.model import Dialect

# A byte order mark and the zeros of UTF-16 show within so many bytes.
_HEAD_BYTES = 4_096


@dataclass(frozen=True, kw_only=True, slots=True)
class _Look:
    """What the bytes of a whole file show."""

    head: bytes
    is_utf8: bool
    is_ascii: bool


def look_again(
    chunks: Callable[[], Iterable[bytes]], known: Dialect, *, encoding: str | None, file_name: str
) -> Dialect:
    """Find out what an editor may have changed: byte order mark, encoding, line ends. The rest is as known.

    Args:
        chunks: Reads the delimited text from its start; it's read twice.
        known: The dialect in which the file was written.
        encoding: The file's encoding now, where somebody says it.
        file_name: For errors.

    Raises:
        DialectError: It may be in the old encoding or in UTF-8 (`dialect.encoding`).
    """
    now = _encoding(_look(chunks()), known, encoding, file_name)
    return replace(known, encoding=now.name, bom_bytes=now.bom_bytes, line_end=_line_end(chunks(), known, now.name))


def _look(chunks: Iterable[bytes]) -> _Look:
    decoder = codecs.getincrementaldecoder("utf-8")()
    head, is_utf8, is_ascii = b"", True, True
    for chunk in chunks:
        head += chunk[: max(0, _HEAD_BYTES - len(head))]
        is_ascii = is_ascii and chunk.isascii()
        try:
            if is_utf8:
                decoder.decode(chunk)
        except UnicodeDecodeError:
            is_utf8 = False
    return _Look(head=head, is_utf8=is_utf8 and not decoder.getstate()[0], is_ascii=is_ascii)


def _encoding(look: _Look, known: Dialect, said: str | None, file_name: str) -> Encoding:
    if said is not None:
        return declared_encoding(said, look.head, file_name=file_name)
    if (recognised := recognised_encoding(look.head)) is not None:
        return recognised
    name = codecs.lookup(known.encoding).name
    # UTF-16 has zeros, unless all of it is beyond Latin.
    as_known = (
        name in ("utf-8", "ascii") or not look.is_utf8 or (look.is_ascii and not name.startswith(("utf-16", "utf-32")))
    )
    if not as_known:
        raise DialectError(
            f"{file_name}: what it was made of is {known.encoding}, and it looks like UTF-8 now",
            code="dialect.encoding",
            next_step=f"say which it is: --encoding utf-8, or --encoding {known.encoding}",
        )
    return Encoding(name=known.encoding)


def _line_end(chunks: Iterable[bytes], known: Dialect, encoding: str) -> Literal["\n", "\r", "any"]:
    """Keep the known line end, unless the file has none of that kind any more."""
    if known.line_end == "any":
        return "any"
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    feeds, returns, pairs, last = 0, 0, 0, ""
    for chunk in chunks:
        text = last + decoder.decode(chunk)
        # A CR at the end of a piece may be the first half of CRLF.
        last = "\r" if text.endswith("\r") else ""
        text = text.removesuffix("\r")
        feeds, returns, pairs = feeds + text.count("\n"), returns + text.count("\r"), pairs + text.count("\r\n")
    returns += bool(last)
    if known.line_end == "\n":
        return "\r" if returns and not feeds else "\n"
    return "\r" if returns > pairs or not feeds else "\n"
