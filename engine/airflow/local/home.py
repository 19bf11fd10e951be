"""The folder of a private Airflow: secrets, logs, and what is known of its processes."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path

from engine.airflow.local.environment import Keys
from engine.config import Settings
from engine.embedded.private import kept_secret, last_lines, write_private
from engine.errors import ServerError


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """One start of a private Airflow. `sessions` has, by component, the sessions of processes that it ever had."""

    pid: int
    url: str
    user: str
    ready: bool
    sessions: dict[str, list[int]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Home:
    """`<local_dir>/airflow`."""

    path: Path

    @classmethod
    def of(cls, settings: Settings) -> Home:
        return cls(path=settings.local_dir.absolute() / "airflow")

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def log(self, component: str) -> Path:
        """Return the file with a component's own output; the logs of tasks lie in folders beside it."""
        return self.logs / f"{component}.log"

    def make(self) -> None:
        """Make the folders, closed to everybody else.

        Raises:
            ServerError: They can't be made.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.logs.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise ServerError(
                f"{self.path}: can't keep Airflow there: {error.strerror}",
                code="server.folder",
                next_step="set INGEST_LOCAL_DIR to a folder of yours",
            ) from None

    def secret(self, name: str) -> str:
        """Return the secret kept in the file `name`, a new one (256 bits) at first."""
        return kept_secret(self.path / name)

    def keys(self) -> Keys:
        """Return the keys, made at the first start and kept."""
        # Fernet takes exactly 32 bytes, padded; the JWT's signature (HS512) wants 64.
        fernet = base64.urlsafe_b64encode(base64.urlsafe_b64decode(self.secret("fernet-key") + "=")).decode()
        return Keys(
            fernet=fernet, jwt=self.secret("jwt-key") + self.secret("jwt-key-2"), session=self.secret("session-key")
        )

    def state(self) -> State | None:
        """Return what the last start noted, None where there is none or the note is damaged."""
        try:
            return State(**json.loads((self.path / "state.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def note(self, state: State) -> None:
        """Write down how the processes are found."""
        write_private(self.path / "state.json", json.dumps(asdict(state)))

    def note_environment(self, environment: Mapping[str, str]) -> None:
        """Write down the variables that all processes were started with, for commands that are given to them later."""
        write_private(self.path / "environment.json", json.dumps(dict(environment)))

    def environment(self) -> dict[str, str]:
        """Return the variables that all processes were started with.

        Raises:
            ServerError: Nothing runs.
        """
        try:
            found: dict[str, str] = json.loads((self.path / "environment.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise ServerError(
                "no Airflow runs here", code="server.stopped", next_step="start it with `make airflow`"
            ) from None
        return found

    def forget(self) -> None:
        """Note that nothing runs."""
        for name in ("state.json", "environment.json"):
            (self.path / name).unlink(missing_ok=True)

    def last_lines(self, component: str, lines: int = 12) -> str:
        """Return the end of a component's log, for an error message."""
        return last_lines(self.log(component), lines)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold this folder's Airflow: for as long as the context lasts nobody else starts one.

        Raises:
            ServerError: Somebody else holds it.
        """
        # Not inherited: a component that is left over must not look like a running Airflow.
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            state = self.state()
            raise ServerError(
                f"an Airflow runs here already{f', at {state.url}' if state else ''}",
                code="server.runs",
                next_step="use it, or end it with `make stop`",
            ) from None
        try:
            yield
        finally:
            os.close(descriptor)

    def is_held(self) -> bool:
        """Tell whether an Airflow runs, or starts or stops, in this folder."""
        try:
            descriptor = os.open(self.path / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            flock(descriptor, LOCK_SH | LOCK_NB)
        except BlockingIOError:
            return True
        else:
            return False
        finally:
            os.close(descriptor)
