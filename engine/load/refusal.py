"""What the driver's errors mean to a user: which side, what to do, and whether a retry can help."""

from __future__ import annotations

import re

import MySQLdb

from engine.errors import LoadError

# Error number: code, next step, retryable.
_MEANINGS: dict[int, tuple[str, str | None, bool]] = {
    1021: ("load.disk_full", "free some space on the MySQL server", True),
    1040: ("load.too_many_connections", "raise max_connections or lower --loaders", True),
    1044: ("load.privilege", "grant the user its rights: sql/mysql/grants.sql has the statements", False),
    1045: ("load.denied", "check user and password in INGEST_MYSQL_URL", False),
    1049: ("load.no_database", "create the database, or correct the last part of INGEST_MYSQL_URL", False),
    1062: ("load.duplicate_key", None, False),
    1114: ("load.table_full", "free some space on the MySQL server", True),
    1142: ("load.privilege", "grant the user its rights: sql/mysql/grants.sql has the statements", False),
    1143: ("load.privilege", "grant the user its rights: sql/mysql/grants.sql has the statements", False),
    1148: (
        "load.local_infile_off",
        "LOCAL INFILE is off on the server: SET GLOBAL local_infile = 1 there, and local_infile = 1 below [mysqld] in its "
        "configuration to keep it",
        False,
    ),
    1153: ("load.packet_too_large", "raise max_allowed_packet on the server, or lower --batch-mb", False),
    1197: ("load.binlog_cache", "lower --batch-mb, or raise max_binlog_cache_size on the server", False),
    1205: ("load.lock_wait", "another transaction holds the table", True),
    1213: ("load.deadlock", None, True),
    1227: ("load.privilege", "grant the user its rights: sql/mysql/grants.sql has the statements", False),
    1290: ("load.read_only", "the server is read-only: load into the primary", False),
    1370: ("load.privilege", "grant the user its rights: sql/mysql/grants.sql has the statements", False),
    1836: ("load.read_only", "the server is read-only: load into the primary", False),
    2002: ("load.unreachable", "start the server, or correct host and port in INGEST_MYSQL_URL", True),
    2003: ("load.unreachable", "start the server, or correct host and port in INGEST_MYSQL_URL", True),
    2005: ("load.unreachable", "correct the host in INGEST_MYSQL_URL", True),
    2006: ("load.connection_lost", "run it again: it goes on where it stopped", True),
    2013: ("load.connection_lost", "run it again: it goes on where it stopped", True),
    2026: ("load.tls", "give the server's authority with ?ssl_ca=PATH, or choose ssl_mode in INGEST_MYSQL_URL", False),
    2055: ("load.connection_lost", "run it again: it goes on where it stopped", True),
    4166: (
        "load.local_infile_off",
        "LOCAL INFILE is off on the client side: mysqlclient was built or configured without it",
        False,
    ),
}
_MEANINGS[3948] = _MEANINGS[1148]
LOCAL_INFILE_OFF_SOMEWHERE = 4166

_AT_ROW = re.compile(r"at row (\d+)")


class Refused(LoadError):
    """MySQL's own error, with its number and, where the text names one, the row within the statement (from 1)."""

    number: int = 0
    row: int | None = None


def server_side_off(refused: Refused) -> Refused:
    """Say of an error about LOCAL INFILE that it's the server that has it off."""
    code, next_step, retryable = _MEANINGS[1148]
    return Refused(refused.message, code=code, next_step=next_step, retryable=retryable)


def translate(error: MySQLdb.Error, where: str) -> Refused:
    """Turn a driver's error into a LoadError that names the server and never the password."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    text = str(error.args[1]) if len(error.args) > 1 else str(error)
    code, next_step, retryable = _MEANINGS.get(number, ("load.refused", None, False))
    refused = Refused(f"{where}: {text} (MySQL error {number})", code=code, next_step=next_step, retryable=retryable)
    refused.number = number
    row = _AT_ROW.search(text)
    refused.row = int(row[1]) if row else None
    return refused
