"""A look at the catalog's server before anything is recorded: it changes nothing, not even pending migrations."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import psycopg
from psycopg.rows import DictRow

from engine.catalog.failures import psycopg_errors
from engine.catalog.migrations import pending, unknown
from engine.catalog.single import open_single
from engine.catalog.target import Target, is_local, target_of
from engine.errors import CatalogError
from engine.model import Examined, Finding, advice, fine, problem
from engine.sql import statement

_OLDEST = 14
# One for single statements, one for tables of columns and metrics.
_CONNECTIONS = 2
# As of the other server: what is compared by people.
_CLOCK_S = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    target: Target
    told: Mapping[str, object]
    encoding: str
    pending: tuple[str, ...]
    unknown: int
    denied: tuple[str, ...]
    clock_ahead_s: float

    def number(self, name: str) -> int:
        return int(str(self.told[name]))


def examine(url: str, *, connect_timeout_s: int) -> Examined:
    """Connect, look and judge; that there is no connection to be had is a finding.

    Args:
        url: As in `INGEST_CATALOG_URL`.
        connect_timeout_s: How long to wait for a connection.
    """
    where = "PostgreSQL"
    try:
        target = target_of(url, connect_timeout_s=connect_timeout_s)
        where = f"PostgreSQL at {target.user}@{target}"
        with open_single(target) as connection:
            seen = _look(connection, target)
    except CatalogError as error:
        unreachable = problem(
            "connection",
            error.message,
            why="A load stops where its record can't be kept.",
            fix=error.next_step or "look into the server's log",
        )
        return Examined(name=where, findings=(unreachable,))
    return Examined(name=where, findings=tuple(one for check in _CHECKS for one in check(seen)))


def _look(connection: psycopg.Connection[DictRow], target: Target) -> _Seen:
    with psycopg_errors(target):
        before = time.time()
        told = connection.execute(statement("postgres/server_now.sql").encode()).fetchone()
        here = (before + time.time()) / 2
        assert told is not None
        denied = connection.execute(statement("postgres/server_rights.sql").encode()).fetchall()
        return _Seen(
            target=target,
            told=told,
            encoding=str(connection.info.parameter_status("server_encoding")),
            pending=pending(connection),
            unknown=unknown(connection),
            denied=tuple(str(row["name"]) for row in denied),
            clock_ahead_s=float(str(told["clock"])) - here,
        )


def _version(seen: _Seen) -> Iterator[Finding]:
    if seen.number("version_number") // 10_000 >= _OLDEST:
        yield fine("version", str(seen.told["version"]))
        return
    yield problem(
        "version",
        str(seen.told["version"]),
        why="The catalog's views and migrations need a newer server.",
        fix=f"use PostgreSQL {_OLDEST} or newer",
    )


def _read_only(seen: _Seen) -> Iterator[Finding]:
    if not seen.told["read_only"]:
        yield fine("read_only", "the server takes writes")
        return
    yield problem(
        "read_only",
        "the server is read-only",
        why="It is a replica, or set so (default_transaction_read_only); nothing can be recorded there.",
        fix="let INGEST_CATALOG_URL name the primary server",
    )


def _encoding(seen: _Seen) -> Iterator[Finding]:
    if seen.encoding == "UTF8":
        yield fine("encoding", "UTF8")
        return
    yield problem(
        "encoding",
        f"the database's is {seen.encoding}",
        why="It can't hold every name and value.",
        fix="create a database with ENCODING 'UTF8' TEMPLATE template0 and name it in INGEST_CATALOG_URL",
    )


def _migrations(seen: _Seen) -> Iterator[Finding]:
    if seen.unknown:
        yield advice(
            "migrations",
            f"{seen.unknown} are applied that this version doesn't know",
            why="A newer Headrace has used the catalog; what it added stays empty.",
            fix="update Headrace here",
        )
    elif not seen.pending:
        yield fine("migrations", "none is pending")
    elif seen.told["may_create"]:
        yield fine("migrations", f"{len(seen.pending)} pending; the next load applies them")
    else:
        schema = seen.told["schema"] or "public"
        yield problem(
            "migrations",
            f"{len(seen.pending)} pending, and {seen.target.user} may not create tables in the schema {schema}",
            why="The first load makes the catalog's tables, and an update may add to them.",
            fix="run the statement as the owner of the database",
            sql=f'GRANT CREATE, USAGE ON SCHEMA "{schema}" TO "{seen.target.user}"',
        )


def _rights(seen: _Seen) -> Iterator[Finding]:
    if not seen.denied:
        yield fine("rights", f"{seen.target.user} has those that are needed")
        return
    tables = ", ".join(f'"{name}"' for name in seen.denied)
    yield problem(
        "rights",
        f"{seen.target.user} may not read and write {', '.join(seen.denied)}",
        why="What is loaded is recorded there, and a load stops where it can't be.",
        fix="run the statement as the owner of the tables",
        sql=f'GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO "{seen.target.user}"; '
        f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA "{seen.told["schema"]}" TO "{seen.target.user}"',
    )


def _connections(seen: _Seen) -> Iterator[Finding]:
    used, most = seen.number("connections"), seen.number("most_connections")
    if most - used + 1 >= _CONNECTIONS:
        yield fine("connections", f"{used} of {most} are in use")
        return
    yield problem(
        "connections",
        f"{used} of {most} are in use, and a load opens {_CONNECTIONS}",
        why="The connections beyond max_connections are refused.",
        fix="end some, or raise max_connections in postgresql.conf and start the server again",
    )


def _tls(seen: _Seen) -> Iterator[Finding]:
    if seen.told["tls"] or is_local(seen.target.place.rpartition("/")[0].rpartition(":")[0]):
        yield fine("tls", "encrypted" if seen.told["tls"] else "not encrypted; the server is on this machine")
        return
    yield advice(
        "tls",
        "not encrypted",
        why="Whoever is on the way reads what is recorded, values of the files among it.",
        fix="put ?sslmode=verify-full into INGEST_CATALOG_URL",
    )


def _clock(seen: _Seen) -> Iterator[Finding]:
    ahead_s = seen.clock_ahead_s
    if abs(ahead_s) < _CLOCK_S:
        yield fine("clock", "as this machine's")
        return
    yield advice(
        "clock",
        f"{abs(ahead_s):,.0f} s {'ahead of' if ahead_s > 0 else 'behind'} this machine's",
        why="Some times in the catalog are the server's, those in logs and names this machine's.",
        fix="have both set their clocks by the network (chrony, systemd-timesyncd)",
    )


_CHECKS: tuple[Callable[[_Seen], Iterator[Finding]], ...] = (
    _version,
    _read_only,
    _encoding,
    _migrations,
    _rights,
    _connections,
    _tls,
    _clock,
)
