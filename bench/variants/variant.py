"""What a way to load is, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bench.server import BenchServer
from bench.workloads import Workload

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """One run's own ground: an empty database, a scratch folder, and the file to load (or a folder of files)."""

    server: BenchServer
    url: str
    folder: Path
    workload: Workload
    path: Path

    @property
    def report(self) -> Path:
        """Where the command may leave a JSON document about itself."""
        return self.folder / "report.json"

    def connection(self) -> dict[str, str]:
        """Return host, port, user, password and database, for those who don't take a URL."""
        return connected(self.url)


def connected(url: str) -> dict[str, str]:
    """Return what a URL says of host, port, user, password and database."""
    parts = urlsplit(url)
    return {
        "host": parts.hostname or "127.0.0.1",
        "port": str(parts.port or 3306),
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "database": parts.path.lstrip("/"),
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A command to measure: its words, and what it finds in the environment beside everybody's."""

    argv: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What a command told of itself. `server_said` has the server's words, None where the command keeps them back."""

    seconds_by_step: dict[str, float] = field(default_factory=dict)
    server_said: str | None = None


def _says_nothing(_: Ground) -> Told:
    return Told()


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One way to load.

    Attributes:
        name: What `--variant` calls it.
        what: What runs, in a line.
        leaves_undone: What whoever goes this way still has to do.
        builds_indexes: Whether the table has its secondary indexes in the end.
        own_table: It makes the table as it sees fit, so that values may differ: the report says so. Else that is an error.
        command: Prepares a run, before the clock starts, and returns the command.
        told: Reads what the command told of itself; RuntimeError where that is no success.
        missing: Why it can't run on this server here, None where it can. Makes its environment where it has one.
    """

    name: str
    what: str
    leaves_undone: str
    builds_indexes: bool = True
    own_table: bool = False
    command: Callable[[Ground], Command]
    told: Callable[[Ground], Told] = _says_nothing
    missing: Callable[[BenchServer], str | None] = lambda _: None
