"""Nobody is let in: hostile servers get nothing, passwords are told to nobody, names and values do no harm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path

import MySQLdb
import pytest
from pydantic import SecretStr

from engine import FileStatus, Settings, ingest_files
from engine.errors import LoadError
from engine.load import Address, Connection, Control
from tests.fake_mysql import HostileServer
from tests.fix_mysql import Mysql
from tests.test_pipeline_modes import SALES_HEADER, left_overs, only, write

_SECRET = b"the content of a file of this machine\n"


def address(server: HostileServer) -> Address:
    return Address(host="127.0.0.1", port=server.port, user="u", password="hush", database="d")


@pytest.fixture
def secret(tmp_path: Path) -> bytes:
    path = tmp_path / "secret"
    path.write_bytes(_SECRET)
    return bytes(path)


def test_the_hostile_server_robs_a_client_without_the_seal(secret: bytes) -> None:
    """The other tests would show nothing if this server couldn't do it."""
    with HostileServer(lambda query: (secret,)) as server:
        MySQLdb.connect(host="127.0.0.1", port=server.port, user="u", password="p", local_infile=True).close()
    assert _SECRET in server.loot


def test_a_request_in_answer_to_the_very_first_query_gets_nothing(secret: bytes) -> None:
    with HostileServer(lambda query: (secret,)) as server, pytest.raises(LoadError) as caught:
        Connection(address(server), connect_timeout_s=5)
    assert caught.value.code == "load.hostile_server"
    assert "INGEST_MYSQL_URL" in str(caught.value)
    assert b"".join(server.loot) == b""
    assert len(server.loot) == 1


def test_a_request_in_place_of_the_login_s_end_gets_nothing(secret: bytes) -> None:
    with HostileServer(lambda query: (), at_login=secret) as server, pytest.raises(LoadError):
        Connection(address(server), connect_timeout_s=5)
    assert b"".join(server.loot) == b""


def test_a_request_for_another_name_at_load_data_gets_nothing(secret: bytes) -> None:
    with HostileServer(lambda query: (secret,) if query.startswith(b"LOAD") else ()) as server:
        connection = Connection(address(server), connect_timeout_s=5)
        with pytest.raises(LoadError) as caught:
            connection.load("LOAD DATA LOCAL INFILE 'batch' INTO TABLE t", "batch", b"1\n")
        connection.close()
    assert caught.value.code == "load.hostile_server"
    assert server.loot == [b""]


@pytest.mark.parametrize("second", ["secret", "the batch again"])
def test_a_second_request_in_one_statement_gets_nothing(secret: bytes, second: str) -> None:
    wishes = (b"batch", secret if second == "secret" else b"batch")
    with HostileServer(lambda query: wishes if query.startswith(b"LOAD") else ()) as server:
        connection = Connection(address(server), connect_timeout_s=5)
        with suppress(LoadError):
            connection.load("LOAD DATA LOCAL INFILE 'batch' INTO TABLE t", "batch", b"1\n2\n")
        connection.close()
    assert server.loot[0] == b"1\n2\n"
    assert b"".join(server.loot[1:]) == b""


def test_a_request_after_the_batch_was_sent_gets_nothing(secret: bytes) -> None:
    wishes = {b"LOAD": (b"batch",), b"DO": (b"batch",), b"COMMIT": (secret,)}
    with HostileServer(lambda query: wishes.get(query.split()[0].upper(), ())) as server:
        connection = Connection(address(server), connect_timeout_s=5)
        connection.load("LOAD DATA LOCAL INFILE 'batch' INTO TABLE t", "batch", b"1\n")
        with pytest.raises(LoadError):
            connection.execute("DO 1")
        with pytest.raises(LoadError):
            connection.commit()
        connection.close()
    assert server.loot == [b"1\n", b"", b""]


def test_words_that_are_no_text_end_nothing() -> None:
    with HostileServer(lambda query: (), error=b"\xff\xfe\x00 %s %n") as server, pytest.raises(LoadError) as caught:
        Connection(address(server), connect_timeout_s=5)
    assert "can't be read" in str(caught.value)


@pytest.mark.parametrize("query", [b"COMMIT", b"ROLLBACK", b"START", b"SET", b"SELECT"])
def test_a_request_in_answer_to_any_word_gets_nothing(secret: bytes, query: bytes) -> None:
    with (
        HostileServer(lambda asked: (secret,) if asked.upper().startswith(query) else ()) as server,
        suppress(LoadError),
    ):
        connection = Control(address(server), connect_timeout_s=5)
        for act in (connection.begin, connection.ping, connection.commit, connection.rollback):
            with suppress(LoadError):
                act()
        connection.close()
    assert server.loot
    assert b"".join(server.loot) == b""


def test_a_request_in_answer_to_a_ping_gets_nothing(secret: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with HostileServer(lambda asked: (secret,) if not asked else ()) as server:
        connection = Control(address(server), connect_timeout_s=5)
        connection.ping()
        connection.close()
    assert b"".join(server.loot) == b""


def test_the_real_server_gets_no_file_either(mysql_url: str, mysql: Mysql, secret: bytes) -> None:
    mysql.rows("CREATE TABLE t (s VARCHAR(100))")
    connection = Connection(Address.parse(mysql_url), connect_timeout_s=5)
    with pytest.raises(LoadError):
        connection.execute(f"LOAD DATA LOCAL INFILE '{secret.decode()}' INTO TABLE t")
    connection.close()
    assert mysql.value("SELECT COUNT(*) FROM t") == 0


def passwords(settings: Settings) -> list[str]:
    found = []
    for url in (settings.mysql_url, settings.catalog_url):
        assert url is not None
        found.append(url.get_secret_value().split("://")[1].split("@")[0].split(":")[1])
    return found


def run_command(settings: Settings, folder: Path, *arguments: str) -> tuple[str, str, int]:
    """Run the command line in a process of its own; return what it wrote, its command lines, and its exit status."""
    assert settings.mysql_url is not None
    assert settings.catalog_url is not None
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INGEST_")}
    environment |= {
        "INGEST_MYSQL_URL": settings.mysql_url.get_secret_value(),
        "INGEST_CATALOG_URL": settings.catalog_url.get_secret_value(),
        "INGEST_DATA_DIR": str(settings.data_dir),
        "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.ingest", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seen = set()
    while process.poll() is None:
        # The engine's servers are children of the test's own process, and have been looked at by their own tests.
        with suppress(OSError):
            seen.add(Path(f"/proc/{process.pid}/cmdline").read_text())
        time.sleep(0.02)
    written, _ = process.communicate()
    return written, "\n".join(seen), process.returncode


def test_no_password_in_output_report_process_list_or_settings(settings: Settings, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "n\n1\n")
    written, commands, status = run_command(settings, tmp_path, str(path), "-vv", "--json", str(tmp_path / "r.json"))
    assert status == 0, written
    report = (tmp_path / "r.json").read_text()
    assert json.loads(report)["files"]
    assert "engine.ingest" in commands
    for password in passwords(settings):
        assert password not in written + report + commands + repr(settings) + str(settings)
    for log in settings.data_dir.rglob("*"):
        if log.is_file():
            assert not any(password.encode() in log.read_bytes() for password in passwords(settings))


def test_no_password_in_errors_and_tracebacks(settings: Settings, tmp_path: Path) -> None:
    assert settings.mysql_url is not None
    place = settings.mysql_url.get_secret_value().rpartition("@")[2]
    parsed = Address.parse(f"mysql://headrace:p%40ss-hush@{place}")
    assert parsed.password == "p@ss-hush"
    assert "hush" not in repr(parsed) + str(parsed)
    with pytest.raises(LoadError) as caught:
        Connection(parsed, connect_timeout_s=5)
    assert "hush" not in "".join(traceback.format_exception(caught.value))
    wrong = settings.model_copy(update={"mysql_url": SecretStr(f"mysql://headrace:p%40ss-hush@{place}")})
    path = write(tmp_path / "a.csv", "n\n1\n")
    written, _, status = run_command(wrong, tmp_path, str(path), "-vv")
    assert status == 1
    assert "hush" not in written
    for bad in (
        "mysql://u:hush@[::1/d",
        "mysql://u:hush@h:port/d",
        "http://u:hush@h/d",
        "mysql://u:hush@h/d?hush=1&x=2",
    ):
        broken = settings.model_copy(update={"mysql_url": SecretStr(bad)})
        written, _, status = run_command(broken, tmp_path, str(path), "-vv")
        assert status == 2, written
        assert "u:hush" not in written


_NASTY = (
    "a`; DROP TABLE keep; --",
    "'); DROP TABLE keep; --",
    '"><script>alert(1)</script>',
    '=HYPERLINK("http://x","y")',
    "+1+cmd|' /C calc'!A0",
    "\x1b[31mred\x1b[0m",
    "%s %(x)s %d 100%",
    "{table} {0} {}",
    "back\\slash\\' \\N \\0",
    "NULL",
    "\u202egnirts",
)


def quoted(fields: tuple[str, ...]) -> str:
    return ",".join('"' + field.replace('"', '""') + '"' for field in fields)


def test_headers_and_values_of_every_nasty_kind_arrive_as_they_are(
    settings: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    mysql.rows("CREATE TABLE keep (n INT)")
    path = write(tmp_path / "nasty.csv", quoted(_NASTY) + "\n" + quoted(_NASTY) + "\n" + quoted(_NASTY[::-1]) + "\n")
    file = only(
        ingest_files([path], settings, table="t", overrides={"header": True, "delimiter": ",", "quote_char": '"'})
    )
    assert file.error is None
    assert file.receipt is not None
    assert file.receipt.verified
    names = ", ".join("`" + column.name.replace("`", "``") + "`" for column in file.columns)
    assert [column.original for column in file.columns] == list(_NASTY)
    assert mysql.rows(f"SELECT {names} FROM t") == [_NASTY, _NASTY[::-1]]
    assert mysql.rows("SELECT n FROM keep") == []
    assert left_overs(mysql) == []


@pytest.mark.parametrize("table", ["a`; DROP TABLE keep; --", "%s {table} 100%", "x' OR '1'='1", "=cmd()"])
def test_a_table_s_name_is_only_a_name(settings: Settings, mysql: Mysql, tmp_path: Path, table: str) -> None:
    mysql.rows("CREATE TABLE keep (n INT)")
    small = settings.model_copy(update={"batch_rows": 1})
    for mode in ("append", "append", "replace"):
        path = write(tmp_path / f"{time.monotonic_ns()}.csv", f"n,s\n1,{mode}\n2,{time.monotonic_ns()}\n")
        file = only(ingest_files([path], small, table=table, mode=mode))
        assert file.error is None
    assert mysql.value("SELECT COUNT(*) FROM `" + table.replace("`", "``") + "`") == 2
    assert mysql.rows("SELECT n FROM keep") == []
    assert left_overs(mysql) == []


def test_a_file_s_name_is_only_a_name(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    mysql.rows("CREATE TABLE keep (n INT)")
    name = "x'; DROP TABLE keep; -- \x1b[31m<b>%s{table}.csv"
    path = write(tmp_path / name, "n,s\n1,a\n2,b\n3\n")
    written, _, status = run_command(settings, tmp_path, str(path), "-v", "--max-rejects", "1")
    assert status == 0, written
    assert "\x1b[31m" not in written
    assert mysql.rows("SELECT n FROM keep") == []
    assert mysql.rows("SELECT path, state FROM _ingest_file") == [(str(path), "published")]


def test_what_a_file_says_reaches_no_terminal_as_it_is(settings: Settings, tmp_path: Path) -> None:
    path = write(tmp_path / "sales_1.csv", SALES_HEADER + "T1,C1,p,\x1b]0;owned\x07\x1b[2J,1.00,2024-01-01,N\n")
    written, _, status = run_command(settings, tmp_path, str(path), "-vv")
    assert status == 1
    assert "\x1b]0;" not in written
    assert "\x1b[2J" not in written


def test_a_formula_in_a_rejected_row_is_kept_as_the_file_has_it(settings: Settings, tmp_path: Path) -> None:
    """The reject file loads as it is once corrected, so nothing in it may be altered; it is data, not a spreadsheet."""
    path = write(tmp_path / "sales_1.csv", SALES_HEADER + "=1+1,@SUM(A1),-2+3,x,1.00,2024-01-01,+4\n")
    file = only(ingest_files([path], settings))
    assert file.status is FileStatus.HELD
    assert file.rejects_path is not None
    assert file.rejects_path.read_text() == path.read_text()
