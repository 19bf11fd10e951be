"""A process that has imported everything and forks for each request: a line of JSON in, a number out."""

from __future__ import annotations

import faulthandler
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

# No work takes nearly as long: by then it hangs.
_HANGS_S = 240.0


class ForkServer:
    """The fork server, as those see it who ask.

    Args:
        module: What it runs; reads requests from standard input and writes each answer to standard output.
    """

    def __init__(self, module: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
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

    def ask(self, request: object) -> int:
        """Send a request and return the answer to it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def forked(work: Callable[[], int]) -> int:
    """Let a fork of this process work and exit with what the work returns; return its process id at once.

    Work that hangs ends with the status 1, and what each of its threads was doing is on standard error.
    """
    # The only other threads at this time are the allocators' own, which survive a fork.
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            faulthandler.dump_traceback_later(_HANGS_S, exit=True, file=2)
            status = work()
            sys.stdout.flush()
        except BaseException:  # noqa: BLE001 - whatever it is, nothing of the parent may run on in the child
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    return pid
