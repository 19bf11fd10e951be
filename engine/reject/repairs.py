"""The file that lists every irregular record that was made a row, and what was done to it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from engine.errors import RejectError
from engine.model import Repair
from engine.reject.lines import Json, json_line

SUFFIX = ".repairs.jsonl"


class RepairFile:
    """Writes repairs as they are made; makes no file where there are none.

    Args:
        folder: Where it goes, beside the rejects.
        stem: Its name without suffix, unique for the file and run.
        source: Path of the source file, for the first line.
    """

    def __init__(self, folder: Path, stem: str, *, source: Path) -> None:
        self.path = folder / f"{stem}{SUFFIX}"
        self.count = 0
        self._source = source
        self.handle: BinaryIO | None = None

    def write(self, repair: Repair) -> None:
        """Add one repaired record.

        Raises:
            RejectError: The file can't be written.
        """
        self.count += 1
        entry: dict[str, Json] = {
            "line": repair.line,
            "byte_start": repair.byte_start,
            "byte_end": repair.byte_end,
            "code": repair.code,
            "done": repair.message,
            "fields": repair.fields,
            "expected": repair.expected,
            "raw": repair.raw.decode("utf-8"),
        }
        try:
            if self.handle is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self.handle = self.path.open("wb")
                self.handle.write(json_line({"source": str(self._source)}))
            self.handle.write(json_line(entry))
        except OSError as error:
            raise self._unwritable(error) from None

    def close(self) -> None:
        """Close the file.

        Raises:
            RejectError: What was written last doesn't fit on the disk.
        """
        handle, self.handle = self.handle, None
        try:
            if handle is not None:
                handle.close()
        except OSError as error:
            raise self._unwritable(error) from None

    def remove(self) -> None:
        """Take the file back, because the pass starts again."""
        with suppress(RejectError):
            self.close()
        with suppress(NotADirectoryError):
            self.path.unlink(missing_ok=True)
        self.count = 0

    def _unwritable(self, error: OSError) -> RejectError:
        return RejectError(
            f"{self.path}: can't write down a repaired row: {error.strerror}",
            code="reject.write",
            next_step="free some space, or move the data folder with INGEST_DATA_DIR",
            retryable=True,
        )
