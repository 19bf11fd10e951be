"""What the server's user may do, as far as the server doesn't say it by itself."""

from __future__ import annotations

import re

from engine.errors import LoadError
from engine.load.connection import Connection

_GRANT = re.compile(
    r"GRANT (?P<privileges>.+?) ON (?:`(?P<database>(?:[^`]|``)+)`|\*)\.(?:`(?P<table>(?:[^`]|``)+)`|\*) TO"
)
_ROLE = re.compile(r"GRANT (?!.* ON )")


def refuse_hidden_triggers(connection: Connection, table: str) -> None:
    """Refuse a table whose triggers this user couldn't see: the server shows none then, as if there were none.

    Raises:
        LoadError: `load.privilege`.
    """
    lines = [str(row[0]) for row in connection.query("SHOW GRANTS")]
    database = connection.address.database
    # What a role may do isn't shown.
    if any(_ROLE.match(line) or allows(line, "TRIGGER", database, table) for line in lines):
        return
    raise LoadError(
        f"{table}: its triggers can't be seen without the privilege TRIGGER, and they decide how it's loaded",
        code="load.privilege",
        next_step=f"have it granted: GRANT TRIGGER ON `{database}`.* TO {user_of(connection)}",
    )


def user_of(connection: Connection) -> str:
    """Return the account that the server takes this client for, as GRANT wants it."""
    user, _, host = str(connection.query("SELECT CURRENT_USER()")[0][0]).rpartition("@")
    return f"'{user}'@'{host}'"


def allows(line: str, privilege: str, database: str, table: str | None) -> bool:
    """Tell whether a line of SHOW GRANTS gives a privilege on a table; None stands for all tables of the database."""
    found = _GRANT.match(line)
    if found is None:
        return False
    here = found["database"] is None or _like(found["database"].replace("``", "`"), database)
    this = found["table"] is None or (table and found["table"].replace("``", "`").lower() == table.lower())
    names = {name.strip() for name in found["privileges"].split(",")}
    return bool(here and this and names & {privilege, "ALL PRIVILEGES"})


def _like(pattern: str, name: str) -> bool:
    """Compare as GRANT does: `_` and `%` are wild unless escaped."""
    parts = re.findall(r"\\.|.", pattern)
    wild = {"_": ".", "%": ".*"}
    wanted = "".join(wild.get(part) or re.escape(part.removeprefix("\\")) for part in parts)
    return re.fullmatch(wanted, name, re.IGNORECASE) is not None
