"""What the two kinds of private server have in common for those who start and stop them."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

from engine.embedded.folder import Kind, ServerFolder
from engine.embedded.process import Account
from engine.errors import ServerError


class Answer(Enum):
    """What a server says to our name and password."""

    READY = "ready"
    NOT_YET = "not yet"
    REFUSED = "refused"


class Server(Protocol):
    """One server program with its folder."""

    @property
    def kind(self) -> Kind: ...

    @property
    def folder(self) -> ServerFolder: ...

    @property
    def program(self) -> Path: ...

    @property
    def account(self) -> Account | None:
        """The user that the server runs as, None for the caller."""
        ...

    @property
    def relocated(self) -> Path | None:
        """Where the data has to lie when `account` can't reach the server's folder, else None."""
        ...

    def command(self, port: int) -> list[str]: ...

    def prepare(self) -> None: ...

    def finish(self, port: int) -> None: ...

    def probe(self, port: int) -> Answer: ...

    def url(self, port: int) -> SecretStr: ...

    def admin_url(self, port: int) -> SecretStr: ...


def mark(kind: Kind, data: Path) -> tuple[str, ...]:
    """Return the arguments by which the process of a server is known among all others."""
    return (f"--datadir={data}",) if kind == "mysql" else ("-D", str(data))


def start_failed(folder: ServerFolder, reason: str) -> ServerError:
    """Return the error with the log's last lines, where the server itself says why."""
    return ServerError(
        f"{folder.name}: {reason}; its last words:\n{folder.last_log_lines()}",
        code="server.start_failed",
        next_step=f"see {folder.log}",
    )


def memory_bytes() -> int:
    """Return the memory of this machine, or of this container where that has less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):
        return machine
