"""Reject: rows that were read but not loaded, in a CSV that loads as is once it's corrected, and why, in JSON Lines."""

from __future__ import annotations

import base64
import codecs
import json
import re
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from engine.errors import RejectError
from engine.model import Dialect, Reject

# What `json` leaves as it is: DEL, the C1 controls (0x9b begins a terminal's commands), line and paragraph separators
# and the marks that turn the direction of text. JSON writes the other controls as escapes.
_CONTROLS = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class RejectFile:
    """Writes the two files of one source file as rejects arrive; makes no file where there are none.

    Args:
        folder: Where they go.
        stem: Their name without suffix, unique for the file and run.
        source: Path of the source file, for the JSON Lines' first line.
        dialect: The source's dialect, which the CSV keeps.
        header: Everything above the source's first row (skipped lines, header), as UTF-8 without a byte order mark.
    """

    def __init__(self, folder: Path, stem: str, *, source: Path, dialect: Dialect, header: bytes) -> None:
        self.path = folder / f"{stem}.csv"
        self.errors_path = folder / f"{stem}.errors.jsonl"
        self.count = 0
        self.by_class: dict[str, int] = {}
        self.by_column: dict[str, int] = {}
        self.first: Reject | None = None
        self._source = source
        self._dialect = dialect
        # The source's own header record, written above the first reject.
        self.header = header
        self._rows: BinaryIO | None = None
        self._errors: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, reject: Reject) -> None:
        """Add one rejected record.

        Raises:
            RejectError: The files can't be written.
        """
        self.count += 1
        name = reject.reject_class.value
        self.by_class[name] = self.by_class.get(name, 0) + 1
        if reject.column is not None and name == "type":
            self.by_column[reject.column] = self.by_column.get(reject.column, 0) + 1
        if self.first is None or reject.line < self.first.line:
            self.first = reject
        try:
            rows, errors = self._open()
            rows.write(self._encoded(reject.raw + self._line_end(reject.raw)))
            errors.write(_json_line(_entry(reject)))
        except OSError as error:
            raise self._unwritable(error) from None

    def close(self) -> None:
        """Close both files.

        Raises:
            RejectError: What was written last doesn't fit on the disk.
        """
        handles = [handle for handle in (self._rows, self._errors) if handle is not None]
        self._rows = self._errors = None
        failed: OSError | None = None
        for handle in handles:
            try:
                handle.close()
            except OSError as error:
                failed = error
        if failed is not None:
            raise self._unwritable(failed)

    def remove(self) -> None:
        """Take the files back, because the pass starts again."""
        with suppress(RejectError):
            self.close()
        for path in (self.path, self.errors_path):
            path.unlink(missing_ok=True)
        self.count, self.by_class, self.by_column, self.first = 0, {}, {}, None

    def _unwritable(self, error: OSError) -> RejectError:
        return RejectError(
            f"{self.path}: can't write a rejected row: {error.strerror}",
            code="reject.write",
            next_step="free some space, or move the data folder with INGEST_DATA_DIR",
            retryable=True,
        )

    def _line_end(self, raw: bytes) -> bytes:
        """Return the terminator that the source's header has, or one that leaves the record's last CR to the record."""
        if self._dialect.line_end == "\r":
            return b"\r"
        return b"\r\n" if self.header.endswith(b"\r\n") or raw.endswith(b"\r") else b"\n"

    def _encoded(self, text: bytes) -> bytes:
        """Give UTF-8 text the source's encoding back; bytes that are no text stay as they are."""
        if codecs.lookup(self._dialect.encoding).name in ("utf-8", "ascii"):
            return text
        return text.decode("utf-8").encode(self._dialect.encoding)

    def _open(self) -> tuple[BinaryIO, BinaryIO]:
        if self._rows is None or self._errors is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._rows = self._rows or self.path.open("wb")
            self._errors = self.errors_path.open("wb")
            if self._dialect.bom_bytes:
                self._rows.write(self._encoded(codecs.BOM_UTF8))
            self._rows.write(self._encoded(self.header))
            scan: Entry = {
                "source": str(self._source),
                "delimiter": self._dialect.delimiter,
                "quote_char": self._dialect.quote_char,
                "escape_char": self._dialect.escape_char,
                "encoding": self._dialect.encoding,
                "header": self._dialect.header,
            }
            self._errors.write(_json_line(scan))
        return self._rows, self._errors


Entry = dict[str, str | int | bool | None]


def _json_line(entry: Entry) -> bytes:
    """Write one line without control characters, so that a terminal that shows it does nothing else."""
    text = json.dumps(entry, ensure_ascii=False)
    return _CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text).encode() + b"\n"


def _entry(reject: Reject) -> Entry:
    """One line of the JSON Lines file; a record that isn't UTF-8 is in base64."""
    entry: Entry = {
        "line": reject.line,
        "byte_start": reject.byte_start,
        "byte_end": reject.byte_end,
        "column": reject.column,
        "class": reject.reject_class.value,
        "code": reject.code,
        "message": reject.message,
    }
    try:
        entry["raw"] = reject.raw.decode("utf-8")
    except UnicodeDecodeError:
        entry["raw_base64"] = base64.b64encode(reject.raw).decode("ascii")
    return entry
