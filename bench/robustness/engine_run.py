"""The engine on one file, through its public function, and what MySQL then holds."""

from __future__ import annotations

import json
from pathlib import Path

import MySQLdb

from bench.robustness import tables_read
from bench.robustness.job import Job
from bench.robustness.landed import Landed
from engine import EngineError, FileReport, FileStatus, Settings, ingest_files

# More rejects than any made file has rows.
_ANY_REJECTS = 1_000_000


def with_engine(job: Job, settings: Settings, connection: MySQLdb.Connection) -> Landed:
    """Load a file into a table of its own, read it back, and drop it."""
    own = settings.model_copy(update=dict(job.settings))
    words = {"max_rejects": _ANY_REJECTS, "on_duplicate": "load", **job.told}
    try:
        (file,) = ingest_files([job.path], own, table=job.table, overrides=words).files
    except EngineError as error:
        return Landed(refused=str(error))
    try:
        return _landed(file, connection)
    finally:
        tables_read.drop(connection, job.table)


def _landed(file: FileReport, connection: MySQLdb.Connection) -> Landed:
    there = tables_read.columns(connection, file.table)
    if file.status is not FileStatus.LOADED:
        left = tables_read.rows(connection, file.table, list(there), list(there.values())) if there else ()
        return Landed(refused=file.error.message if file.error else file.status.value, rows=left)
    names = tuple(column.name for column in file.columns)
    kinds = tuple(there[name] for name in names)
    has_header = any(column.original for column in file.columns)
    return Landed(
        names=names,
        kinds=kinds,
        rows=tables_read.rows(connection, file.table, names, kinds),
        originals=tuple(column.original for column in file.columns) if has_header else None,
        counts=(file.rows_read, file.rows_loaded, file.rows_rejected),
        reported=file.rows_rejected,
        reported_at=_rejects(file.rejects_path),
    )


def _rejects(path: Path | None) -> tuple[tuple[int, int, int], ...]:
    """Return where each reject is that is written down; the first line is about the file."""
    if path is None:
        return ()
    entries = [json.loads(line) for line in path.with_suffix(".errors.jsonl").read_text("utf-8").splitlines()[1:]]
    return tuple((entry["line"], entry["byte_start"], entry["byte_end"]) for entry in entries)
