"""The next ones while this one is worked on."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def ahead(source: Iterator[Item], held: int = 1) -> Generator[Item, None, None]:
    """Yield what `source` has, each while another thread makes the next ones, of which so many are held, no more.

    Whoever leaves early waits for the one that is being made, so that nothing uses what `source` reads from afterwards.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix="headrace-ahead")
    try:
        coming = deque(thread.submit(next, source, None) for _ in range(held))
        while (item := coming.popleft().result()) is not None:
            coming.append(thread.submit(next, source, None))
            yield item
    finally:
        thread.shutdown(cancel_futures=True)
