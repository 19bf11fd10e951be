"""A MySQL connection that gives the server no file but the batch being sent at that moment."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import MySQLdb

from engine.errors import LoadError
from engine.load.address import Address
from engine.load.infile import SealedConnection, is_mariadb_library, off_main_thread, tls_cipher
from engine.load.refusal import LOCAL_INFILE_OFF_SOMEWHERE, LOST, Refused, server_side_off, translate
from engine.log import logger

# Whatever the server's own defaults are: the session says what it relies on.
_SESSION = {
    # Strict, and 0 in an AUTO_INCREMENT column is the value 0: what the file says.
    "sql_mode": (
        "'STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
        "NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO'"
    ),
    "time_zone": "'+00:00'",
    "foreign_key_checks": "1",
    "unique_checks": "1",
    "completion_type": "'NO_CHAIN'",
    # A note is a warning as well, and a warning rolls a batch back.
    "sql_notes": "1",
    "sql_safe_updates": "0",
    "sql_select_limit": "18446744073709551615",
    "sql_big_selects": "1",
    # Bytes by which texts are told apart where they're sorted; the default's 1,024 are less than a key's 3,072 may have.
    "max_sort_length": "16384",
    # Behind a reader's open transaction a RENAME would wait for a year, and everybody else behind the RENAME.
    "lock_wait_timeout": "60",
    # Nobody is behind a connection that was silent for so long: the control connection says something every 30 s, and
    # one that loads is opened again. Its locks are free then for another worker.
    "wait_timeout": "600",
    "net_read_timeout": "600",
    "net_write_timeout": "600",
}
_MARIADB_SESSION = {
    "check_constraint_checks": "1",
    "explicit_defaults_for_timestamp": "1",
    "max_statement_time": "0",
    "idle_transaction_timeout": "0",
    "idle_write_transaction_timeout": "0",
}
_MYSQL_SESSION = {"max_execution_time": "0"}

# What the client library may do for a server that hasn't proved who it is.
_RESTRICTED = Path(__file__).with_name("client.cnf")

# KILL: there is no such session any more, or it is another user's.
_NO_SESSION = (1094, 1095)

Row = tuple[object, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Session:
    """A session as its server knows it. `opened_at` is of the monotonic clock."""

    number: int
    place: tuple[Row, ...]
    opened_at: float


class Connection:
    """One connection, used by one thread at a time. Driver errors leave it as LoadError.

    Raises:
        LoadError: The server can't be reached, can't prove who it is, or refuses the user.
    """

    def __init__(self, address: Address, *, connect_timeout_s: int) -> None:
        self.address = address
        # The server is gone, or has closed this connection: nothing but `reconnect` helps.
        self.lost = False
        # Work on this connection is being repeated by `repeat`, so a statement of it isn't repeated by itself.
        self.repeating = False
        # What doesn't change while the server is the same one, by what it is.
        self.seen: dict[str, object] = {}
        # What has to be held while rows are sent, where others of this process send some too.
        self.turn: Callable[[], AbstractContextManager[None]] = nullcontext
        self._connect_timeout_s = connect_timeout_s
        self._mysql = self._open()
        try:
            self._prepare()
        except BaseException:
            self._disconnect()
            raise

    @property
    def patient(self) -> bool:
        """Whether a server that has become read-only is waited for, as at a failover."""
        return True

    def reconnect(self) -> None:
        """Replace a connection that was lost; its locks, temporary tables and open transaction go with it."""
        former = self._session
        self.seen.clear()
        self._disconnect()
        self._mysql = self._open()
        self.lost = False
        self._prepare()
        self._end(former)

    def _open(self) -> SealedConnection:
        address = self.address
        ca = _authorities(address)
        proved = address.ssl_mode.startswith("VERIFY") or address.unix_socket is not None
        try:
            opened = SealedConnection(
                host=_by_tcp(address),
                port=address.port,
                user=address.user,
                password=address.password,
                database=address.database,
                charset="utf8mb4",
                local_infile=True,
                connect_timeout=self._connect_timeout_s,
                multi_statements=False,
                autocommit=True,
                ssl_mode=_asked_of_library(address.ssl_mode),
                **({"ssl": {"ca": ca}} if ca else {}),
                **({} if proved else {"read_default_file": str(_RESTRICTED)}),
                **({"unix_socket": address.unix_socket} if address.unix_socket else {}),
            )
        except MySQLdb.Error as error:
            raise translate(error, address) from None
        # MariaDB's library goes on in plain text where the server has no TLS, unless it verifies the certificate.
        if address.ssl_mode not in ("DISABLED", "PREFERRED") and tls_cipher(opened) is None:
            opened.close()
            raise LoadError(
                f"{address}: the server offers no TLS, and ssl_mode={address.ssl_mode} asks for it",
                code="load.tls",
                next_step="set up TLS on the server, or choose another ssl_mode in INGEST_MYSQL_URL",
            )
        return opened

    def _prepare(self) -> None:
        own = _MARIADB_SESSION if "MariaDB" in self.server else _MYSQL_SESSION
        settings = ", ".join(f"SESSION {name} = {value}" for name, value in {**_SESSION, **own}.items())
        Connection.execute(self, f"SET {settings}")
        Connection.execute(self, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE")
        place = Connection.query(self, "SELECT @@GLOBAL.hostname, @@GLOBAL.port")
        self._session = _Session(number=int(self._mysql.thread_id()), place=tuple(place), opened_at=time.monotonic())

    def _end(self, former: _Session) -> None:
        """End a session that this client has lost and the server perhaps not, with its transaction and its locks."""
        uptime_s = Connection.query(self, "SHOW GLOBAL STATUS LIKE 'Uptime'")
        # Whole seconds, of which the first counts as 0; no server is started again within one.
        same_run = bool(uptime_s) and int(str(uptime_s[0][1])) + 1 >= time.monotonic() - former.opened_at
        if former.place != self._session.place or not same_run:
            # Numbers begin anew with a server, so this one may be somebody else's.
            return
        try:
            Connection.execute(self, f"KILL {former.number}")
        except Refused as error:
            if error.number not in _NO_SESSION:
                raise

    @property
    def server(self) -> str:
        """The server's own words, such as `9.7.4` or `10.11.19-MariaDB`."""
        return str(self._mysql.get_server_info())

    @property
    def tls(self) -> str | None:
        """The cipher that this connection is encrypted with, None where it isn't."""
        return tls_cipher(self._mysql)

    def begin(self, *, snapshot: bool = False) -> None:
        """Begin a transaction; with a snapshot, everything that it reads is as of now."""
        self.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT" if snapshot else "START TRANSACTION")

    def change(
        self, sql: str, parameters: Sequence[object] | None = None, *, already: frozenset[int] = frozenset()
    ) -> None:
        """Run one statement that can't be run twice.

        Args:
            already: The errors that say, where the reply to an earlier try was lost, that it went through then.
        """
        del already
        self.execute(sql, parameters)

    def execute(self, sql: str, parameters: Sequence[object] | None = None) -> int:
        """Run one statement and return the rows it affected. Without parameters `%` needs no doubling."""
        try:
            with self._mysql.cursor() as cursor:
                return int(cursor.execute(sql, parameters))
        except MySQLdb.Error as error:
            raise self._refused(error) from None

    def query(self, sql: str, parameters: Sequence[object] | None = None) -> list[Row]:
        """Run one query and return its rows."""
        try:
            with self._mysql.cursor() as cursor:
                cursor.execute(sql, parameters)
                return list(cursor.fetchall())
        except MySQLdb.Error as error:
            raise self._refused(error) from None

    def load(self, sql: str, name: str, data: bytes) -> str:
        """Run a LOAD DATA LOCAL INFILE that asks for `name`, answer with `data`, return the info string."""

        def send() -> str:
            with self._mysql.cursor() as cursor:
                cursor.execute(sql)
            info = self._mysql.info()
            return info.decode() if isinstance(info, bytes) else str(info or "")

        try:
            self._mysql.infile.arm(name, data)
            with self.turn():
                return off_main_thread(send)
        except MySQLdb.Error as error:
            raise self._local_infile(self._refused(error)) from None
        finally:
            self._mysql.infile.disarm()

    def _local_infile(self, refused: Refused) -> Refused:
        """Say which side has LOCAL INFILE off: with MariaDB's library the error is the same for both."""
        if refused.number != LOCAL_INFILE_OFF_SOMEWHERE:
            return refused
        off = not int(str(Connection.query(self, "SELECT @@GLOBAL.local_infile")[0][0]))
        return server_side_off(refused) if off else refused

    def _refused(self, error: MySQLdb.Error) -> Refused:
        refused = translate(error, self.address)
        self.lost = self.lost or refused.number in LOST
        return refused

    def rollback(self) -> None:
        """Roll back, and ignore a connection that is gone: the server has rolled back by itself then."""
        try:
            self._mysql.rollback()
        except MySQLdb.Error as error:
            self._refused(error)
            logger.debug("rollback on a lost connection: %s", error)

    def commit(self) -> None:
        """Commit the transaction."""
        try:
            self._mysql.commit()
        except MySQLdb.Error as error:
            raise self._refused(error) from None

    def ping(self) -> None:
        """Say something to the server, so that nobody on the way takes the connection for dead."""
        try:
            self._mysql.ping()
        except MySQLdb.Error as error:
            self._refused(error)

    def close(self) -> None:
        """Close the connection, whatever state it's in."""
        self._disconnect()

    def _disconnect(self) -> None:
        try:
            self._mysql.close()
        except MySQLdb.Error as error:
            logger.debug("closing a lost connection: %s", error)


def _by_tcp(address: Address) -> str:
    """Return the host's name as the client library takes it for a name, also that of this machine.

    It takes `localhost`, and that spelling alone, for the default socket and passes over the port. To the system's
    resolver and in a certificate all spellings are the same.
    """
    return "LOCALHOST" if address.host == "localhost" else address.host


def _asked_of_library(mode: str) -> str:
    """Return the mode that makes the client library do what MySQL's manual says of `mode`.

    MariaDB's (3.3.20, tried on both servers) takes PREFERRED for plain text and REQUIRED for "where the server can".
    """
    return "REQUIRED" if mode == "PREFERRED" and is_mariadb_library() else mode


def _authorities(address: Address) -> str | None:
    """Return the file with the certificates that the server's must descend from, None where nothing is verified."""
    if address.ssl_mode == "DISABLED":
        return None
    if address.ssl_ca is not None:
        if not Path(address.ssl_ca).is_file():
            raise LoadError(
                f"{address.ssl_ca}: there is no such file of certificates",
                code="load.tls",
                next_step="correct ssl_ca in INGEST_MYSQL_URL",
            )
        return address.ssl_ca
    return ssl.get_default_verify_paths().cafile if address.ssl_mode.startswith("VERIFY") else None
