"""The DAG on a running Airflow: every way to start it, and what the table, the catalog and the states are then."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from tests.fix_airflow import DAG_ID, Airflow

READ, LOAD, DESCRIBE, ARCHIVE = (
    f"process_file.{task}"
    for task in ("read_and_validate_csv", "load_data_to_mysql", "extract_and_store_metadata", "archive_processed_file")
)
# Airflow stores what a task returns with the run, in a row of its own.
MOST_XCOM_BYTES = 10_000
_ASSET_DAG = """
from airflow.sdk import Asset, dag, get_current_context, task

TABLE = Asset("{uri}")

@dag(schedule=[TABLE], catchup=False)
def after_the_load():
    @task
    def extra():
        # The alias through which they came has them as well.
        return [event.extra for event in get_current_context()["triggering_asset_events"][TABLE]]
    extra()

after_the_load()
"""


def put(folder: Path, name: str, rows: int, *, bad: bool = False) -> Path:
    """Write a file of two columns; a bad one has a row with a field too many, which nothing allows."""
    path = folder / name
    lines = [f"{n},name {n}" for n in range(rows)]
    if bad:
        lines[1] += ",surplus"
    path.write_text("n,s\n" + "\n".join(lines) + "\n")
    return path


def table(airflow: Airflow, name: str) -> list[tuple[object, ...]]:
    return airflow.mysql.rows(f"SELECT n, s FROM {name} ORDER BY n")


def expected(rows: int) -> list[tuple[object, ...]]:
    return [(n, f"name {n}") for n in range(rows)]


def catalog(airflow: Airflow, run_id: str) -> dict[str, tuple[str, str]]:
    """State and error of each file of a run."""
    rows = airflow.catalog.rows(
        "SELECT DISTINCT ON (file_name) file_name, ingestion_status, error_message FROM file_metadata "
        "WHERE run_id = %s ORDER BY file_name, id DESC",
        (run_id,),
    )
    return {str(name): (str(status), str(error or "")) for name, status, error in rows}


def names(airflow: Airflow, run_id: str, task_id: str) -> dict[str, str]:
    """States of a mapped task by the name that the run's page shows."""
    return {
        one["rendered_map_index"] or str(one["map_index"]): one["state"]
        for one in airflow.tasks(run_id)
        if one["task_id"] == task_id
    }


def test_the_scheduler_has_loaded_what_the_workers_forked_from_it_need(airflow: Airflow) -> None:
    assert "polars" in Path(f"/proc/{airflow.pids('scheduler')[0]}/maps").read_text()


def test_a_bad_file_fails_alone_and_turns_green_when_it_is_corrected(airflow: Airflow) -> None:
    address = airflow.settings.mysql_url.get_secret_value().rpartition("@")[2]  # type: ignore[union-attr]  # there is one
    (airflow.dags / "after_the_load.py").write_text(_ASSET_DAG.format(uri=f"mysql://{address}/mixed_b"))
    folder = airflow.folder("mixed")
    for name, rows in (("mixed_a.csv", 3), ("mixed_b.csv", 30), ("mixed_c.csv", 300)):
        put(folder, name, rows)
    bad = put(folder, "mixed_d.csv", 5, bad=True)
    airflow.wait_for_dag("after_the_load")
    run = airflow.run({"folder": str(folder)})

    assert airflow.state(run) == "failed"
    assert airflow.states(run)["log_pipeline_summary"] == ["success"]
    assert airflow.states(run)["end"] == ["upstream_failed"]
    good = {"mixed_a.csv": "success", "mixed_b.csv": "success", "mixed_c.csv": "success"}
    assert names(airflow, run, READ) == {**good, "mixed_d.csv": "failed"}
    # What wasn't run has no name: it's rendered in the task.
    assert names(airflow, run, ARCHIVE) == {**good, "3": "upstream_failed"}
    (failed,) = [one for one in airflow.tasks(run) if one["state"] == "failed"]
    assert failed["try_number"] == 1
    assert [path.name for path in folder.iterdir()] == ["mixed_d.csv"]
    assert table(airflow, "mixed_c") == expected(300)
    recorded = catalog(airflow, run)
    assert {name: status for name, (status, _) in recorded.items()} == {**good, "mixed_d.csv": "held"}
    assert "rejected" in recorded["mixed_d.csv"][1]
    assert recorded["mixed_d.csv"][1] in airflow.log(run, READ, 3)
    summary = airflow.xcom(run, "log_pipeline_summary")
    assert (summary["files"], summary["ok"], summary["rows_loaded"]) == (4, False, 333)
    for name in ("mixed_a.csv", "mixed_d.csv"):
        assert name in airflow.log(run, "log_pipeline_summary")
    for task_id in ("scan_for_csv_files", "log_pipeline_summary"):
        assert len(json.dumps(airflow.xcom(run, task_id))) < MOST_XCOM_BYTES
    assert len(json.dumps(airflow.xcom(run, READ, 2))) < MOST_XCOM_BYTES

    put(folder, bad.name, 5)
    cleared = airflow.clear(run, [(READ, 3)])
    assert {one["task_id"] for one in cleared} == {READ, LOAD, DESCRIBE, ARCHIVE, "log_pipeline_summary", "end"}
    assert airflow.wait(run) == "success"
    assert names(airflow, run, ARCHIVE) == {**good, "mixed_d.csv": "success"}
    assert table(airflow, "mixed_d") == expected(5)
    assert {status for status, _ in catalog(airflow, run).values()} == {"success"}
    assert list(folder.iterdir()) == []

    after = airflow.until(
        lambda: airflow.call("GET", "/dags/after_the_load/dagRuns")["dag_runs"], "the run that waited for the table"
    )
    assert airflow.wait(after[0]["dag_run_id"], dag_id="after_the_load") == "success"
    (extra,) = airflow.xcom(after[0]["dag_run_id"], "extra", dag_id="after_the_load")
    (load,) = extra["loads"]
    assert (extra["run"], extra["files"], extra["rows"], extra["rejected"]) == (run, 1, 30, 0)
    assert (load["file"], load["rows"], len(load["sha256"])) == ("mixed_b.csv", 30, 64)
    # The run ended twice, and the table is told of once.
    assert airflow.call("GET", "/dags/after_the_load/dagRuns")["total_entries"] == 1


def test_the_command_line_starts_a_run(airflow: Airflow) -> None:
    folder = airflow.folder("by_command")
    put(folder, "by_command.csv", 4)
    put(folder, "left_alone.csv", 4)
    conf = {"folder": str(folder), "pattern": "by_*.csv", "table": "commanded", "batch_rows": 3, "max_rejects": "1%"}
    scheduler = psutil.Process(airflow.pids("scheduler")[0])
    subprocess.run(
        [sys.executable, "-m", "airflow", "dags", "trigger", DAG_ID, "-r", "by_command", "-c", json.dumps(conf)],
        env={**os.environ, **scheduler.environ()},
        check=True,
        capture_output=True,
    )
    assert airflow.wait("by_command") == "success"
    assert table(airflow, "commanded") == expected(4)
    batches = "SELECT COUNT(*) FROM _ingest_batch JOIN _ingest_file USING (file_id) WHERE target = 'commanded'"
    assert airflow.mysql.value(batches) == 2
    assert [path.name for path in folder.iterdir()] == ["left_alone.csv"]


@pytest.mark.parametrize(
    "conf", [{"batch_rows": 0}, {"batch_rows": "many"}, {"max_rejects": "a few"}, {"feed": "unheard of"}, {"folder": 7}]
)
def test_a_param_that_makes_no_sense_is_refused(airflow: Airflow, conf: dict[str, object]) -> None:
    airflow.wait_for_dag()
    answer = httpx.post(
        f"{airflow.url}/api/v2/dags/{DAG_ID}/dagRuns",
        json={"logical_date": None, "conf": conf},
        headers={"Authorization": f"Bearer {airflow.token}"},
    )
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert next(iter(conf)) in answer.text
