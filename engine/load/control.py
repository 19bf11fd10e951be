"""The connection that holds a target's lock: kept alive, and where it's lost, replaced without letting anybody between."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from engine.errors import LoadError
from engine.load.address import Address
from engine.load.connection import Connection, Row
from engine.load.refusal import Refused
from engine.load.retrying import repeat
from engine.log import logger

Result = TypeVar("Result")

# Firewalls and proxies forget a silent connection after 60 s (HAProxy's usual), 350 s (cloud load balancers) or more,
# and the server itself after the session's wait_timeout.
PING_S = 30.0


class Control(Connection):
    """Holds the lock for the load under way, and those of loads that are in already, which rest.

    Outside a transaction a statement that failed for a reason that passes is run again. A lost connection loses its locks.
    It is replaced by one that has the lock of the load under way again, and only while the ledger still says what it said:
    whoever came in between has left his mark there. So whatever runs on this connection runs under the lock, and nobody
    else has touched the file. The locks that rest only keep others from recording the same loads: they stay lost.
    """

    def __init__(self, address: Address, *, connect_timeout_s: int) -> None:
        # The lock of the load under way, and for how long to wait where it has to be taken again.
        self._held: tuple[str, int] | None = None
        self._resting: set[str] = set()
        # The loads that were entered into the ledger under these locks.
        self.entered: set[bytes] = set()
        # What is known while the locks are held, and forgotten with them.
        self.kept: dict[object, object] = {}
        self._may_go_on: Callable[[], bool] | None = None
        self._claimed = False
        self._in_transaction = False
        # Held by the thread that uses the connection.
        self._turn = threading.RLock()
        self._closed = threading.Event()
        super().__init__(address, connect_timeout_s=connect_timeout_s)
        self._pinging = threading.Thread(target=self._keep_alive, name="headrace-ping", daemon=True)
        self._pinging.start()

    @property
    def patient(self) -> bool:
        """Wait for a server that has become read-only only where it wasn't when the load began."""
        return self._claimed

    def hold(self, name: str, wait_s: int, *, again_s: int | None = None) -> bool:
        """Take a lock of the whole server, waiting for at most so many seconds, and tell whether it's held.

        Args:
            again_s: How long to wait for it where the connection was lost; None: as long. The server may take a moment to
                end the session that had it.
        """
        # Taken twice it would have to be released twice.
        got = name in self._resting or self.query("SELECT GET_LOCK(%s, %s)", (name, wait_s))[0][0] == 1
        if got:
            self._resting.discard(name)
            self._held = name, wait_s if again_s is None else again_s
        return got

    def rest(self) -> None:
        """Keep the lock of a load that is in, until `release`; nothing that is done from here on relies on it."""
        if self._held is not None:
            self._resting.add(self._held[0])
        self._held, self._may_go_on, self._claimed = None, None, False

    def release(self) -> None:
        """Release every lock."""
        self.rest()
        names = tuple(self._resting)
        self._forget()
        self.entered.clear()
        if names and not self.lost:
            self.query("SELECT " + ", ".join(["RELEASE_LOCK(%s)"] * len(names)), names)

    def _forget(self) -> None:
        self._resting.clear()
        self.kept.clear()

    def vouch(self, may_go_on: Callable[[], bool], *, claimed: bool) -> None:
        """Take what tells, once the lock was lost and is held again, whether the work may go on.

        Args:
            claimed: The ledger has been written to.
        """
        self._may_go_on, self._claimed = may_go_on, claimed

    def reconnect(self) -> None:
        """Replace the connection and take the lock again.

        Raises:
            LoadError: `load.taken_over`: another worker loads the file now. `load.locked`: one keeps the lock.
        """
        self._in_transaction = False
        self._forget()
        super().reconnect()
        if self._held is None:
            return
        (name, wait_s), self._held = self._held, None
        if not self.hold(name, wait_s):
            raise LoadError(
                f"the connection was lost, and another worker has held the target's lock since, for more than {wait_s} s",
                code="load.locked",
                next_step="wait for it, or raise INGEST_LOCK_WAIT_S",
                retryable=True,
            )
        if self._may_go_on is not None and not self._may_go_on():
            self.release()
            raise taken_over()
        logger.info("the connection was lost; its lock is held again, and nobody else had it meanwhile")

    def begin(self, *, snapshot: bool = False) -> None:
        """Begin a transaction; until it ends, nothing is run again by itself."""
        with self._turn:
            self._in_transaction = True
            try:
                super().begin(snapshot=snapshot)
            except LoadError:
                self._in_transaction = False
                raise

    def execute(self, sql: str, parameters: Sequence[object] | None = None) -> int:
        """Run one statement; outside a transaction it may be run twice."""
        return self._steadily(lambda: Connection.execute(self, sql, parameters))

    def query(self, sql: str, parameters: Sequence[object] | None = None) -> list[Row]:
        """Run one query."""
        return self._steadily(lambda: Connection.query(self, sql, parameters))

    def change(
        self, sql: str, parameters: Sequence[object] | None = None, *, already: frozenset[int] = frozenset()
    ) -> None:
        """Run one statement that can't be run twice: after a lost reply, one of these errors says that it went through."""
        tries = 0

        def once() -> None:
            nonlocal tries
            tries += 1
            try:
                Connection.execute(self, sql, parameters)
            except Refused as error:
                if tries == 1 or error.number not in already:
                    raise

        self._steadily(once)

    def load(self, sql: str, name: str, data: bytes) -> str:
        """Run a LOAD DATA LOCAL INFILE, as every connection does."""
        with self._turn:
            return super().load(sql, name, data)

    def commit(self) -> None:
        """Commit the transaction."""
        with self._turn:
            super().commit()
            self._in_transaction = False

    def rollback(self) -> None:
        """Roll back, and ignore a connection that is gone."""
        with self._turn:
            super().rollback()
            self._in_transaction = False

    def close(self) -> None:
        """Close the connection for good, and wait until nothing pings it."""
        self._closed.set()
        with self._turn:
            super().close()
        self._pinging.join()

    def _steadily(self, work: Callable[[], Result]) -> Result:
        with self._turn:
            if self._in_transaction or self.repeating:
                return work()
            return repeat(self, work, what=str(self.address))

    def _keep_alive(self) -> None:
        while not self._closed.wait(PING_S):
            # Where it's in use there is no need.
            if self._turn.acquire(blocking=False):
                try:
                    self.ping()
                finally:
                    self._turn.release()


def taken_over() -> LoadError:
    """Say that this worker has lost the file to another one."""
    return LoadError(
        "another worker has come in between while this one was cut off from the server",
        code="load.taken_over",
        next_step="nothing is lost and nothing is in twice: run it again, and it goes on from what is there then",
        retryable=True,
    )
