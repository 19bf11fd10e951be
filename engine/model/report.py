"""What is said of a file, a run and the catalog when they have ended, or on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from engine.model.profile import ColumnProfile, QualityCheck
from engine.model.table import Mode


class FileStatus(StrEnum):
    """How a file ended."""

    LOADED = "loaded"
    DUPLICATE = "duplicate"
    HELD = "held"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnReceipt:
    """One column as the engine counted it and as MySQL confirmed it, both as text."""

    column: str
    engine: Mapping[str, str | None]
    mysql: Mapping[str, str | None]
    equal: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """What was read beside what MySQL holds. `verified` is False where it was switched off, and `note` says so."""

    verified: bool
    rows_engine: int
    rows_mysql: int
    columns: tuple[ColumnReceipt, ...]
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorReport:
    """An expected failure, as the report shows it."""

    code: str
    message: str
    retryable: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnReport:
    """A column of the file as the report shows it; `within` names the JSON column that holds it under the key `name`."""

    name: str
    original: str
    mysql_type: str
    profile: ColumnProfile | None
    within: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FileReport:
    """Everything about one file of one run. `rows_read == rows_loaded + rows_rejected` for a loaded file.

    `file_id` is the ledger's id (a UUID), the same for every attempt at the same file.
    """

    file_id: str
    run_id: str
    attempt: int
    path: Path
    sha256: str | None
    size_bytes: int
    mtime: datetime | None
    feed: str | None
    table: str
    mode: Mode
    status: FileStatus
    started_at: datetime
    seconds: float
    seconds_by_step: Mapping[str, float]
    rows_read: int = 0
    rows_loaded: int = 0
    rows_rejected: int = 0
    rejects_by_class: Mapping[str, int] = field(default_factory=dict)
    blank_lines: int = 0
    # Lines that were taken for comments.
    comment_lines: int = 0
    repaired_rows: int = 0
    restarts: int = 0
    batches: int = 0
    rejects_path: Path | None = None
    # Every repaired line and what was done to it, where there are any.
    repairs_path: Path | None = None
    archived_to: Path | None = None
    # The ledger's id of the load whose corrected rejects the file has.
    replays: str | None = None
    error: ErrorReport | None = None
    receipt: Receipt | None = None
    columns: tuple[ColumnReport, ...] = ()
    checks: tuple[QualityCheck, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RunReport:
    """Everything about one run, what `--json` writes."""

    run_id: str
    started_at: datetime
    wall_seconds: float
    files: tuple[FileReport, ...]
    dry_run: bool = False
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Every file was loaded, or had been before."""
        return all(f.status in (FileStatus.LOADED, FileStatus.DUPLICATE) for f in self.files)

    @property
    def rows_read(self) -> int:
        return sum(f.rows_read for f in self.files)

    @property
    def rows_loaded(self) -> int:
        return sum(f.rows_loaded for f in self.files)

    @property
    def rows_rejected(self) -> int:
        return sum(f.rows_rejected for f in self.files)


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a file is, for whoever shows it.

    `loading` is set where the file was read and staged whole before and now goes to the server: then `rows` are those
    that are in, and `bytes_done` is their share of the file.
    """

    file: str
    bytes_done: int
    bytes_total: int
    rows: int
    loading: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Reconciliation:
    """How the catalog was brought in line with the ledger.

    Attributes:
        entries: Loads in the ledger.
        agreed: Those that the catalog had as they are.
        written: Those that it lacked or had otherwise.
        interrupted: Attempts that counted as running while nobody was at them.
        busy: Loads that somebody is at just now: left alone.
        unreadable: Loads whose report can't be read; the catalog has of them what the ledger's columns say.
        dry_run: Nothing was written.
    """

    entries: int
    agreed: int
    written: int
    interrupted: int
    busy: int
    unreadable: int
    dry_run: bool
    notes: tuple[str, ...] = ()
