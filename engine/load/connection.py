"""A MySQL connection that gives the server no file but the batch being sent at that moment."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path

import MySQLdb

from engine.errors import LoadError
from engine.load.address import Address
from engine.load.infile import SealedConnection, is_mariadb_library, tls_cipher
from engine.load.refusal import LOCAL_INFILE_OFF_SOMEWHERE, LOST, Refused, server_side_off, translate
from engine.log import logger

_SESSION = (
    # Strict, and 0 in an AUTO_INCREMENT column is the value 0: what the file says.
    (
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
        "NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO'"
    ),
    "SET SESSION time_zone = '+00:00'",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET SESSION wait_timeout = 86400",
    "SET SESSION net_read_timeout = 600",
    "SET SESSION net_write_timeout = 600",
)

Row = tuple[object, ...]


class Connection:
    """One connection, used by one thread at a time. Driver errors leave it as LoadError.

    Raises:
        LoadError: The server can't be reached, can't prove who it is, or refuses the user.
    """

    def __init__(self, address: Address, *, connect_timeout_s: int) -> None:
        self.address = address
        # The server is gone, or has closed this connection: nothing but `reconnect` helps.
        self.lost = False
        self._connect_timeout_s = connect_timeout_s
        self._mysql = self._open()
        self._prepare()

    def reconnect(self) -> None:
        """Replace a connection that was lost; its locks, temporary tables and open transaction went with it."""
        self.close()
        self._mysql = self._open()
        self.lost = False
        self._prepare()

    def _open(self) -> SealedConnection:
        address = self.address
        ca = _authorities(address)
        try:
            opened = SealedConnection(
                host=address.host,
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
                **({"unix_socket": address.unix_socket} if address.unix_socket else {}),
            )
        except MySQLdb.Error as error:
            raise translate(error, str(address)) from None
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
        for statement in _SESSION:
            self.execute(statement)

    @property
    def server(self) -> str:
        """The server's own words, such as `9.7.4` or `10.11.19-MariaDB`."""
        return str(self._mysql.get_server_info())

    @property
    def tls(self) -> str | None:
        """The cipher that this connection is encrypted with, None where it isn't."""
        return tls_cipher(self._mysql)

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
        self._mysql.infile.arm(name, data)
        try:
            with self._mysql.cursor() as cursor:
                cursor.execute(sql)
            info = self._mysql.info()
            return info.decode() if isinstance(info, bytes) else str(info or "")
        except MySQLdb.Error as error:
            raise self._local_infile(self._refused(error)) from None
        finally:
            self._mysql.infile.disarm()

    def _local_infile(self, refused: Refused) -> Refused:
        """Say which side has LOCAL INFILE off: with MariaDB's library the error is the same for both."""
        if refused.number != LOCAL_INFILE_OFF_SOMEWHERE:
            return refused
        off = not int(str(self.query("SELECT @@GLOBAL.local_infile")[0][0]))
        return server_side_off(refused) if off else refused

    def _refused(self, error: MySQLdb.Error) -> Refused:
        refused = translate(error, str(self.address))
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

    def close(self) -> None:
        """Close the connection, whatever state it's in."""
        try:
            self._mysql.close()
        except MySQLdb.Error as error:
            logger.debug("closing a lost connection: %s", error)


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
