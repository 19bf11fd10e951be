"""Many calls at once in one process: each its own, loads into one table in turns, every row in, once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

from engine import FileStatus, RunReport, Settings, ingest_files
from tests.fix_mysql import Mysql
from tests.fix_postgres import Postgres
from tests.test_pipeline_modes import left_overs, only, write

_THREADS = 6
_ROWS = 300


def numbered(path: Path, first: int) -> Path:
    return write(path, "n,s\n" + "".join(f"{n},row {n}\n" for n in range(first, first + _ROWS)))


def together(settings: Settings, files: list[Path], tables: list[str]) -> list[RunReport]:
    """Load each file in a thread of its own; all start at the same moment."""
    ready = threading.Barrier(len(files))

    def load(path: Path, table: str) -> RunReport:
        ready.wait(30)
        return ingest_files([path], settings, table=table)

    with ThreadPoolExecutor(len(files)) as pool:
        return list(pool.map(load, files, tables))


def test_files_into_tables_of_their_own(settings: Settings, mysql: Mysql, catalog: Postgres, tmp_path: Path) -> None:
    small = settings.model_copy(update={"batch_rows": 50})
    files = [numbered(tmp_path / f"f{n}.csv", n * _ROWS) for n in range(_THREADS)]
    reports = together(small, files, [f"t{n}" for n in range(_THREADS)])
    assert [only(report).error for report in reports] == [None] * _THREADS
    for n in range(_THREADS):
        assert mysql.rows(f"SELECT COUNT(*), MIN(n), COUNT(DISTINCT n) FROM t{n}") == [(_ROWS, n * _ROWS, _ROWS)]
    assert left_overs(mysql) == []
    assert catalog.value("SELECT count(*) FROM file_metadata WHERE ingestion_status = 'success'") == _THREADS


def test_files_into_one_table_that_isn_t_there_yet(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    small = settings.model_copy(update={"batch_rows": 50})
    files = [numbered(tmp_path / f"f{n}.csv", n * _ROWS) for n in range(_THREADS)]
    reports = together(small, files, ["t"] * _THREADS)
    assert [only(report).error for report in reports] == [None] * _THREADS
    rows = _THREADS * _ROWS
    assert mysql.rows("SELECT COUNT(*), COUNT(DISTINCT n), SUM(n) FROM t") == [
        (rows, rows, Decimal(rows * (rows - 1) // 2))
    ]
    assert left_overs(mysql) == []


def test_one_file_named_by_all_is_loaded_by_one(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    path = numbered(tmp_path / "f.csv", 0)
    reports = together(settings, [path] * _THREADS, ["t"] * _THREADS)
    statuses = sorted(only(report).status.value for report in reports)
    assert statuses == [FileStatus.DUPLICATE.value] * (_THREADS - 1) + [FileStatus.LOADED.value]
    assert mysql.value("SELECT COUNT(*) FROM t") == _ROWS
    assert mysql.value("SELECT COUNT(*) FROM _ingest_file WHERE state = 'published'") == 1


def test_a_call_that_fails_leaves_the_others_alone(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    files = [numbered(tmp_path / f"f{n}.csv", n * _ROWS) for n in range(3)]
    write(files[1], "n,s\n1,x\n2\n")
    reports = together(settings, files, ["t"] * 3)
    statuses = [only(report).status for report in reports]
    assert statuses == [FileStatus.LOADED, FileStatus.HELD, FileStatus.LOADED]
    assert mysql.value("SELECT COUNT(*) FROM t") == 2 * _ROWS


def test_calls_leave_no_thread_behind(settings: Settings, tmp_path: Path) -> None:
    ingest_files([numbered(tmp_path / "a.csv", 0)], settings, table="t")
    before = {thread.name for thread in threading.enumerate()}
    ingest_files([numbered(tmp_path / "b.csv", _ROWS)], settings, table="t")
    assert {thread.name for thread in threading.enumerate()} <= before
