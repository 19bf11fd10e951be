"""Processes that outlive their parent: started detached, found again, ended."""

from __future__ import annotations

import os
import pwd
import secrets
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from engine.errors import ServerError

# Below 32768, where Linux begins to hand out ports of outgoing connections: one of those could sit on a
# server's port just when the server starts again.
_PORTS = range(20_000, 32_000)
_POLL_S = 0.05
# A clean shutdown flushes what is dirty; both servers recover from the SIGKILL that follows.
_STOP_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The user of the operating system that a server runs as, where that isn't the caller."""

    name: str
    uid: int
    gid: int

    @classmethod
    def first_of(cls, *names: str) -> Account:
        """Return the first of `names` that exists.

        Raises:
            ServerError: None does.
        """
        for name in names:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)
        raise ServerError(
            f"postgres refuses to run as root, and there is no user {' or '.join(names)} to run it as",
            code="server.no_account",
            next_step="run as a plain user, or install the package postgresql, which creates the user",
        )


def run(argv: list[str], account: Account | None, log: Path) -> int:
    """Run a command to its end with its output appended to `log`; return its exit status."""
    with log.open("ab") as output:
        return subprocess.run(
            argv,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        ).returncode


def spawn(argv: list[str], account: Account | None, log: Path) -> int:
    """Start a command in a session of its own with its output appended to `log`; return its process id.

    A shell starts it in the background and ends, so that the server is nobody's child: it survives the caller and
    leaves no zombie in a caller that lives on.
    """
    with log.open("ab") as output:
        shell = subprocess.run(
            ["/bin/sh", "-c", '"$@" >&2 </dev/null & echo $!', "sh", *argv],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            cwd="/",
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    return int(shell.stdout)


def reaches(account: Account, folder: Path) -> bool:
    """Tell whether `account` may pass through `folder` and every folder above it."""
    return run(["/usr/bin/test", "-x", str(folder)], account, Path(os.devnull)) == 0


def find(pid_file: Path, mark: tuple[str, ...]) -> int | None:
    """Return the id of the running process whose arguments hold `mark` in a row, or None.

    A process id in a file proves nothing after a crash or a restart of the machine, when another process may have
    it; the arguments do. Without a file that helps, all processes are searched.
    """
    try:
        noted = int(pid_file.read_text())
    except (OSError, ValueError):
        noted = 0
    if noted > 0 and _holds(_arguments(noted), mark):
        return noted
    return next((pid for pid in all_pids() if _holds(_arguments(pid), mark)), None)


def is_taken(pid: int) -> bool:
    """Tell whether a process has this id; a zombie has, until it's reaped."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def wait_until_left(folder: Path, patience_s: float) -> bool:
    """Wait until no process works in `folder`; tell whether that came true in time. Always true without /proc."""
    deadline = time.monotonic() + patience_s
    while any(_works_in(pid, folder) for pid in all_pids()):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def end(pid: int, mark: tuple[str, ...], *, gently: signal.Signals, name: str) -> None:
    """Ask a process to end, wait, and kill it if it doesn't.

    Raises:
        ServerError: It belongs to somebody else, or survives.
    """
    for sig, patience_s in ((gently, _STOP_S), (signal.SIGKILL, 10.0)):
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            return
        except PermissionError:
            raise ServerError(
                f"{name} (process {pid}) runs as another user",
                code="server.not_ours",
                next_step="stop it as the user that started it, or as root",
            ) from None
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if not _holds(_arguments(pid), mark):
                return
            time.sleep(_POLL_S)
    raise ServerError(f"{name} (process {pid}) doesn't end", code="server.stop_failed")


def is_free(port: int) -> bool:
    """Tell whether a server could listen on `port` of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nobody listens.

    Raises:
        ServerError: There is none.
    """
    for _ in range(1_000):
        port = secrets.choice(_PORTS)
        if is_free(port):
            return port
    raise ServerError(
        f"no free port on 127.0.0.1 from {_PORTS.start} to {_PORTS.stop - 1}", code="server.no_port", retryable=True
    )


def _holds(arguments: tuple[str, ...], mark: tuple[str, ...]) -> bool:
    return any(arguments[start : start + len(mark)] == mark for start in range(len(arguments) - len(mark) + 1))


def _arguments(pid: int) -> tuple[str, ...]:
    """Return the arguments of a process; none for one that has ended, a zombie included."""
    if Path("/proc/self/cmdline").exists():
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return ()
        return tuple(os.fsdecode(part) for part in raw.split(b"\0")[:-1])
    listed = subprocess.run(
        ["/bin/ps", "-ww", "-p", str(pid), "-o", "command="], check=False, capture_output=True, text=True
    )
    return tuple(listed.stdout.split())


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == folder
    except OSError:
        return False


def all_pids() -> list[int]:
    """Return the ids of all processes of this machine."""
    proc = Path("/proc")
    if (proc / "self").exists():
        return [int(entry.name) for entry in proc.iterdir() if entry.name.isdigit()]
    listed = subprocess.run(["/bin/ps", "-axo", "pid="], check=False, capture_output=True, text=True)
    return [int(word) for word in listed.stdout.split()]
