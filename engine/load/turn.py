"""Who of several loading connections of this process sends rows to the server now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

# Much longer than the server takes for a batch. It must not be waited for without end: who has the turn may himself wait
# in the server for a lock of the one who waits here.
_PATIENCE_S = 10.0
# With more, a second LOAD DATA has a core of its own beside the first one, the receipts and this process.
_FEW_CORES = 2


class Turn:
    """One LOAD DATA at a time, where a table has no secondary index yet: for speed, nothing relies on it.

    MariaDB writes the AUTO_INCREMENT counter into the table's root page with each row. Two connections that insert at once
    fight for that page: together they take more than twice the CPU time of one after the other, and more time as well. MySQL's
    take a tenth to a third more CPU time at once, which nobody has where server and engine share two cores, unless the
    engine waits for the server anyhow. Where each row has entries of secondary indexes to find a place for, two at once are
    faster even so (bench/FINDINGS.md). Ledger rows, receipts and commits go on beside them.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holders = 0
        self._idle = False

    def of(self, server: str, shared_cores: int | None) -> Callable[[], AbstractContextManager[None]]:
        """Return what a connection has to hold while it sends rows.

        Args:
            server: The server's own words, such as `9.7.4` or `10.11.19-MariaDB`.
            shared_cores: How many it shares with this process, None where it's on another machine.
        """
        if "MariaDB" in server:
            return self.taken
        if shared_cores is not None and shared_cores <= _FEW_CORES:
            return self.taken_while_busy
        return nullcontext

    def idle(self, *, idle: bool) -> None:
        """Say whether this process has nothing to do but to load."""
        with self._changed:
            self._idle = idle
            self._changed.notify_all()

    def taken(self) -> AbstractContextManager[None]:
        """Wait for the turn, for some seconds at most, and have it while the block runs."""
        return self._held(lambda: not self._holders)

    def taken_while_busy(self) -> AbstractContextManager[None]:
        """Wait as `taken` does, but no longer than until this process is idle."""
        return self._held(lambda: self._idle or not self._holders)

    @contextmanager
    def _held(self, is_free: Callable[[], bool]) -> Iterator[None]:
        with self._changed:
            got = self._changed.wait_for(is_free, _PATIENCE_S)
            self._holders += got
        try:
            yield
        finally:
            with self._changed:
                self._holders -= got
                self._changed.notify_all()
