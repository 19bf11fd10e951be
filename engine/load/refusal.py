"""What the driver's errors mean to a user: which side, what to do, and whether a retry can help."""

from __future__ import annotations

import re

import MySQLdb

from engine.errors import LoadError
from engine.load.address import Address

# The session is gone, and whether its last statement took effect is unknown.
LOST = frozenset({1053, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2006, 2013, 2055, 4031})
# Nothing is wrong with the statement or the rows: the same again may go through in a moment. Rolled back by then.
# 1020: a row was changed since the snapshot (MariaDB with innodb_snapshot_isolation). 1047 and 3101: a cluster's node
# isn't ready, or another node was first. 1317: somebody stopped the statement.
TRANSIENT = LOST | {1020, 1040, 1047, 1205, 1213, 1317, 2002, 2003, 3101}
# So it is at a failover, where the server that was written to becomes the replica.
READ_ONLY = frozenset({1290, 1836})
# Connections, of the server or of the user.
FULL = frozenset({1040, 1203, 1226})

LOCAL_INFILE_OFF_SOMEWHERE = 4166
# The client library's own number for a file request that it turns down.
LOCAL_INFILE_REFUSED = 2068

# The client library's own number for a way to log in that it was told not to take; it gives no text.
NOT_SO = 5010

_GRANTS = "sql/mysql/grants.sql has what each mode needs"
_URL = "check user and password in INGEST_MYSQL_URL"
_AGAIN = "run it again: it goes on where it stopped"
_SPACE = "free some space on the MySQL server"
_TLS = "give the server's authority with ?ssl_ca=PATH, connect by a name that its certificate has, or choose another ssl_mode"
_READ_ONLY = "the server is read-only: load into the primary"
_PROVED = "the engine's own check let this value pass: please report it with the file's line"
_OTHER_TABLE = "somebody changed the table while the file was loaded: run it again"

# Error number: code, next step, retryable.
_MEANINGS: dict[int, tuple[str, str | None, bool]] = {
    # The server's resources.
    1021: ("load.disk_full", _SPACE, True),
    1030: ("load.storage", "look into the server's error log; a full disk is the most frequent reason", True),
    1037: ("load.memory", "give the MySQL server more memory, or lower --batch-mb", True),
    1040: ("load.too_many_connections", "raise max_connections or lower --loaders", True),
    1041: ("load.memory", "give the MySQL server more memory, or lower --batch-mb", True),
    1114: ("load.table_full", _SPACE, True),
    1153: ("load.packet_too_large", "raise max_allowed_packet on the server, or lower --batch-mb", False),
    1197: (
        "load.binlog_cache",
        (
            "lower --batch-mb, or raise max_binlog_cache_size on the server; an upsert, and a file that becomes visible at "
            "once, are one transaction whatever --batch-mb is"
        ),
        False,
    ),
    1301: (
        "load.packet_too_large",
        "a JSON document is larger than max_allowed_packet: raise that on the server",
        False,
    ),
    1203: ("load.too_many_connections", "raise the user's max_user_connections or lower --loaders", True),
    1206: ("load.lock_table_full", "lower --batch-mb, or raise innodb_buffer_pool_size on the server", False),
    1226: ("load.too_many_connections", "raise the user's limits on the server or lower --loaders", True),
    # Who may do what.
    1044: ("load.privilege", _GRANTS, False),
    1045: ("load.denied", _URL, False),
    1049: ("load.no_database", "create the database, or correct the last part of INGEST_MYSQL_URL", False),
    1130: ("load.denied", "allow this machine's address for the user on the server", False),
    1142: ("load.privilege", _GRANTS, False),
    1143: ("load.privilege", _GRANTS, False),
    1227: ("load.privilege", _GRANTS, False),
    1370: ("load.privilege", _GRANTS, False),
    1419: ("load.privilege", "binary logging forbids it to this user: set log_bin_trust_function_creators", False),
    1698: ("load.denied", _URL, False),
    1820: ("load.denied", "the user's password has to be changed first", False),
    1862: ("load.denied", "the user's password has expired", False),
    NOT_SO: (
        "load.denied",
        "it asks for the password itself, which only a server gets that proves who it is: ?ssl_mode=VERIFY_IDENTITY",
        False,
    ),
    3118: ("load.denied", "the user's account is locked", False),
    4151: ("load.denied", "the user's account is locked", False),
    2059: ("load.denied", "the client library lacks the user's authentication plugin: give the user another", False),
    2061: ("load.denied", "the client library lacks the user's authentication plugin: give the user another", False),
    # How the server is set up.
    1036: ("load.read_only", "the table is read-only", False),
    1148: (
        "load.local_infile_off",
        (
            "LOCAL INFILE is off on the server: SET GLOBAL local_infile = 1 there, and local_infile = 1 below [mysqld] in "
            "its configuration to keep it"
        ),
        False,
    ),
    1290: ("load.read_only", _READ_ONLY, False),
    1792: ("load.read_only", _READ_ONLY, False),
    1836: ("load.read_only", _READ_ONLY, False),
    3098: ("load.primary_key", "group replication wants a primary key in every table", False),
    3750: ("load.primary_key", "the server wants a primary key in every table (sql_require_primary_key)", False),
    LOCAL_INFILE_OFF_SOMEWHERE: (
        "load.local_infile_off",
        "LOCAL INFILE is off on the client side: mysqlclient was built or configured without it",
        False,
    ),
    LOCAL_INFILE_REFUSED: (
        "load.hostile_server",
        "it got nothing; check that INGEST_MYSQL_URL names your server",
        False,
    ),
    # Others at the same time.
    1205: ("load.lock_wait", "another transaction holds the table; run it again when that has ended", True),
    1213: ("load.deadlock", _AGAIN, True),
    1317: ("load.interrupted", "somebody stopped the statement on the server; run it again", True),
    3024: ("load.interrupted", "raise max_execution_time on the server", True),
    1054: ("load.table_changed", _OTHER_TABLE, True),
    1136: ("load.table_changed", _OTHER_TABLE, True),
    1146: ("load.table_changed", _OTHER_TABLE, True),
    1412: ("load.table_changed", _OTHER_TABLE, True),
    # The way to the server.
    1053: ("load.connection_lost", _AGAIN, True),
    1129: ("load.denied", "the server has blocked this machine after many errors: FLUSH HOSTS there", False),
    1158: ("load.connection_lost", _AGAIN, True),
    1159: ("load.connection_lost", _AGAIN, True),
    1160: ("load.connection_lost", _AGAIN, True),
    1161: ("load.connection_lost", _AGAIN, True),
    1927: ("load.connection_lost", _AGAIN, True),
    2002: ("load.unreachable", "start the server, or correct host and port in INGEST_MYSQL_URL", True),
    2003: ("load.unreachable", "start the server, or correct host and port in INGEST_MYSQL_URL", True),
    2005: ("load.unreachable", "correct the host in INGEST_MYSQL_URL", True),
    2006: ("load.connection_lost", _AGAIN, True),
    2013: ("load.connection_lost", _AGAIN, True),
    2026: ("load.tls", _TLS, False),
    2055: ("load.connection_lost", _AGAIN, True),
    3159: ("load.tls", "the server wants TLS: put ?ssl_mode=REQUIRED or stricter into INGEST_MYSQL_URL", False),
    4031: ("load.connection_lost", _AGAIN, True),
    # Rows that the table refuses.
    1048: ("load.null", "the column is NOT NULL", False),
    1062: (
        "load.duplicate_key",
        "load with --mode upsert --key …, or take the duplicates out of the file",
        False,
    ),
    1169: ("load.duplicate_key", "load with --mode upsert --key …, or take the duplicates out of the file", False),
    1216: ("load.foreign_key", "load the parent table first", False),
    1364: ("load.no_default", "give the column a default, allow NULL, or add it to the file", False),
    1452: ("load.foreign_key", "load the parent table first", False),
    1586: ("load.duplicate_key", "load with --mode upsert --key …, or take the duplicates out of the file", False),
    1644: ("load.trigger", "a trigger of the table refuses the row", False),
    3819: ("load.check", "a CHECK of the table refuses the row", False),
    4025: ("load.check", "a CHECK of the table refuses the row", False),
    **dict.fromkeys((1264, 1265, 1292, 1366, 1406, 1411, 1690, 3140), ("load.value", _PROVED, False)),
    # What a table can hold.
    1071: ("load.key_too_long", "shorten the key's columns", False),
    1117: ("load.too_wide", "a table holds fewer columns than that", False),
    1118: ("load.too_wide", "a row of this table is too large: declare some columns as TEXT", False),
    1293: ("load.refused", "the server is too old for this table", False),
}
_MEANINGS[3948] = _MEANINGS[1148]

# No table can have these columns (1005 is how MariaDB says that they are too many).
TOO_WIDE = frozenset({1005, 1117, 1118})

# A row is to blame for these, not the statement, the server or the user.
_ROW_CODES = frozenset(
    {
        "load.null",
        "load.duplicate_key",
        "load.foreign_key",
        "load.no_default",
        "load.trigger",
        "load.check",
        "load.value",
    }
)

# What is missing and for whom: "INSERT, DELETE command denied to user 'u'@'h' for table …".
_DENIALS = (1142, 1143)
_DENIED = re.compile(r"([A-Z ,]+) command denied to user ('.*?'@'.*?')")

_AT_ROW = re.compile(r"at row (\d+)")


class Refused(LoadError):
    """MySQL's own error: its number, its words and, where they name one, the row within the statement (from 1)."""

    number: int = 0
    words: str = ""
    row: int | None = None

    @property
    def blames_a_row(self) -> bool:
        """Whether another row might have been taken. A trigger may signal any number, so unknown ones count as well."""
        return self.number > 0 and (self.code in _ROW_CODES or self.code == "load.refused")


def server_side_off(refused: Refused) -> Refused:
    """Say of an error about LOCAL INFILE that it's the server that has it off."""
    code, next_step, retryable = _MEANINGS[1148]
    return Refused(refused.message, code=code, next_step=next_step, retryable=retryable)


def translate(error: MySQLdb.Error, where: Address) -> Refused:
    """Turn a driver's error into a LoadError that names the server and never the password."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    if repr(error.args).endswith(", <NULL>)"):
        # Words that aren't UTF-8: the driver leaves nothing at all in their place, and touching that ends the process.
        error.args = (number, "the server's words can't be read")
    text = str(error.args[1]) if len(error.args) > 1 else str(error)
    if number == 0 and isinstance(error, MySQLdb.InterfaceError):
        # The driver's own word for a connection that is closed already.
        number, text = 2006, "the connection is closed"
    if number == NOT_SO:
        text = "the server asks for a login that this client doesn't do here"
    code, next_step, retryable = _MEANINGS.get(number, ("load.refused", None, False))
    denied = _DENIED.match(text) if number in _DENIALS else None
    if denied is not None:
        next_step = f"have it granted: GRANT {denied[1]} ON `{where.database}`.* TO {denied[2]}; {next_step}"
    refused = Refused(f"{where}: {text} (MySQL error {number})", code=code, next_step=next_step, retryable=retryable)
    refused.number, refused.words = number, text
    row = _AT_ROW.search(text)
    refused.row = int(row[1]) if row else None
    return refused
