"""Every service of docker-compose.yml as a plain process: its own command, environment and health check, no container.

What a container gives is put in its place here: names of hosts and ports, folders, and what an image does when its
database is made.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine.airflow.local.asking import Api
from engine.config import Settings
from engine.embedded.mysql import MysqlServer, find_mysql
from engine.embedded.postgres import find_postgres
from engine.embedded.process import Account, free_port
from tests.fix_airflow import listening
from tests.fix_mysql import Mysql, servers_folder
from tests.test_compose import AIRFLOW, ROOT, make_env, read

# The number that the image runs as; like most numbers it has no name on this machine.
_UID = 50000
_PATIENCE_S = 150.0
_DATABASES = ("airflow-db", "catalog")


@dataclass
class Stack:
    """The services, as far as they run."""

    folder: Path
    services: dict[str, Any]
    ports: dict[str, int]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def here(self, text: str) -> str:
        """Put this machine's places into a text of the file."""
        for name, port in (("mysql", 3306), ("airflow-db", 5432), ("catalog", 5432), ("redis", 6379)):
            text = text.replace(f"@{name}:{port}/", f"@127.0.0.1:{self.ports[name]}/")
        text = text.replace("http://api-server:8080", f"http://127.0.0.1:{self.ports['api-server']}")
        text = text.replace("/opt/headrace/dags", str(ROOT / "dags"))
        return {"/airflow": str(self.folder / "airflow"), "/data": str(self.folder / "data")}.get(text, text)

    def environment(self, name: str) -> dict[str, str]:
        """Return a service's environment and nothing else, but where programs are."""
        given = {
            key: self.here(value) for key, value in self.services[name]["environment"].items() if value is not None
        }
        if name in AIRFLOW:
            # As ENV of the Dockerfile says it.
            given |= {"HOME": str(self.folder / "airflow"), "USER": "headrace", "PYTHONUNBUFFERED": "1"}
            given |= {"AIRFLOW__API__HOST": "127.0.0.1", "AIRFLOW__API__PORT": str(self.ports["api-server"])}
        # Clients of the databases take their ports from these.
        given |= {"PGPORT": str(self.ports.get(name, 0)), "MYSQL_TCP_PORT": str(self.ports["mysql"])}
        programs = [Path(sys.executable).parent, _server(self.folder).program.parent, *_postgres_programs(self.folder)]
        return given | {"PATH": os.pathsep.join([*map(str, programs), "/usr/bin", "/bin"])}

    def run(self, name: str, command: list[str], *, as_user: int | None = None) -> None:
        """Start a service's command."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment(name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=as_user,
                group=None if as_user is None else 0 if as_user == _UID else as_user,
                extra_groups=None if as_user is None else [],
            )

    def wait_healthy(self, *names: str) -> None:
        """Wait until each service's health check says so."""
        deadline = time.monotonic() + _PATIENCE_S
        for name in names:
            kind, *test = self.services[name]["healthcheck"]["test"]
            # The file's $$ is compose's way to write $; clients that know no variable for the port are told.
            shell = " ".join(test).replace("redis-cli", f"redis-cli -p {self.ports['redis']}")
            command = ["sh", "-c", shell] if kind == "CMD-SHELL" else test
            while (
                done := subprocess.run(
                    command, check=False, capture_output=True, text=True, env=self.environment(name), cwd=self.folder
                )
            ).returncode:
                ended = self.processes[name].poll()
                if ended is not None or time.monotonic() > deadline:
                    pytest.fail(f"{name} isn't healthy: {done.stdout}{done.stderr}\n{self.last_words(name)}")
                time.sleep(0.3)

    def last_words(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-6000:]

    def stop(self) -> None:
        """End all, those that use the databases first."""
        for group in ([name for name in self.processes if name in AIRFLOW], list(self.processes)):
            for name in group:
                self.processes[name].send_signal(signal.SIGINT if name in _DATABASES else signal.SIGTERM)
            for name in group:
                try:
                    self.processes[name].wait(30)
                except subprocess.TimeoutExpired:
                    os.killpg(self.processes[name].pid, signal.SIGKILL)
                    self.processes[name].wait()


@cache
def image_user() -> int | None:
    """Return the image's user, None where we can't become it, or it can't reach this Python."""
    try:
        subprocess.run([sys.executable, "-c", ""], check=True, capture_output=True, user=_UID, group=0, extra_groups=[])
    except (OSError, subprocess.CalledProcessError):
        return None
    return _UID


def _server(folder: Path) -> MysqlServer:
    return find_mysql(Settings.model_validate({"local_dir": folder / "local", **_chosen("mysqld")}))


def _postgres_programs(folder: Path) -> list[Path]:
    found = find_postgres(Settings.model_validate({"local_dir": folder / "local", **_chosen("postgres")}))
    return [found.program.resolve().parent]


def _chosen(name: str) -> dict[str, str]:
    given = os.environ.get(f"INGEST_{name.upper()}")
    return {name: given} if given else {}


def start_mysql(stack: Stack) -> None:
    """Do what the image does: make the data folder, start the server by the service's command, run the scripts."""
    server = _server(stack.folder)
    data, socket = stack.folder / "mysql-data", stack.folder / "m.sock"
    data.mkdir(mode=0o700)
    subprocess.run(server._initialise(data), check=True, capture_output=True)
    # MariaDB has no X protocol, and takes no NULL for the folder.
    unknown = ("--mysqlx", "--secure-file-priv") if server.mariadb else ()
    options = [one for one in stack.services["mysql"]["command"] if not one.startswith(unknown or ("-no",))]
    places = [f"--datadir={data}", f"--port={stack.ports['mysql']}", "--bind-address=127.0.0.1", f"--socket={socket}"]
    as_root = ["--user=root"] if os.geteuid() == 0 else []
    stack.run(
        "mysql", [str(server.program), f"--defaults-file={ROOT / 'sql/mysql/bulk.cnf'}", *places, *as_root, *options]
    )
    speak = f"mysql --no-defaults --protocol=socket --socket={shlex.quote(str(socket))} --user=root"
    script = (
        f"until {speak} -e 'SELECT 1' >/dev/null 2>&1; do kill -0 $1 && sleep 0.1 || exit 1; done; "
        f'docker_process_sql() {{ {speak} "$@"; }}; echo "CREATE DATABASE $MYSQL_DATABASE" | docker_process_sql; '
        f". {ROOT}/sql/compose/user.sh"
    )
    environment = stack.environment("mysql") | {"HEADRACE_GRANTS": str(ROOT / "sql/mysql/grants.sql")}
    command = ["bash", "-euo", "pipefail", "-c", script, "bash", str(stack.processes["mysql"].pid)]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + stack.last_words("mysql")


def start_postgres(stack: Stack, name: str) -> None:
    """Do what the image does with POSTGRES_*: make the data folder and the database, start the server."""
    account = Account.first_of("postgres", "nobody") if os.geteuid() == 0 else None
    data, password = stack.folder / f"{name}-data", stack.folder / f"{name}-password"
    given = stack.environment(name)
    data.mkdir(mode=0o700)
    password.write_text(given["POSTGRES_PASSWORD"])
    if account is not None:
        for path in (data, password):
            os.chown(path, account.uid, account.gid)
    initdb = ["initdb", "-D", str(data), f"--username={given['POSTGRES_USER']}", f"--pwfile={password}"]
    subprocess.run(
        [*initdb, *given["POSTGRES_INITDB_ARGS"].split()],
        check=True,
        capture_output=True,
        env=given,
        cwd="/",
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    places = ["-D", str(data), "-p", str(stack.ports[name]), "-h", "127.0.0.1", "-c", "unix_socket_directories="]
    (program,) = _postgres_programs(stack.folder)
    stack.run(name, [str(program / "postgres"), *places], as_user=account.uid if account else None)
    stack.wait_healthy(name)
    create = ["createdb", "-h", "127.0.0.1", "-U", given["POSTGRES_USER"], given["POSTGRES_DB"]]
    subprocess.run(
        create,
        check=True,
        capture_output=True,
        env=given | {"PGPASSWORD": given["POSTGRES_PASSWORD"], "PGDATABASE": "postgres"},
    )


@pytest.fixture(scope="module")
def stack(mysqld: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Start the databases and the Redis."""
    with ExitStack() as undo:
        # A socket's path and the servers' own accounts want it short and open.
        folder = servers_folder()
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        place = tmp_path_factory.mktemp("parsed")
        make_env(place / "env")
        services = read(place / "env", place, HEADRACE_EXECUTOR="CeleryExecutor")["services"]
        for name in ("airflow", "airflow/logs", "data"):
            (folder / name).mkdir(mode=0o775)
            if image_user() is not None:
                os.chown(folder / name, _UID, 0)
        ports = {name: free_port() for name in ("mysql", "airflow-db", "catalog", "redis", "api-server")}
        made = Stack(folder=folder, services=services, ports=ports)
        undo.callback(made.stop)
        with ThreadPoolExecutor() as pool:
            starts = [pool.submit(start_mysql, made), *(pool.submit(start_postgres, made, name) for name in _DATABASES)]
        for start in starts:
            start.result()
        # The image's folder is its own; ours is named, as is the interface.
        lines = f"appendonly yes\nbind 127.0.0.1\nport {ports['redis']}\ndir {folder}"
        made.run("redis", [one.replace("appendonly yes", lines) for one in services["redis"]["command"]])
        made.wait_healthy("mysql", "redis", *_DATABASES)
        yield made


def as_in_the_image(stack: Stack, name: str) -> None:
    stack.run(name, stack.services[name]["command"], as_user=image_user())


def test_the_engines_user_has_its_rights_and_no_others(stack: Stack) -> None:
    url = stack.environment("worker")["INGEST_MYSQL_URL"].partition("?")[0]
    mysql = Mysql(url)
    mysql.rows("CREATE TABLE t (n INT)")
    mysql.rows("DROP TABLE t")
    granted = " ".join(str(row[0]) for row in mysql.rows("SHOW GRANTS"))
    assert "ALL PRIVILEGES" not in granted
    assert set(granted.partition("USAGE ON *.*")[2].partition(" GRANT ")[2].partition(" ON ")[0].split(", ")) == {
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "CREATE",
        "DROP",
        "ALTER",
        "CREATE TEMPORARY TABLES",
        "TRIGGER",
    }


@pytest.mark.airflow
@pytest.mark.slow
def test_every_service_gets_healthy_by_its_own_check(stack: Stack) -> None:
    as_in_the_image(stack, "init")
    assert stack.processes["init"].wait(_PATIENCE_S) == 0, stack.last_words("init")
    for names in (("api-server", "dag-processor", "triggerer"), ("scheduler", "worker")):
        for name in names:
            as_in_the_image(stack, name)
        stack.wait_healthy("api-server")
    # A second time, as at every `docker compose up`.
    as_in_the_image(stack, "init")
    stack.wait_healthy("dag-processor", "triggerer", "scheduler", "worker")
    assert set(stack.processes) == set(stack.services)
    user = stack.environment("init")
    api = Api(url=f"http://127.0.0.1:{stack.ports['api-server']}")
    assert api.token(user["HEADRACE_AIRFLOW_USER"], user["HEADRACE_AIRFLOW_PASSWORD"])
    assert stack.processes["init"].wait(_PATIENCE_S) == 0, stack.last_words("init")
    found = listening(process.pid for process in stack.processes.values())
    assert {address for address, _ in found} == {"127.0.0.1"}
    assert {port for _, port in found} == set(stack.ports.values())
