"""Failures of PostgreSQL and of the way to it, as `CatalogError`s that say what to do and hold no password."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from engine.catalog.target import Target
from engine.errors import CatalogError

# The server's words where a connection is refused: libpq has no SQLSTATE then. An untranslated server is assumed;
# any other words end as unreachable, which says them too.
_AUTHENTICATION = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|pg_hba\.conf rejects"
    r"|role .* does not exist|is not permitted to log in"
)
_NO_DATABASE = re.compile(r"database .* does not exist")
_NO_CONNECT = re.compile(r"permission denied for database")
_TLS = re.compile(r"does not support SSL|SSL was required|certificate")


@contextmanager
def psycopg_errors(target: Target) -> Iterator[None]:
    """Turn psycopg's errors into CatalogErrors."""
    try:
        yield
    except psycopg.Error as error:
        words = error.diag.message_primary or str(error)
        lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and error.sqlstate is None
        raise failure(target, words, sqlstate=error.sqlstate, lost=lost) from None


def connect_failure(target: Target, words: str) -> CatalogError:
    """Explain why a connection could not be made."""
    words = _one_line(words)
    if _AUTHENTICATION.search(words):
        return CatalogError(
            f"PostgreSQL at {target} does not let user {target.user} in: {words}",
            code="catalog.denied",
            next_step="check the user and password in the catalog's URL, and pg_hba.conf on the server",
        )
    if _NO_DATABASE.search(words):
        return CatalogError(
            f"the catalog's database is not there: {target}: {words}",
            code="catalog.refused",
            next_step="create it (createdb) or correct the catalog's URL",
        )
    if _NO_CONNECT.search(words):
        return failure(target, words, sqlstate="42501", lost=False)
    if _TLS.search(words):
        return CatalogError(
            f"no secure connection to PostgreSQL at {target}: {words}",
            code="catalog.refused",
            next_step="check sslmode and sslrootcert in the catalog's URL",
        )
    return failure(target, words, sqlstate=None, lost=True)


def failure(target: Target, words: str, *, sqlstate: str | None, lost: bool) -> CatalogError:
    """Explain an error of the server, by its SQLSTATE (PostgreSQL manual, appendix A), or a lost connection."""
    words, state = _one_line(words), sqlstate or ""
    # 08 connection, 57P admin shutdown, crash, starting up, 53300 too many connections.
    if lost or state.startswith(("08", "57P")) or state == "53300":
        return CatalogError(
            f"the catalog can't be reached at {target}: {words}",
            code="catalog.unreachable",
            next_step="check that PostgreSQL runs there, then try again",
            retryable=True,
        )
    if state == "42501":
        return CatalogError(
            f"user {target.user} lacks a privilege in the catalog {target}: {words}",
            code="catalog.privilege",
            next_step=f"let the owner GRANT it to {target.user} (CONNECT on the database; CREATE on the schema for "
            "the first start; SELECT, INSERT, UPDATE, DELETE on the tables and USAGE on their sequences after that)",
        )
    # 42 names and types that are not as expected, 3F no schema.
    if state.startswith(("42", "3F")):
        return CatalogError(
            f"the tables of the catalog {target} are not as they should be: {words}",
            code="catalog.schema",
            next_step="give the catalog a database of its own, or restore what was changed in it by hand",
        )
    # 40 deadlock and serialisation, 55P03 lock timeout, 57014 cancelled, 53 out of disk, memory, connections.
    retryable = state.startswith(("40", "53")) or state in ("55P03", "57014")
    return CatalogError(
        f"the catalog {target} refused: {words}" + (f" (SQLSTATE {state})" if state else ""),
        code="catalog.refused",
        next_step=_REFUSED.get(state, "try again" if retryable else "see the server's log"),
        retryable=retryable,
    )


_REFUSED = {
    "22P02": "the file's id must be a UUID",
    "22P05": "create the catalog's database with ENCODING 'UTF8'",
    "25006": "let the catalog's URL name the primary server: this one is read-only",
    "53100": "free disk space on PostgreSQL's server",
    "55P03": "end whatever holds a lock on the catalog's tables, then try again",
}


def unknown_file(target: Target, file_id: str, attempt: int) -> CatalogError:
    """Explain that an attempt has no row to add to."""
    return CatalogError(
        f"the catalog {target} has no attempt {attempt} at file {file_id}",
        code="catalog.unknown_file",
        next_step="begin it first",
    )


def _one_line(words: str) -> str:
    """Drop the driver's prefixes, hints and line breaks."""
    words = re.sub(r"^(\w+: )?(\[libpq\] )?", "", words.strip(), count=1)
    match = re.search(r"(?:ERROR|FATAL|PANIC): +([^\n]*)", words)
    return match[1].strip() if match else " ".join(words.split())
