"""Workers in processes of their own, so that a crash or a hang ends a file and not the bench."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from bench.robustness.job import Job
from bench.robustness.landed import Landed, from_plain

ROOT = Path(__file__).resolve().parent.parent.parent
# No file takes any tool a second on an idle machine; the first one also starts the worker.
TIMEOUT_S = 60.0
_START_TIMEOUT_S = 120.0


@dataclass(kw_only=True, slots=True)
class Worker:
    """One tool in a process, started with the first job and again after it died.

    Attributes:
        tool: What `bench.robustness.worker` knows it as.
        python: The interpreter that has it.
        context: What it's told once, such as the server's URL.
        version: What it says of itself, once it runs.
    """

    tool: str
    python: Path = field(default_factory=lambda: Path(sys.executable))
    context: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = TIMEOUT_S
    version: str = ""
    # A file, because a pipe that nobody reads would stop a tool that says much.
    _said: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    _process: subprocess.Popen[bytes] | None = None
    _heard: bytes = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        self._said.close()

    def ask(self, job: Job) -> Landed:
        """Have a file read; a worker that dies or is silent for too long is a crash or a hang of this file.

        Raises:
            RuntimeError: The tool doesn't even start.
        """
        process = self._started()
        self._tell(process, job.plain())
        answer = self._answer(process, self.timeout_s)
        if isinstance(answer, dict):
            return from_plain(answer)
        self._end()
        if answer is None:
            return Landed(hung=True)
        return Landed(crashed=f"the process ended with status {answer}")

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None:
            return self._process
        process = subprocess.Popen(
            [self.python, "-m", "bench.robustness.worker", self.tool],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
        )
        self._process, self._heard = process, b""
        self._tell(process, dict(self.context))
        hello = self._answer(process, _START_TIMEOUT_S)
        if not isinstance(hello, dict):
            self._end()
            self._said.seek(0)
            said = self._said.read().decode(errors="replace")
            raise RuntimeError(f"{self.tool} doesn't start: {said.strip()[-500:] or 'no answer'}")  # noqa: TRY004 (no type)
        self.version = str(hello["version"])
        return process

    def _tell(self, process: subprocess.Popen[bytes], message: Mapping[str, object]) -> None:
        assert process.stdin is not None
        # Where it has ended, the missing answer shows it.
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps(message).encode() + b"\n")
            process.stdin.flush()

    def _answer(self, process: subprocess.Popen[bytes], timeout_s: float) -> dict[str, object] | int | None:
        """Wait for a line; return it, the exit status of a process that ended, or None where time is over."""
        assert process.stdout is not None
        deadline = time.monotonic() + timeout_s
        parts = [self._heard]
        while b"\n" not in parts[-1]:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
                return None
            part = process.stdout.read1(1 << 20)  # type: ignore[attr-defined]  # a buffered reader has it
            if not part:
                return process.wait()
            parts.append(part)
        line, _, self._heard = b"".join(parts).partition(b"\n")
        found = json.loads(line)
        assert isinstance(found, dict)
        return found

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
