"""A private PostgreSQL server: which program, how its data is made, how it's started and asked."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql as compose
from pydantic import SecretStr

from engine import sql
from engine.config import Settings
from engine.embedded.folder import Kind, ServerFolder
from engine.embedded.private import write_private
from engine.embedded.process import Account, is_taken, reaches, run, wait_until_left
from engine.embedded.server import Answer, start_failed
from engine.errors import ServerError

USER = "headrace"
DATABASE = "headrace"
ADMIN = "postgres"

_OLDEST = 14
_CONNECT_S = 10
# Backends notice within moments that their postmaster is gone.
_BACKENDS_END_S = 30.0
# Root's data goes here where the user that runs the server can't reach the checkout, as below a home of mode 0700.
_ELSEWHERE = Path("/var/lib/headrace")


@dataclass(frozen=True, kw_only=True, slots=True)
class PostgresServer:
    """One server program with its folder."""

    program: Path
    folder: ServerFolder
    account: Account | None

    @property
    def kind(self) -> Kind:
        return "postgres"

    @property
    def relocated(self) -> Path | None:
        if self.account is None or reaches(self.account, self.folder.path):
            return None
        digest = hashlib.sha256(os.fsencode(self.folder.path.parent)).hexdigest()[:16]
        return _ELSEWHERE / digest / self.folder.name / "data"

    def command(self, port: int) -> list[str]:
        """Return the command that starts the server; no password is in it."""
        options = ["-c", "unix_socket_directories=", "-c", "password_encryption=scram-sha-256"]
        return [str(self.program), "-D", str(self.folder.data), "-h", "127.0.0.1", "-p", str(port), *options]

    def prepare(self) -> None:
        """Make the data folder if there is none."""
        data = self.folder.data
        if not data.is_dir():
            self._initialise(data)
        self._drop_stale_lock(data)

    def finish(self, port: int) -> None:
        """Create the role and the database where they are missing, and set the role's password again."""
        self._provide(port, USER, DATABASE, self.folder.secret("password"))

    def further(self, port: int, name: str) -> SecretStr:
        """Return the URL of a database of another program's own, with a role and password of the same name.

        Both are created where they are missing. The password is kept in the server's folder.
        """
        password = self.folder.secret(f"{name}-password")
        self._provide(port, name, name, password)
        return SecretStr(f"postgresql://{name}:{password}@127.0.0.1:{port}/{name}")

    def probe(self, port: int) -> Answer:
        """Ask the server for the database with our credentials."""
        try:
            psycopg.connect(
                host="127.0.0.1",
                port=port,
                user=USER,
                password=self.folder.secret("password"),
                dbname=DATABASE,
                connect_timeout=_CONNECT_S,
            ).close()
        except psycopg.OperationalError as error:
            # libpq gives no code for what happens while connecting; the server's texts are English, of locale C.
            refused = ("authentication failed", "does not exist", "not permitted to log in")
            return Answer.REFUSED if any(text in str(error) for text in refused) else Answer.NOT_YET
        return Answer.READY

    def url(self, port: int) -> SecretStr:
        return SecretStr(f"postgresql://{USER}:{self.folder.secret('password')}@127.0.0.1:{port}/{DATABASE}")

    def admin_url(self, port: int) -> SecretStr:
        return SecretStr(f"postgresql://{ADMIN}:{self.folder.secret('admin-password')}@127.0.0.1:{port}/{DATABASE}")

    def _provide(self, port: int, user: str, database: str, password: str) -> None:
        try:
            with psycopg.connect(
                host="127.0.0.1",
                port=port,
                user=ADMIN,
                password=self.folder.secret("admin-password"),
                dbname="postgres",
                connect_timeout=_CONNECT_S,
                autocommit=True,
            ) as connection:
                _create(connection, user, database, password)
        except psycopg.Error as error:
            raise start_failed(self.folder, f"the database {database} can't be created ({error})") from None

    def _initialise(self, data: Path) -> None:
        if not data.is_relative_to(self.folder.path):
            self._make_elsewhere(data.parent)
        partial = data.with_name("data.partial")
        password_file = data.with_name("initdb-password")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        write_private(password_file, self.folder.secret("admin-password"))
        self._hand_over(partial, password_file)
        initdb = self.program.resolve().with_name("initdb")
        options = ["--encoding=UTF8", "--locale=C", f"--username={ADMIN}", "--auth=scram-sha-256"]
        try:
            argv = [str(initdb), "-D", str(partial), *options, f"--pwfile={password_file}"]
            if run(argv, self.account, self.folder.log) != 0:
                raise start_failed(self.folder, "its data folder can't be made")
        finally:
            password_file.unlink()
        partial.rename(data)

    def _make_elsewhere(self, folder: Path) -> None:
        folder.parent.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        for path in (folder.parent, folder):
            path.mkdir(mode=0o700, exist_ok=True)
            self._hand_over(path)

    def _hand_over(self, *paths: Path) -> None:
        if self.account is not None:
            for path in paths:
                os.chown(path, self.account.uid, self.account.gid)

    def _drop_stale_lock(self, data: Path) -> None:
        # After a crash its process id may be another's by now (in a new container that is the rule), or a zombie's
        # where nobody reaps, and the server would refuse to start. It goes only once the last backend is gone.
        lock = data / "postmaster.pid"
        try:
            noted = int(lock.read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return
        if is_taken(noted) and wait_until_left(data, _BACKENDS_END_S):
            lock.unlink()


def _create(connection: psycopg.Connection, user: str, database: str, password: str) -> None:
    # The verifier, not the password itself: a server logs the text of a statement that fails.
    verifier = connection.pgconn.encrypt_password(password.encode(), user.encode(), b"scram-sha-256")
    script = sql.split_script(sql.statement("embedded/postgres.sql"))
    role_exists, create_role, set_password, database_exists, create_database = (
        compose.SQL(text).format(
            user=compose.Identifier(user),
            user_text=compose.Literal(user),
            verifier=compose.Literal(verifier.decode()),
            database=compose.Identifier(database),
            database_text=compose.Literal(database),
        )
        for text in script
    )
    if connection.execute(role_exists).fetchone() is None:
        connection.execute(create_role)
    connection.execute(set_password)
    if connection.execute(database_exists).fetchone() is None:
        connection.execute(create_database)


def hang_up(url: SecretStr, application: str) -> int:
    """End all connections to a database that call themselves `application`; return how many there were.

    Raises:
        ServerError: The server doesn't answer, or refuses.
    """
    try:
        with psycopg.connect(url.get_secret_value(), connect_timeout=_CONNECT_S, autocommit=True) as connection:
            found = connection.execute(sql.statement("embedded/hang_up.sql"), [application]).fetchone()
    except psycopg.Error as error:
        raise ServerError(f"connections of {application} can't be ended ({error})", code="server.hang_up") from None
    return int(found[0]) if found else 0


def find_postgres(settings: Settings) -> PostgresServer:
    """Return the newest PostgreSQL server that this machine has.

    Raises:
        ServerError: It has none, or the one in the settings doesn't run.
    """
    program = _program(settings)
    try:
        told = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise ServerError(
            f"{program} --version fails: {error}", code="server.missing_program", next_step="check INGEST_POSTGRES"
        ) from None
    version = re.search(r"\(PostgreSQL\) (\d+)", told)
    if version is None or int(version[1]) < _OLDEST:
        raise ServerError(
            f"{program} isn't PostgreSQL {_OLDEST} or newer: {told.strip()!r}",
            code="server.missing_program",
            next_step="set INGEST_POSTGRES to the program postgres of a newer one",
        )
    if not program.resolve().with_name("initdb").is_file():
        raise ServerError(
            f"no initdb beside {program.resolve()}",
            code="server.missing_program",
            next_step="run `make setup`, or install the package postgresql",
        )
    folder = ServerFolder(path=settings.local_dir.resolve() / f"postgres-{version[1]}")
    account = Account.first_of("postgres", "nobody") if os.geteuid() == 0 else None
    return PostgresServer(program=program, folder=folder, account=account)


def _program(settings: Settings) -> Path:
    if settings.postgres is not None:
        found = shutil.which(settings.postgres)
        if found is None:
            raise ServerError(
                f"INGEST_POSTGRES is {settings.postgres}, and that can't be run",
                code="server.missing_program",
                next_step="name the program postgres, or leave it out",
            )
        return Path(found).absolute()
    # Debian keeps one folder per major version and none of them on PATH.
    installed = [path for path in Path("/usr/lib/postgresql").glob("*/bin/postgres") if path.parts[-3].isdigit()]
    if installed:
        return max(installed, key=lambda path: int(path.parts[-3]))
    found = shutil.which("postgres")
    if found:
        return Path(found).absolute()
    raise ServerError(
        "no PostgreSQL server program (postgres) on this machine",
        code="server.missing_program",
        next_step="run `make setup`, install the package postgresql, or set INGEST_CATALOG_URL",
    )
