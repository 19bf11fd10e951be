"""One worker at a time: the lock of a target, a worker that loses it, and one that another has taken over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.faults.proxy import LossyProxy
from engine import FileReport, FileStatus, Settings, ingest_files
from engine.errors import LoadError
from engine.load import Address, Connection, Control, Destination, enter_ledger, ledger, load_batch, locking, tables
from engine.model import Progress
from tests.fix_mysql import Mysql
from tests.test_load import N, batch_of, claimed
from tests.test_pipeline_modes import left_overs, only, write

ROWS = 40


@pytest.fixture
def connection(address: Address) -> Iterator[Control]:
    control = Control(address, connect_timeout_s=5)
    ledger.ensure(control)
    yield control
    control.close()


@pytest.fixture
def to(connection: Control, mysql: Mysql) -> Destination:
    mysql.rows("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT)")
    return Destination(file_id=claimed(mysql), attempt=1, table="t", columns=(N,), order_column="id")


def session(connection: Connection) -> int:
    return int(str(connection.query("SELECT CONNECTION_ID()")[0][0]))


def holder(mysql: Mysql) -> object:
    """Return the session that has the lock of table t in the test's database."""
    name = locking._lock_name(Connection(Address.parse(mysql.url), connect_timeout_s=5), "t")
    return mysql.value("SELECT IS_USED_LOCK(%s)", (name,))


def test_a_control_connection_that_is_lost_has_its_lock_again(
    connection: Control, mysql: Mysql, mysql_server: Mysql
) -> None:
    locking.lock(connection, "t", 5)
    first = session(connection)
    mysql_server.rows(f"KILL {first}")
    assert session(connection) != first
    assert holder(mysql) == session(connection)
    locking.unlock(connection)
    assert holder(mysql) is None


def test_a_lock_that_rests_is_not_taken_again_and_stops_nobody(
    connection: Control, address: Address, mysql_server: Mysql
) -> None:
    locking.lock(connection, "t", 0)
    connection.rest()
    locking.lock(connection, "u", 0)
    connection.rest()
    mysql_server.rows(f"KILL {session(connection)}")
    other = Control(address, connect_timeout_s=5)
    locking.lock(other, "t", 5)
    locking.lock(connection, "v", 0)
    assert locking.is_free(other, "u")
    assert not locking.is_free(other, "v")
    locking.unlock(connection)
    assert locking.is_free(other, "v")
    other.close()


def test_a_lock_is_released_however_often_it_was_wanted(connection: Control, mysql: Mysql) -> None:
    for _ in range(3):
        locking.lock(connection, "t", 0)
        connection.rest()
    locking.unlock(connection)
    assert holder(mysql) is None


def test_the_lock_of_a_session_that_only_the_client_has_lost_is_freed(address: Address, mysql: Mysql) -> None:
    """A firewall that forgets a connection tells neither end; the server would keep the lock for as long as it waits."""
    with LossyProxy(address.port, b"/* lost */", reply_lost=False, silent=True) as proxy:
        control = Control(replace(address, port=proxy.port), connect_timeout_s=5)
        ledger.ensure(control)
        locking.lock(control, "t", 5)
        first = session(control)
        assert control.query("SELECT 1 /* lost */") == [(1,)]
        assert session(control) != first
        assert holder(mysql) == session(control)
        control.close()


def test_a_worker_whose_lock_went_to_another_stops(connection: Control, address: Address, mysql_server: Mysql) -> None:
    locking.lock(connection, "t", 0)
    mysql_server.rows(f"KILL {session(connection)}")
    other = Control(address, connect_timeout_s=5)
    locking.lock(other, "t", 5)
    with pytest.raises(LoadError) as caught:
        connection.query("SELECT 1")
    assert (caught.value.code, caught.value.retryable) == ("load.locked", True)
    other.close()


@pytest.mark.parametrize("word", [b"RENAME TABLE", b"CREATE TABLE", b"ADD INDEX", b"DROP INDEX", b"ADD COLUMN"])
@pytest.mark.parametrize("reply_lost", [True, False])
def test_a_change_of_a_table_whose_reply_is_lost_is_made_once(
    address: Address, mysql: Mysql, word: bytes, *, reply_lost: bool
) -> None:
    mysql.rows("CREATE TABLE a (n INT, KEY by_n (n))")
    with LossyProxy(address.port, word, reply_lost=reply_lost) as proxy:
        control = Control(replace(address, port=proxy.port), connect_timeout_s=5)
        ledger.ensure(control)
        locking.lock(control, "t", 5)
        table = tables.describe(control, "a")
        assert table is not None
        indexes = tables.secondary_indexes(control, "a", table.columns)
        tables.create_like(control, "b", "a")
        tables.drop_indexes(control, "b", indexes)
        tables.alter(control, "ALTER TABLE {table} ADD COLUMN s VARCHAR(5)", "b")
        tables.build_indexes(control, "b", indexes)
        tables.publish_replacement(control, "b", "a", "c")
        control.close()
        assert proxy.connections == 2
    assert mysql.rows("SHOW TABLES LIKE 'b'") == mysql.rows("SHOW TABLES LIKE 'c'") == []
    assert [row[0] for row in mysql.rows("SHOW COLUMNS FROM a")] == ["n", "s"]
    assert {row[2] for row in mysql.rows("SHOW INDEX FROM a")} == {"by_n"}


def test_a_table_that_is_there_at_the_first_try_is_an_error(connection: Control, mysql: Mysql) -> None:
    mysql.rows("CREATE TABLE a (n INT)")
    with pytest.raises(LoadError, match="already exists"):
        tables.create(connection, "CREATE TABLE {table} (n INT)", "a")


def test_a_silent_connection_is_kept_alive(address: Address, monkeypatch: pytest.MonkeyPatch, mysql: Mysql) -> None:
    monkeypatch.setattr("engine.load.control.PING_S", 0.1)
    control = Control(address, connect_timeout_s=5)
    control.execute("SET SESSION wait_timeout = 1")
    first = session(control)
    time.sleep(2.5)
    assert session(control) == first
    control.close()


def test_a_batch_of_a_load_that_was_taken_over_is_refused(
    connection: Control,
    to: Destination,
    mysql: Mysql,
) -> None:
    assert load_batch(connection, to, batch_of([1])).rows == 1
    mysql.rows("UPDATE _ingest_file SET attempt = 2")
    for batch in (batch_of([2], 1), batch_of([1])):
        if batch.number:
            with pytest.raises(LoadError) as caught:
                load_batch(connection, to, batch)
            assert (caught.value.code, caught.value.retryable) == ("load.taken_over", True)
    assert mysql.rows("SELECT n FROM t") == [(1,)]


def test_a_takeover_waits_for_the_batch_that_is_under_way(
    connection: Control,
    to: Destination,
    address: Address,
    mysql: Mysql,
) -> None:
    connection.begin(snapshot=True)
    assert enter_ledger(connection, to, batch_of([1]))
    other = Connection(address, connect_timeout_s=5)
    other.execute("SET SESSION innodb_lock_wait_timeout = 1")
    with pytest.raises(LoadError) as caught:
        other.execute("UPDATE _ingest_file SET attempt = 2")
    assert caught.value.code == "load.lock_wait"
    connection.rollback()
    other.execute("UPDATE _ingest_file SET attempt = 2")
    other.close()


@pytest.fixture
def small(settings: Settings) -> Settings:
    return settings.model_copy(update={"batch_rows": 5, "loaders": 1, "lock_wait_s": 30})


def lose_control(mysql: Mysql, mysql_server: Mysql) -> None:
    mysql_server.rows(f"KILL {holder(mysql)}")


def interrupted_at(row: int, act: Callable[[], None]) -> Callable[[Progress], None]:
    """Return a progress callback that acts once, when so many rows were read or loaded."""
    done: list[int] = []

    def callback(progress: Progress) -> None:
        if progress.rows >= row and not done:
            done.append(1)
            act()

    return callback


WAYS: dict[str, tuple[tuple[str, ...], dict[str, object]]] = {
    "new": ((), {}),
    "append": (("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT, s VARCHAR(20))",), {"visibility": "batch"}),
    "append, file": (
        ("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT, s VARCHAR(20))",),
        {"visibility": "file"},
    ),
    "replace": (
        ("CREATE TABLE t (n INT, s VARCHAR(20), KEY (n))", "INSERT INTO t VALUES (0, 'old')"),
        {"mode": "replace"},
    ),
    "upsert": (
        ("CREATE TABLE t (n INT PRIMARY KEY, s VARCHAR(20))", "INSERT INTO t VALUES (0, 'old')"),
        {"mode": "upsert"},
    ),
}


def equals_the_file(mysql: Mysql) -> bool:
    return mysql.rows("SELECT n, s FROM t ORDER BY n") == [(n, f"row {n}") for n in range(ROWS)]


def put(folder: Path, way: str, mysql: Mysql) -> Path:
    for statement in WAYS[way][0]:
        mysql.rows(statement)
    return write(folder / "t.csv", "n,s\n" + "".join(f"{n},row {n}\n" for n in range(ROWS)))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("row", [1, ROWS])
def test_a_lock_that_is_lost_and_wanted_by_nobody_costs_nothing(
    small: Settings, mysql: Mysql, mysql_server: Mysql, tmp_path: Path, way: str, row: int
) -> None:
    path = put(tmp_path, way, mysql)
    act = interrupted_at(row, lambda: lose_control(mysql, mysql_server))
    file = only(ingest_files([path], small, table="t", overrides=WAYS[way][1], on_progress=act))
    assert (file.error, file.rows_loaded) == (None, ROWS)
    assert equals_the_file(mysql)
    assert left_overs(mysql) == []
    assert mysql.rows("SELECT state, attempt, rows_loaded FROM _ingest_file") == [("published", 1, ROWS)]


@pytest.mark.parametrize("way", WAYS)
def test_a_worker_that_was_taken_over_stops_and_the_table_equals_the_file(
    small: Settings, mysql: Mysql, mysql_server: Mysql, tmp_path: Path, way: str
) -> None:
    """As a worker that was suspended for so long that the server gave it up: it wakes up, and finds itself replaced."""
    path = put(tmp_path, way, mysql)
    reports: list[FileReport] = []

    def second() -> None:
        lose_control(mysql, mysql_server)
        reports.append(only(ingest_files([path], small, table="t", overrides=WAYS[way][1])))

    first = only(
        ingest_files([path], small, table="t", overrides=WAYS[way][1], on_progress=interrupted_at(ROWS // 2, second))
    )
    assert [(report.status, report.rows_loaded) for report in reports] == [(FileStatus.LOADED, ROWS)]
    assert first.error is not None
    assert (first.error.code, first.error.retryable) == ("load.taken_over", True)
    assert equals_the_file(mysql)
    assert left_overs(mysql) == []
    # Who appends enters a small file with its rows, so the first one had not even begun.
    attempt = 1 if way.startswith("append") else 2
    assert mysql.rows("SELECT state, attempt, rows_loaded FROM _ingest_file") == [("published", attempt, ROWS)]
    assert mysql.value("SELECT SUM(rows_loaded) FROM _ingest_batch") == ROWS
    again = only(ingest_files([path], small, table="t", overrides=WAYS[way][1]))
    assert again.status is FileStatus.DUPLICATE


def test_a_worker_that_was_away_before_it_began_lets_nobody_s_rows_in_twice(
    small: Settings, mysql: Mysql, mysql_server: Mysql, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path, "append", mysql)
    inner = ledger.claim
    met: list[int] = []

    def claim(*args: object, **kwargs: object) -> object:
        if not met:
            met.append(1)
            lose_control(mysql, mysql_server)
            assert only(ingest_files([path], small, table="t")).error is None
        return inner(*args, **kwargs)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr("engine.load.ledger.claim", claim)
    first = only(ingest_files([path], small, table="t"))
    assert first.error is not None
    assert first.error.code == "load.taken_over"
    assert equals_the_file(mysql)


_WORKER = """
import json, sys
from engine import ingest_files
from engine.config import Settings
Settings.model_config["env_file"] = None
job = json.loads(sys.stdin.readline())
print("ready", flush=True)
sys.stdin.readline()
report = ingest_files(job["paths"], Settings.model_validate(job["settings"]), table="t", overrides=job["overrides"])
print(json.dumps([[f.status.value, f.rows_loaded, f.error.code if f.error else None] for f in report.files]))
"""


def plain(settings: Settings) -> dict[str, object]:
    assert settings.mysql_url is not None
    assert settings.catalog_url is not None
    return {
        **settings.model_dump(mode="json", exclude_none=True),
        "mysql_url": settings.mysql_url.get_secret_value(),
        "catalog_url": settings.catalog_url.get_secret_value(),
    }


class Worker:
    """A process of its own that is ready to begin."""

    def __init__(self, settings: Settings, path: Path, overrides: dict[str, object], root: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        job = {"settings": plain(settings), "paths": [str(path)], "overrides": overrides}
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "ready\n"

    def begin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def signal(self, number: int) -> None:
        os.kill(self._process.pid, number)

    def end(self) -> list[object]:
        written, _ = self._process.communicate(timeout=120)
        (file,) = json.loads(written)
        return list(file)


def test_two_workers_that_start_at_the_same_instant(small: Settings, mysql: Mysql, tmp_path: Path, root: Path) -> None:
    path = put(tmp_path, "new", mysql)
    workers = [Worker(small, path, {}, root) for _ in range(2)]
    for worker in workers:
        worker.begin()
    ends = sorted(worker.end() for worker in workers)
    assert ends == [["duplicate", 0, None], ["loaded", ROWS, None]]
    assert equals_the_file(mysql)
    assert left_overs(mysql) == []


@pytest.mark.slow
def test_a_worker_that_is_stopped_for_too_long_finds_itself_replaced(
    small: Settings, mysql: Mysql, mysql_server: Mysql, tmp_path: Path, root: Path
) -> None:
    mysql.rows(WAYS["append"][0][0])
    rows = 10_000
    path = write(tmp_path / "t.csv", "n,s\n" + "".join(f"{n},row {n}\n" for n in range(rows)))
    many = small.model_copy(update={"batch_rows": 100})
    worker = Worker(many, path, {"visibility": "batch"}, root)
    worker.begin()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if mysql.rows("SHOW TABLES LIKE '\\_ingest\\_batch'") and mysql.value("SELECT COUNT(*) > 5 FROM _ingest_batch"):
            break
        time.sleep(0.02)
    worker.signal(signal.SIGSTOP)
    try:
        # What the server does after the session's wait_timeout, to all of its connections.
        database = mysql.url.rpartition("/")[2]
        for (number,) in mysql_server.rows(
            "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = %s AND ID <> CONNECTION_ID()", (database,)
        ):
            mysql_server.rows(f"KILL {number}")
        file = only(ingest_files([path], many, table="t", overrides={"visibility": "batch"}))
        assert (file.error, file.rows_loaded) == (None, rows)
    finally:
        worker.signal(signal.SIGCONT)
    assert worker.end() == ["failed", 0, "load.taken_over"]
    assert mysql.rows("SELECT COUNT(*), COUNT(DISTINCT n) FROM t") == [(rows, rows)]
    assert mysql.value("SELECT SUM(rows_loaded) FROM _ingest_batch") == rows


def test_loads_into_one_table_take_turns(small: Settings, mysql: Mysql, tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{part}.csv", f"n,s\n{part},x\n") for part in range(6)]
    threads = [threading.Thread(target=ingest_files, args=([path], small), kwargs={"table": "t"}) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert mysql.rows("SELECT n FROM t ORDER BY n") == [(part,) for part in range(6)]
    assert left_overs(mysql) == []
