"""The last lines of a file that are no rows, held back until it's clear that they are the last."""

from __future__ import annotations

from typing import Literal

_TAIL_BYTES = 1 << 16
# A line without anything but these is blank; 0x1A ends a DOS file.
_NOTHING = b"\r\n\x1a"


class Footer:
    """Lets a text pass but for its last lines, blank ones not counted.

    Args:
        lines: How many lines.
        line_end: As in the dialect.
    """

    def __init__(self, lines: int, line_end: Literal["\n", "\r", "any"]) -> None:
        self._lines = lines
        self._ends = {"\n": (b"\n",), "\r": (b"\r",), "any": (b"\n", b"\r")}[line_end]
        self._held = b""

    def without(self, more: bytes, *, final: bool) -> bytes:
        """Take the next piece of the text and return what is no part of the footer, whatever follows."""
        text = self._held + more
        cut = self._start(text)
        self._held = b"" if final else text[cut:]
        return text[:cut]

    def _start(self, text: bytes) -> int:
        """Return where the last lines begin."""
        size = _TAIL_BYTES
        while True:
            found = self._start_in_tail(text[-size:])
            if found is not None:
                return max(0, len(text) - size) + found
            if size >= len(text):
                return 0
            size *= 16

    def _start_in_tail(self, tail: bytes) -> int | None:
        at, missing = len(tail.rstrip(_NOTHING)), self._lines
        while at > 0:
            start = max(tail.rfind(end, 0, at) for end in self._ends) + 1
            if not start:
                # The line may begin in front of the tail.
                return None
            missing -= bool(tail[start:at].strip(_NOTHING))
            if not missing:
                return start
            at = start - 1
        return None
