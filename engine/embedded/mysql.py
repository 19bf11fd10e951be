"""A private MySQL or MariaDB server: which program, how its data is made, how it's started and asked."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import MySQLdb
from pydantic import SecretStr

from engine import sql
from engine.config import Settings
from engine.embedded.folder import Kind, ServerFolder
from engine.embedded.private import write_private
from engine.embedded.process import Account, run
from engine.embedded.server import Answer, memory_bytes, start_failed
from engine.errors import ServerError

USER = "headrace"
DATABASE = "headrace"
# Administers the private server: reads the same folder's password file, and logs in over TCP like everybody else.
ADMIN = "headrace_admin"

# Enough for the indexes of some 5,000,000 sales rows; more is for the user's own server.
_BUFFER_POOL_BYTES = 512 * 1024 * 1024
_NOT_YET = (2002, 2003, 2006, 2013, 1040)
_CONNECT_S = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class MysqlServer:
    """One server program with its folder."""

    program: Path
    mariadb: bool
    folder: ServerFolder

    @property
    def kind(self) -> Kind:
        return "mysql"

    @property
    def account(self) -> Account | None:
        return None

    @property
    def relocated(self) -> Path | None:
        return None

    def command(self, port: int) -> list[str]:
        """Return the command that starts the server; no password is in it."""
        return [
            *self._options(),
            f"--port={port}",
            "--bind-address=127.0.0.1",
            # Relative to the data folder: a socket's whole path may have only 107 bytes.
            "--socket=server.sock",
            f"--pid-file={self.folder.pid_file}",
            f"--tmpdir={self.folder.path / 'tmp'}",
            f"--init-file={self._init_file}",
            f"--innodb-buffer-pool-size={min(_BUFFER_POOL_BYTES, memory_bytes() // 4)}",
            *(f"--{line.option}={line.value}" for line in sql.server_settings(mariadb=self.mariadb)),
            "--skip-name-resolve",
            # No replica and no point-in-time recovery of a private store; the redo log keeps what is committed.
            "--skip-log-bin",
            "--performance-schema=OFF",
            "--character-set-server=utf8mb4",
            *([] if self.mariadb else ["--mysqlx=OFF", "--secure-file-priv=NULL"]),
        ]

    def prepare(self) -> None:
        """Make the data folder if there is none, and the statements that the server runs before it listens."""
        data = self.folder.data
        (self.folder.path / "tmp").mkdir(exist_ok=True)
        if not data.is_dir():
            partial = data.with_name("data.partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(mode=0o700)
            if run(self._initialise(partial), None, self.folder.log) != 0:
                raise start_failed(self.folder, "its data folder can't be made")
            partial.rename(data)
        for leftover in data.glob("server.sock*"):
            # After a crash its lock names a process id that may be another's by now, and the server would refuse.
            leftover.unlink()
        script = sql.statement("embedded/mysql.sql").format(
            database=DATABASE,
            user=USER,
            password=self.folder.secret("password"),
            admin=ADMIN,
            admin_password=self.folder.secret("admin-password"),
        )
        # One statement a line, which both servers' readers of this file understand.
        lines = [" ".join(statement.split()) + ";" for statement in sql.split_script(script)]
        write_private(self._init_file, "\n".join(lines) + "\n")

    def finish(self, port: int) -> None:
        """Remove the statements, which hold the passwords."""
        del port
        self._init_file.unlink(missing_ok=True)

    def probe(self, port: int) -> Answer:
        """Ask the server for the database with our credentials."""
        try:
            connection = MySQLdb.connect(
                host="127.0.0.1",
                port=port,
                user=USER,
                password=self.folder.secret("password"),
                database=DATABASE,
                connect_timeout=_CONNECT_S,
                local_infile=False,
            )
        except MySQLdb.Error as error:
            return Answer.NOT_YET if error.args and error.args[0] in _NOT_YET else Answer.REFUSED
        connection.close()
        return Answer.READY

    def url(self, port: int) -> SecretStr:
        return SecretStr(f"mysql://{USER}:{self.folder.secret('password')}@127.0.0.1:{port}/{DATABASE}")

    def admin_url(self, port: int) -> SecretStr:
        return SecretStr(f"mysql://{ADMIN}:{self.folder.secret('admin-password')}@127.0.0.1:{port}/{DATABASE}")

    @property
    def _init_file(self) -> Path:
        return self.folder.path / "init.sql"

    def _options(self) -> list[str]:
        as_root = ["--user=root"] if os.geteuid() == 0 else []
        return [str(self.program), "--no-defaults", f"--datadir={self.folder.data}", *as_root]

    def _initialise(self, data: Path) -> list[str]:
        as_root = ["--user=root"] if os.geteuid() == 0 else []
        if not self.mariadb:
            # The empty password of its root is replaced, and root locked, before the server listens for the first time.
            options = ["--initialize-insecure", f"--datadir={data}", "--secure-file-priv=NULL", *as_root]
            return [str(self.program), "--no-defaults", *options]
        install = _mariadb_install(self.program)
        return [
            str(install),
            "--no-defaults",
            f"--datadir={data}",
            f"--basedir={install.resolve().parent.parent}",
            "--auth-root-authentication-method=socket",
            "--skip-test-db",
            "--skip-name-resolve",
            *as_root,
        ]


def find_mysql(settings: Settings) -> MysqlServer:
    """Return the MySQL-protocol server that this machine has.

    Raises:
        ServerError: It has none, or the one in the settings doesn't run.
    """
    program = _program(settings)
    try:
        told = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise ServerError(
            f"{program} --version fails: {error}", code="server.missing_program", next_step="check INGEST_MYSQLD"
        ) from None
    version = re.search(r"Ver (\d+)\.(\d+)", told)
    if version is None:
        raise ServerError(
            f"{program} is neither MySQL nor MariaDB: {told.strip()!r}",
            code="server.missing_program",
            next_step="check INGEST_MYSQLD",
        )
    mariadb = "MariaDB" in told
    name = f"{'mariadb' if mariadb else 'mysql'}-{version[1]}.{version[2]}"
    folder = ServerFolder(path=settings.local_dir.resolve() / name)
    return MysqlServer(program=program, mariadb=mariadb, folder=folder)


def _program(settings: Settings) -> Path:
    if settings.mysqld is not None:
        found = shutil.which(settings.mysqld)
        if found is None:
            raise ServerError(
                f"INGEST_MYSQLD is {settings.mysqld}, and that can't be run",
                code="server.missing_program",
                next_step="name a mysqld or mariadbd, or leave it out",
            )
        return Path(found).absolute()
    # A plain user's PATH has no sbin, where Debian keeps the servers.
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/usr/libexec"])
    for name in ("mysqld", "mariadbd"):
        found = shutil.which(name, path=path)
        if found:
            return Path(found).absolute()
    raise ServerError(
        "no MySQL or MariaDB server program (mysqld, mariadbd) on this machine",
        code="server.missing_program",
        next_step="run `make setup`, install mariadb-server-core and mariadb-client-core, or set INGEST_MYSQL_URL",
    )


def _mariadb_install(program: Path) -> Path:
    beside = program.resolve().parent
    for folder in (beside, beside.parent / "bin", beside.parent / "scripts", Path("/usr/bin")):
        for name in ("mariadb-install-db", "mysql_install_db"):
            if (folder / name).is_file():
                # The script can't do without it, and Debian keeps it in another package.
                if shutil.which("my_print_defaults", path=f"{folder}{os.pathsep}{folder.parent / 'bin'}") is None:
                    raise _incomplete(f"no my_print_defaults beside {folder / name}")
                return folder / name
    raise _incomplete(f"no mariadb-install-db beside {program}")


def _incomplete(message: str) -> ServerError:
    return ServerError(
        message,
        code="server.missing_program",
        next_step="run `make setup`, or install mariadb-server-core and mariadb-client-core",
    )
