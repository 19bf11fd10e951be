"""LOCAL INFILE, sealed: what a server gets that asks this client for a file."""

from __future__ import annotations

import ctypes

import MySQLdb.connections
from MySQLdb import _mysql

from engine.errors import LoadError
from engine.load.refusal import LOCAL_INFILE_REFUSED

# PyObject_HEAD of CPython: the MYSQL structure is the first member behind it, which `_handle` checks.
_HEAD_BYTES = 16

_INIT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_void_p), ctypes.c_char_p, ctypes.c_void_p)
_READ = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint)
_END = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_ERROR = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint)


class SealedConnection(MySQLdb.connections.Connection):  # type: ignore[misc]
    """A driver's connection that is sealed before its first query: `set_character_set` runs before any."""

    def set_character_set(self, charset: str, collation: str = "") -> None:
        """Seal the connection, then do what the driver does here."""
        self.infile = Infile(self)
        super().set_character_set(charset, collation)


class Infile:
    """The client's answer to a server that asks for a file: the one batch that is being sent, once, or nothing.

    The server names the file that a client sends, and may ask at any statement. The handler of the C API decides, and
    the files of this machine are out of its reach.

    Raises:
        LoadError: This build of the driver can't be sealed.
    """

    def __init__(self, connection: SealedConnection) -> None:
        self._name: bytes | None = None
        self._data = b""
        self._address = 0
        self._at = 0
        # The library keeps pointers to these four, so they must live as long as the connection.
        self._callbacks = (_INIT(self._init), _READ(self._read), _END(self._end), _ERROR(self._error))
        library = ctypes.CDLL(_mysql.__file__)
        install = library.mysql_set_local_infile_handler
        install.argtypes = [ctypes.c_void_p, _INIT, _READ, _END, _ERROR, ctypes.c_void_p]
        install.restype = None
        install(_handle(connection, library), *self._callbacks, None)

    def arm(self, name: str, data: bytes) -> None:
        """Let the server ask once for `name` and get `data`."""
        self._name, self._data, self._at = name.encode(), data, 0
        self._address = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0

    def disarm(self) -> None:
        """Give nothing from here on."""
        self._name, self._data, self._address, self._at = None, b"", 0, 0

    def _init(self, _handle: object, name: bytes | None, _userdata: object) -> int:
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
        return LOCAL_INFILE_REFUSED


def tls_cipher(connection: SealedConnection) -> str | None:
    """Return the cipher of a connection by the client's own knowledge, None where it isn't encrypted."""
    library = ctypes.CDLL(_mysql.__file__)
    library.mysql_get_ssl_cipher.argtypes = [ctypes.c_void_p]
    library.mysql_get_ssl_cipher.restype = ctypes.c_char_p
    name = library.mysql_get_ssl_cipher(_handle(connection, library))
    return name.decode("ascii", "replace") if name else None


def is_mariadb_library() -> bool:
    """Tell whether the driver is linked to MariaDB's client library rather than MySQL's."""
    return hasattr(ctypes.CDLL(_mysql.__file__), "mariadb_get_infov")


def _handle(connection: SealedConnection, library: ctypes.CDLL) -> int:
    """Return the address of the driver's MYSQL structure."""
    address = id(connection) + _HEAD_BYTES
    library.mysql_thread_id.argtypes = [ctypes.c_void_p]
    library.mysql_thread_id.restype = ctypes.c_ulong
    if library.mysql_thread_id(address) != connection.thread_id():
        raise LoadError(
            "can't find the MySQL client's own handle in this build of mysqlclient, so LOCAL INFILE can't be made safe",
            code="load.client",
            next_step="use CPython and mysqlclient 2.2 or newer",
        )
    return address
