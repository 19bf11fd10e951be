"""A private Redis for Celery workers: on the loopback interface, behind a password, gone with its Airflow."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import closing

from engine.airflow.local.components import spawn
from engine.airflow.local.home import Home
from engine.embedded.private import write_private
from engine.errors import ServerError

NAME = "redis"
_START_S = 20.0
_POLL_S = 0.05


def start(home: Home, port: int, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a Redis on `port` and wait until it answers.

    Raises:
        ServerError: There is no such program here, or it doesn't start.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise ServerError(
            "Celery workers need a Redis, and this machine has no redis-server",
            code="server.missing_program",
            next_step="install the package redis-server, or start without --celery",
        )
    data = home.path / NAME
    data.mkdir(mode=0o700, exist_ok=True)
    # In a file: arguments can be read by everybody on the machine. What is queued survives a restart.
    lines = (
        "bind 127.0.0.1",
        f"port {port}",
        f"requirepass {home.secret('redis-password')}",
        f"dir {data}",
        "appendonly yes",
        "daemonize no",
    )
    configuration = data / "redis.conf"
    write_private(configuration, "\n".join(lines) + "\n")
    process = spawn([program, str(configuration)], home.path, environment, home.log(NAME))
    deadline = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline:
        if answers(port, home.secret("redis-password")):
            return process
        time.sleep(_POLL_S)
    process.kill()
    raise ServerError(
        f"{NAME} doesn't start; its last words:\n{home.last_lines(NAME)}",
        code="server.start_failed",
        next_step=f"see {home.log(NAME)}",
    )


def answers(port: int, password: str) -> bool:
    """Tell whether a Redis on this machine takes our password."""
    try:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=2)) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            told = b""
            while told.count(b"\r\n") < 2 and (received := connection.recv(256)):
                told += received
    except OSError:
        return False
    return told == b"+OK\r\n+PONG\r\n"
