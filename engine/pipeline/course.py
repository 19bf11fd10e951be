"""What is known of one file while it goes through the rooms, and the report that this becomes, however it ends."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from engine.catalog import FileStart
from engine.config import Feed, Settings
from engine.errors import EngineError
from engine.load import Address, Connection, Control
from engine.log import Stopwatch
from engine.model import (
    ColumnReport,
    Dialect,
    ErrorReport,
    FileReport,
    FileStatus,
    Mode,
    Progress,
    QualityCheck,
    Receipt,
    SourceFile,
    TableProfile,
)
from engine.pipeline.hints import left_out
from engine.pipeline.planning import Plan
from engine.pipeline.projection import Projection
from engine.pipeline.reading import Reading
from engine.reject import Origin, RejectFile
from engine.schema import table_name


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What all files of one run share."""

    run_id: str
    settings: Settings
    address: Address
    projection: Projection
    dry_run: bool
    archive: bool | None
    on_progress: Callable[[Progress], None]

    def connect(self) -> Connection:
        """Open one more connection to MySQL."""
        return Connection(self.address, connect_timeout_s=self.settings.connect_timeout_s)

    def take_control(self) -> Control:
        """Open the connection that will hold the lock of a target."""
        return Control(self.address, connect_timeout_s=self.settings.connect_timeout_s)


@dataclass(kw_only=True, slots=True)
class Course:
    """What is known so far.

    `claimed`: the ledger has an entry of this load. `locked`: it holds its target's lock. `unknown`: when that was taken
    the ledger knew neither this file in this target nor an unfinished load from its path.
    """

    run_id: str
    path: Path
    feed: Feed
    file: SourceFile | None = None
    file_id: uuid.UUID = field(default_factory=uuid.uuid4)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    watch: Stopwatch = field(default_factory=Stopwatch)
    attempt: int = 1
    locked: bool = False
    claimed: bool = False
    unknown: bool = False
    # Enters the load into the ledger, where that waits for what becomes of it.
    claim: Callable[[], None] | None = None
    # The catalog wasn't told that it begins: it's told when the ledger is, at the latest together with how it ends.
    begins_late: bool = False
    status: FileStatus = FileStatus.FAILED
    error: EngineError | None = None
    mode: Mode = Mode.APPEND
    reading: Reading | None = None
    plan: Plan | None = None
    # A table that the feed's own text created, to be dropped whatever happens.
    model: str | None = None
    profile: TableProfile | None = None
    checks: tuple[QualityCheck, ...] = ()
    receipt: Receipt | None = None
    content_hash: bytes | None = None
    rows_loaded: int = 0
    restarts: int = 0
    rejects: RejectFile | None = None
    archived_to: Path | None = None
    # The load whose corrected rejects the file has, and how that one read dates and booleans, by column.
    replays: uuid.UUID | None = None
    formats: Mapping[str, tuple[str, ...]] | None = None
    notes: list[str] = field(default_factory=list)
    # The attempt, columns and checks that the catalog has already.
    described: tuple[int, tuple[ColumnReport, ...], tuple[QualityCheck, ...]] | None = None
    # The report of the pass over the file, where another process has made it.
    passed: FileReport | None = None

    @property
    def table(self) -> str:
        return self.feed.table or table_name(self.path.name or "file")

    @property
    def mtime(self) -> datetime | None:
        return None if self.file is None else datetime.fromtimestamp(self.file.mtime_ns / 1e9, UTC)

    def fail(self, error: EngineError) -> None:
        """Note an expected failure: too many rejects and broken rules hold the file, anything else fails it."""
        held = error.code in ("reject.limit", "quality.rule")
        self.status = FileStatus.HELD if held else FileStatus.FAILED
        self.error = error
        self.rows_loaded, self.receipt = 0, None

    @property
    def may_resume(self) -> bool:
        """The next attempt can go on from what is in MySQL now."""
        return self.error is not None and self.error.retryable and self.error.code != "source.changed"

    def start(self) -> FileStart:
        """Say what is known of the file as it begins."""
        return FileStart(
            file_id=str(self.file_id),
            attempt=self.attempt,
            run_id=self.run_id,
            path=self.path,
            size_bytes=self.file.size_bytes if self.file else 0,
            mtime=self.mtime,
            table=self.table,
            mode=self.mode,
            feed=self.feed.name,
            started_at=self.started_at,
            replays=str(self.replays) if self.replays else None,
        )

    def origin(self, dialect: Dialect, header: tuple[str, ...] = ()) -> Origin:
        """Say what the rejects of this load are from, as far as that is known by now."""
        columns = self.plan.schema.columns if self.plan else ()
        return Origin(
            source=self.path,
            dialect=dialect,
            names=header,
            file_id=self.file_id,
            attempt=self.attempt,
            run_id=self.run_id,
            started_at=self.started_at,
            table=self.table,
            mode=self.mode,
            feed=self.feed,
            formats={column.name: column.type.formats for column in columns if column.type.formats},
            replays=self.replays,
        )

    def columns(self) -> tuple[ColumnReport, ...]:
        """List the columns that are loaded and those in the JSON column, with their statistics once the file is read."""
        if self.passed is not None:
            return self.passed.columns
        if self.plan is None:
            return ()
        profiles = {column.column: column for column in self.profile.columns} if self.profile else {}
        surplus = self.reading.surplus if self.reading is not None else None
        return tuple(
            ColumnReport(
                name=column.name,
                original=column.original,
                mysql_type=column.type.mysql,
                profile=profiles.get(column.name),
            )
            for column in self.plan.schema.columns
        ) + (surplus.columns() if surplus is not None else ())

    def report(self) -> FileReport:
        """Report what is known of the file now."""
        reading, error = self.reading, self.error
        return FileReport(
            file_id=str(self.file_id),
            run_id=self.run_id,
            attempt=self.attempt,
            path=self.path,
            sha256=self.content_hash.hex() if self.content_hash else None,
            size_bytes=self.file.size_bytes if self.file else 0,
            mtime=self.mtime,
            feed=self.feed.name,
            table=self.table,
            mode=self.mode,
            status=self.status,
            started_at=self.started_at,
            seconds=self.watch.elapsed_s + (self.passed.seconds if self.passed else 0.0),
            seconds_by_step=dict(self.watch.seconds),
            rows_read=reading.rows_read if reading else 0,
            rows_loaded=self.rows_loaded,
            rows_rejected=reading.rows_rejected if reading else 0,
            rejects_by_class=dict(reading.rejects_by_class) if reading else {},
            blank_lines=reading.blank_lines if reading else 0,
            comment_lines=reading.comment_lines if reading else 0,
            repaired_rows=reading.repaired_rows if reading else 0,
            restarts=self.restarts,
            batches=reading.batches if reading else 0,
            rejects_path=self.rejects.path if self.rejects is not None and self.rejects.count else None,
            repairs_path=self.rejects.repairs.path if self.rejects is not None and self.rejects.repairs.count else None,
            archived_to=self.archived_to,
            replays=str(self.replays) if self.replays else None,
            error=ErrorReport(code=error.code, message=located(error, self.path), retryable=error.retryable)
            if error
            else None,
            receipt=self.receipt,
            columns=self.columns(),
            checks=self.checks,
            notes=(*self.notes, *(left_out(reading) if reading else ())),
        )


def located(error: EngineError, path: Path) -> str:
    """Write an error with its file in front, where the message doesn't name it."""
    return str(error) if path.name and path.name in error.message else f"{path}: {error}"


def described(dialect: Dialect) -> str:
    """Say a file's dialect in a line."""
    quote = f"quote {dialect.quote_char}" if dialect.quote_char else "no quotes"
    escape = f", escape {dialect.escape_char}" if dialect.escape_char else ""
    header = "a header" if dialect.header else "no header"
    return f"{dialect.encoding}, delimiter {dialect.delimiter!r}, {quote}{escape}, {header}"


def in_a_line(report: FileReport) -> str:
    """Say where a file went and how many of its rows."""
    counts = f"{report.rows_read:,} rows read, {report.rows_loaded:,} loaded, {report.rows_rejected:,} rejected"
    return f"{report.path.name} → {report.table}: {counts}"
