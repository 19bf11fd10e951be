"""A look at the server before anything is loaded: it changes nothing."""

from __future__ import annotations

from engine.errors import LoadError, SettingsError
from engine.load.address import Address
from engine.load.connection import Connection
from engine.load.judging import Demand, judge
from engine.load.seen import look
from engine.model import Examined, problem


def examine(url: str, demand: Demand, *, connect_timeout_s: int) -> Examined:
    """Connect, look and judge; that there is no connection to be had is a finding.

    Args:
        url: As in `INGEST_MYSQL_URL`.
        demand: What loads would ask of the server.
        connect_timeout_s: How long to wait for a connection.
    """
    where = "MySQL"
    try:
        address = Address.parse(url)
        where = f"MySQL at {address}"
        connection = Connection(address, connect_timeout_s=connect_timeout_s)
        try:
            seen = look(connection)
        finally:
            connection.close()
    except (LoadError, SettingsError) as error:
        unreachable = problem(
            "connection",
            error.message,
            why="Without it nothing can be loaded, and the server's settings can't be looked at.",
            fix=error.next_step or "look into the server's log",
        )
        return Examined(name=where, findings=(unreachable,))
    return Examined(name=where, findings=judge(seen, demand))
