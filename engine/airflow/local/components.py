"""The processes of an Airflow: their commands, how they are started, and how none of them is left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engine.embedded.process import all_pids

_POLL_S = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Component:
    """One kind of process and what it's for."""

    name: str
    arguments: tuple[str, ...]

    @property
    def command(self) -> list[str]:
        """The command, of the same environment as this program."""
        return [str(Path(sys.executable).with_name("airflow")), *self.arguments]


API_SERVER = Component(name="api-server", arguments=("api-server",))
# The log servers of scheduler, triggerer and worker would listen on every interface of the machine, and no setting
# says otherwise. Where all processes share the folder of the logs, nobody misses them.
SCHEDULER = Component(name="scheduler", arguments=("scheduler", "--skip-serve-logs"))
DAG_PROCESSOR = Component(name="dag-processor", arguments=("dag-processor",))
TRIGGERER = Component(name="triggerer", arguments=("triggerer", "--skip-serve-logs"))


def worker(number: int) -> Component:
    """Return a Celery worker; `%h` is replaced by the machine's name."""
    name = f"worker-{number}"
    # Gossip is for workers that elect one another, which these never do.
    return Component(
        name=name, arguments=("celery", "worker", "-H", f"{name}@%h", "--skip-serve-logs", "--without-gossip")
    )


# The scheduler and its workers come after these: a task that can't reach the web server when it starts has used up a try.
FIRST = (API_SERVER, DAG_PROCESSOR, TRIGGERER)


def spawn(command: list[str], home: Path, environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own, with `home` as its folder and its output appended to `log`.

    It's told to stop when the calling thread ends, however that happens, where the system can do that (Linux).
    """
    setpriv = shutil.which("setpriv")
    tied = [setpriv, "--pdeathsig", "TERM", "--"] if setpriv and sys.platform == "linux" else []
    with log.open("ab") as output:
        return subprocess.Popen(
            [*tied, *command],
            cwd=home,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def members(sessions: Iterable[int], home: Path) -> list[int]:
    """Return the processes that live in these sessions.

    A number of a session may be another's after a restart of the machine; those that work below `home` are ours.
    """
    wanted = set(sessions)
    return [pid for pid in all_pids() if _session(pid) in wanted and _lives(pid) and _is_at(pid, home)]


def end_sessions(sessions: Iterable[int], home: Path, patience_s: float) -> None:
    """Ask every process of these sessions to end, wait, and kill those that don't."""
    wanted = set(sessions)
    for sig, wait_s in ((signal.SIGTERM, patience_s), (signal.SIGKILL, 5.0)):
        for pid in members(wanted, home):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, sig)
        deadline = time.monotonic() + wait_s
        while members(wanted, home):
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_S)
        else:
            return


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return -1


def _is_at(pid: int, home: Path) -> bool:
    """Tell whether a process works below a folder; without /proc nothing says that it doesn't."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink().is_relative_to(home.resolve())
    except OSError:
        return not Path("/proc/self").exists()


def _lives(pid: int) -> bool:
    """Tell whether a process is more than a zombie that nobody has reaped yet."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return not Path("/proc/self").exists()
