"""A trial: the file is put in, something happens to a run, the next runs are left alone, and then one looks."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.faults.ground import Ground, Servers, ground
from bench.faults.outcome import Outcome, outcome
from bench.faults.points import Happening
from bench.faults.ways import BATCH_ROWS, ROWS, Rows, Way, rows_after, write_file
from bench.faults.workers import STOPPED, Job, Workers

KILLED = -signal.SIGKILL


class NotAsPlanned(Exception):
    """What should have happened to a run didn't, so the trial shows nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """Servers, processes and a folder, which trials share."""

    servers: Servers
    workers: Workers
    folder: Path

    @contextmanager
    def trial(self, way: Way, rows: int = ROWS, *, batch_rows: int = BATCH_ROWS) -> Iterator[Trial]:
        """Make the ground for one trial and put the file into its input folder."""
        with ground(self.servers, self.folder, way, batch_rows=batch_rows) as made:
            write_file(way, made.input_file, rows)
            trial = Trial(stage=self, ground=made, expected=rows_after(way, rows), rows_read=rows, rows_loaded=rows)
            try:
                yield trial
            finally:
                trial.end()


@dataclass(kw_only=True, slots=True)
class Trial:
    """One file on its way, and what has to come of it."""

    stage: Stage
    ground: Ground
    expected: Rows
    rows_read: int
    rows_loaded: int
    reject_files: int = 0
    _started: int = 0
    _alive: set[int] = field(default_factory=set)

    @property
    def log(self) -> Path:
        """What all runs of the trial have said."""
        return self.ground.data_dir.parent / "log.txt"

    def start(
        self,
        point: str | None = None,
        happening: Happening = "kill",
        *,
        ground: Ground | None = None,
        arguments: tuple[str, ...] = (),
        settings: tuple[tuple[str, str], ...] = (),
    ) -> int:
        """Start a run to which something happens at a point; return its process id."""
        self._started += 1
        pid = self.stage.workers.start(
            Job(
                environment={**(ground or self.ground).environment(), **dict(settings)},
                log=str(self.log),
                report=str(self._report(self._started)),
                arguments=arguments,
                point=point,
                happening=happening,
            )
        )
        self._alive.add(pid)
        return pid

    def wait(self, pid: int) -> int:
        """Wait until a run ends, or stops at its point; return its exit status, minus a signal's number, or STOPPED."""
        status = self.stage.workers.wait(pid)
        if status != STOPPED:
            self._alive.remove(pid)
        return status

    def pause(
        self,
        point: str,
        *,
        ground: Ground | None = None,
        arguments: tuple[str, ...] = (),
        settings: tuple[tuple[str, str], ...] = (),
    ) -> int:
        """Start a run and return once it stands still at a point."""
        pid = self.start(point, "stop", ground=ground, arguments=arguments, settings=settings)
        self.ended(self.wait(pid), STOPPED, f"it should have stopped {point}")
        return pid

    def resume(self, pid: int) -> int:
        """Let a run that stands still go on to its end, and return its exit status."""
        os.kill(pid, signal.SIGCONT)
        return self.wait(pid)

    def ended(self, status: int, wanted: int, what: str = "") -> None:
        """Hold how a run ended against how it should have.

        Raises:
            NotAsPlanned: It ended otherwise.
        """
        if status != wanted:
            raise NotAsPlanned(f"{what}: ended with {status} instead of {wanted}; it said:\n{self.said()}")

    def must_say(self, *words: str) -> None:
        """See that the runs have said something, so that the fault did happen.

        Raises:
            NotAsPlanned: They haven't.
        """
        said = self.said()
        for word in words:
            if word not in said:
                raise NotAsPlanned(f"nobody said {word!r}:\n{said}")

    def said(self) -> str:
        """Return what the runs have said so far, as far as it tells something."""
        text = self.log.read_text(encoding="utf-8") if self.log.exists() else ""
        return text[-6_000:]

    def report(self, number: int) -> list[tuple[str, str | None, int]]:
        """Return status, error code and loaded rows of each file of a run, the runs counted from 1."""
        document = json.loads(self._report(number).read_text(encoding="utf-8"))
        return [
            (file["status"], file["error"]["code"] if file["error"] else None, file["rows_loaded"])
            for file in document["files"]
        ]

    def finish(self) -> Outcome:
        """Run it again, and once more, and look at what there is."""
        self.ended(self.wait(self.start()), 0, "the run after the fault")
        self.ended(self.wait(self.start()), 0, "the run after that")
        if again := self.report(self._started):
            raise NotAsPlanned(f"the run after that found something to do: {again}")
        return self.look()

    def look(self) -> Outcome:
        """Look at what there is."""
        return outcome(
            self.ground,
            self.expected,
            rows_read=self.rows_read,
            rows_loaded=self.rows_loaded,
            reject_files=self.reject_files,
        )

    def end(self) -> None:
        """End the runs that still live, because something went wrong."""
        for pid in tuple(self._alive):
            os.kill(pid, signal.SIGKILL)
            self.wait(pid)

    def _report(self, number: int) -> Path:
        return self.ground.data_dir.parent / f"report-{number}.json"
