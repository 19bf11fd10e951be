"""The lock of a target table: one worker at a time loads into it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection

from engine.errors import LoadError
from engine.load.connection import Connection, Row
from engine.load.control import Control
from engine.load.statements import text
from engine.log import logger


def lock(connection: Control, target: str, wait_s: int, *, before_waiting: Callable[[], None] = lambda: None) -> None:
    """Keep other workers out of a target table until the connection closes, or `unlock`.

    Args:
        before_waiting: Called where somebody has the lock: lets go of those that rest. Who waits holds none, or two could
            wait for each other.

    Raises:
        LoadError: Another worker kept the lock for longer than `wait_s` seconds.
    """
    name = _lock_name(connection, target)
    if not connection.hold(name, 0, again_s=wait_s):
        before_waiting()
        logger.info("waiting for another load into %s to end (at most %d s)", target, wait_s)
        if not connection.hold(name, wait_s):
            raise LoadError(
                f"another worker has been loading into {target} for more than {wait_s} s",
                code="load.locked",
                next_step="wait for it, or raise INGEST_LOCK_WAIT_S",
                retryable=True,
            )
    if (target, "loads") not in connection.kept:
        connection.kept[target, "loads"] = _other_loads(connection, target, connection.entered)
    _expect_no_other(connection, target)


def _expect_no_other(connection: Control, target: str) -> None:
    """Let a connection that was lost and has the lock again go on only while nobody else has begun a load meanwhile."""
    loads, entered = connection.kept[target, "loads"], connection.entered
    connection.vouch(lambda: _other_loads(connection, target, entered) == loads, claimed=False)


def _other_loads(connection: Connection, target: str, entered: Collection[bytes]) -> list[Row]:
    return connection.query(text("target_loads"), (target, [b"", *entered]))


def unlock(connection: Control) -> None:
    """Let other workers into every table whose lock is held."""
    connection.release()


def is_free(connection: Connection, target: str) -> bool:
    """Tell whether no other worker is at a target."""
    name = _lock_name(connection, target)
    return connection.query("SELECT COALESCE(IS_USED_LOCK(%s), CONNECTION_ID()) = CONNECTION_ID()", (name,))[0][0] == 1


def _lock_name(connection: Connection, target: str) -> str:
    # At most 64 characters, and one name space for the whole server.
    place = f"{connection.address.database.lower()}\0{target.lower()}"
    return "headrace:" + hashlib.sha256(place.encode()).hexdigest()[:48]
