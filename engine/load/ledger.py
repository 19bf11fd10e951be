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
from engine.load.statements import text
from engine.log import logger
from engine.model import Mode, SourceFile

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
    for name, table in (("ledger_file", "_ingest_file"), ("ledger_batch", "_ingest_batch")):
        # Looked up first: IF NOT EXISTS raises a note, and wants CREATE even where there is nothing to create.
        if not tables.exists(connection, table):
            connection.execute(text(name))


def same_file(connection: Connection, target: str, file: SourceFile) -> tuple[Entry, ...]:
    """List the entries that may be this very file in this target, newest first; none where there is no ledger."""
    try:
        rows = connection.query(text("file_same"), (target, file.quick_hash, file.size_bytes))
    except Refused as error:
        if error.number == _NO_TABLE:
            return ()
        raise
    return tuple(_entry(row) for row in rows)


def claim(connection: Connection, entry: Entry, file: SourceFile, *, resume: bool) -> Entry:
    """Write the entry of a load that begins, or take over one that was cut short."""
    owner = f"{socket.gethostname()}:{os.getpid()}"
    if resume:
        connection.execute(text("file_resume"), (owner, str(file.path), entry.file_id.bytes))
        rows = connection.query(text("file_find"), (entry.file_id.bytes,))
        return _entry(rows[0])
    connection.execute(
        text("file_claim"),
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
            entry.shadow,
            owner,
            entry.attempt,
        ),
    )
    return entry


def forget_batches(connection: Connection, file_id: uuid.UUID) -> None:
    """Drop the batch rows of a load that starts again from nothing."""
    connection.execute(text("batch_forget"), (file_id.bytes,))


def forget(connection: Connection, file_id: uuid.UUID) -> None:
    """Drop everything that the ledger has of a load whose rows are nowhere."""
    forget_batches(connection, file_id)
    connection.execute(text("file_forget"), (file_id.bytes,))


def discard(connection: Connection, entry: Entry) -> None:
    """Drop an unfinished load that can't be resumed, with the table that nobody saw."""
    if entry.shadow is not None:
        tables.drop(connection, entry.shadow)
    forget(connection, entry.file_id)


def mark_renamed(connection: Connection, entry: Entry) -> None:
    """Mark a load as published whose rename went through while its mark was lost."""
    assert entry.content_hash is not None
    rows = connection.query(text("file_sums"), (entry.file_id.bytes,))
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
    return int(str(connection.query(text("batch_count"), (file_id.bytes,))[0][0]))


def mark_publishing(connection: Connection, file_id: uuid.UUID, content_hash: bytes, report: str) -> None:
    """Commit the intent to rename, so that recovery knows what a missing shadow table means, and the report with it."""
    connection.execute(text("file_publishing"), (content_hash, report, file_id.bytes))


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
        connection.execute(text("file_supersede"), (target, file_id.bytes))
    try:
        connection.execute(
            text("file_published"),
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
    connection.execute(text("file_ended"), (state, file_id.bytes))


def store_report(connection: Connection, file_id: uuid.UUID, report: str, *, cataloged: bool) -> None:
    """Keep the file's report beside its entry, and whether the catalog has it."""
    connection.execute(text("file_report"), (report, int(cataloged), file_id.bytes))


def uncataloged(connection: Connection) -> tuple[tuple[uuid.UUID, str], ...]:
    """List the reports that the catalog doesn't have and that no living worker is about to write, oldest first."""
    try:
        rows = connection.query(text("file_uncataloged"))
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
    """List the unfinished loads of what was at this path before this file."""
    rows = connection.query(text("file_abandoned"), (target, str(file.path), file.quick_hash, file.size_bytes))
    return tuple(_entry(row) for row in rows)


def mark_cataloged(connection: Connection, file_id: uuid.UUID) -> None:
    """Note that the catalog has the report."""
    connection.execute(text("file_cataloged"), (file_id.bytes,))


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
