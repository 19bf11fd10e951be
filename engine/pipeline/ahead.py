"""The next one while this one is worked on."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def ahead(source: Iterator[Item]) -> Generator[Item, None, None]:
    """Yield what `source` has, each while another thread makes the next one; one is held, no more.

    Whoever leaves early waits for the one that is being made, so that nothing uses what `source` reads from afterwards.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="headrace-ahead") as thread:
        coming = thread.submit(next, source, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, source, None)
            yield item
