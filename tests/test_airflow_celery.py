"""The DAG on two Celery workers: files spread over both, and one large file loaded by both at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from engine import ingest_files
from engine.load import Address, Control
from engine.load.locking import lock
from tests.fix_airflow import Airflow, start_airflow

pytestmark = [pytest.mark.slow, pytest.mark.airflow]
_BATCH_ROWS = 2_000
_ROWS = 400_000
_LOAD = "process_file.load_data_to_mysql"
_HELPER = "csv_to_mysql_batch_ranges"
_WORKERS = ("worker-1", "worker-2")


@pytest.fixture(scope="module")
def celery(
    servers_dir: Path, airflow_databases: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Airflow]:
    yield from start_airflow(
        servers_dir / "celery",
        *airflow_databases,
        tmp_path_factory.mktemp("celery") / "data",
        environment={
            "INGEST_SPLIT_PARTS": "2",
            "INGEST_SPLIT_MB": "1",
            # Small batches, so that a file that is made in a second has enough for both.
            "INGEST_BATCH_ROWS": str(_BATCH_ROWS),
            # A worker does one thing at a time: what goes on beside the load is on the other.
            "HEADRACE_WORKER_CONCURRENCY": "1",
        },
        celery=len(_WORKERS),
    )


def test_files_are_spread_over_both_workers(celery: Airflow) -> None:
    folder = celery.folder("spread")
    for number in range(4):
        (folder / f"f{number}.csv").write_text(f"n,s\n{number},x\n")
    run_id = celery.run({"folder": str(folder), "table": "spread"}, timeout_s=300)
    assert celery.state(run_id) == "success"
    assert celery.mysql.rows("SELECT COUNT(*), COUNT(DISTINCT n) FROM spread") == [(4, 4)]
    done = [celery.home.log(name).read_text().count(" succeeded in ") for name in _WORKERS]
    assert min(done) > 0
    assert sum(done) >= 4 * 4


def test_one_large_file_is_loaded_by_both(celery: Airflow) -> None:
    text = "n,s,d\n" + "".join(f"{n},row {n % 1000},2024-01-{n % 28 + 1:02d}\n" for n in range(_ROWS))
    direct = celery.settings.data_dir / "direct.csv"
    direct.write_text(text)
    ingest_files([direct], celery.settings.model_copy(update={"batch_rows": _BATCH_ROWS}), table="direct")
    folder = celery.folder("large")
    (folder / "large.csv").write_text(text)

    def helping() -> str | None:
        runs = celery.call("GET", f"/dags/{_HELPER}/dagRuns")["dag_runs"]
        states = celery.states(runs[0]["dag_run_id"], dag_id=_HELPER) if runs else {}
        return runs[0]["dag_run_id"] if states.get("load_batch_range") == ["running"] else None

    assert celery.settings.mysql_url is not None
    address = Address.parse(celery.settings.mysql_url.get_secret_value())
    with closing(Control(address, connect_timeout_s=10)) as another:
        # The load waits for its turn until the other worker is there to help.
        lock(another, "large", 10)
        run_id = celery.trigger({"folder": str(folder), "table": "large"})
        helper = celery.until(helping, "the task that helps", 120, lambda: celery.states(run_id))
    assert celery.wait(run_id, timeout_s=300) == "success"
    sums = "SELECT COUNT(*), SUM(n), COUNT(DISTINCT n), MIN(d), MAX(s) FROM "
    assert celery.mysql.rows(sums + "large") == celery.mysql.rows(sums + "direct")
    assert celery.mysql.value("SELECT COUNT(*) FROM large") == _ROWS
    celery.wait(helper, dag_id=_HELPER)
    helped = celery.xcom(helper, "load_batch_range", 0, dag_id=_HELPER)
    # The load goes on until all is in, and its worker does nothing else meanwhile.
    assert 0 < helped["batches"] < _ROWS // _BATCH_ROWS
    for name in _WORKERS:
        assert "concurrency: 1 (prefork)" in celery.home.log(name).read_text()
    statistics = """SELECT c.column_name, null_count, unique_count, min_value, max_value, mean, stddev, quantiles, top_values,
        histogram, sample_values, total FROM column_metadata c JOIN file_metadata f ON f.id = file_metadata_id
        WHERE target_table = %s ORDER BY position"""
    assert celery.catalog.rows(statistics, ("large",)) == celery.catalog.rows(statistics, ("direct",))
    assert len(celery.catalog.rows(statistics, ("large",))) == 3
