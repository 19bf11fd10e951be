"""All that a load would meet, looked at before it: both servers, this machine, the folders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from engine.catalog import examine as examine_catalog
from engine.config import Settings, load_settings
from engine.embedded import known
from engine.errors import ServerError
from engine.load import Demand
from engine.load import examine as examine_mysql
from engine.machine import examine_folders, examine_machine, waiting_bytes
from engine.model import Examination, Examined, fine, problem


def examine(settings: Settings | None = None) -> Examination:
    """Look at both servers, this machine and the folders; nothing is changed, started or loaded.

    Args:
        settings: Where the servers are; None reads `INGEST_*` and `.env`.
    """
    settings = settings if settings is not None else load_settings()
    patience_s = settings.connect_timeout_s
    demand = Demand(batch_bytes=settings.batch_bytes, loaders=settings.loaders, waiting_bytes=waiting_bytes(settings))
    return Examination(
        places=(
            _server("mysql", settings, lambda url: examine_mysql(url, demand, connect_timeout_s=patience_s)),
            _server("postgres", settings, lambda url: examine_catalog(url, connect_timeout_s=patience_s)),
            examine_machine(settings.loaders),
            examine_folders(settings),
        )
    )


def _server(kind: Literal["mysql", "postgres"], settings: Settings, look: Callable[[str], Examined]) -> Examined:
    """Look at a server that is configured, or at the private one where that runs."""
    name = "MySQL" if kind == "mysql" else "PostgreSQL"
    try:
        there = known(settings, kind)
    except ServerError as error:
        lacking = problem(
            "program",
            error.message,
            why="No server is configured, and there is none to be started.",
            fix=error.next_step or "configure one",
        )
        return Examined(name=name, findings=(lacking,))
    if there.url is None:
        return Examined(name=name, findings=(fine("program", f"{there.program} is started by the first load"),))
    return look(there.url.get_secret_value())
