"""A process that calls the engine with a test's own settings until a point and is killed there by SIGKILL.

As a program it's a fork server, so that a test doesn't wait for the imports again: a line of JSON in, the child's exit
status out. Loads as the command line does them are killed and disturbed in `bench/faults`.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from functools import partial

from bench.faults.points import arrange
from bench.forking import ForkServer, forked


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What the process does: all files of the input folder, a replay of rejects, or one step of a unit of files.

    Each under these settings and options; a step finds them in the environment. `spills`: batches that are staged go to
    the disk, as those of large files do.
    """

    settings: dict[str, object]
    overrides: dict[str, object]
    point: str
    replays: str | None = None
    step: tuple[str, str] | None = None
    spills: bool = True


class Crasher(ForkServer):
    """Runs jobs in processes of their own."""

    def __init__(self) -> None:
        super().__init__("tests.crashing")

    def run(self, job: Job) -> int:
        """Run a job and return what became of its process: minus the signal's number, or its exit status."""
        return self.ask(asdict(job))


def _work(line: str) -> int:
    from engine import steps
    from engine.config import Settings
    from engine.pipeline import ingest_files, publishing, replay_rejects

    job = json.loads(line)
    Settings.model_config["env_file"] = None
    if job["spills"]:
        publishing._IN_MEMORY_BYTES = 50
    arrange(job["point"], "kill")
    if job["step"]:
        name, unit = job["step"]
        os.environ.update({f"INGEST_{key.upper()}": str(value) for key, value in job["settings"].items()})
        getattr(steps, name)(unit)
        return 0
    settings = Settings.model_validate(job["settings"])
    replays, overrides = job["replays"], job["overrides"]
    report = replay_rejects([replays], settings) if replays else ingest_files(None, settings, overrides=overrides)
    errors = [str(file.error) for file in report.files if file.error]
    print(f"{job['point']} was not reached: {errors}", file=sys.stderr, flush=True)
    return 0


def main() -> None:
    """Import everything once, then fork for every line."""
    import adbc_driver_postgresql.dbapi  # noqa: F401 - before the fork

    import engine.pipeline  # noqa: F401 - likewise

    for line in sys.stdin:
        _, status = os.waitpid(forked(partial(_work, line)), 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
