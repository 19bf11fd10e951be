"""Steps: what the engine does, when it began and how long it took."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger("headrace")


class Stopwatch:
    """Seconds by step of one file. Steps may overlap in time, so their sum may exceed the wall time.

    Args:
        subject: What is timed, the file's name, which every step's line begins with.
    """

    def __init__(self, subject: str = "") -> None:
        self.subject = subject
        self.seconds: dict[str, float] = {}
        self._began = time.perf_counter()
        self._ended: float | None = None

    @property
    def elapsed_s(self) -> float:
        return (time.perf_counter() if self._ended is None else self._ended) - self._began

    def stop(self) -> None:
        """Let the clock stand still: what comes now is waiting for others."""
        self._ended = time.perf_counter()

    def add(self, name: str, seconds: float) -> None:
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the time spent inside to `name`."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - began)


@contextmanager
def step(name: str, watch: Stopwatch, detail: str = "") -> Iterator[None]:
    """Log one step of the pipeline when it ends, with its duration, and add that to `watch`.

    The records carry `step` and `subject`, for whoever shows what is being done just now.
    """
    began = time.perf_counter()
    on_what = " → ".join(dict.fromkeys(part for part in (watch.subject, detail) if part))
    extra = {"step": name, "subject": watch.subject or detail}
    logger.debug("%-9s begins      %s", name, on_what, extra=extra)
    try:
        yield
    except BaseException:
        watch.add(name, time.perf_counter() - began)
        logger.debug("%-9s %8.3f s  %s: failed", name, time.perf_counter() - began, on_what, extra=extra)
        raise
    seconds = time.perf_counter() - began
    watch.add(name, seconds)
    logger.info("%-9s %8.3f s  %s", name, seconds, on_what, extra=extra)
