"""Reject: rows that were read but not loaded, in a CSV that loads as is once it's corrected, and why, in JSON Lines."""

from __future__ import annotations

import base64
import codecs
import json
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from engine.errors import RejectError
from engine.model import Dialect, Reject


class RejectFile:
    """Writes the two files of one source file as rejects arrive; makes no file where there are none.

    Args:
        folder: Where they go.
        stem: Their name without suffix, unique for the file and run.
        source: Path of the source file, for the JSON Lines' first line.
        dialect: The source's dialect, which the CSV keeps.
        header: The source's own header record with its terminator; empty where it has none.
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
            rows.write(self._encoded(reject.raw + self._line_end))
            errors.write(json.dumps(_entry(reject), ensure_ascii=False).encode() + b"\n")
        except OSError as error:
            raise RejectError(
                f"{self.path}: can't write a rejected row: {error.strerror}",
                code="reject.write",
                next_step="free some space, or move the data folder with INGEST_DATA_DIR",
                retryable=True,
            ) from None

    def close(self) -> None:
        """Close both files."""
        for handle in (self._rows, self._errors):
            if handle is not None:
                handle.close()
        self._rows = self._errors = None

    def remove(self) -> None:
        """Take the files back, because the pass starts again."""
        self.close()
        for path in (self.path, self.errors_path):
            path.unlink(missing_ok=True)
        self.count, self.by_class, self.by_column, self.first = 0, {}, {}, None

    @property
    def _line_end(self) -> bytes:
        return b"\r" if self._dialect.line_end == "\r" else b"\n"

    def _encoded(self, text: bytes) -> bytes:
        """Give UTF-8 text the source's encoding back; bytes that are no text stay as they are."""
        if codecs.lookup(self._dialect.encoding).name in ("utf-8", "ascii"):
            return text
        return text.decode("utf-8").encode(self._dialect.encoding)

    def _open(self) -> tuple[BinaryIO, BinaryIO]:
        if self._rows is None or self._errors is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._rows = self.path.open("wb")
            self._errors = self.errors_path.open("wb")
            if self._dialect.bom_bytes:
                self._rows.write(self._encoded(codecs.BOM_UTF8))
            self._rows.write(self._encoded(self.header))
            scan = {
                "source": str(self._source),
                "delimiter": self._dialect.delimiter,
                "quote_char": self._dialect.quote_char,
                "escape_char": self._dialect.escape_char,
                "encoding": self._dialect.encoding,
                "header": self._dialect.header,
            }
            self._errors.write(json.dumps(scan, ensure_ascii=False).encode() + b"\n")
        return self._rows, self._errors


def _entry(reject: Reject) -> dict[str, str | int | None]:
    """One line of the JSON Lines file; a record that isn't UTF-8 is in base64."""
    entry: dict[str, str | int | None] = {
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
