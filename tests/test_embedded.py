"""Private servers: started once, found again, safe after a crash, closed to everybody else."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import MySQLdb
import psycopg
import pytest
from click.testing import CliRunner

from engine import embedded
from engine.config import Settings
from engine.embedded.__main__ import main
from engine.errors import ServerError
from tests.fix_mysql import Mysql, servers_folder
from tests.fix_postgres import Postgres

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="root only")
linux = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads /proc")


def private(local_dir: Path, **given: str) -> Settings:
    return Settings.model_validate({"local_dir": local_dir, **given})


def catalog_only(local_dir: Path) -> Settings:
    return private(local_dir, mysql_url="unused")


def urls(settings: Settings) -> tuple[str, str]:
    found = embedded.ensure(settings)
    return found.mysql_url.get_secret_value(), found.catalog_url.get_secret_value()


def pids(settings: Settings) -> list[int | None]:
    return [server.pid for server in embedded.status(settings)]


def port(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


def wait_gone(pid: int) -> None:
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def own(mysqld: Path) -> Iterator[Settings]:
    """Return settings of servers that this module may stop and kill."""
    path = servers_folder()
    settings = private(path / "local")
    yield settings
    embedded.clean(settings)
    shutil.rmtree(path)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that every user may pass through; what was started in it is removed afterwards."""
    path = servers_folder()
    yield path
    embedded.clean(private(path / "local"))
    shutil.rmtree(path)


def test_running_servers_are_used_again(own: Settings) -> None:
    first, first_pids = urls(own), pids(own)
    began = time.perf_counter()
    assert urls(own) == first
    assert time.perf_counter() - began < 2
    assert pids(own) == first_pids
    assert None not in first_pids


def test_nothing_is_started_when_both_are_configured(tmp_path: Path) -> None:
    settings = private(tmp_path / "local", mysql_url="mysql://a:b@c/d", catalog_url="postgresql://e")
    assert urls(settings) == ("mysql://a:b@c/d", "postgresql://e")
    assert not (tmp_path / "local").exists()


def test_an_empty_variable_means_not_configured(own: Settings) -> None:
    assert urls(private(own.local_dir, mysql_url="", catalog_url=" ")) == urls(own)


def test_rows_survive_stop_and_start(own: Settings) -> None:
    mysql_url, catalog_url = urls(own)
    Mysql(mysql_url).rows("CREATE OR REPLACE VIEW kept AS SELECT 'Zoë 🐟' AS who")
    Postgres(catalog_url).rows("CREATE OR REPLACE VIEW kept AS SELECT 'Zoë 🐟' AS who")
    assert len(embedded.stop(own)) == 2
    assert pids(own) == [None, None]
    assert embedded.stop(own) == ()
    assert urls(own) == (mysql_url, catalog_url)
    assert Mysql(mysql_url).value("SELECT who FROM kept") == "Zoë 🐟"
    assert Postgres(catalog_url).value("SELECT who FROM kept") == "Zoë 🐟"


def test_a_killed_server_starts_again_with_every_committed_row(own: Settings) -> None:
    mysql_url, catalog_url = urls(own)
    Mysql(mysql_url).rows("CREATE TABLE killed (n INT)")
    Mysql(mysql_url).rows("INSERT INTO killed VALUES (1), (2)")
    Postgres(catalog_url).rows("CREATE TABLE killed (n INT)")
    Postgres(catalog_url).rows("INSERT INTO killed VALUES (1), (2)")
    for pid in pids(own):
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_gone(pid)
    again = urls(own)
    assert Mysql(again[0]).value("SELECT SUM(n) FROM killed") == 3
    assert Postgres(again[1]).value("SELECT SUM(n) FROM killed") == 3


def test_a_stale_process_id_of_somebody_else_is_not_believed(own: Settings) -> None:
    urls(own)
    embedded.stop(own)
    for server in embedded.status(own):
        (server.log.parent / "server.pid").write_text(f"{os.getpid()}\n")
        if server.name.startswith("postgres"):
            # The way a restarted container finds it: PostgreSQL alone would refuse to start.
            (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n")
    urls(own)
    assert os.getpid() not in pids(own)
    assert None not in pids(own)


def test_a_lost_process_id_is_found_again(own: Settings) -> None:
    urls(own)
    before = pids(own)
    for server in embedded.status(own):
        (server.log.parent / "server.pid").unlink()
    urls(own)
    assert pids(own) == before


def test_a_taken_port_is_replaced(own: Settings) -> None:
    before = urls(own)
    embedded.stop(own)
    with socket.socket() as mysql_port, socket.socket() as catalog_port:
        for taken, url in ((mysql_port, before[0]), (catalog_port, before[1])):
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", port(url)))
            taken.listen()
        after = urls(own)
    assert {port(url) for url in after}.isdisjoint(port(url) for url in before)
    assert urls(own) == after


def test_processes_that_start_at_once_share_one_server(own: Settings, root: Path) -> None:
    urls(own)
    embedded.stop(own)
    command = [sys.executable, "-m", "engine.embedded", "url", "mysql"]
    environment = {
        **os.environ,
        "INGEST_LOCAL_DIR": str(own.local_dir),
        "INGEST_MYSQL_URL": "",
        "INGEST_CATALOG_URL": "",
    }
    started = [
        subprocess.Popen(
            command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        for _ in range(3)
    ]
    assert [process.communicate()[0].strip() for process in started] == [urls(own)[0]] * 3
    assert [process.returncode for process in started] == [0, 0, 0]


def test_servers_outlive_their_starter_in_a_session_of_their_own(own: Settings) -> None:
    urls(own)
    for pid in pids(own):
        assert pid is not None
        assert os.getsid(pid) not in (os.getsid(0), 0)


def test_nobody_gets_in_without_the_password(own: Settings) -> None:
    mysql_url, catalog_url = urls(own)
    for user in ("headrace", "headrace_admin", "root", ""):
        for password in ("", "headrace", "root"):
            with pytest.raises(MySQLdb.OperationalError, match=r"Access denied|is locked"):
                MySQLdb.connect(host="127.0.0.1", port=port(mysql_url), user=user, password=password)
    for user in ("headrace", "postgres"):
        with pytest.raises(psycopg.OperationalError, match="authentication failed"):
            psycopg.connect(host="127.0.0.1", port=port(catalog_url), user=user, password="postgres", dbname="headrace")


def test_passwords_are_in_no_argument_and_no_log(own: Settings) -> None:
    urls(own)
    for server in embedded.status(own):
        folder = server.log.parent
        told = server.log.read_text(errors="replace")
        if Path("/proc/self/cmdline").exists():
            told += Path(f"/proc/{server.pid}/cmdline").read_text()
        for name in ("password", "admin-password"):
            assert (folder / name).read_text() not in told
            assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
        assert not (folder / "init.sql").exists()


def test_lost_password_files_are_replaced_on_mysql(own: Settings) -> None:
    before = urls(own)
    (embedded.status(own)[0].log.parent / "password").unlink()
    after = urls(own)
    assert after[0] != before[0]
    assert Mysql(after[0]).value("SELECT 1") == 1


@linux
def test_servers_listen_on_the_loopback_interface_only(own: Settings) -> None:
    ports = {port(url) for url in urls(own)}
    listening: dict[int, set[str]] = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address, _, local_port = fields[1].partition(":")
            if fields[3] == "0A" and int(local_port, 16) in ports:
                listening.setdefault(int(local_port, 16), set()).add(address)
    assert listening == {number: {"0100007F"} for number in ports}


def test_mysql_keeps_what_it_commits_and_takes_local_files(own: Settings) -> None:
    mysql = Mysql(urls(own)[0])
    names = (
        "local_infile",
        "innodb_flush_log_at_trx_commit",
        "innodb_doublewrite",
        "log_bin",
        "character_set_database",
    )
    values = [str(value) for value in mysql.rows("SELECT @@" + ", @@".join(names))[0]]
    assert [value.replace("ON", "1") for value in values] == ["1", "1", "1", "0", "utf8mb4"]
    with pytest.raises(MySQLdb.OperationalError, match="denied"):
        mysql.rows("CREATE DATABASE elsewhere")


def test_a_half_made_data_folder_is_made_again(folder: Path) -> None:
    settings = catalog_only(folder / "local")
    urls(settings)
    embedded.stop(settings)
    (server,) = embedded.status(settings)
    # The state that a kill during the first start leaves.
    server.data.rename(server.data.with_name("data.partial"))
    (server.data.with_name("data.partial") / "PG_VERSION").unlink()
    assert Postgres(urls(settings)[1]).value("SELECT 1") == 1


def test_clean_removes_everything(folder: Path) -> None:
    settings = catalog_only(folder / "local")
    urls(settings)
    (pid,) = pids(settings)
    (name,) = embedded.clean(settings)
    assert name.startswith("postgres-")
    assert pid is not None
    wait_gone(pid)
    assert not (folder / "local").exists()
    assert embedded.clean(settings) == ()


def test_clean_leaves_what_it_did_not_make(folder: Path) -> None:
    (folder / "local" / "mine").mkdir(parents=True)
    (folder / "local" / "mine" / "state.txt").write_text("kept")
    assert embedded.clean(private(folder / "local")) == ()
    assert (folder / "local" / "mine" / "state.txt").read_text() == "kept"


@as_root
def test_data_that_the_servers_user_cannot_reach_lies_elsewhere(folder: Path) -> None:
    folder.chmod(0o700)
    settings = catalog_only(folder / "local")
    assert Postgres(urls(settings)[1]).value("SELECT 1") == 1
    (server,) = embedded.status(settings)
    assert not server.data.is_relative_to(folder)
    assert stat.S_IMODE(server.data.parent.parent.stat().st_mode) == 0o700
    assert server.data.stat().st_uid == server.data.parent.parent.stat().st_uid != 0
    embedded.clean(settings)
    assert not server.data.parent.parent.exists()


def test_a_missing_program_is_named_with_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="INGEST_MYSQLD is nowhere/mysqld") as mysql:
        urls(private(tmp_path, mysqld="nowhere/mysqld", catalog_url="unused"))
    with pytest.raises(ServerError, match="INGEST_POSTGRES is nowhere/postgres") as postgres:
        urls(private(tmp_path, postgres="nowhere/postgres", mysql_url="unused"))
    assert [mysql.value.code, postgres.value.code] == ["server.missing_program"] * 2


def test_a_server_that_does_not_start_says_why(folder: Path) -> None:
    program = folder / "mysqld"
    program.write_text(
        '#!/bin/sh\ncase "$*" in *--version*) echo "mysqld  Ver 9.9.9 for Linux";; *) echo "no space left"; exit 1;; esac\n'
    )
    program.chmod(0o755)
    with pytest.raises(ServerError, match=r"(?s)data folder can't be made.*no space left.*server\.log") as failed:
        urls(private(folder / "local", mysqld=str(program), catalog_url="unused"))
    assert failed.value.code == "server.start_failed"


@pytest.mark.usefixtures("mysqld")
def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServerError, match="can't keep private servers there") as failed:
        urls(private(tmp_path / "file" / "local"))
    assert failed.value.code == "server.folder"


def test_the_door_asks_both_databases(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGEST_LOCAL_DIR", str(own.local_dir))
    runner = CliRunner()
    shown = runner.invoke(main, ["mysql", "-e", "SELECT 'a[b]' AS x, NULL AS y, 7 AS z"])
    assert (shown.exit_code, [line.split() for line in shown.stdout.splitlines()]) == (
        0,
        [["x", "y", "z"], ["a[b]", "NULL", "7"]],
    )
    shown = runner.invoke(main, ["psql"], input="SELECT 1\nAS one;\nSELECT 2 AS two")
    assert (shown.exit_code, shown.stdout.split()) == (0, ["one", "1", "two", "2"])
    failed = runner.invoke(main, ["psql", "-e", "SELECT nonsense"])
    assert (failed.exit_code, failed.stderr.splitlines()[0]) == (1, 'error: psql: column "nonsense" does not exist')
    assert [line.split()[1] for line in runner.invoke(main, ["status"]).stdout.splitlines()[1:]] == ["runs", "runs"]
