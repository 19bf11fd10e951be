"""Processes that run the engine's command line; forked from one that has imported everything, so that each starts at once."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial

from bench.faults.points import Happening, arrange
from bench.forking import ForkServer, forked

# What `Workers.wait` returns for a process that was stopped and still lives.
STOPPED = 1_000
# Of a file that is staged whole so much stays in memory; little, so that these small files go to the disk as large ones do.
_IN_MEMORY_BYTES = 40_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One run of `python -m engine.ingest` over the input folder.

    Attributes:
        environment: The `INGEST_*` variables.
        log: Where its standard output and error are appended.
        report: Where its JSON report goes.
        arguments: More options.
        point: Where something happens to it, one of `POINTS`; None for a run that nobody disturbs.
        happening: What happens there.
    """

    environment: Mapping[str, str]
    log: str
    report: str
    arguments: tuple[str, ...] = ()
    point: str | None = None
    happening: Happening = "kill"


class Workers(ForkServer):
    """Starts processes and says how they ended."""

    def __init__(self) -> None:
        super().__init__("bench.faults.workers")

    def start(self, job: Job) -> int:
        """Start a process and return its id, which is its own until it was waited for."""
        return self.ask(asdict(job))

    def wait(self, pid: int) -> int:
        """Wait until a process ends or is stopped: its exit status, minus a signal's number, or STOPPED."""
        return self.ask(pid)


def _work(job: Job) -> int:
    from engine.config import Settings
    from engine.ingest import main
    from engine.pipeline import publishing

    os.environ.update(job.environment)
    # Whoever was started in the background ignores it, and would hand that down.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    output = os.open(job.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    Settings.model_config["env_file"] = None
    publishing._IN_MEMORY_BYTES = _IN_MEMORY_BYTES  # noqa: SLF001 - the engine has no hook for it
    if job.point is not None:
        arrange(job.point, job.happening)
    return main(["--json", job.report, *job.arguments])


def _wait(pid: int) -> int:
    _, status = os.waitpid(pid, os.WUNTRACED)
    return STOPPED if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)


def serve() -> None:
    """Fork for every job that is read, wait for every process that is named."""
    import adbc_driver_postgresql.dbapi  # noqa: F401 - before the fork
    import rich.progress  # noqa: F401 - likewise

    import engine.catalog.children
    import engine.ingest
    import engine.pipeline  # noqa: F401 - likewise

    for line in sys.stdin:
        asked = json.loads(line)
        print(_wait(asked) if isinstance(asked, int) else forked(partial(_work, Job(**asked))), flush=True)


if __name__ == "__main__":
    serve()
