"""All files through all tools: each tool in a process of its own, all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from bench.robustness.crew import Worker
from bench.robustness.job import Job, Setting
from bench.robustness.report import Outcome
from bench.robustness.truth import CsvFile
from bench.robustness.verdict import judge


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """A column of the table: a name, and how its worker is started."""

    name: str
    worker: str
    python: Path | None = None
    context: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> tuple[Setting, ...]:
        """The engine has one way; the others are asked twice."""
        return ("careful",) if self.worker == "engine" else ("careful", "default")


def run_all(
    tools: Sequence[Tool], files: Sequence[CsvFile], folder: Path, say: Callable[[str], None]
) -> tuple[list[Outcome], dict[str, str]]:
    """Have every tool read every file.

    Returns:
        The outcomes, and what each tool says is its version.

    Raises:
        RuntimeError: A tool doesn't start.
    """
    stopped = Event()
    with ThreadPoolExecutor(len(tools)) as threads:
        running = [threads.submit(_run, tool, files, folder, say, stopped) for tool in tools]
        try:
            done = [one.result() for one in running]
        except BaseException:
            # One tool that doesn't start, or Ctrl-C, ends the others with the file that they are at.
            stopped.set()
            raise
    return [outcome for outcomes, _ in done for outcome in outcomes], {
        tool.name: told for tool, (_, told) in zip(tools, done, strict=True)
    }


def _run(
    tool: Tool, files: Sequence[CsvFile], folder: Path, say: Callable[[str], None], stopped: Event
) -> tuple[list[Outcome], str]:
    worker = Worker(tool=tool.worker, context=tool.context)
    if tool.python is not None:
        worker.python = tool.python
    outcomes = []
    with worker:
        for number, file in enumerate(files):
            if stopped.is_set():
                break
            for setting in tool.settings:
                landed = worker.ask(Job.of(file, folder, setting, number))
                judgement = judge(file, landed, nulls=tool.worker == "engine")
                outcomes.append(Outcome(tool=tool.name, setting=setting, file=file, judgement=judgement))
            if (number + 1) % 500 == 0:
                say(f"{tool.name}: {number + 1:,} of {len(files):,}")
    return outcomes, worker.version
