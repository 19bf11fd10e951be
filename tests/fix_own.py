"""A server of the tests' own whose options may be unusual: TLS with certificates that a test chooses, table names in one case."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from engine.config import Settings
from engine.embedded.mysql import MysqlServer, find_mysql
from engine.embedded.process import free_port
from engine.embedded.server import Answer
from tests.fix_mysql import Mysql, SmallMysqlServer, servers_folder


@dataclass(frozen=True)
class OwnMysql:
    """The server. `certificates` holds what it shows to clients: `ca.pem`, `cert.pem`, `key.pem`."""

    admin: Mysql
    url: str
    port: int
    certificates: Path
    mariadb: bool

    def show(self, authority: trustme.CA, *names: str, expires: datetime | None = None) -> None:
        """Let the server show a certificate for these names from now on."""
        write_certificate(self.certificates, authority, *names, expires=expires)
        self.admin.rows("FLUSH SSL" if self.mariadb else "ALTER INSTANCE RELOAD TLS")


def write_certificate(folder: Path, authority: trustme.CA, *names: str, expires: datetime | None = None) -> None:
    """Write a certificate for these names and what it descends from."""
    issued = authority.issue_cert(*names, not_after=expires)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")


def _program(settings: Settings, certificates: Path) -> MysqlServer:
    class Own(SmallMysqlServer):
        def command(self, port: int) -> list[str]:
            files = (("ca", "ca"), ("cert", "cert"), ("key", "key"))
            tls = [f"--ssl-{option}={certificates / name}.pem" for option, name in files]
            return [*super().command(port), *tls, "--lower-case-table-names=1"]

        def _initialise(self, data: Path) -> list[str]:
            return [*super()._initialise(data), "--lower-case-table-names=1"]

    found = find_mysql(settings)
    return Own(program=found.program, mariadb=found.mariadb, folder=found.folder)


@pytest.fixture(scope="session")
def own_mysql(mysqld: Path) -> Iterator[OwnMysql]:
    """Start the server, once for the session; it ends with it."""
    home = servers_folder()
    certificates = home / "certificates"
    certificates.mkdir()
    write_certificate(certificates, trustme.CA(), "localhost")
    server = _program(Settings(local_dir=home / "local"), certificates)
    server.folder.path.mkdir(parents=True)
    server.prepare()
    port = free_port()
    with server.folder.log.open("ab") as log:
        process = subprocess.Popen(server.command(port), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 120
        while server.probe(port) is not Answer.READY:
            assert process.poll() is None, server.folder.last_log_lines()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield OwnMysql(
            admin=Mysql(server.admin_url(port).get_secret_value()),
            url=server.url(port).get_secret_value(),
            port=port,
            certificates=certificates,
            mariadb=server.mariadb,
        )
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(home, ignore_errors=True)


EXPIRED = datetime(2020, 1, 1, tzinfo=UTC)
