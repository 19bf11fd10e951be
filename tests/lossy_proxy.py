"""A way to the server that breaks at a chosen moment, as a network does: real connections, real losses."""

from __future__ import annotations

import select
import socket
import threading
from types import TracebackType
from typing import Self


class LossyProxy:
    """Passes bytes on, and cuts the connection when the client sends a certain word.

    Args:
        port: The server's, on the loopback interface.
        word: What the client says just before the loss.
        reply_lost: The server gets the word and acts on it, and its reply is lost. Else the word is lost.
        times: So many connections are cut.
    """

    def __init__(self, port: int, word: bytes, *, reply_lost: bool, times: int = 1) -> None:
        self._server_port = port
        self._word = word
        self._reply_lost = reply_lost
        self._left = times
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._threads = [threading.Thread(target=self._serve)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._threads.append(threading.Thread(target=self._pass_on, args=(client,)))
            self._threads[-1].start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._server_port)) as server:
            while True:
                ready, _, _ = select.select([client, server], [], [], 30)
                for side in ready:
                    data = side.recv(65_536)
                    cut = side is client and self._left > 0 and self._word in data
                    if cut:
                        self._left -= 1
                    if not data or (cut and not self._reply_lost):
                        return
                    (server if side is client else client).sendall(data)
                    if cut:
                        # The reply has arrived here, so the server has done it.
                        server.recv(65_536)
                        return
                if not ready:
                    return
