"""The folder of one private server: data, password, port, log."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Literal

from engine.embedded.private import kept_secret, last_lines, write_private
from engine.errors import ServerError

Kind = Literal["mysql", "postgres"]
_LOG_LINES = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """What has to be known to find a server again.

    `data` is None where the data lies in the server's own folder, as it does unless the server runs as a user
    that can't reach that one.
    """

    kind: Kind
    port: int
    data: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerFolder:
    """`<local_dir>/<flavour>-<version>`: one per program and major version, as their data files differ."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def log(self) -> Path:
        return self.path / "server.log"

    @property
    def pid_file(self) -> Path:
        return self.path / "server.pid"

    @property
    def data(self) -> Path:
        state = self.state()
        return (state and state.data) or self.path / "data"

    def state(self) -> State | None:
        """Return what is noted of the server, None before its first start or where the note is damaged."""
        try:
            noted = json.loads((self.path / "state.json").read_text(encoding="utf-8"))
            data = noted["data"]
            return State(kind=noted["kind"], port=int(noted["port"]), data=Path(data) if data else None)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def note(self, state: State) -> None:
        """Write down how the server is found again."""
        data = str(state.data) if state.data else None
        text = json.dumps({"kind": state.kind, "port": state.port, "data": data})
        write_private(self.path / "state.json", text)

    def secret(self, name: str) -> str:
        """Return the password kept in the file `name`, a new one (256 bits) at first."""
        return kept_secret(self.path / name)

    def last_log_lines(self) -> str:
        """Return the end of the log, for an error message."""
        return last_lines(self.log, _LOG_LINES)


@contextmanager
def locked(local_dir: Path) -> Iterator[None]:
    """Keep every other process and thread from starting or stopping servers meanwhile.

    Raises:
        ServerError: The folder can't be made or written to.
    """
    try:
        local_dir.mkdir(parents=True, exist_ok=True)
        # Not inherited by the servers: they would hold the lock for as long as they run.
        descriptor = os.open(local_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ServerError(
            f"{local_dir}: can't keep private servers there: {error.strerror}",
            code="server.folder",
            next_step="set INGEST_LOCAL_DIR to a folder of yours, or INGEST_MYSQL_URL and INGEST_CATALOG_URL",
        ) from None
    try:
        flock(descriptor, LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def folders(local_dir: Path) -> tuple[ServerFolder, ...]:
    """Return the folders of all servers that were ever started below `local_dir`."""
    return tuple(ServerFolder(path=path.parent) for path in sorted(local_dir.glob("*/state.json")))
