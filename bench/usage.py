"""Runs a command and tells what it used: `python -I -S usage.py RESULT PROGRAM ARGUMENT …`.

Linux counts the memory of the process that calls exec() into the peak of the program that it becomes. So the measured
command is started from this small program (some 10 MB), which imports the standard library only, and not from the
bench, which holds database drivers and more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# macOS counts bytes, Linux KiB.
_RSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What one command used, from its start to its end, start-up of the interpreter included.

    `peak_mb` is its largest resident memory in MB (10⁶ bytes), `cpu_s` user and system seconds of all its threads.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float


def measure(argv: Sequence[str], environment: Mapping[str, str], folder: Path) -> Usage:
    """Run a command in `folder` to its end.

    Raises:
        RuntimeError: Its exit status isn't 0; the message ends with what it said.
    """
    with tempfile.TemporaryDirectory(prefix="headrace-usage-") as scratch:
        result = Path(scratch) / "usage.json"
        launcher = [sys.executable, "-I", "-S", __file__, str(result), *argv]
        done = subprocess.run(
            launcher, cwd=folder, env=dict(environment), check=False, capture_output=True, text=True, errors="replace"
        )
        if done.returncode != 0:
            said = (done.stderr + done.stdout).strip()[-2000:]
            raise RuntimeError(f"{' '.join(argv)}: exit status {done.returncode}:\n{said}")
        told = json.loads(result.read_text(encoding="utf-8"))
    return Usage(wall_s=told["wall_s"], cpu_s=told["cpu_s"], peak_mb=told["peak_mb"])


def _launch(result: str, argv: list[str]) -> int:
    began = time.perf_counter()
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    told = {
        "wall_s": wall_s,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss * _RSS_UNIT_BYTES / 1e6,
    }
    Path(result).write_text(json.dumps(told), encoding="utf-8")
    return process.returncode


if __name__ == "__main__":
    sys.exit(_launch(sys.argv[1], sys.argv[2:]))
