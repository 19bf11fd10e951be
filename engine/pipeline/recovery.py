"""What earlier attempts left: found under the target's lock, finished, resumed or removed."""

from __future__ import annotations

from pathlib import Path

from engine.errors import LoadError
from engine.load import Connection, Entry, ledger, tables
from engine.log import logger
from engine.model import SourceFile
from engine.stage import remove_batches

_UNFINISHED = ("loading", "publishing", "failed", "held")


def recover(
    connection: Connection, target: str, file: SourceFile, *, target_exists: bool, staging_dir: Path
) -> Entry | None:
    """Finish or remove what earlier attempts at this path left.

    Returns:
        The unfinished load of this very file that can be resumed, None where there is none.
    """
    if tables.exists(connection, tables.model_name(target)):
        tables.drop(connection, tables.model_name(target))
    for entry in ledger.abandoned(connection, target, file):
        remove_batches(staging_dir / str(entry.file_id))
        if _renamed(connection, entry):
            _finish_rename(connection, entry, target_exists=target_exists)
        elif entry.shadow is not None:
            logger.info("removing the unfinished load of what was at %s before", entry.path)
            ledger.discard(connection, entry)
    unfinished = None
    for entry in ledger.same_file(connection, target, file):
        remove_batches(staging_dir / str(entry.file_id))
        if _renamed(connection, entry):
            _finish_rename(connection, entry, target_exists=target_exists)
        elif entry.state in _UNFINISHED:
            unfinished = unfinished or entry
        elif entry.shadow is not None and tables.exists(connection, entry.shadow):
            # The staging table of an upsert that went through.
            tables.drop(connection, entry.shadow)
    return unfinished


def duplicate_of(connection: Connection, target: str, file: SourceFile, content_hash: bytes) -> Entry | None:
    """Find the load that brought these very bytes into the target; the earliest where there are several."""
    same = [
        entry
        for entry in ledger.same_file(connection, target, file)
        if entry.state == "published" and entry.content_hash == content_hash
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
