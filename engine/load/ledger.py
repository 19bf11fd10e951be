"""Ledger: one row per file and per batch, in MySQL, in the same transactions as the rows themselves."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.errors import LoadError
from engine.load import tables
from engine.load.connection import Connection, Row
from engine.load.control import Control, taken_over
from engine.load.locking import is_free
from engine.load.refusal import Refused
from engine.load.retrying import repeat
from engine.load.statements import text
from engine.model import Mode, SourceFile

State = Literal["loading", "publishing", "published", "superseded", "held", "failed"]
_DUPLICATE = 1062
_DUPLICATE_COLUMN = 1060
_NO_COLUMN = 1054
_NO_TABLE = 1146
# Columns of `_ingest_file` that earlier versions didn't have, and the statements that add them.
_ADDED = {"replays": "ledger_file_replays"}


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
    rows_rejected: int | None = None
    # The load whose corrected rejects this is.
    replays: uuid.UUID | None = None


def _entry(row: tuple[object, ...]) -> Entry:
    file_id, target, mode, quick, content, contract, generation, rows, size, state, shadow, attempt, path = row[:13]
    loaded, rejected, replays = row[13:]
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
        rows_rejected=None if rejected is None else int(str(rejected)),
        replays=uuid.UUID(bytes=replays) if isinstance(replays, bytes) else None,
    )


def ensure(connection: Connection) -> None:
    """Create the ledger's tables where they aren't there yet, and complete those of an earlier version."""
    if connection.seen.get("ledger"):
        return
    for name, table in (("ledger_file", "_ingest_file"), ("ledger_batch", "_ingest_batch")):
        # Looked up first: IF NOT EXISTS raises a note, and wants CREATE even where there is nothing to create.
        if not tables.exists(connection, table):
            connection.execute(text(name))
    for column, name in _ADDED.items():
        if not connection.query(text("describe_column"), ("_ingest_file", column)):
            try:
                connection.execute(text(name))
            except Refused as error:
                # Another worker has just done it.
                if error.number != _DUPLICATE_COLUMN:
                    raise
    connection.seen["ledger"] = True


def same_file(connection: Connection, target: str, file: SourceFile) -> tuple[Entry, ...]:
    """List the entries that may be this very file in this target, newest first; none where there is no ledger."""
    return _entries(connection, "file_same", (target, file.quick_hash, file.size_bytes))


def find(connection: Connection, file_id: uuid.UUID) -> Entry | None:
    """Return a load's entry, None where the ledger doesn't know it."""
    return next(iter(_entries(connection, "file_find", (file_id.bytes,))), None)


def replayed(connection: Connection, file_id: uuid.UUID) -> Entry | None:
    """Return the published load of the corrected rejects of another load, None where they aren't in."""
    return next(iter(_entries(connection, "file_replayed", (file_id.bytes,))), None)


def report_of(connection: Connection, file_id: uuid.UUID) -> str | None:
    """Return the report that is kept of a load."""
    rows = connection.query(text("file_kept"), (file_id.bytes,))
    return str(rows[0][0]) if rows and rows[0][0] else None


def _entries(connection: Connection, name: str, parameters: tuple[object, ...]) -> tuple[Entry, ...]:
    return tuple(_entry(row) for row in rows_as_it_is(connection, name, parameters))


def rows_as_it_is(connection: Connection, name: str, parameters: tuple[object, ...]) -> list[Row]:
    """Ask the ledger as it is: a dry run neither makes nor completes it."""
    try:
        return connection.query(text(name), parameters)
    except Refused as error:
        if error.number not in (_NO_TABLE, _NO_COLUMN):
            raise
        if error.number == _NO_TABLE or name == "file_replayed":
            return []
        return connection.query(text(name).replace("replays", "NULL"), parameters)


def claim(connection: Control, entry: Entry, file: SourceFile, *, resume: bool) -> None:
    """Write the entry of a load that begins, or take over one that was cut short, under the attempt of `entry`.

    From here on only who has this attempt adds to the load, whatever became of the connection meanwhile.
    """
    if resume:
        connection.execute(text("file_resume"), (entry.attempt, _owner(), str(file.path), entry.file_id.bytes))
    else:
        enter(connection, entry, file)
    _protect(connection, entry)


def _owner() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def enter(connection: Control, entry: Entry, file: SourceFile) -> None:
    """Write the entry of a load that begins; in the caller's transaction, where there is one."""
    connection.entered.add(entry.file_id.bytes)
    connection.change(
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
            _owner(),
            entry.attempt,
            entry.replays.bytes if entry.replays else None,
        ),
        already=frozenset({_DUPLICATE}),
    )


def _protect(connection: Control, entry: Entry) -> None:
    """Let a connection that was lost and has the lock again go on only while nobody has taken the load over."""
    connection.vouch(
        lambda: connection.query(text("file_attempt"), (entry.file_id.bytes,)) == [(entry.attempt,)], claimed=True
    )


def own(connection: Connection, file_id: uuid.UUID, attempt: int) -> str:
    """Return the state of a load at the beginning of the transaction that publishes it, and keep others from it.

    Raises:
        LoadError: `load.taken_over`: another worker does this load now.
    """
    found = connection.query(text("file_own"), (file_id.bytes,))
    if not found or found[0][1] != attempt:
        raise taken_over()
    return str(found[0][0])


def is_published(connection: Connection, file_id: uuid.UUID) -> bool:
    """Tell whether a load is published; waits where its transaction is about to end."""
    return any(state == "published" for state, _ in connection.query(text("file_own"), (file_id.bytes,)))


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


def mark_ended(connection: Connection, file_id: uuid.UUID, attempt: int, state: State) -> bool:
    """Note that a load was held or failed; False where it is another worker's by now, or published."""
    return connection.execute(text("file_ended"), (state, file_id.bytes, attempt)) > 0


def most_report_chars(connection: Connection) -> int:
    """Return how long a report may be: half of what the server takes at once, because a quote in it counts twice."""
    if "max_allowed_packet" not in connection.seen:
        connection.seen["max_allowed_packet"] = connection.query("SELECT @@max_allowed_packet")[0][0]
    return int(str(connection.seen["max_allowed_packet"])) // 2


def unknown(connection: Control, target: str, file: SourceFile) -> bool:
    """Tell whether the ledger knows neither this file in this target nor an unfinished load from its path.

    Cost: one short query; the unfinished loads of a target are asked for once while its lock is held.
    """
    if (target, "unfinished") not in connection.kept:
        rows = connection.query(text("target_unfinished"), (target,))
        connection.kept[target, "unfinished"] = frozenset(str(row[0]) for row in rows)
    unfinished = connection.kept[target, "unfinished"]
    assert isinstance(unfinished, frozenset)
    return str(file.path) not in unfinished and not same_file(connection, target, file)


def store_reports(connection: Connection, reports: Sequence[tuple[uuid.UUID, int, str, bool]]) -> None:
    """Keep the reports of several files, as `store_report` does, in one transaction."""
    if len(reports) == 1:
        ((file_id, attempt, report, cataloged),) = reports
        store_report(connection, file_id, attempt, report, cataloged=cataloged)
    if len(reports) <= 1:
        return

    def once() -> None:
        try:
            connection.begin()
            for file_id, attempt, report, cataloged in reports:
                store_report(connection, file_id, attempt, report, cataloged=cataloged)
            connection.commit()
        except BaseException:
            connection.rollback()
            raise

    repeat(connection, once, what="reports of files that are in")


def store_report(connection: Connection, file_id: uuid.UUID, attempt: int, report: str, *, cataloged: bool) -> None:
    """Keep the file's report beside its entry, and whether the catalog has it, unless another worker took it over."""
    connection.execute(text("file_report"), (report, int(cataloged), file_id.bytes, attempt))


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
        if isinstance(file_id, bytes) and (cataloged is not None or is_free(connection, str(target)))
    )


def abandoned(connection: Connection, target: str, file: SourceFile) -> tuple[Entry, ...]:
    """List the unfinished loads of what was at this path before this file."""
    rows = connection.query(text("file_abandoned"), (target, str(file.path), file.quick_hash, file.size_bytes))
    return tuple(_entry(row) for row in rows)


def mark_cataloged(connection: Connection, file_id: uuid.UUID) -> None:
    """Note that the catalog has the report."""
    connection.execute(text("file_cataloged"), (file_id.bytes,))
