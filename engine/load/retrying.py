"""Transient failures: the same work again after a pause, where it's safe to do twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import stamina

from engine.load.connection import Connection
from engine.load.refusal import TRANSIENT, Refused
from engine.log import logger

Result = TypeVar("Result")

# Pauses of 0.2, 0.4, … 15 s with up to 1 s of jitter, 55 to 65 s in all: a server that restarts is back by then, also
# one with some gigabytes of redo log. A lock wait of the server's default 50 s counts among the 300 s.
_ATTEMPTS, _FIRST_S, _LONGEST_S, _JITTER_S, _ALL_S = 10, 0.2, 15.0, 1.0, 300.0


def repeat(connection: Connection, work: Callable[[], Result], *, what: str, reconnect: bool) -> Result:
    """Do a transaction, and again where it failed for a reason that passes.

    Args:
        work: Begins a transaction, commits it, rolls back where it raises, and may be done twice: its ledger row says
            whether it is in.
        what: Names it in the log.
        reconnect: Replace a connection that is lost. Not for one that holds a lock, which went with it.

    Raises:
        LoadError: It failed for good, or for the last time.
    """

    def worth_it(error: Exception) -> bool:
        again = isinstance(error, Refused) and error.number in TRANSIENT and (reconnect or not connection.lost)
        if again:
            logger.warning("%s: %s; trying again", what, error.args[0])
        return again

    for attempt in stamina.retry_context(
        on=worth_it,
        attempts=_ATTEMPTS,
        timeout=_ALL_S,
        wait_initial=_FIRST_S,
        wait_max=_LONGEST_S,
        wait_jitter=_JITTER_S,
    ):
        with attempt:
            if connection.lost:
                connection.reconnect()
            return work()
    raise AssertionError("the last attempt raises")
