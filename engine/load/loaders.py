"""Loading connections: each in a thread of its own, fed with staged batches through a short queue."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from engine.load.batch import load_batch
from engine.load.connection import Connection
from engine.load.retrying import patiently
from engine.load.sending import Destination
from engine.load.turn import Turn
from engine.model import LoadResult, StagedBatch


class Loaders:
    """Loads batches on several connections while the caller reads the next ones.

    Args:
        connect: Opens one connection.
        to: Where the batches go.
        count: Connections.
    """

    def __init__(self, connect: Callable[[], Connection], to: Destination, count: int) -> None:
        self._connect = connect
        self._to = to
        # One batch a loader in the queue hides the time between two; more would only hold memory.
        self._queue: queue.Queue[StagedBatch | None] = queue.Queue(maxsize=count)
        self._results: list[LoadResult] = []
        self._failure: BaseException | None = None
        self._stopped = threading.Event()
        self._connected: set[str] = set()
        self._turn = Turn()
        self._threads = [
            threading.Thread(target=self._work, name=f"headrace-loader-{number}", daemon=True)
            for number in range(count)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._stopped.set()
        self._end()

    def submit(self, batch: StagedBatch) -> None:
        """Hand over a batch; waits while every loader is busy.

        Raises:
            LoadError: A batch handed over earlier failed.
        """
        self._raise()
        self._turn.idle(idle=self._queue.full())
        while not self._put(batch):
            self._raise()
        self._turn.idle(idle=False)

    def finish(self) -> tuple[LoadResult, ...]:
        """Wait for every batch and return the results in the file's order.

        Raises:
            LoadError: A batch failed.
        """
        self._end()
        self._raise()
        return self.results

    @property
    def results(self) -> tuple[LoadResult, ...]:
        """What is in so far, in the file's order."""
        return tuple(sorted(self._results, key=lambda result: result.number))

    @property
    def rows(self) -> int:
        """Rows that are in so far."""
        return sum(result.rows for result in tuple(self._results))

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _end(self) -> None:
        self._turn.idle(idle=True)
        # One mark for each thread, all before the first is waited for: any thread may take any mark.
        for _ in self._threads:
            while any(thread.is_alive() for thread in self._threads) and not self._put(None):
                pass
        for thread in self._threads:
            thread.join()

    def _put(self, batch: StagedBatch | None) -> bool:
        """Put something into the queue; False where there was no room for a while."""
        try:
            self._queue.put(batch, timeout=0.2)
        except queue.Full:
            return False
        return True

    def _work(self) -> None:
        connection: Connection | None = None
        try:
            while (batch := self._queue.get()) is not None:
                # After a failure the rest is only taken off the queue, so that nobody waits for room in it.
                if self._stopped.is_set():
                    continue
                if connection is None:
                    connection = patiently(
                        self._connect, go_on=lambda: bool(self._connected) and not self._stopped.is_set()
                    )
                    self._connected.add(threading.current_thread().name)
                    if self._to.bare and self._to.order_column:
                        connection.turn = self._turn.of(connection.server, connection.address.shared_cores)
                self._results.append(load_batch(connection, self._to, batch))
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread, which raises it
            self._failure = self._failure or error
            self._stopped.set()
        finally:
            self._connected.discard(threading.current_thread().name)
            if connection is not None:
                connection.close()
