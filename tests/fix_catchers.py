"""Services that alerts go to, here on this machine: a mail server, web hooks, and PagerDuty's address behind a proxy."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

# What the PagerDuty client speaks to, wherever it is.
PAGERDUTY = "events.pagerduty.com"


@dataclass
class Posts:
    """A web server that keeps what is posted to it: path, headers and JSON."""

    url: str
    got: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)


@dataclass
class Mails:
    """A mail server that keeps what it gets."""

    port: int
    got: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        del server, session
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.got.append(message)
        return "250 OK"


@dataclass(frozen=True)
class PagerDuty:
    """PagerDuty's stand-in: what is posted to it, and the environment that brings a client here."""

    posts: Posts
    environment: dict[str, str]


@contextmanager
def posts(context: ssl.SSLContext | None = None) -> Iterator[Posts]:
    """Serve a web server on the loopback interface, over TLS where a context is given."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            caught.got.append((self.path, dict(self.headers), json.loads(body)))
            answer = b'{"status": "success", "dedup_key": "k"}' if context else b"ok"
            self.send_response(202 if context else 200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    caught = Posts(url=f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield caught
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def hook() -> Iterator[Posts]:
    """Yield a web hook, Slack's or anybody's."""
    with posts() as caught:
        yield caught


@pytest.fixture(scope="module")
def mails() -> Iterator[Mails]:
    """Yield a mail server."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    caught = Mails(port=port)
    controller = Controller(caught, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield caught
    finally:
        controller.stop()


@pytest.fixture(scope="module")
def pagerduty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PagerDuty]:
    """Yield PagerDuty's stand-in. Its client takes no address but an https one of its own: a proxy leads it here."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(PAGERDUTY).configure_cert(context)
    trusted = tmp_path_factory.mktemp("pagerduty") / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    with posts(context) as caught, _proxy(int(caught.url.rpartition(":")[2])) as port:
        proxy = f"http://127.0.0.1:{port}"
        yield PagerDuty(
            posts=caught,
            environment={
                "HTTPS_PROXY": proxy,
                "https_proxy": proxy,
                "NO_PROXY": "127.0.0.1,localhost",
                "SSL_CERT_FILE": str(trusted),
            },
        )


@contextmanager
def _proxy(target: int) -> Iterator[int]:
    """Serve an HTTP proxy whose every tunnel ends at one port of this machine; yield its own."""
    listener = socket.create_server(("127.0.0.1", 0))

    def tunnel(client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", target)) as server:
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(4096)
            assert head.startswith(f"CONNECT {PAGERDUTY}:443".encode()), head
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_pump, args=(server, client))
            back.start()
            _pump(client, server)
            back.join()

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=tunnel, args=(client,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while chunk := source.recv(65536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def connections(hook: Posts, mails: Mails) -> dict[str, str]:
    """Return the Airflow connections that lead to the catchers, as variables of the environment."""
    smtp = {"conn_type": "smtp", "host": "127.0.0.1", "port": mails.port}
    smtp["extra"] = {"disable_ssl": True, "disable_tls": True, "from_email": "headrace@example.org", "timeout": 5}
    return {
        "AIRFLOW_CONN_SMTP_DEFAULT": json.dumps(smtp),
        "AIRFLOW_CONN_SLACK_DEFAULT": json.dumps(
            {"conn_type": "slackwebhook", "password": f"{hook.url}/slack/T0KEN-s3cret"}
        ),
        "AIRFLOW_CONN_PAGERDUTY_EVENTS_DEFAULT": json.dumps(
            {"conn_type": "pagerduty_events", "password": "r0uting-s3cret"}
        ),
        "AIRFLOW_CONN_HEADRACE_WEBHOOK": json.dumps(
            {"conn_type": "http", "host": f"{hook.url}/hook", "extra": {"X-Token": "h00k-s3cret"}}
        ),
    }
