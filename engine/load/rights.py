"""The rights that each mode needs, by `sql/mysql/grants.sql`, beside those that this user has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.load.privileges import allows
from engine.load.seen import Seen
from engine.model import Finding, advice, fine, problem
from engine.sql import quote_mysql, statement

_SECTION = re.compile(r"^-- \[(.+)\]\nGRANT (.+) ON \{database\}\.\* TO \{user\};$", re.MULTILINE)
# A file without a feed needs the one or the other.
_FIRST = ("new table", "append")


def needed() -> dict[str, tuple[str, ...]]:
    """Return the privileges by mode, in the order of the file."""
    return {name: tuple(rights.split(", ")) for name, rights in _SECTION.findall(statement("mysql/grants.sql"))}


def judge_rights(seen: Seen) -> Iterator[Finding]:
    """Say which modes this user lacks rights for: the ordinary ones in one finding, the others in another."""
    missing = {mode: lacks for mode, rights in needed().items() if (lacks := _lacking(seen, rights))}
    if not missing:
        yield fine("rights", f"{seen.user} has those of every mode")
    ordinary = {mode: lacks for mode, lacks in missing.items() if mode in _FIRST}
    others = {mode: lacks for mode, lacks in missing.items() if mode not in _FIRST and mode != "dry run"}
    if ordinary:
        found, sql = _said(seen, ordinary)
        yield problem(
            "rights",
            found,
            why="A load into a new table, or an append, ends at the first statement that it may not run.",
            fix="run the statement as an administrator of the server",
            sql=sql,
        )
    if others and not set().union(*others.values()) <= set().union(*ordinary.values(), ()):
        found, sql = _said(seen, others)
        yield advice(
            "rights_of_modes",
            found,
            why="Loads in these modes end at the first statement that they may not run; other modes work.",
            fix="run the statement as an administrator of the server where you need the mode",
            sql=sql,
        )


def _lacking(seen: Seen, rights: tuple[str, ...]) -> tuple[str, ...]:
    database = seen.address.database
    return tuple(right for right in rights if not any(allows(line, right, database, None) for line in seen.grants))


def _said(seen: Seen, missing: dict[str, tuple[str, ...]]) -> tuple[str, str]:
    lacks = tuple(dict.fromkeys(right for rights in missing.values() for right in rights))
    modes = ", ".join(missing)
    # GRANT takes _ and % in a database's name for wild cards.
    database = quote_mysql(re.sub(r"([_%])", r"\\\1", seen.address.database))
    found = f"{seen.user} lacks {', '.join(lacks)} (needed for: {modes})"
    return found, f"GRANT {', '.join(lacks)} ON {database}.* TO {seen.user}"
