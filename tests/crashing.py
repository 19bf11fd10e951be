"""A process that runs the engine until a chosen point and is killed there by SIGKILL, as by `kill -9` or a lost machine.

The engine has no hooks for it: here, in a process of its own, the function at the point is wrapped. As a program it's a
fork server, so that a test doesn't wait for the imports again: a line of JSON in, the child's exit status out.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

# name: the places where the function is looked up (several, where modules have it under a name of their own), when it
# dies, and at which call.
POINTS: dict[str, tuple[tuple[str, ...], str, int]] = {
    "after fingerprint": (("engine.pipeline.run.find",), "after", 1),
    "after claim": (("engine.load.ledger.claim",), "after", 1),
    "mid-scan": (("engine.pipeline.reading.prove",), "before", 3),
    "after a batch is staged": (("engine.pipeline.reading.stage",), "after", 2),
    "after a batch is written": (("engine.pipeline.publishing.write_batch",), "after", 2),
    "before the gate": (("engine.pipeline.gate.decide",), "before", 1),
    "before a ledger row": (("engine.load.batch.enter_ledger", "engine.pipeline.publishing.enter_ledger"), "before", 2),
    "after a ledger row": (("engine.load.batch.enter_ledger", "engine.pipeline.publishing.enter_ledger"), "after", 2),
    # The second read of the second batch: the first has given all of it, this one would have said that it ends.
    "mid-LOAD": (("engine.load.infile.Infile._read",), "before", 4),
    "after a LOAD": (("engine.load.connection.Connection.load",), "after", 2),
    "before COMMIT": (("engine.load.connection.Connection.commit",), "before", 2),
    "after COMMIT": (("engine.load.connection.Connection.commit",), "after", 2),
    "before the one COMMIT": (("engine.load.connection.Connection.commit",), "before", 1),
    "after the one COMMIT": (("engine.load.connection.Connection.commit",), "after", 1),
    "before the index build": (("engine.load.tables.build_indexes",), "before", 1),
    "after the index build": (("engine.load.tables.build_indexes",), "after", 1),
    "before the upsert": (("engine.load.tables.upsert",), "before", 1),
    "after the upsert": (("engine.load.tables.upsert",), "after", 1),
    "before RENAME": (("engine.load.tables.publish_new", "engine.load.tables.publish_replacement"), "before", 1),
    "between RENAME and drop": (("engine.load.tables.drop",), "before_old", 1),
    "after RENAME": (("engine.load.tables.publish_new", "engine.load.tables.publish_replacement"), "after", 1),
    "after the publication": (("engine.load.ledger.mark_published",), "after", 1),
    "before the clean-up": (("engine.pipeline.file_load.FileLoad._clean_up",), "before", 1),
    "before the catalog": (("engine.pipeline.projection.Projection.finish",), "before", 1),
    "after the catalog": (("engine.pipeline.projection.Projection.finish",), "after", 1),
    "after the report": (("engine.load.ledger.store_report",), "after", 1),
    "mid-archive": (("engine.archive._sync_folder",), "before", 1),
    "after the archive": (("engine.pipeline.file_load.archive",), "after", 1),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What the process does: all files of the input folder, under these settings and options."""

    settings: dict[str, object]
    overrides: dict[str, object]
    point: str


class Crasher:
    """The fork server, as the tests see it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crashing"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parent.parent,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def run(self, job: Job) -> int:
        """Run a job and return what became of its process: minus the signal's number, or its exit status."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(
            json.dumps({"settings": job.settings, "overrides": job.overrides, "point": job.point}) + "\n"
        )
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def _wrap(place: str, when: str, calls: list[int], nth: int) -> None:
    """Put a function that kills this process, at the nth call, around the one at a place."""
    module_name, _, name = place.rpartition(".")
    try:
        owner: object = importlib.import_module(module_name)
    except ModuleNotFoundError:
        module_name, _, class_name = module_name.rpartition(".")
        owner = getattr(importlib.import_module(module_name), class_name)
    inner: Callable[..., object] = getattr(owner, name)

    def wrapped(*args: object, **kwargs: object) -> object:
        if when == "before_old":
            if str(args[1]).startswith("_ingest_old_"):
                os.kill(os.getpid(), signal.SIGKILL)
            return inner(*args, **kwargs)
        calls[0] += 1
        if when == "before" and calls[0] == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        result = inner(*args, **kwargs)
        if when == "after" and calls[0] == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, wrapped)


def _child(line: str) -> None:
    from engine.config import Settings
    from engine.pipeline import ingest_files, publishing

    job = json.loads(line)
    Settings.model_config["env_file"] = None
    # So that staged batches go to the disk, as those of large files do.
    publishing._IN_MEMORY_BYTES = 50
    places, when, nth = POINTS[job["point"]]
    calls = [0]
    for place in places:
        _wrap(place, when, calls, nth)
    report = ingest_files(None, Settings.model_validate(job["settings"]), overrides=job["overrides"])
    errors = [str(file.error) for file in report.files if file.error]
    print(f"{job['point']} was not reached: {errors}", file=sys.stderr, flush=True)


def main() -> None:
    """Import everything once, then fork for every line."""
    import adbc_driver_postgresql.dbapi  # noqa: F401

    import engine.pipeline  # noqa: F401

    for line in sys.stdin:
        # The only other threads at this time are the allocators' own, which survive a fork.
        pid = os.fork()
        if pid == 0:
            try:
                _child(line)
            except BaseException:  # noqa: BLE001 - whatever it is, the parent has to hear of it
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
