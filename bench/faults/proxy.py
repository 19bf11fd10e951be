"""A way to the server that breaks when it's told to, as networks do: real connections, real losses."""

from __future__ import annotations

import select
import socket
import struct
import threading
from types import TracebackType
from typing import Self


class LossyProxy:
    """Passes bytes on, and cuts a connection when the client sends a certain word, or when it's told to.

    Args:
        port: The server's, on the loopback interface.
        word: What the client says just before the loss; None for nothing.
        reply_lost: The server gets the word and acts on it, and its reply is lost. Else the word is lost.
        times: So many connections are cut.
        hold: The reply is lost, but the connection stays open, in silence: `held` is set.
        silent: The server isn't told: it keeps its end open until the proxy is left.
    """

    def __init__(
        self,
        port: int,
        word: bytes | None = None,
        *,
        reply_lost: bool = True,
        times: int = 1,
        hold: bool = False,
        silent: bool = False,
    ) -> None:
        self._server_port = port
        self._word = word
        self._reply_lost = reply_lost
        self._left = times
        self._hold = hold
        self._silent = silent
        self._forgotten: list[socket.socket] = []
        self.held = threading.Event()
        self.connections = 0
        self._said: list[tuple[bytes, tuple[socket.socket, socket.socket]]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._threads = [threading.Thread(target=self._serve)]
        self._closing = threading.Event()

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)
        for server in self._forgotten:
            server.close()

    def reset(self, word: bytes) -> None:
        """Cut the open connection whose client has last said a word."""
        client, server = next(pair for said, pair in reversed(self._said) if word in said and pair[0].fileno() >= 0)
        for side in (client, server):
            # An RST instead of a farewell.
            side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The thread between them notices, and closes both.
        client.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._server_port))
            except OSError:
                client.close()
                continue
            self.connections += 1
            self._threads.append(threading.Thread(target=self._pass_on, args=(client, server)))
            self._threads[-1].start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with client, server:
            while not self._closing.is_set():
                ready, _, _ = select.select([client, server], [], [], 0.5)
                for side in ready:
                    try:
                        done = self._pass_part(client, server, side)
                    except OSError:
                        return
                    if done:
                        return

    def _pass_part(self, client: socket.socket, server: socket.socket, side: socket.socket) -> bool:
        """Pass on what one side said; True where the connection ends by that."""
        data = side.recv(65_536)
        if side is client:
            self._said.append((data, (client, server)))
        cut = side is client and self._word is not None and self._left > 0 and self._word in data
        if cut:
            self._left -= 1
        if cut and self._silent:
            self._forgotten.append(server.dup())
        if not data or (cut and not self._reply_lost):
            return True
        (server if side is client else client).sendall(data)
        if cut:
            # The reply has arrived here, so the server has done it.
            server.recv(65_536)
            if self._hold:
                self.held.set()
                # Nothing more until the client's end.
                client.recv(1)
        return cut
