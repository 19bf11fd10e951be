"""What a server says of itself, asked for once: its settings, its clock, its connections and what this user may do."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from engine.load.address import Address
from engine.load.connection import Connection
from engine.load.privileges import user_of
from engine.load.refusal import Refused
from engine.load.statements import text

_SIZE = re.compile(r"(\d+)([KMG])")
_FACTORS = {"K": 1024, "M": 1024**2, "G": 1024**3}
# Nobody's table: the server says that it isn't there, or that this user may not write to it, once LOCAL is allowed.
_NOBODYS = "LOAD DATA LOCAL INFILE 'headrace' INTO TABLE `_ingest_no_such_table` CHARACTER SET utf8mb4"


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A server as one client sees it.

    Attributes:
        variables: Global variables by name, as SHOW prints them.
        user: This client's account, as GRANT wants it.
        grants: Lines of SHOW GRANTS, those of the roles included that are taken on.
        clock_ahead_s: Seconds by which the server's clock is ahead of this machine's.
        connections: Those that are open now, this one included.
        local_infile: Why LOCAL INFILE doesn't work between this client and the server; None where it does, or where the
            server says something else first, such as that it's read-only.
    """

    address: Address
    version: str
    variables: Mapping[str, str]
    user: str
    grants: tuple[str, ...]
    clock_ahead_s: float
    character_set: str
    connections: int
    tls: str | None
    local_infile: Refused | None

    @property
    def mariadb(self) -> bool:
        return "MariaDB" in self.version

    def number(self, name: str) -> int | None:
        """Return a variable's value where it's a number; None where the server has no such variable."""
        value = self.variables.get(name, "")
        return int(value) if value.isdecimal() else None

    def on(self, name: str) -> bool:
        """Tell whether a variable is switched on; one that isn't there is off."""
        return self.variables.get(name, "OFF").upper() in ("ON", "1")


def look(connection: Connection) -> Seen:
    """Ask the server for all that is judged; nothing is changed by it.

    Raises:
        LoadError: The server was lost meanwhile.
    """
    variables = {str(name): str(value) for name, value in connection.query(text("server_variables"))}
    before = time.time()
    ((clock, character_set, roles),) = connection.query(text("server_now"))
    here = (before + time.time()) / 2
    return Seen(
        address=connection.address,
        version=connection.server,
        variables=variables,
        user=user_of(connection),
        grants=_grants(connection, None if roles is None else str(roles)),
        clock_ahead_s=float(str(clock)) - here,
        character_set=str(character_set),
        connections=int(str(connection.query("SHOW GLOBAL STATUS LIKE 'Threads_connected'")[0][1])),
        tls=connection.tls,
        local_infile=_local_infile(connection),
    )


def size_of(text: str) -> int | None:
    """Read a size with a unit, such as `64M`, in bytes; None where it has none."""
    found = _SIZE.fullmatch(text)
    return int(found[1]) * _FACTORS[found[2]] if found else None


def _grants(connection: Connection, roles: str | None) -> tuple[str, ...]:
    # MariaDB shows by itself what the role of the moment may do. MySQL writes the roles as the statement wants them.
    using = f" FOR CURRENT_USER() USING {roles}" if roles not in (None, "NONE") and "@" in str(roles) else ""
    return tuple(str(row[0]) for row in connection.query(f"SHOW GRANTS{using}"))


def _local_infile(connection: Connection) -> Refused | None:
    try:
        connection.load(_NOBODYS, "headrace", b"")
    except Refused as refused:
        return refused if refused.code == "load.local_infile_off" else None
    return None
