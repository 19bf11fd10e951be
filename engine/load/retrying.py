"""Transient failures: the same work again after a pause, where it's safe to do twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import tenacity

from engine.load.connection import Connection
from engine.load.refusal import FULL, READ_ONLY, TRANSIENT, Refused
from engine.log import logger

Result = TypeVar("Result")

# Pauses of 0.2, 0.4, … 15 s with up to 1 s of jitter, 55 to 65 s in all: a server that restarts is back by then, also
# one with some gigabytes of redo log. A lock wait of the server's default 50 s counts among the 300 s.
_ATTEMPTS, _FIRST_S, _LONGEST_S, _JITTER_S, _ALL_S = 10, 0.2, 15.0, 1.0, 300.0


def repeat(connection: Connection, work: Callable[[], Result], *, what: str) -> Result:
    """Do a transaction or a statement, and again where it failed for a reason that passes.

    A connection that was lost is replaced first. Within work that is being repeated, nothing is repeated by itself.

    Args:
        work: Begins a transaction, commits it, rolls back where it raises, and may be done twice: its ledger row says
            whether it is in.
        what: Names it in the log.

    Raises:
        LoadError: It failed for good, or for the last time.
    """
    if connection.repeating:
        return work()

    def worth_it(error: BaseException) -> bool:
        if not isinstance(error, Refused):
            return False
        failover = error.number in READ_ONLY and connection.patient
        if not failover and error.number not in TRANSIENT:
            return False
        # The name may lead to another server now.
        connection.lost = connection.lost or failover
        logger.warning("%s: %s; trying again", what, error.args[0])
        return True

    connection.repeating = True
    try:
        for attempt in _attempts(worth_it):
            with attempt:
                if connection.lost:
                    connection.reconnect()
                return work()
    finally:
        connection.repeating = False
    raise AssertionError("the last attempt raises")


def patiently(connect: Callable[[], Connection], *, go_on: Callable[[], bool] = lambda: False) -> Connection:
    """Open a connection to a server that answered a moment ago, and wait where it's full or away.

    Args:
        go_on: Tells whether to wait for longer, because others get on meanwhile and will make room.

    Raises:
        LoadError: It can't be opened.
    """

    def worth_it(error: BaseException) -> bool:
        return isinstance(error, Refused) and error.number in TRANSIENT | FULL

    while True:
        try:
            for attempt in _attempts(worth_it):
                with attempt:
                    return connect()
        except Refused as error:
            if error.number not in FULL or not go_on():
                raise


def _attempts(worth_it: Callable[[BaseException], bool]) -> tenacity.Retrying:
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(worth_it),
        stop=tenacity.stop_after_attempt(_ATTEMPTS) | tenacity.stop_after_delay(_ALL_S),
        wait=tenacity.wait_exponential_jitter(multiplier=_FIRST_S, max=_LONGEST_S, jitter=_JITTER_S),
        reraise=True,
    )
