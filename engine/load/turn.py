"""Who of several loading connections of this process sends rows to the server now."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Much longer than the server takes for a batch. It must not be waited for without end: who has the turn may himself wait
# in the server for a lock of the one who waits here.
_PATIENCE_S = 10.0
# With more, a second LOAD DATA has a core of its own beside the first one, the receipts and this process.
_FEW_CORES = 2


def is_wanted(server: str, shared_cores: int | None) -> bool:
    """Tell whether loading connections should take turns, where the table has no secondary index yet.

    Args:
        server: The server's own words, such as `9.7.4` or `10.11.19-MariaDB`.
        shared_cores: How many it shares with this process, None where it's on another machine.
    """
    return "MariaDB" in server or (shared_cores is not None and shared_cores <= _FEW_CORES)


class Turn:
    """One LOAD DATA at a time: for speed, nothing relies on it.

    MariaDB writes the AUTO_INCREMENT counter into the table's root page with each row. Two connections that insert at once
    fight for that page: together they take more than twice the CPU time of one after the other, and more time as well. MySQL's
    take a third more CPU time at once, which nobody has where server and engine share two cores. Where each row has entries
    of secondary indexes to find a place for, two at once are faster even so (bench/FINDINGS.md). Ledger rows, receipts and
    commits go on beside them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for the turn, for some seconds at most, and have it while the block runs."""
        got = self._lock.acquire(timeout=_PATIENCE_S)
        try:
            yield
        finally:
            if got:
                self._lock.release()
