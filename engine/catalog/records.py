"""A file's beginning and end as the parameters of the statements that record them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from engine.catalog.values import cut, json_text, storable
from engine.model import ColumnReport, FileReport, FileStatus, Mode

# What psycopg binds.
Parameter = str | int | float | bool | datetime | None


class IngestionStatus(StrEnum):
    """`file_metadata.ingestion_status` over a file's life."""

    QUEUED = "queued"
    RUNNING = "running"
    RETRY = "retry"
    SUCCESS = "success"
    DUPLICATE = "duplicate"
    HELD = "held"
    FAILED = "failed"


ENDS: Mapping[FileStatus, IngestionStatus] = {
    FileStatus.LOADED: IngestionStatus.SUCCESS,
    FileStatus.DUPLICATE: IngestionStatus.DUPLICATE,
    FileStatus.HELD: IngestionStatus.HELD,
    FileStatus.FAILED: IngestionStatus.FAILED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class FileStart:
    """What is known of an attempt at a file when it begins, or is queued.

    `file_id` is the ledger's id, a UUID as text. Times without a zone are taken as UTC.
    """

    file_id: str
    attempt: int
    run_id: str
    path: Path
    size_bytes: int
    mtime: datetime | None
    table: str
    mode: Mode
    feed: str | None
    started_at: datetime
    status: IngestionStatus = IngestionStatus.RUNNING
    # The load whose corrected rejects the file has, as `file_id`.
    replays: str | None = None


def start_of(report: FileReport) -> FileStart:
    """Return how the attempt that a report is about began."""
    return FileStart(
        file_id=report.file_id,
        attempt=report.attempt,
        run_id=report.run_id,
        path=report.path,
        size_bytes=report.size_bytes,
        mtime=report.mtime,
        table=report.table,
        mode=report.mode,
        feed=report.feed,
        started_at=report.started_at,
        replays=report.replays,
    )


def start_parameters(start: FileStart) -> dict[str, Parameter]:
    """Return the parameters of `file_begin.sql` and `file_claim.sql`."""
    return {
        "file_id": start.file_id,
        "attempt": start.attempt,
        "run_id": storable(start.run_id),
        "file_name": cut(start.path.name, 500),
        "file_path": cut(str(start.path), 1000),
        "size_bytes": start.size_bytes,
        "mtime": start.mtime,
        "table": cut(start.table, 255),
        "mode": start.mode.value,
        "feed": _optional(start.feed),
        "started_at": start.started_at,
        "status": start.status.value,
        "replays": start.replays,
    }


def end_parameters(report: FileReport) -> dict[str, Parameter]:
    """Return the parameters of `file_finish.sql`, but for the row's id."""
    error = report.error
    return {
        **start_parameters(start_of(report)),
        "status": ENDS[report.status].value,
        "finished_at": report.started_at + timedelta(seconds=report.seconds),
        "seconds": report.seconds,
        "rows_read": report.rows_read,
        "rows_loaded": report.rows_loaded,
        "rows_rejected": report.rows_rejected,
        "rejects_by_class": json_text(report.rejects_by_class),
        "rejects_path": _optional(report.rejects_path),
        "archived_to": _optional(report.archived_to),
        "blank_lines": report.blank_lines,
        "repaired_rows": report.repaired_rows,
        "restarts": report.restarts,
        "batches": report.batches,
        "column_count": len(report.columns),
        "columns_info": columns_info(report.columns),
        "sha256": report.sha256,
        "seconds_by_step": json_text(report.seconds_by_step),
        "error_code": error.code if error else None,
        "error_message": storable(error.message) if error else None,
        "error_retryable": error.retryable if error else None,
        "receipt": json_text(report.receipt) if report.receipt else None,
        "report": _rest(report),
    }


def columns_info(columns: tuple[ColumnReport, ...]) -> str:
    """Return the JSON of `file_metadata.columns_info`: the columns without their statistics, names uncut."""
    return json_text(
        [
            {"position": position, "name": column.name, "original": column.original, "type": column.mysql_type}
            for position, column in enumerate(columns)
        ]
    )


def _rest(report: FileReport) -> str:
    """Return the report as JSON, without what has a column or table of its own and may be large."""
    elsewhere = ("columns", "checks", "receipt")
    return json_text({item.name: getattr(report, item.name) for item in fields(report) if item.name not in elsewhere})


def _optional(text: str | Path | None) -> str | None:
    return None if text is None else storable(str(text))
