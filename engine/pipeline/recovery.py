"""What earlier attempts left: found under the target's lock, finished, resumed or removed."""

from __future__ import annotations

import uuid
from pathlib import Path

from engine.errors import LoadError
from engine.load import Connection, Control, Entry, ledger, tables
from engine.log import logger
from engine.model import SourceFile
from engine.stage import remove_batches

UNFINISHED = ("loading", "publishing", "failed", "held")


def recover(
    connection: Control,
    target: str,
    file: SourceFile,
    *,
    replays: uuid.UUID | None,
    target_exists: bool,
    staging_dir: Path,
) -> Entry | None:
    """Finish or remove what earlier attempts at this path left.

    Args:
        replays: The load whose corrected rejects the file has. Two loads may have had the same ones.

    Returns:
        The unfinished load of this very file that can be resumed, None where there is none.
    """
    drop_model(connection, target)
    for entry in ledger.abandoned(connection, target, file):
        _remove_staged(staging_dir, entry)
        if _renamed(connection, entry):
            _finish_rename(connection, entry, target_exists=target_exists)
        elif entry.shadow is not None or not ledger.committed_batches(connection, entry.file_id):
            logger.info("removing the unfinished load of what was at %s before", entry.path)
            ledger.discard(connection, entry)
    unfinished = None
    for entry in ledger.same_file(connection, target, file):
        _remove_staged(staging_dir, entry)
        if _renamed(connection, entry):
            _finish_rename(connection, entry, target_exists=target_exists)
        elif entry.state in UNFINISHED:
            if entry.replays == replays:
                unfinished = unfinished or entry
        elif entry.shadow is not None and tables.exists(connection, entry.shadow):
            # The staging table of an upsert that went through.
            tables.drop(connection, entry.shadow)
    return unfinished


def drop_model(control: Control, target: str) -> None:
    """Drop the table that an earlier attempt may have left to read a target's columns from.

    It's looked for once while the target's lock is held: nobody else makes one then, and who does drops it.
    """
    if ("model", target) not in control.kept:
        if tables.exists(control, tables.model_name(target)):
            tables.drop(control, tables.model_name(target))
        control.kept["model", target] = True


def duplicate_of(
    connection: Connection, target: str, file: SourceFile, content_hash: bytes, replays: uuid.UUID | None
) -> Entry | None:
    """Find the load that brought these very bytes into the target; the earliest where there are several.

    The corrected rejects of one load are no duplicate of another's, however equal.
    """
    same = [
        entry
        for entry in ledger.same_file(connection, target, file)
        if entry.state == "published"
        and entry.content_hash == content_hash
        and (replays is None or entry.replays in (None, replays))
    ]
    return same[-1] if same else None


def can_resume(connection: Connection, entry: Entry, contract: bytes) -> bool:
    """Tell whether an unfinished load can go on.

    Raises:
        LoadError: Rows of it are in the target, but under another contract.
    """
    same = entry.contract_hash == contract
    if entry.shadow is not None:
        return same and tables.exists(connection, entry.shadow)
    batches = ledger.committed_batches(connection, entry.file_id)
    if batches and not same:
        raise LoadError(
            f"{batches} batches of this file are in {entry.target} from an earlier attempt with other options or into "
            "other columns",
            code="load.resume",
            next_step="run it with the options of that attempt, so that it can go on",
        )
    return same


def _remove_staged(staging_dir: Path, entry: Entry) -> None:
    for folder in staging_dir.glob(f"{entry.file_id}.*"):
        remove_batches(folder)


def _renamed(connection: Connection, entry: Entry) -> bool:
    """Tell whether the rename went through and only its mark is missing: a shadow's name is never used twice."""
    return entry.state == "publishing" and entry.shadow is not None and not tables.exists(connection, entry.shadow)


def _finish_rename(connection: Connection, entry: Entry, *, target_exists: bool) -> None:
    tables.drop(connection, tables.OLD_PREFIX + entry.file_id.hex[:20])
    if target_exists:
        ledger.mark_renamed(connection, entry)
    else:
        # Published, and dropped by somebody since: nothing of it is anywhere.
        ledger.forget(connection, entry.file_id)
