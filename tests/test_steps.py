"""A run in steps, as a scheduler takes them: each may be repeated, retried elsewhere, or die."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict

import pytest

from engine import Settings, steps
from engine.errors import EngineError
from engine.model import FileStatus
from engine.pipeline.ranges import PATIENCE_S
from engine.sql import statement
from engine.stage import read_manifest
from tests.crashing import Crasher, Job
from tests.fix_mysql import Mysql
from tests.fix_postgres import Postgres
from tests.test_lease import plain
from tests.test_pipeline_modes import left_overs, write

_ROWS = 1_000


@pytest.fixture
def own(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Put the test's settings where a task finds them: in the environment."""
    assert settings.mysql_url is not None
    assert settings.catalog_url is not None
    for name, value in {
        "MYSQL_URL": settings.mysql_url.get_secret_value(),
        "CATALOG_URL": settings.catalog_url.get_secret_value(),
        "DATA_DIR": str(settings.data_dir),
        "LOCAL_DIR": str(settings.local_dir),
        "SETTLE_S": "0",
    }.items():
        monkeypatch.setenv(f"INGEST_{name}", value)
    return settings


def rows(first: int, count: int = _ROWS) -> str:
    return "n,s,d\n" + "".join(f"{n},row {n},2024-01-{n % 28 + 1:02d}\n" for n in range(first, first + count))


def states(catalog: Postgres) -> list[tuple[object, ...]]:
    return catalog.rows("SELECT file_name, attempt, ingestion_status FROM file_metadata ORDER BY id")


def through(unit: str) -> None:
    for step in (steps.read, steps.load, steps.describe, steps.archive):
        step(unit)


def test_a_file_goes_through(own: Settings, mysql: Mysql, catalog: Postgres) -> None:
    write(own.input_dir / "t.csv", rows(0))
    queued = steps.queue("run 1")
    assert [(unit.name, unit.files) for unit in queued.units] == [("t.csv", 1)]
    assert len(json.dumps([asdict(unit) for unit in queued.units])) < 200
    assert states(catalog) == [("t.csv", 1, "queued")]
    (unit,) = (unit.path for unit in queued.units)
    counts = steps.read(unit)
    assert (counts["rows_read"], counts["rows_loaded"], counts["tables"]) == (_ROWS, 0, ["t"])
    assert states(catalog) == [("t.csv", 1, "running")]
    assert mysql.rows("SHOW TABLES LIKE 't'") == []
    assert steps.load(unit)["rows_loaded"] == _ROWS
    assert mysql.rows("SELECT COUNT(*), SUM(n), MIN(d) FROM t")[0][:2] == (_ROWS, _ROWS * (_ROWS - 1) // 2)
    assert states(catalog) == [("t.csv", 1, "success")]
    assert catalog.value("SELECT count(*) FROM column_metadata") == 0
    steps.describe(unit)
    assert catalog.rows("SELECT column_name, unique_count FROM column_metadata ORDER BY position") == [
        ("n", _ROWS),
        ("s", _ROWS),
        ("d", 28),
    ]
    steps.archive(unit)
    assert list(own.input_dir.iterdir()) == []
    (report,) = steps.summary("run 1").files
    assert (report.status, report.rows_loaded, report.error) == (FileStatus.LOADED, _ROWS, None)
    assert report.archived_to is not None
    assert report.archived_to.read_text() == rows(0)
    assert catalog.value("SELECT archived_to FROM file_metadata") == str(report.archived_to)
    assert "t.csv" in steps.text(steps.summary("run 1"))
    assert left_overs(mysql) == []
    assert list(own.staging_dir.rglob("batch-*")) == []


def test_a_feed_s_own_table_is_made_and_then_filled(own: Settings, mysql: Mysql) -> None:
    own.data_dir.mkdir(exist_ok=True)
    (own.data_dir / "feeds.toml").write_text('[t]\npattern = "t*.csv"\ntable = "t"\ncreate_table = "t.sql"\n')
    (own.data_dir / "t.sql").write_text(
        "CREATE TABLE {table} (n BIGINT PRIMARY KEY, s VARCHAR(99), d DATE, made TIMESTAMP DEFAULT NOW(), KEY (d))"
    )
    for number in range(3):
        write(own.input_dir / f"t{number}.csv", rows(number * _ROWS))
    for unit in steps.queue("r").units:
        through(unit.path)
    assert mysql.rows("SELECT COUNT(*), COUNT(DISTINCT n), COUNT(made) FROM t") == [(3 * _ROWS,) * 3]
    assert (
        mysql.value("SELECT COUNT(DISTINCT index_name) FROM information_schema.statistics WHERE table_name = 't'") == 2
    )
    assert left_overs(mysql) == []


def test_every_step_may_be_taken_twice(own: Settings, mysql: Mysql, catalog: Postgres) -> None:
    write(own.input_dir / "t.csv", rows(0))
    (unit,) = steps.queue("r").units
    for step in (steps.read, steps.load, steps.describe, steps.archive):
        assert step(unit.path)["failed"] == 0
        assert step(unit.path)["failed"] == 0
    through(unit.path)
    assert mysql.value("SELECT COUNT(*) FROM t") == _ROWS
    assert states(catalog) == [("t.csv", 1, "success")]


def test_the_statistics_are_those_of_a_direct_run(own: Settings, catalog: Postgres, mysql: Mysql) -> None:
    from engine import ingest_files

    text = rows(0, 5_000)
    write(own.input_dir / "a.csv", text)
    small = own.model_copy(update={"batch_rows": 700})
    ingest_files([write(own.data_dir / "b.csv", text)], small)
    (unit,) = steps.queue("r", batch_rows=700).units
    through(unit.path)
    assert mysql.value("SELECT COUNT(*) FROM _ingest_batch") == 16
    columns = """SELECT c.column_name, c.column_type, null_count, unique_count, min_value, max_value, sample_values, mean, stddev,
        quantiles, top_values, histogram, total FROM column_metadata c JOIN file_metadata f ON f.id = file_metadata_id
        WHERE file_name = %s ORDER BY position"""
    assert catalog.rows(columns, ("a.csv",)) == catalog.rows(columns, ("b.csv",))
    metrics = """SELECT metric_name, column_name, metric_value, passed FROM data_quality_metrics m JOIN file_metadata f
        ON f.id = file_metadata_id WHERE file_name = %s AND metric_name <> 'freshness' ORDER BY position"""
    assert catalog.rows(metrics, ("a.csv",)) == catalog.rows(metrics, ("b.csv",))
    receipts = catalog.rows("SELECT receipt->'verified', receipt->'columns' FROM file_metadata ORDER BY id")
    assert receipts[0] == receipts[1]


def test_a_bad_file_says_so_at_once_and_goes_through_once_it_is_corrected(
    own: Settings, mysql: Mysql, catalog: Postgres
) -> None:
    path = write(own.input_dir / "t.csv", rows(0) + "x\n")
    (unit,) = steps.queue("r").units
    with pytest.raises(EngineError, match="1 of 1,001 rows are rejected") as caught:
        steps.read(unit.path)
    assert not caught.value.retryable
    assert states(catalog) == [("t.csv", 1, "held")]
    assert "1 of 1,001" in str(catalog.value("SELECT error_message FROM file_metadata"))
    (report,) = steps.summary("r").files
    assert report.status is FileStatus.HELD
    write(path, rows(0))
    through(unit.path)
    assert mysql.value("SELECT COUNT(*) FROM t") == _ROWS
    assert [state for _, _, state in states(catalog)] == ["held", "success"]
    assert steps.summary("r").ok


def test_the_good_files_of_a_unit_go_on_without_the_bad(
    own: Settings, mysql: Mysql, catalog: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INGEST_UNITS", "2")
    for number in range(5):
        write(own.input_dir / f"f{number}.csv", rows(number * _ROWS, 10) + ("x\n" if number == 1 else ""))
    queued = steps.queue("r", table="t")
    assert [(unit.name, unit.files) for unit in queued.units] == [("f0.csv +1 more", 2), ("f2.csv +2 more", 3)]
    bad, good = (unit.path for unit in queued.units)
    through(good)
    assert steps.read(bad)["failed"] == 1
    assert steps.load(bad)["failed"] == 1
    steps.describe(bad)
    with pytest.raises(EngineError, match=r"f1\.csv"):
        steps.archive(bad)
    assert mysql.value("SELECT COUNT(*) FROM t") == 40
    assert [path.name for path in own.input_dir.iterdir()] == ["f1.csv"]
    write(own.input_dir / "f1.csv", rows(_ROWS, 10))
    through(bad)
    assert mysql.value("SELECT COUNT(*) FROM t") == 50
    assert steps.summary("r").ok
    assert left_overs(mysql) == []


@pytest.mark.parametrize(("other", "restarts"), [("n,s,d\n5,x,2024-02-01\n", 0), ("n,s,d\nfive,x,2024-02-01\n", 1)])
def test_a_table_that_came_meanwhile_has_the_file_read_again_where_its_columns_are_others(
    own: Settings, mysql: Mysql, other: str, restarts: int
) -> None:
    write(own.input_dir / "a.csv", other)
    write(own.input_dir / "b.csv", rows(0))
    first, second = (unit.path for unit in steps.queue("r", table="t").units)
    steps.read(first)
    steps.read(second)
    steps.load(first)
    steps.load(second)
    steps.describe(second)
    steps.archive(second)
    assert mysql.rows("SELECT COUNT(*), COUNT(DISTINCT n), MAX(d) FROM t")[0][:2] == (_ROWS + 1, _ROWS + restarts)
    (report,) = steps.reports(second)
    assert (report.restarts, report.rows_loaded) == (restarts, _ROWS)
    assert [note for note in report.notes if "read a second time" in note] == (
        ["read a second time: the table has changed since its columns were planned"] if restarts else []
    )
    assert left_overs(mysql) == []


def test_a_duplicate_is_put_away_and_not_loaded(own: Settings, mysql: Mysql, catalog: Postgres) -> None:
    for name in ("a", "b"):
        write(own.input_dir / f"{name}.csv", rows(0))
        (unit,) = steps.queue(name, table="t").units
        through(unit.path)
    assert mysql.value("SELECT COUNT(*) FROM t") == _ROWS
    assert [state for _, _, state in states(catalog)] == ["success", "duplicate"]
    assert list(own.input_dir.iterdir()) == []


def test_a_file_that_changed_after_it_was_read_is_not_loaded(own: Settings, mysql: Mysql) -> None:
    path = write(own.input_dir / "t.csv", rows(0))
    (unit,) = (unit.path for unit in steps.queue("r").units)
    steps.read(unit)
    write(path, rows(5))
    with pytest.raises(EngineError, match="has changed since it was read"):
        steps.load(unit)
    through(unit)
    assert mysql.rows("SELECT COUNT(*), MIN(n) FROM t") == [(_ROWS, 5)]


def test_rows_that_the_table_refuses_are_added_to_the_rejects_once(
    own: Settings, mysql: Mysql, catalog: Postgres
) -> None:
    mysql.rows("CREATE TABLE t (n INT PRIMARY KEY, s VARCHAR(50), d DATE)")
    mysql.rows("INSERT INTO t VALUES (7, 'there', NULL)")
    write(own.input_dir / "t.csv", rows(0) + "x\n")
    (unit,) = (unit.path for unit in steps.queue("r", max_rejects=1).units)
    steps.read(unit)
    for _ in range(2):
        with pytest.raises(EngineError, match="2 of 1,001 rows are rejected"):
            steps.load(unit)
    (report,) = steps.reports(unit)
    assert report.rejects_path is not None
    assert report.rejects_path.read_text() == "n,s,d\nx\n7,row 7,2024-01-08\n"
    assert mysql.value("SELECT COUNT(*) FROM t") == 1
    assert report.rejects_by_class == {"parse": 1, "key": 1}


def test_what_a_scheduler_says_of_a_task_that_died_is_recorded(own: Settings, catalog: Postgres) -> None:
    write(own.input_dir / "t.csv", rows(0))
    (unit,) = (unit.path for unit in steps.queue("r").units)
    steps.mark(unit, "retry", "the task was killed")
    assert catalog.rows("SELECT ingestion_status, error_message FROM file_metadata") == [
        ("retry", "the task was killed")
    ]
    steps.mark(unit, "failed", "the task was killed again")
    (report,) = steps.summary("r").files
    assert report.error is not None
    assert report.error.message == "the task was killed again"
    through(unit)
    assert states(catalog) == [("t.csv", 1, "success")]
    steps.mark(unit, "failed", "too late")
    assert states(catalog) == [("t.csv", 1, "success")]


@pytest.fixture
def split(own: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("INGEST_SPLIT_MB", "0.01")
    monkeypatch.setenv("INGEST_SPLIT_PARTS", "3")
    return own


@contextmanager
def first_batches_under_way(settings: Settings, mysql: Mysql) -> Iterator[None]:
    """Hold a file's own load up at its first batches, one for each of its loaders."""
    (folder,) = (path.parent for path in settings.staging_dir.rglob("manifest.json"))
    manifest = read_manifest(folder)
    held = mysql.connect()
    cursor = held.cursor()
    cursor.execute(statement("mysql/ledger_batch.sql"))
    cursor.execute("BEGIN")
    for batch in manifest.batches[: settings.loaders]:
        cursor.execute(
            "INSERT INTO _ingest_batch (file_id, batch_no, byte_start, byte_end, first_line, rows_read, rows_loaded, crc32)"
            " VALUES (%s, %s, 0, 0, 0, 0, 0, 0)",
            (manifest.file_id.bytes, batch.number),
        )
    yield
    cursor.execute("ROLLBACK")
    held.close()


@pytest.mark.parametrize("existing", [False, True])
def test_a_large_file_is_loaded_by_several_at_once(split: Settings, mysql: Mysql, existing: bool) -> None:
    if existing:
        mysql.rows("CREATE TABLE t (n INT, s VARCHAR(50), d DATE)")
    write(split.input_dir / "t.csv", rows(0, 20_000))
    (unit,) = (unit.path for unit in steps.queue("r", batch_rows=200).units)
    steps.read(unit)
    ranges = steps.ranges(unit)
    assert [(one["first"], one["last"]) for one in ranges] == [(33, 66), (66, 100)]
    with ThreadPoolExecutor() as pool, first_batches_under_way(split, mysql):
        load = pool.submit(steps.load, unit)
        helped = list(pool.map(lambda one: steps.load_range(**one), ranges))
        assert not load.done()
    load.result()
    assert mysql.rows("SELECT COUNT(*), SUM(n), COUNT(DISTINCT n) FROM t") == [(20_000, 199_990_000, 20_000)]
    assert [one["batches"] for one in helped] == [33, 34]
    (report,) = steps.reports(unit)
    assert report.receipt is not None
    assert (report.receipt.verified, report.rows_loaded) == (True, 20_000)
    # Who comes too late doesn't wait for what is over.
    began = time.monotonic()
    assert steps.load_range(**ranges[0])["batches"] == 0
    assert time.monotonic() - began < PATIENCE_S / 2
    steps.describe(unit)
    steps.archive(unit)
    assert left_overs(mysql) == []


@pytest.fixture(scope="module")
def crasher() -> Iterator[Crasher]:
    with Crasher() as made:
        yield made


@pytest.mark.parametrize(
    ("step", "point"),
    [
        ("read", "mid-scan"),
        ("read", "after a batch is staged"),
        ("read", "before the gate"),
        ("load", "before claim"),
        ("load", "after claim"),
        ("load", "after a ledger row"),
        ("load", "mid-LOAD"),
        ("load", "before COMMIT"),
        ("load", "after COMMIT"),
        ("load", "before the index build"),
        ("load", "before RENAME"),
        ("load", "after RENAME"),
        ("load", "after the publication"),
        ("load", "before the catalog"),
        ("load", "after the report"),
        ("archive", "mid-archive"),
        ("archive", "mid-archive, reserved"),
        ("archive", "before the catalog"),
    ],
)
@pytest.mark.parametrize("existing", [False, True])
def test_a_step_that_is_killed_is_taken_again(
    own: Settings, mysql: Mysql, catalog: Postgres, crasher: Crasher, step: str, point: str, existing: bool
) -> None:
    if existing:
        if point in ("before the index build", "before RENAME", "after RENAME"):
            pytest.skip("nothing is renamed where rows are appended")
        mysql.rows("CREATE TABLE t (n INT, s VARCHAR(50), d DATE)")
    write(own.input_dir / "t.csv", rows(0))
    (unit,) = (unit.path for unit in steps.queue("r", batch_rows=200).units)
    before = ["read", "load", "describe", "archive"]
    for name in before[: before.index(step)]:
        getattr(steps, name)(unit)
    job = Job(settings={**plain(own), "settle_s": 0}, overrides={}, point=point, step=(step, unit))
    assert crasher.run(job) == -signal.SIGKILL
    for name in before[before.index(step) :]:
        getattr(steps, name)(unit)
    assert mysql.rows("SELECT COUNT(*), SUM(n), COUNT(DISTINCT n) FROM t") == [(_ROWS, _ROWS * (_ROWS - 1) // 2, _ROWS)]
    assert mysql.rows("SELECT COUNT(*) FROM _ingest_file WHERE state = 'published'") == [(1,)]
    assert states(catalog)[-1][2] == "success"
    assert {state for _, _, state in states(catalog)} <= {"success", "failed"}
    assert list(own.input_dir.iterdir()) == []
    assert steps.summary("r").ok
    assert left_overs(mysql) == []
    assert list(own.staging_dir.rglob("batch-*")) == []


def test_nobody_helps_a_load_that_is_over(split: Settings, mysql: Mysql) -> None:
    write(split.input_dir / "t.csv", rows(0))
    (unit,) = (unit.path for unit in steps.queue("r", batch_rows=10).units)
    steps.read(unit)
    ranges = steps.ranges(unit)
    steps.load(unit)
    steps.archive(unit)
    assert steps.ranges(unit) == []
    assert [steps.load_range(**one) for one in ranges] == [{"batches": 0, "rows": 0}] * 2
    assert mysql.value("SELECT COUNT(*) FROM t") == _ROWS
