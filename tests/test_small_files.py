"""Many small files one after another: each costs little, and what is told of them together is told of each."""

from __future__ import annotations

import gzip
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine import FileStatus, Settings, ingest_files
from engine.catalog import Catalog
from engine.load import Address, Control, ledger, locking
from engine.model import Progress
from engine.pipeline import grouping
from tests.catalog_reports import new_id, start
from tests.crashing import Crasher, Job
from tests.fix_mysql import Mysql
from tests.fix_postgres import Postgres
from tests.test_exactly_once import plain
from tests.test_pipeline_modes import left_overs, write

_IN = "SELECT state, attempt, COUNT(*), SUM(rows_loaded), MIN(cataloged) FROM _ingest_file GROUP BY state, attempt"
_TOLD = (
    "SELECT ingestion_status, count(*), sum(rows_loaded), sum((SELECT count(*) FROM column_metadata c "
    "WHERE c.file_metadata_id = f.id)) FROM file_metadata f GROUP BY ingestion_status"
)


@pytest.fixture
def long_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no group end because the machine is slow."""
    monkeypatch.setattr(grouping, "_LONGEST_S", 3_600.0)


@pytest.fixture(scope="module")
def crasher() -> Iterator[Crasher]:
    with Crasher() as made:
        yield made


def put(settings: Settings, first: int, count: int, *, table: str = "t") -> None:
    """Write files of three rows each into the input folder, which all go to one table."""
    for number in range(first, first + count):
        text = "n,s,d\n" + "".join(f'{10 * number + row},"row {row}",2024-01-0{row + 1}\n' for row in range(3))
        write(settings.input_dir / f"{table}_{number:03}.csv", text)


def archived(settings: Settings) -> list[Path]:
    return sorted(path for path in settings.archive_dir.rglob("*") if path.is_file())


@pytest.mark.usefixtures("long_groups")
def test_a_further_file_costs_a_dozen_statements_and_one_commit(settings: Settings, mysql_server: Mysql) -> None:
    def cost(first: int, count: int) -> dict[str, int]:
        put(settings, first, count)
        names = ("Questions", "Com_commit", "Connections")
        asked = f"SHOW GLOBAL STATUS WHERE Variable_name IN {names}"
        before = {str(name): int(str(value)) for name, value in mysql_server.rows(asked)}
        assert ingest_files(None, settings, table="t").ok
        return {str(name): int(str(value)) - before[str(name)] for name, value in mysql_server.rows(asked)}

    cost(0, 1)
    few, more = cost(10, 5), cost(20, 25)
    further = {name: (more[name] - few[name]) / 20 for name in more}
    # The report of each is written once more when it's known where the file went to, in one transaction for all.
    assert further["Questions"] <= 12
    assert further["Com_commit"] <= 1
    assert further["Connections"] == 0


@pytest.mark.usefixtures("long_groups")
def test_each_file_of_a_group_is_loaded_told_and_put_away(settings: Settings, mysql: Mysql, catalog: Postgres) -> None:
    put(settings, 0, 7)
    report = ingest_files(None, settings, table="t")
    assert [file.status for file in report.files] == [FileStatus.LOADED] * 7
    assert [file.path.name for file in report.files] == [f"t_{number:03}.csv" for number in range(7)]
    assert mysql.rows(_IN) == [("published", 1, 7, 21, 1)]
    assert mysql.value("SELECT COUNT(*) FROM _ingest_batch") == 7
    assert catalog.rows(_TOLD) == [("success", 7, 21, 21)]
    places = sorted(str(file.archived_to) for file in report.files)
    assert [str(path) for path in archived(settings)] == places
    assert sorted(str(row[0]) for row in catalog.rows("SELECT archived_to FROM file_metadata")) == places
    kept = mysql.rows("SELECT JSON_UNQUOTE(JSON_EXTRACT(report, '$.archived_to')) FROM _ingest_file")
    assert sorted(str(row[0]) for row in kept) == places


@pytest.mark.usefixtures("long_groups")
def test_a_file_that_fails_amid_others_is_told_and_stays(settings: Settings, mysql: Mysql, catalog: Postgres) -> None:
    put(settings, 0, 4)
    write(settings.input_dir / "t_001.csv", "n,s,d\n1,x,2024-01-01\nmany,x,2024-01-01\n")
    report = ingest_files(None, settings, table="t")
    wanted = [FileStatus.LOADED, FileStatus.HELD, FileStatus.LOADED, FileStatus.LOADED]
    assert [file.status for file in report.files] == wanted
    assert sorted(mysql.rows(_IN)) == [("held", 1, 1, None, 1), ("published", 1, 3, 9, 1)]
    assert sorted(str(row[0]) for row in catalog.rows(_TOLD)) == ["held", "success"]
    assert [path.name for path in settings.input_dir.iterdir()] == ["t_001.csv"]
    put(settings, 1, 1)
    assert ingest_files(None, settings, table="t").ok
    assert mysql.value("SELECT COUNT(*) FROM t") == 12


@pytest.mark.usefixtures("long_groups")
def test_the_same_bytes_twice_in_a_group_are_loaded_once(settings: Settings, mysql: Mysql) -> None:
    put(settings, 0, 2)
    write(settings.input_dir / "t_002.csv", (settings.input_dir / "t_001.csv").read_bytes())
    report = ingest_files(None, settings, table="t")
    assert [file.status for file in report.files] == [FileStatus.LOADED, FileStatus.LOADED, FileStatus.DUPLICATE]
    assert mysql.value("SELECT COUNT(*) FROM t") == 6
    assert len(archived(settings)) == 3


@pytest.mark.parametrize(
    "point",
    [
        "before the one COMMIT",
        "after the one COMMIT",
        "mid-LOAD",
        "before COMMIT",
        "after COMMIT",
        "after the publication",
        "mid-archive, reserved",
        "mid-archive",
        "after the archive",
        "before the catalog",
        "after the catalog",
        "after the report",
    ],
)
def test_a_group_that_was_cut_short_is_caught_up_with(
    crasher: Crasher, settings: Settings, mysql: Mysql, catalog: Postgres, point: str
) -> None:
    put(settings, 0, 1)
    assert ingest_files(None, settings, table="t").ok
    put(settings, 1, 4)
    job = Job(settings=plain(settings), overrides={"table": "t"}, point=point, spills=False)
    assert crasher.run(job) == -signal.SIGKILL
    assert ingest_files(None, settings, table="t").ok
    assert mysql.rows("SELECT n FROM t ORDER BY n") == [(10 * file + row,) for file in range(5) for row in range(3)]
    assert mysql.rows(_IN) == [("published", 1, 5, 15, 1)]
    assert {str(row[0]): row[1:] for row in catalog.rows(_TOLD)}["success"] == (5, 15, 15)
    assert catalog.value("SELECT count(*) FROM file_metadata WHERE ingestion_status = 'running'") == 0
    assert list(settings.input_dir.iterdir()) == []
    assert len(archived(settings)) == 5
    assert left_overs(mysql) == []


@pytest.mark.usefixtures("long_groups")
def test_a_table_that_somebody_changes_between_two_files_is_looked_at_again(settings: Settings, mysql: Mysql) -> None:
    put(settings, 0, 1)
    assert ingest_files(None, settings, table="t").ok
    put(settings, 1, 1)
    write(settings.input_dir / "t_002.csv", "n,s,d,more\n31,x,2024-01-01,7\n")
    changed: list[str] = []

    def change(progress: object) -> None:
        if not changed:
            changed.append(str(progress))
            mysql.rows("ALTER TABLE t ADD COLUMN more INT NULL")

    report = ingest_files(None, settings, table="t", on_progress=change)
    assert [file.error for file in report.files] == [None, None]
    assert mysql.rows("SELECT n, more FROM t WHERE more IS NOT NULL") == [(31, 7)]


@pytest.mark.usefixtures("long_groups")
def test_who_waits_for_a_table_lets_others_into_those_that_are_done(
    settings: Settings, address: Address, mysql: Mysql
) -> None:
    put(settings, 0, 1, table="a")
    put(settings, 0, 1, table="b")
    for table in ("a_000", "b_000"):
        mysql.rows(f"CREATE TABLE {table} (n INT, s VARCHAR(20), d DATE)")
    other = Control(address, connect_timeout_s=5)
    ledger.ensure(other)
    locking.lock(other, "b_000", 5)
    worker = threading.Thread(target=ingest_files, args=(None, settings))
    worker.start()
    try:
        deadline = time.monotonic() + 60
        while mysql.value("SELECT COUNT(*) FROM _ingest_file WHERE cataloged = 1") != 1 or not locking.is_free(
            other, "a_000"
        ):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert worker.is_alive()
    finally:
        locking.unlock(other)
        other.close()
        worker.join()
    assert mysql.rows("SELECT target, state FROM _ingest_file ORDER BY target") == [
        ("a_000", "published"),
        ("b_000", "published"),
    ]


@pytest.mark.usefixtures("long_groups")
def test_who_is_interrupted_has_told_what_was_in_and_goes_on(
    settings: Settings, mysql: Mysql, catalog: Postgres
) -> None:
    put(settings, 0, 1)
    assert ingest_files(None, settings, table="t").ok
    put(settings, 1, 4)

    def interrupt(progress: Progress) -> None:
        if progress.file == "t_003.csv":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest_files(None, settings, table="t", on_progress=interrupt)
    assert sorted(mysql.rows(_IN)) == [("failed", 1, 1, None, 1), ("published", 1, 3, 9, 1)]
    assert sorted(str(row[0]) for row in catalog.rows(_TOLD)) == ["failed", "success"]
    assert sorted(path.name for path in settings.input_dir.iterdir()) == ["t_003.csv", "t_004.csv"]
    assert ingest_files(None, settings, table="t").ok
    assert mysql.rows("SELECT n FROM t ORDER BY n") == [(10 * file + row,) for file in range(5) for row in range(3)]
    assert len(archived(settings)) == 5
    assert left_overs(mysql) == []


@pytest.mark.usefixtures("long_groups")
def test_a_row_that_is_rejected_or_refused_in_a_small_file_is_kept(
    settings: Settings, mysql: Mysql, catalog: Postgres
) -> None:
    mysql.rows("CREATE TABLE t (n INT PRIMARY KEY, s VARCHAR(20), d DATE)")
    put(settings, 0, 3)
    write(settings.input_dir / "t_001.csv", "n,s,d\n11,x,2024-01-01\nmany,x,2024-01-01\n1,x,2024-01-01\n")
    report = ingest_files(None, settings, table="t", overrides={"max_rejects": 2})
    assert [(file.status, file.rows_loaded, file.rows_rejected) for file in report.files] == [
        (FileStatus.LOADED, 3, 0),
        (FileStatus.LOADED, 1, 2),
        (FileStatus.LOADED, 3, 0),
    ]
    kept = report.files[1].rejects_path
    assert kept is not None
    assert kept.read_text() == "n,s,d\nmany,x,2024-01-01\n1,x,2024-01-01\n"
    assert mysql.rows("SELECT n FROM t ORDER BY n") == [(0,), (1,), (2,), (11,), (20,), (21,), (22,)]
    assert mysql.rows("SELECT rows_loaded, rows_rejected FROM _ingest_file WHERE rows_rejected > 0") == [(1, 2)]
    assert catalog.rows(
        "SELECT rows_loaded, rows_rejected, rejects_path FROM file_metadata WHERE rows_rejected > 0"
    ) == [(1, 2, str(kept))]


def test_who_never_gets_a_table_says_nothing_of_the_one_who_has_it(
    settings: Settings, address: Address, mysql: Mysql, catalog: Postgres, catalog_url: str
) -> None:
    put(settings, 0, 1)
    path = settings.input_dir / "t_000.csv"
    other = Control(address, connect_timeout_s=5)
    ledger.ensure(other)
    locking.lock(other, "t", 5)
    with Catalog.connect(catalog_url, connect_timeout_s=5) as told:
        told.begin(replace(start(new_id(), path=path), table="t"))
    report = ingest_files(None, settings.model_copy(update={"lock_wait_s": 1}), table="t")
    other.close()
    assert report.files[0].error is not None
    assert report.files[0].error.code == "load.locked"
    assert sorted(catalog.rows("SELECT ingestion_status, error_code FROM file_metadata")) == [
        ("failed", "load.locked"),
        ("running", None),
    ]
    assert mysql.value("SELECT COUNT(*) FROM _ingest_file") == 0


def test_a_small_file_that_unpacks_to_a_large_one_is_told_as_it_begins(settings: Settings, catalog: Postgres) -> None:
    write(settings.input_dir / "t.csv.gz", gzip.compress(b"n,s\n" + b"1,row\n" * 100_000))
    seen: list[object] = []

    def look(_progress: object) -> None:
        seen.append(catalog.value("SELECT ingestion_status FROM file_metadata"))

    assert ingest_files(None, settings, table="t", on_progress=look).ok
    assert seen[0] == "running"
    assert catalog.value("SELECT ingestion_status FROM file_metadata") == "success"
