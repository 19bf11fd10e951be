"""One measured run: what a command took of this machine, and what it left in the table."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from bench.usage import measure
from bench.variants import Ground, Variant

Row = tuple[object, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One measured run.

    Attributes:
        client_cpu_s: User and system seconds of the command and all that it started.
        client_peak_mb: Largest resident memory of any one of these processes.
        server_cpu_s: None where the system doesn't tell.
        server_said: Counts of all LOAD DATA, None where the command keeps them back.
        nulls: Found in the table where the file has empty fields; None where the table wasn't looked at.
        load_average: Of the machine, when the run began.
        changed: Values in the table aren't those that the others left in theirs.
    """

    variant: str
    repetition: int
    wall_s: float
    client_peak_mb: float
    client_cpu_s: float
    server_cpu_s: float | None
    seconds_by_step: dict[str, float]
    server_said: str | None
    nulls: int | None
    load_average: float
    changed: bool = False

    @property
    def cpu_s(self) -> float | None:
        """CPU seconds of client and server together."""
        return None if self.server_cpu_s is None else self.client_cpu_s + self.server_cpu_s

    def document(self) -> dict[str, object]:
        """Return the run as plain values, rounded to what can be told apart."""
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(self).items()}

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """Read what `document` wrote."""
        return cls(**document)


def run(
    variant: Variant, ground: Ground, repetition: int, look: Callable[[Ground, Variant], tuple[Row, int | None]]
) -> tuple[Run, Row]:
    """Run a variant once and let `look` see what is in the table then: its content, and the NULLs in it.

    Raises:
        RuntimeError: The command failed, or the table isn't what it has to be.
    """
    command = variant.command(ground)
    ground.server.settle()
    _read(ground.path)
    load_average = os.getloadavg()[0]
    before = ground.server.cpu_s()
    used = measure(command.argv, {**_others(), **command.environment}, ground.folder)
    after = ground.server.cpu_s()
    told = variant.told(ground)
    content, nulls = look(ground, variant)
    done = Run(
        variant=variant.name,
        repetition=repetition,
        wall_s=used.wall_s,
        client_peak_mb=used.peak_mb,
        client_cpu_s=used.cpu_s,
        server_cpu_s=None if before is None or after is None else after - before,
        seconds_by_step=told.seconds_by_step,
        server_said=told.server_said,
        nulls=nulls,
        load_average=load_average,
    )
    return done, content


def _others() -> dict[str, str]:
    """Return the environment without anybody's settings; the command's working folder has no `.env` either."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith("INGEST_")}


def _read(path: Path) -> None:
    """Have the file, or the folder's files, in the system's cache for every variant alike."""
    for file in sorted(path.iterdir()) if path.is_dir() else (path,):
        with file.open("rb", buffering=0) as opened:
            while opened.read(1 << 20):
                pass
