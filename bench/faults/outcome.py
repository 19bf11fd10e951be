"""What a trial left: rows lost, rows twice, and whatever else is there that should not be."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bench.faults.ground import Ground
from bench.faults.ways import Rows
from bench.sessions import ask

_LEDGER = ("_ingest_file", "_ingest_batch")
# The server notices some time after its end that a process is gone.
_SESSIONS_END_S = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What was found in the end; all is well where it's false.

    Attributes:
        rows_lost: Rows of the file, or of the table before, that are not in the table.
        rows_twice: Rows of the table that are there once too often or should not be there at all.
        left_overs: What else is there, or doesn't agree, in words.
    """

    rows_lost: int
    rows_twice: int
    left_overs: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.rows_lost or self.rows_twice or self.left_overs)


def outcome(ground: Ground, expected: Rows, *, rows_read: int, rows_loaded: int, reject_files: int = 0) -> Outcome:
    """Look at table, ledger, catalog, folders and sessions.

    Args:
        expected: What the table has to hold.
        rows_read: Rows of the file.
        rows_loaded: Those of them that are no rejects.
        reject_files: Files that the rejects folder has to have.
    """
    found: Rows = Counter(ground.mysql(ground.way.query))
    lost, twice = expected - found, found - expected
    wrong = [
        *_tables(ground),
        *_ledger(ground, rows_read, rows_loaded),
        *_files(ground.data_dir, reject_files),
        *_sessions(ground),
    ]
    return Outcome(rows_lost=lost.total(), rows_twice=twice.total(), left_overs=tuple(wrong))


def _tables(ground: Ground) -> list[str]:
    names = [str(row[0]) for row in ground.mysql("SHOW TABLES LIKE '\\_ingest%'")]
    return [f"table {name}" for name in names if name not in _LEDGER]


def _ledger(ground: Ground, rows_read: int, rows_loaded: int) -> list[str]:
    """Hold ledger and catalog against the file and against each other."""
    wrong = []
    entries = ground.mysql(
        "SELECT LOWER(HEX(f.file_id)), state, f.rows_read, f.rows_loaded, report IS NOT NULL, "
        "(SELECT SUM(b.rows_loaded) FROM _ingest_batch b WHERE b.file_id = f.file_id) FROM _ingest_file f"
    )
    if len(entries) != 1 or entries[0][1:] != ("published", rows_read, rows_loaded, 1, rows_loaded):
        wrong.append(f"ledger {entries}")
    if stray := ground.mysql(
        "SELECT COUNT(*) FROM _ingest_batch WHERE file_id NOT IN (SELECT file_id FROM _ingest_file)"
    )[0][0]:
        wrong.append(f"ledger: {stray} batches of no file")
    successes = ground.catalog(
        "SELECT replace(ingest_file_id::text, '-', ''), row_count, rows_loaded, "
        "(SELECT COUNT(*) FROM column_metadata c WHERE c.file_metadata_id = f.id) = column_count "
        "FROM file_metadata f WHERE ingestion_status = 'success'"
    )
    if successes != [(entry[0], rows_read, rows_loaded, True) for entry in entries[:1]]:
        wrong.append(f"catalog {successes}")
    if running := ground.catalog("SELECT COUNT(*) FROM file_metadata WHERE ingestion_status = 'running'")[0][0]:
        wrong.append(f"catalog: {running} attempts still running")
    return wrong


def _files(data_dir: Path, reject_files: int) -> list[str]:
    found = {
        folder: sorted(path for path in (data_dir / folder).rglob("*") if path.is_file())
        for folder in ("input", "staging", "rejects", "archive")
    }
    wrong = [f"{path.parent.name}/{path.name}" for folder in ("input", "staging") for path in found[folder]]
    if len(found["archive"]) != 1:
        wrong.append(f"archive: {len(found['archive'])} files")
    if len(found["rejects"]) != reject_files:
        wrong.append(f"rejects: {len(found['rejects'])} files")
    return wrong


def _sessions(ground: Ground) -> list[str]:
    """List sessions that stayed open; with them go locks and temporary tables."""
    deadline = time.monotonic() + _SESSIONS_END_S
    while True:
        open_ones = ask(
            ground.servers.mysql_admin,
            f"SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = '{ground.database}'",
        )[0][0]
        if not open_ones or time.monotonic() > deadline:
            return [f"{open_ones} sessions"] if open_ones else []
        time.sleep(0.05)
