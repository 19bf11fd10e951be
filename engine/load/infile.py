"""LOCAL INFILE, sealed: what a server gets that asks this client for a file."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

import MySQLdb.connections
from MySQLdb import _mysql

from engine.errors import LoadError
from engine.load.refusal import LOCAL_INFILE_REFUSED

Result = TypeVar("Result")

# PyObject_HEAD of CPython: the MYSQL structure is the first member behind it, which `_handle` checks.
_HEAD_BYTES = 16

_INIT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_void_p), ctypes.c_char_p, ctypes.c_void_p)
_READ = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint)
_END = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_ERROR = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint)

# The C library's own read(2), whose first parameter is the file descriptor that `_init` gives as the handle. The client
# asks for 8 to 16 KB at a time: were this a function of Python, each piece would wait for the interpreter, up to 5 ms
# while another thread is busy in it.
_READ_DESCRIPTOR = ctypes.cast(ctypes.CDLL(None).read, _READ)


class SealedConnection(MySQLdb.connections.Connection):  # type: ignore[misc]  # the driver has no types
    """A driver's connection that is sealed before its first query: `set_character_set` runs before any."""

    def set_character_set(self, charset: str, collation: str = "") -> None:
        """Seal the connection, then do what the driver does here."""
        self.infile = Infile(self)
        super().set_character_set(charset, collation)


class Infile:
    """The client's answer to a server that asks for a file: the one batch that is being sent, once, or nothing.

    The server names the file that a client sends, and may ask at any statement. The handler of the C API decides, and
    the files of this machine are out of its reach: what is read is a file in memory that has no name.

    Raises:
        LoadError: This build of the driver can't be sealed.
    """

    def __init__(self, connection: SealedConnection) -> None:
        self._name: bytes | None = None
        self._descriptor = -1
        # The library keeps pointers to these four, so they must live as long as the connection.
        self._callbacks = (_INIT(self._init), _READ_DESCRIPTOR, _END(self._end), _ERROR(self._error))
        library = ctypes.CDLL(_mysql.__file__)
        install = library.mysql_set_local_infile_handler
        install.argtypes = [ctypes.c_void_p, _INIT, _READ, _END, _ERROR, ctypes.c_void_p]
        install.restype = None
        install(_handle(connection, library), *self._callbacks, None)

    def arm(self, name: str, data: bytes) -> None:
        """Let the server ask once for `name` and get `data`.

        Raises:
            LoadError: This process may have no such file.
        """
        self.disarm()
        try:
            self._descriptor = os.memfd_create("headrace-batch")
            left = memoryview(data)
            while left:
                left = left[os.write(self._descriptor, left) :]
            os.lseek(self._descriptor, 0, os.SEEK_SET)
        except OSError as error:
            self.disarm()
            raise LoadError(
                f"a batch of {len(data):,} bytes can't be held in a file in memory: {error.strerror}",
                code="load.batch",
                next_step="raise this process's limits (ulimit -n, ulimit -f), or make batches smaller with INGEST_BATCH_MB",
            ) from None
        self._name = name.encode()

    def disarm(self) -> None:
        """Give nothing from here on."""
        self._name = None
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _init(self, handle: ctypes._Pointer[ctypes.c_void_p], name: bytes | None, _userdata: object) -> int:
        if self._name is None or name != self._name:
            return 1
        self._name = None
        handle[0] = ctypes.c_void_p(self._descriptor)
        return 0

    def _end(self, _handle: int | None) -> None:
        pass

    def _error(self, _handle: int | None, buffer: int, size: int) -> int:
        text = b"the server asked for a file that it was not offered"[: size - 1] + b"\x00"
        ctypes.memmove(buffer, text, len(text))
        return LOCAL_INFILE_REFUSED


def off_main_thread(work: Callable[[], Result]) -> Result:
    """Do what calls back from C where no signal is handled: not in the main thread.

    There the handler's exception would end a callback, which ctypes only mentions: the signal would be lost, and the
    library would take some number for the callback's answer. An interrupt is raised once the work has ended, because
    nobody else may use the connection until then.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    interrupt: BaseException | None = None
    with ThreadPoolExecutor(1, thread_name_prefix="headrace-send") as helper:
        done = helper.submit(work)
        while not done.done():
            try:
                wait([done])
            except KeyboardInterrupt as stop:
                interrupt = interrupt or stop
    if interrupt is not None:
        raise interrupt
    return done.result()


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
