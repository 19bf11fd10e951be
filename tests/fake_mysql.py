"""A hostile server: speaks as much of MySQL's protocol as it takes to ask a client for files, and keeps what it gets."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

_OK = b"\x00\x00\x00\x02\x00\x00\x00"
_SALT = b"12345678abcdefghijkl"
# LONG_PASSWORD, CONNECT_WITH_DB, LOCAL_FILES, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH.
_CAPABILITIES = 0x1 | 0x8 | 0x80 | 0x200 | 0x2000 | 0x8000 | 0x80000


class HostileServer:
    """Asks for files.

    Args:
        wishes: The files that it asks for in answer to a query, one after the other; none for a plain OK.
        at_login: A file that it asks for in place of the OK that ends the login.
        wants_password: It asks for the password itself in place of a proof that the client knows it.
        error: What it says in answer to every query, in place of OK.
    """

    def __init__(
        self,
        wishes: Callable[[bytes], tuple[bytes, ...]],
        at_login: bytes | None = None,
        *,
        wants_password: bool = False,
        error: bytes | None = None,
    ) -> None:
        self._wishes = wishes
        self._at_login = at_login
        self._wants_password = wants_password
        self._answer = _OK if error is None else b"\xff\x57\x04#42000" + error
        self.logins: list[bytes] = []
        self.loot: list[bytes] = []
        self.queries: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.settimeout(10)
            with client:
                try:
                    self._talk(client)
                except (OSError, EOFError):
                    continue

    def _talk(self, client: socket.socket) -> None:
        greeting = b"\x0a8.4.0\x00" + struct.pack("<I", 7) + _SALT[:8] + b"\x00"
        greeting += struct.pack("<H", _CAPABILITIES & 0xFFFF) + b"\x2d" + b"\x02\x00"
        greeting += struct.pack("<H", _CAPABILITIES >> 16) + bytes([len(_SALT) + 1]) + bytes(10)
        _send(client, 0, greeting + _SALT[8:] + b"\x00" + b"mysql_native_password\x00")
        number, login = _receive(client)
        self.logins.append(login)
        if self._wants_password:
            _send(client, number + 1, b"\xfemysql_clear_password\x00")
            number, login = _receive(client)
            self.logins.append(login)
        if self._at_login is not None:
            number = self._rob(client, number + 1, self._at_login)
        _send(client, number + 1, _OK)
        while True:
            number, query = _receive(client)
            if query[:1] == b"\x01":
                return
            self.queries.append(query[1:])
            for wish in self._wishes(query[1:]):
                number = self._rob(client, number + 1, wish)
            _send(client, number + 1, self._answer)

    def _rob(self, client: socket.socket, number: int, wish: bytes) -> int:
        _send(client, number, b"\xfb" + wish)
        got = b""
        while True:
            number, part = _receive(client)
            if not part:
                break
            got += part
        self.loot.append(got)
        return number


def _send(client: socket.socket, number: int, payload: bytes) -> None:
    client.sendall(struct.pack("<I", len(payload))[:3] + bytes([number % 256]) + payload)


def _receive(client: socket.socket) -> tuple[int, bytes]:
    head = _exactly(client, 4)
    return head[3], _exactly(client, int.from_bytes(head[:3], "little"))


def _exactly(client: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        part = client.recv(size - len(got))
        if not part:
            raise EOFError
        got += part
    return got
