"""Arrival: the trigger that sees complete files lie in the input folder, so that a run takes them at once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

# Names in the event are for people, who need not read a hundred thousand of them.
_NAMES_SHOWN = 3

# Size and time of every file of a folder, by its name.
Look = dict[str, tuple[int, int]]


class FilesArrive(BaseEventTrigger):
    """Fires when complete files lie in the input folder that weren't announced yet.

    What was announced is remembered in this process alone: after a restart whatever waits is announced again, and the
    run that follows finds out what is left to do. A file that failed stays in the folder and is announced once, until
    it changes.

    Args:
        folder: The input folder. Which of its files are complete is decided by the engine, as for a run.
        poll_s: How often it is looked at. Files that changed since the last look are left for the next.
    """

    def __init__(self, folder: str, poll_s: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's own has no types
        self.folder = folder
        self.poll_s = poll_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what makes this trigger anew in the triggerer."""
        return "engine.airflow.arrival.FilesArrive", {"folder": self.folder, "poll_s": self.poll_s}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look for as long as the triggerer runs; what goes wrong is logged, once, and tried again."""
        announced: Look = {}
        before: Look | None = None
        asked: Look | None = None
        trouble = ""
        while True:
            try:
                # Not in the event loop: a folder on a network may take seconds, and all triggers share the loop.
                now = await asyncio.to_thread(_look, self.folder)
                # The engine reads parts of files to know them: it's asked only after something changed and stood still.
                if now == before and now != asked:
                    ready = await asyncio.to_thread(_ready, self.folder)
                    fresh = {name: now[name] for name in ready if name in now and announced.get(name) != now[name]}
                    asked = now
                    announced = {name: seen for name, seen in announced.items() if name in now} | fresh
                    if fresh:
                        said = {"folder": self.folder, "files": len(fresh), "names": sorted(fresh)[:_NAMES_SHOWN]}
                        yield TriggerEvent(said)  # type: ignore[no-untyped-call]  # as above
                before, trouble = now, ""
            except Exception as error:  # noqa: BLE001 - a trigger that ends isn't started again
                if str(error) != trouble:
                    self.log.warning("%s can't be watched just now: %s", self.folder, error)
                trouble = str(error)
            await asyncio.sleep(self.poll_s)


def _look(folder: str) -> Look:
    """Return every file as it is; an input folder that isn't there yet is an empty one."""
    seen: Look = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    stat = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue  # taken since the folder was listed
                seen[entry.name] = (stat.st_size, stat.st_mtime_ns)
    except FileNotFoundError:
        return {}
    return seen


def _ready(folder: str) -> list[str]:
    from engine import steps

    return steps.ready(folder=folder)
