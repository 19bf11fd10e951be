"""A MySQL connection that gives the server no file but the batch being sent at that moment."""

from __future__ import annotations

import ctypes
import ssl as _ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import parse_qs, unquote, urlsplit

import MySQLdb
import MySQLdb.connections
from MySQLdb import _mysql

from engine.errors import LoadError, SettingsError
from engine.load.refusal import LOCAL_INFILE_OFF_SOMEWHERE, Refused, server_side_off, translate
from engine.log import logger

# PyObject_HEAD of CPython: the MYSQL structure is the first member behind it, which `_pointer` checks.
_HEAD_BYTES = 16

_INIT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_void_p), ctypes.c_char_p, ctypes.c_void_p)
_READ = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint)
_END = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_ERROR = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint)

_SESSION = (
    # Strict, and 0 in an AUTO_INCREMENT column is the value 0: what the file says.
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
    "NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO'",
    "SET SESSION time_zone = '+00:00'",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET SESSION wait_timeout = 86400",
    "SET SESSION net_read_timeout = 600",
    "SET SESSION net_write_timeout = 600",
)

Row = tuple[object, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where the server is. `password` is kept out of every text that this record becomes."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    unix_socket: str | None = None
    ssl_mode: str = "PREFERRED"
    ssl_ca: str | None = None

    @classmethod
    def parse(cls, url: str) -> Address:
        """Read `mysql://user:password@host:port/database?ssl_mode=…&ssl_ca=…&unix_socket=…`.

        TLS is required and verified for hosts that aren't local, unless `ssl_mode` says otherwise.

        Raises:
            SettingsError: It is no such URL.
        """
        parts = urlsplit(url)
        database = unquote(parts.path.lstrip("/"))
        try:
            port = parts.port or 3306
        except ValueError:
            port = 0
        if (
            parts.scheme not in ("mysql", "mariadb")
            or not parts.hostname
            or not database
            or not port
            or not parts.username
        ):
            raise SettingsError(
                "INGEST_MYSQL_URL is not a MySQL URL",
                code="settings.mysql_url",
                next_step="write it as mysql://user:password@host:port/database, with special characters %-encoded",
            )
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        unknown = set(options) - {"ssl_mode", "ssl_ca", "unix_socket"}
        if unknown:
            raise SettingsError(
                f"INGEST_MYSQL_URL has an unknown option {min(unknown)!r}",
                code="settings.mysql_url",
                next_step="the options are ssl_mode, ssl_ca and unix_socket",
            )
        mode = options.get("ssl_mode", "PREFERRED" if _is_local(parts.hostname) else "VERIFY_IDENTITY").upper()
        modes = ("DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY")
        if mode not in modes:
            raise SettingsError(
                f"INGEST_MYSQL_URL has ssl_mode={mode}",
                code="settings.mysql_url",
                next_step="use one of " + ", ".join(modes),
            )
        return cls(
            host=parts.hostname,
            port=port,
            user=unquote(parts.username),
            password=unquote(parts.password or ""),
            database=database,
            unix_socket=options.get("unix_socket"),
            ssl_mode=mode,
            ssl_ca=options.get("ssl_ca"),
        )

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}/{self.database}"


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class _Sealed(MySQLdb.connections.Connection):
    """Seals LOCAL INFILE before the first query: `set_character_set` runs before any."""

    def set_character_set(self, charset: str, collation: str = "") -> None:
        self.infile = _Infile(self)
        super().set_character_set(charset, collation)


class _Infile:
    """The client's answer to a server that asks for a file: the one batch that is being sent, or nothing."""

    def __init__(self, connection: _Sealed) -> None:
        self._name: bytes | None = None
        self._data = b""
        self._address = 0
        self._at = 0
        # The library keeps pointers to these four, so they must live as long as the connection.
        self._callbacks = (_INIT(self._init), _READ(self._read), _END(self._end), _ERROR(self._error))
        library = ctypes.CDLL(_mysql.__file__)
        pointer = id(connection) + _HEAD_BYTES
        library.mysql_thread_id.argtypes = [ctypes.c_void_p]
        library.mysql_thread_id.restype = ctypes.c_ulong
        if library.mysql_thread_id(pointer) != connection.thread_id():
            raise LoadError(
                "can't find the MySQL client's own handle in this build of mysqlclient, so LOCAL INFILE can't be made safe",
                code="load.client",
                next_step="use CPython and mysqlclient 2.2 or newer",
            )
        install = library.mysql_set_local_infile_handler
        install.argtypes = [ctypes.c_void_p, _INIT, _READ, _END, _ERROR, ctypes.c_void_p]
        install.restype = None
        install(pointer, *self._callbacks, None)

    def arm(self, name: str, data: bytes) -> None:
        """Let the server ask once for `name` and get `data`."""
        self._name, self._data, self._at = name.encode(), data, 0
        self._address = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0

    def disarm(self) -> None:
        self._name, self._data, self._address, self._at = None, b"", 0, 0

    def _init(self, handle: object, name: bytes | None, _userdata: object) -> int:
        del handle
        if self._name is None or name != self._name:
            return 1
        self._name = None
        return 0

    def _read(self, _handle: int | None, buffer: int, size: int) -> int:
        count = min(size, len(self._data) - self._at)
        if count > 0:
            ctypes.memmove(buffer, self._address + self._at, count)
            self._at += count
        return max(count, 0)

    def _end(self, _handle: int | None) -> None:
        pass

    def _error(self, _handle: int | None, buffer: int, size: int) -> int:
        text = b"the server asked for a file that it was not offered"[: size - 1] + b"\x00"
        ctypes.memmove(buffer, text, len(text))
        return 2  # CR_UNKNOWN_ERROR would be 2000; any non-zero code fails the statement


class Connection:
    """One connection, used by one thread at a time. Driver errors leave it as LoadError.

    Raises:
        LoadError: The server can't be reached or refuses the user.
    """

    def __init__(self, address: Address, *, connect_timeout_s: int) -> None:
        self.address = address
        self._connect_timeout_s = connect_timeout_s
        self._mysql = self._open()
        self._prepare()

    def reconnect(self) -> None:
        """Replace a connection that was lost."""
        self.close()
        self._mysql = self._open()
        self._prepare()

    def _open(self) -> _Sealed:
        address = self.address
        context: dict[str, str] | None = None
        if address.ssl_ca:
            context = {"ca": address.ssl_ca}
        elif address.ssl_mode.startswith("VERIFY"):
            default = _ssl.get_default_verify_paths().cafile
            context = {"ca": default} if default else None
        try:
            return _Sealed(
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
                ssl_mode=address.ssl_mode,
                **({"ssl": context} if context else {}),
                **({"unix_socket": address.unix_socket} if address.unix_socket else {}),
            )
        except MySQLdb.Error as error:
            raise translate(error, str(address)) from None

    def _prepare(self) -> None:
        for statement in _SESSION:
            self.execute(statement)

    @property
    def is_mariadb(self) -> bool:
        return "mariadb" in str(self._mysql.get_server_info()).lower()

    @property
    def server(self) -> str:
        """The server's own words, such as `9.7.4` or `10.11.19-MariaDB`."""
        return str(self._mysql.get_server_info())

    def execute(self, sql: str, parameters: Sequence[object] | None = None) -> int:
        """Run one statement and return the rows it affected. Without parameters `%` needs no doubling."""
        try:
            with self._mysql.cursor() as cursor:
                return int(cursor.execute(sql, parameters))
        except MySQLdb.Error as error:
            raise translate(error, str(self.address)) from None

    def query(self, sql: str, parameters: Sequence[object] | None = None) -> list[Row]:
        """Run one query and return its rows."""
        try:
            with self._mysql.cursor() as cursor:
                cursor.execute(sql, parameters)
                return list(cursor.fetchall())
        except MySQLdb.Error as error:
            raise translate(error, str(self.address)) from None

    def load(self, sql: str, name: str, data: bytes) -> str:
        """Run a LOAD DATA LOCAL INFILE that asks for `name`, answer with `data`, return the info string."""
        self._mysql.infile.arm(name, data)
        try:
            with self._mysql.cursor() as cursor:
                cursor.execute(sql)
            info = self._mysql.info()
            return info.decode() if isinstance(info, bytes) else str(info or "")
        except MySQLdb.Error as error:
            raise self._local_infile(translate(error, str(self.address))) from None
        finally:
            self._mysql.infile.disarm()

    def _local_infile(self, refused: Refused) -> Refused:
        """Say which side has LOCAL INFILE off: with MariaDB's library the error is the same for both."""
        if refused.number != LOCAL_INFILE_OFF_SOMEWHERE:
            return refused
        off = not int(str(self.query("SELECT @@GLOBAL.local_infile")[0][0]))
        return server_side_off(refused) if off else refused

    def rollback(self) -> None:
        """Roll back, and ignore a connection that is gone: the server has rolled back by itself then."""
        try:
            self._mysql.rollback()
        except MySQLdb.Error as error:
            logger.debug("rollback on a lost connection: %s", error)

    def commit(self) -> None:
        """Commit the transaction."""
        try:
            self._mysql.commit()
        except MySQLdb.Error as error:
            raise translate(error, str(self.address)) from None

    def close(self) -> None:
        """Close the connection, whatever state it's in."""
        try:
            self._mysql.close()
        except MySQLdb.Error as error:
            logger.debug("closing a lost connection: %s", error)
