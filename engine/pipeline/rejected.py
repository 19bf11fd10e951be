"""What waits in the folder of rejects, and what became of the loads that it is from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.config import Settings
from engine.embedded import ensure
from engine.errors import LoadError
from engine.load import Address, Connection, ledger
from engine.log import logger
from engine.model import RejectedFile, RejectState
from engine.reject import Origin, Pair, Why, find_pairs, look_at, read_origin, reasons, sidecar_of

_STATES = {
    "published": RejectState.LOADED,
    "held": RejectState.HELD,
    "failed": RejectState.FAILED,
    "loading": RejectState.UNFINISHED,
    "publishing": RejectState.UNFINISHED,
    "superseded": RejectState.SUPERSEDED,
}


def rejected_files(settings: Settings) -> tuple[RejectedFile, ...]:
    """List the reject files, the oldest first; those that can't be read last.

    Where MySQL can't be reached, a warning says so, and the state of each is unknown.

    Raises:
        ServerError: A private server can't be started.
    """
    pairs = [look_at(path) for path in find_pairs(settings.rejects_dir)]
    if not pairs:
        return ()
    connection = None
    try:
        address = Address.parse(ensure(settings).mysql_url.get_secret_value())
        connection = Connection(address, connect_timeout_s=settings.connect_timeout_s)
        listed = [_listed(pair, connection) for pair in pairs]
    except LoadError as error:
        logger.warning("what became of the files is not known: %s", error)
        listed = [_listed(pair, None) for pair in pairs]
    finally:
        if connection is not None:
            connection.close()
    return tuple(
        sorted(listed, key=lambda file: (file.problem is not None, file.started_at and file.started_at.timestamp()))
    )


def rejected_reasons(path: Path) -> Iterator[Why]:
    """Say of each row of a reject file why it was rejected.

    Raises:
        RejectError: Its reasons aren't beside it, or aren't this engine's.
    """
    sidecar = sidecar_of(path)
    read_origin(sidecar)
    return reasons(sidecar)


def _listed(pair: Pair, connection: Connection | None) -> RejectedFile:
    origin, first = pair.origin, pair.first
    if origin is None:
        return RejectedFile(path=pair.path, state=RejectState.UNKNOWN, problem=str(pair.problem))
    return RejectedFile(
        path=pair.path,
        state=_state(connection, origin) if connection is not None else RejectState.UNKNOWN,
        source=origin.source,
        table=origin.table,
        started_at=origin.started_at,
        rows=pair.rows,
        rejects_by_class=pair.by_class,
        first_line=first.line if first else None,
        first_column=first.column if first else None,
        first_message=first.message if first else "",
    )


def _state(connection: Connection, origin: Origin) -> RejectState:
    entry = ledger.find(connection, origin.file_id)
    if entry is None:
        return RejectState.UNKNOWN
    if entry.state == "published" and ledger.replayed(connection, origin.file_id) is not None:
        return RejectState.REPLAYED
    if entry.attempt != origin.attempt:
        return RejectState.OTHER_ATTEMPT
    return _STATES[entry.state]
