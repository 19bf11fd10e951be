"""Ledger: one row per file and per batch, in MySQL, in the same transactions as the rows themselves."""

from __future__ import annotations

import hashlib
import os
import socket
import uuid
from dataclasses import dataclass
from typing import Literal

from engine.errors import LoadError
from engine.load import tables
from engine.load.connection import Connection
from engine.load.refusal import Refused
from engine.log import logger
from engine.model import Mode, SourceFile
from engine.sql import statement

State = Literal["loading", "publishing", "published", "superseded", "held", "failed"]
_DUPLICATE = 1062
_NO_TABLE = 1146


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A file's row in the ledger."""

    file_id: uuid.UUID
    target: str
    mode: Mode
    quick_hash: bytes
    content_hash: bytes | None
    contract_hash: bytes
    generation: int
    batch_rows: int
    batch_bytes: int
    state: str
    shadow: str | None
    attempt: int
    path: str
    rows_loaded: int | None


_COLUMNS = (
    "file_id, target, mode, quick_hash, content_hash, contract_hash, generation, batch_rows, batch_bytes, state, shadow, "
    "attempt, path, rows_loaded"
)


def _entry(row: tuple[object, ...]) -> Entry:
    file_id, target, mode, quick, content, contract, generation, rows, size, state, shadow, attempt, path, loaded = row
    assert isinstance(file_id, bytes)
    assert isinstance(quick, bytes)
    assert isinstance(contract, bytes)
    return Entry(
        file_id=uuid.UUID(bytes=file_id),
        target=str(target),
        mode=Mode(str(mode)),
        quick_hash=quick,
        content_hash=content if isinstance(content, bytes) else None,
        contract_hash=contract,
        generation=int(str(generation)),
        batch_rows=int(str(rows)),
        batch_bytes=int(str(size)),
        state=str(state),
        shadow=None if shadow is None else str(shadow),
        attempt=int(str(attempt)),
        path=str(path),
        rows_loaded=None if loaded is None else int(str(loaded)),
    )


def ensure(connection: Connection) -> None:
    """Create the ledger's tables where they aren't there yet."""
    for name in ("mysql/ledger_file.sql", "mysql/ledger_batch.sql"):
        table = "_ingest_" + name.removeprefix("mysql/ledger_").removesuffix(".sql")
        # Looked up first: IF NOT EXISTS raises a note, and wants CREATE even where there is nothing to create.
        if not connection.query(statement("mysql/describe_table.sql"), (table,)):
            text = "\n".join(line for line in statement(name).splitlines() if not line.lstrip().startswith("--"))
            connection.execute(text)


def same_file(connection: Connection, target: str, file: SourceFile) -> tuple[Entry, ...]:
    """List the entries that may be this very file in this target, newest first; none where there is no ledger."""
    sql = (
        f"SELECT {_COLUMNS} FROM _ingest_file WHERE target = %s AND quick_hash = %s AND size_bytes = %s "
        "ORDER BY claimed_at DESC, generation DESC"
    )
    try:
        rows = connection.query(sql, (target, file.quick_hash, file.size_bytes))
    except Refused as error:
        if error.number == _NO_TABLE:
            return ()
        raise
    return tuple(_entry(row) for row in rows)


def claim(connection: Connection, entry: Entry, file: SourceFile, *, resume: bool) -> Entry:
    """Write the entry of a load that begins, or take over one that was cut short."""
    owner = f"{socket.gethostname()}:{os.getpid()}"
    if resume:
        connection.execute(
            "UPDATE _ingest_file SET state = IF(state = 'publishing', state, 'loading'), attempt = attempt + 1, owner = %s, "
            "path = %s, report = NULL, cataloged = 0, ended_at = NULL WHERE file_id = %s",
            (owner, str(file.path), entry.file_id.bytes),
        )
        rows = connection.query(f"SELECT {_COLUMNS} FROM _ingest_file WHERE file_id = %s", (entry.file_id.bytes,))
        return _entry(rows[0])
    connection.execute(
        "INSERT INTO _ingest_file (file_id, target, mode, path, size_bytes, quick_hash, content_hash, contract_hash, generation, "
        "batch_rows, batch_bytes, state, shadow, owner, attempt) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            entry.file_id.bytes,
            entry.target,
            entry.mode.value,
            str(file.path),
            file.size_bytes,
            entry.quick_hash,
            entry.content_hash,
            entry.contract_hash,
            entry.generation,
            entry.batch_rows,
            entry.batch_bytes,
            "loading",
            entry.shadow,
            owner,
            entry.attempt,
        ),
    )
    return entry


def forget_batches(connection: Connection, file_id: uuid.UUID) -> None:
    """Drop the batch rows of a load that starts again from nothing."""
    connection.execute("DELETE FROM _ingest_batch WHERE file_id = %s", (file_id.bytes,))


def forget(connection: Connection, file_id: uuid.UUID) -> None:
    """Drop everything that the ledger has of a load whose rows are nowhere."""
    forget_batches(connection, file_id)
    connection.execute("DELETE FROM _ingest_file WHERE file_id = %s", (file_id.bytes,))


def discard(connection: Connection, entry: Entry) -> None:
    """Drop an unfinished load that can't be resumed, with the table that nobody saw."""
    if entry.shadow is not None:
        tables.drop(connection, entry.shadow)
    forget(connection, entry.file_id)


def mark_renamed(connection: Connection, entry: Entry) -> None:
    """Mark a load as published whose rename went through while its mark was lost."""
    assert entry.content_hash is not None
    rows = connection.query(
        "SELECT SUM(b.rows_read), SUM(b.rows_loaded), MAX(f.report) FROM _ingest_batch b JOIN _ingest_file f USING (file_id) "
        "WHERE b.file_id = %s",
        (entry.file_id.bytes,),
    )
    read, loaded = (int(str(value or 0)) for value in rows[0][:2])
    mark_published(
        connection,
        entry.file_id,
        content_hash=entry.content_hash,
        rows_read=read,
        rows_loaded=loaded,
        rows_rejected=read - loaded,
        report=str(rows[0][2] or ""),
        supersedes=True,
        target=entry.target,
    )


def committed_batches(connection: Connection, file_id: uuid.UUID) -> int:
    """Count the batches that are in."""
    return int(str(connection.query("SELECT COUNT(*) FROM _ingest_batch WHERE file_id = %s", (file_id.bytes,))[0][0]))


def mark_publishing(connection: Connection, file_id: uuid.UUID, content_hash: bytes, report: str) -> None:
    """Commit the intent to rename, so that recovery knows what a missing shadow table means, and the report with it."""
    connection.execute(
        "UPDATE _ingest_file SET state = 'publishing', content_hash = %s, report = %s WHERE file_id = %s",
        (content_hash, report, file_id.bytes),
    )


def mark_published(
    connection: Connection,
    file_id: uuid.UUID,
    *,
    content_hash: bytes,
    rows_read: int,
    rows_loaded: int,
    rows_rejected: int,
    report: str,
    supersedes: bool,
    target: str,
) -> None:
    """Commit that the file is in, with its report, which nobody who dies from here on can lose.

    Args:
        supersedes: What the target held before is gone, so its files may come again.

    Raises:
        LoadError: The same bytes were published by somebody else meanwhile.
    """
    if supersedes:
        connection.execute(
            "UPDATE _ingest_file SET state = 'superseded' WHERE target = %s AND state = 'published' AND file_id <> %s",
            (target, file_id.bytes),
        )
    try:
        connection.execute(
            "UPDATE _ingest_file SET state = 'published', content_hash = %s, rows_read = %s, rows_loaded = %s, "
            "rows_rejected = %s, report = %s, cataloged = NULL, ended_at = CURRENT_TIMESTAMP(6) WHERE file_id = %s",
            (content_hash, rows_read, rows_loaded, rows_rejected, report, file_id.bytes),
        )
    except Refused as error:
        if error.number == _DUPLICATE:
            raise LoadError(
                f"the same bytes were loaded into {target} by another worker meanwhile",
                code="load.duplicate",
                next_step="load them again with --on-duplicate load if that is meant",
            ) from None
        raise


def mark_ended(connection: Connection, file_id: uuid.UUID, state: State) -> None:
    """Note that a load was held or failed."""
    connection.execute(
        "UPDATE _ingest_file SET state = %s, ended_at = CURRENT_TIMESTAMP(6) WHERE file_id = %s", (state, file_id.bytes)
    )


def store_report(connection: Connection, file_id: uuid.UUID, report: str, *, cataloged: bool) -> None:
    """Keep the file's report beside its entry, and whether the catalog has it."""
    connection.execute(
        "UPDATE _ingest_file SET report = %s, cataloged = %s WHERE file_id = %s",
        (report, int(cataloged), file_id.bytes),
    )


def uncataloged(connection: Connection) -> tuple[tuple[uuid.UUID, str], ...]:
    """List the reports that the catalog doesn't have and that no living worker is about to write, oldest first."""
    try:
        rows = connection.query(
            "SELECT file_id, report, target, cataloged FROM _ingest_file WHERE (cataloged = 0 OR cataloged IS NULL) "
            "AND report IS NOT NULL AND state NOT IN ('loading', 'publishing') ORDER BY claimed_at"
        )
    except Refused as error:
        if error.number == _NO_TABLE:
            return ()
        raise
    return tuple(
        (uuid.UUID(bytes=file_id), str(report))
        for file_id, report, target, cataloged in rows
        if isinstance(file_id, bytes) and (cataloged is not None or _is_free(connection, str(target)))
    )


def _is_free(connection: Connection, target: str) -> bool:
    return connection.query("SELECT IS_FREE_LOCK(%s)", (_lock_name(connection, target),))[0][0] == 1


def abandoned(connection: Connection, target: str, file: SourceFile) -> tuple[Entry, ...]:
    """List the unfinished loads, behind a shadow, of what was at this path before this file."""
    rows = connection.query(
        f"SELECT {_COLUMNS} FROM _ingest_file WHERE target = %s AND path = %s AND shadow IS NOT NULL "
        "AND state IN ('loading', 'publishing', 'failed') AND (quick_hash <> %s OR size_bytes <> %s)",
        (target, str(file.path), file.quick_hash, file.size_bytes),
    )
    return tuple(_entry(row) for row in rows)


def mark_cataloged(connection: Connection, file_id: uuid.UUID) -> None:
    """Note that the catalog has the report."""
    connection.execute("UPDATE _ingest_file SET cataloged = 1 WHERE file_id = %s", (file_id.bytes,))


def lock(connection: Connection, target: str, wait_s: int) -> None:
    """Keep other workers out of a target table until the connection closes, or `unlock`.

    Raises:
        LoadError: Another worker kept the lock for longer than `wait_s` seconds.
    """
    name = _lock_name(connection, target)
    if connection.query("SELECT GET_LOCK(%s, 0)", (name,))[0][0] == 1:
        return
    logger.info("waiting for another load into %s to end (at most %d s)", target, wait_s)
    if connection.query("SELECT GET_LOCK(%s, %s)", (name, wait_s))[0][0] != 1:
        raise LoadError(
            f"another worker has been loading into {target} for more than {wait_s} s",
            code="load.locked",
            next_step="wait for it, or raise INGEST_LOCK_WAIT_S",
            retryable=True,
        )


def unlock(connection: Connection, target: str) -> None:
    """Let other workers into the target table."""
    connection.query("SELECT RELEASE_LOCK(%s)", (_lock_name(connection, target),))


def _lock_name(connection: Connection, target: str) -> str:
    # At most 64 characters, and one name space for the whole server.
    return "headrace:" + hashlib.sha256(f"{connection.address.database}\0{target.lower()}".encode()).hexdigest()[:48]
