"""The task processes of a running Airflow, seen from outside: whose they are, and how much memory each had at most."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

_LOOK_S = 0.2


class TaskMemory:
    """Looks at processes while the block runs, and keeps the peak of each.

    Args:
        roots: Processes whose descendants count, by name: the scheduler with its local workers, or Celery's workers.
    """

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = dict(roots)
        self._peaks: dict[int, float] = {}
        self._owners: dict[int, str] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def peak_mb(self) -> float:
        """The largest resident set that any of the processes had, in MB (10^6 bytes)."""
        return max(self._peaks.values(), default=0.0)

    def owner(self, pid: int) -> str:
        """Return the name of the root that a process descends from; "?" of one that was too short to be seen."""
        return self._owners.get(pid, "?")

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_S):
            parents = _parents()
            for name, root in self._roots.items():
                for pid in _descendants(root, parents):
                    # The kernel keeps the peak; what is lost is only the last moment of a process.
                    self._peaks[pid] = max(_high_water_mb(pid), self._peaks.get(pid, 0.0))
                    self._owners[pid] = name


def _parents() -> dict[int, int]:
    parents: dict[int, int] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        if text := _text(place):
            parents[int(place.parent.name)] = int(text.rpartition(")")[2].split()[1])
    return parents


def _descendants(root: int, parents: Mapping[int, int]) -> set[int]:
    found, added = {root}, {root}
    while added:
        added = {pid for pid, parent in parents.items() if parent in found} - found
        found |= added
    return found - {root}


def _high_water_mb(pid: int) -> float:
    for line in _text(Path(f"/proc/{pid}/status")).splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # it has ended
