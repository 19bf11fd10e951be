"""The two files: the rows in a CSV that loads as is once it's corrected, and the reasons in JSON Lines."""

from __future__ import annotations

import base64
import codecs
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from engine.errors import RejectError
from engine.model import Reject, RejectsWritten
from engine.reject.lines import Json, json_line
from engine.reject.listing import SIDECAR_SUFFIX, SUFFIX
from engine.reject.origin import Origin
from engine.reject.repairs import RepairFile


class RejectFile:
    """Writes the two files of one source file as rejects arrive; makes no file where there are none.

    Args:
        folder: Where they go.
        stem: Their name without suffix, unique for the file and run.
        origin: The load that they are from; what was planned since may be put in its place until the first reject.
        header: Everything above the source's first row (skipped lines, header), as UTF-8 without a byte order mark.
    """

    def __init__(self, folder: Path, stem: str, *, origin: Origin, header: bytes = b"") -> None:
        self.path = folder / f"{stem}{SUFFIX}"
        self.errors_path = folder / f"{stem}{SIDECAR_SUFFIX}"
        self.count = 0
        self.by_class: dict[str, int] = {}
        self.by_column: dict[str, int] = {}
        self.first: Reject | None = None
        self.origin = origin
        self.repairs = RepairFile(folder, stem, source=origin.source)
        self._dialect = origin.dialect
        # The source's own header record, written above the first reject.
        self.header = header
        self._rows: BinaryIO | None = None
        self._errors: BinaryIO | None = None

        # What another process wrote of them, which stays.
        self._before: RejectsWritten | None = None

    @classmethod
    def resumed(cls, before: RejectsWritten, *, origin: Origin, header: bytes) -> Self:
        """Go on with the files of a pass that another process made; what came after that pass is taken back."""
        made = cls(before.path.parent, before.path.name.removesuffix(SUFFIX), origin=origin, header=header)
        made._before = before
        made.remove()
        return made

    def written(self) -> RejectsWritten:
        """Say how far the files have been written, once they are synced."""
        there = self.count > 0
        return RejectsWritten(
            path=self.path,
            rows=self.count,
            repairs=self.repairs.count,
            path_bytes=self.path.stat().st_size if there else 0,
            errors_bytes=self.errors_path.stat().st_size if there else 0,
        )

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
            raw = reject.raw if reject.undecodable else self._encoded(reject.raw)
            rows.write(raw + self._encoded(self._line_end(reject.raw)))
            errors.write(json_line(_entry(reject)))
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
        self.repairs.close()
        if failed is not None:
            raise self._unwritable(failed)

    def sync(self) -> None:
        """Put all that was written so far on the disk: what the table lacks must not be lost with this process.

        Raises:
            RejectError: It doesn't fit there.
        """
        try:
            for handle in (self._rows, self._errors, self.repairs.handle):
                if handle is not None:
                    handle.flush()
                    os.fsync(handle.fileno())
        except OSError as error:
            raise self._unwritable(error) from None

    def remove(self) -> None:
        """Take back what was written, because the pass starts again."""
        before = self._before
        if before is None:
            self.repairs.remove()
        with suppress(RejectError):
            self.close()
        for path, size in (
            (self.path, before.path_bytes if before else 0),
            (self.errors_path, before.errors_bytes if before else 0),
        ):
            with suppress(NotADirectoryError, FileNotFoundError):
                if size:
                    os.truncate(path, size)
                else:
                    path.unlink()
        self.count, self.by_class, self.by_column, self.first = 0, {}, {}, None
        if before is not None:
            self.count, self.repairs.count = before.rows, before.repairs

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
        # Lines above the header may hold bytes that couldn't be decoded; they are marked as PEP 383 does.
        return text.decode("utf-8", "surrogatepass").encode(self._dialect.encoding, "surrogateescape")

    def _open(self) -> tuple[BinaryIO, BinaryIO]:
        if self._rows is None or self._errors is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self._before is not None and self._before.rows:
                self._rows = self._rows or self.path.open("ab")
                self._errors = self.errors_path.open("ab")
                return self._rows, self._errors
            self._rows = self._rows or self.path.open("wb")
            self._errors = self.errors_path.open("wb")
            if self._dialect.bom_bytes:
                self._rows.write(self._encoded(codecs.BOM_UTF8))
            self._rows.write(self._encoded(self.header))
            self._errors.write(json_line(self.origin.as_json()))
        return self._rows, self._errors


def _entry(reject: Reject) -> dict[str, Json]:
    """One line of the JSON Lines file; a record that isn't UTF-8 is in base64."""
    entry: dict[str, Json] = {
        "line": reject.line,
        "byte_start": reject.byte_start,
        "byte_end": reject.byte_end,
        "column": reject.column,
        "class": reject.reject_class.value,
        "code": reject.code,
        "message": reject.message,
    }
    try:
        if not reject.undecodable:
            return {**entry, "raw": reject.raw.decode("utf-8")}
    except UnicodeDecodeError:
        pass
    return {**entry, "raw_base64": base64.b64encode(reject.raw).decode("ascii")}
