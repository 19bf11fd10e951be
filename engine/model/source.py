"""A file as it lies in the folder, and how its text is to be read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal


class Irregular(StrEnum):
    """What happens to a short or long row and to a stray quote."""

    REJECT = "reject"
    REPAIR = "repair"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """One file, found complete and identified."""

    path: Path
    size_bytes: int
    mtime_ns: int
    inode: int
    device: int
    # SHA-256 over size, first and last MiB: equal files have equal ones, so a new one proves a new file.
    quick_hash: bytes
    # The registry's name of the format, such as "csv" or "csv.gz".
    format: str
    from_input: bool = False

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    r"""How the bytes of a file become records and fields (CSVW and Python `csv` names).

    `line_end` is `"\n"` (LF and CRLF), `"\r"`, or `"any"` (all three mixed). Without `quote_char` a quote is
    an ordinary character. `escape_char` is None where quotes are doubled.

    A line that begins with `comment` is no row; where that was guessed (`comment_guessed`), only if it can't be one.
    `width` is how many fields the records of the sample usually have, None where there is no such number.
    """

    encoding: str = "utf-8"
    delimiter: str = ","
    quote_char: str | None = '"'
    escape_char: str | None = None
    line_end: Literal["\n", "\r", "any"] = "\n"
    header: bool = True
    skip_lines: int = 0
    null_tokens: tuple[str, ...] = ()
    # Lines at the end of the file that are no rows; blank ones don't count.
    skip_footer: int = 0
    comment: str | None = None
    comment_guessed: bool = False
    width: int | None = None
    # Bytes of the byte order mark at the start of the (decompressed) file.
    bom_bytes: int = 0
