"""What starts runs by itself, and who hears of them: arrival, schedule, alerts, lineage, ranges of a large file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fix_airflow import Airflow
from tests.fix_catchers import Mails, Posts, connections
from tests.test_dag_runs import expected, put, table

# The DAG of the checkout under another name and with settings of its own, wherever the file is read.
_COPY = """
import os
os.environ.update({environment!r})
source = open({file!r}).read()
for old, new in {names!r}.items():
    assert old in source
    source = source.replace(old, new)
exec(compile(source, {file!r}, "exec"))
"""


def copy_of_dag(
    airflow: Airflow, root: Path, name: str, environment: Mapping[str, str], source: str = "csv_to_mysql_with_metadata"
) -> None:
    dag_id = "csv_to_mysql_batch_ranges" if source == "load_batch_ranges" else source
    text = _COPY.format(
        environment=dict(environment),
        file=str(root / "dags" / f"{source}.py"),
        names={f'dag_id="{dag_id}"': f'dag_id="{name}"'},
    )
    (airflow.dags / f"{name}.py").write_text(f"# airflow DAG\n{text}")
    airflow.wait_for_dag(name)


def runs(airflow: Airflow, dag_id: str) -> dict[str, dict[str, Any]]:
    """Runs by their type; the latest of each."""
    found = airflow.call("GET", f"/dags/{dag_id}/dagRuns", order_by="run_after")["dag_runs"]
    return {run["run_type"]: run for run in found}


def test_a_file_that_arrives_starts_a_run(airflow: Airflow, root: Path) -> None:
    data = airflow.settings.data_dir / "arriving"
    (data / "input").mkdir(parents=True)
    environment = {"HEADRACE_ON_ARRIVAL": "true", "HEADRACE_ARRIVAL_POLL_S": "1", "INGEST_DATA_DIR": str(data)}
    copy_of_dag(airflow, root, "arriving", environment)
    put(data / "input", "arrived.csv", 7)
    (data / "input" / "arriving.csv.part").write_text("n,s\n1,")
    run = airflow.until(lambda: runs(airflow, "arriving").get("asset_triggered"), "the run of the file", 90)
    assert airflow.wait(run["dag_run_id"], dag_id="arriving") == "success"
    assert table(airflow, "arrived") == expected(7)
    assert [path.name for path in (data / "input").iterdir()] == ["arriving.csv.part"]
    events = airflow.call("GET", "/assets/events", order_by="-timestamp", limit=100)["asset_events"]
    (payload,) = (one["extra"]["payload"] for one in events if one["uri"] == "headrace://data/input")
    assert payload == {"folder": str(data / "input"), "files": 1, "names": ["arrived.csv"]}


@pytest.mark.slow
def test_the_clock_starts_a_run_and_a_run_without_files_is_a_success(airflow: Airflow, root: Path) -> None:
    environment = {"HEADRACE_SCHEDULE": "* * * * *", "INGEST_DATA_DIR": str(airflow.settings.data_dir / "clocked")}
    copy_of_dag(airflow, root, "clocked", environment)
    run = airflow.until(lambda: runs(airflow, "clocked").get("scheduled"), "the run of the clock", 120)
    assert airflow.wait(run["dag_run_id"], dag_id="clocked") == "success"
    states = airflow.states(run["dag_run_id"], dag_id="clocked")
    assert states["log_pipeline_summary"] == states["end"] == ["success"]
    assert states["process_file.load_data_to_mysql"] == ["skipped"]
    # It would go on every minute.
    airflow.call("PATCH", "/dags/clocked", {"is_paused": True})


def test_alerts_of_a_run_name_file_error_and_link(airflow: Airflow, root: Path, hook: Posts, mails: Mails) -> None:
    environment = {
        **connections(hook, mails),
        "HEADRACE_ALERTS": "smtp,slack,webhook",
        "HEADRACE_ALERT_ON": "failure,rejects",
        "HEADRACE_ALERT_TO": "operator@example.org",
    }
    copy_of_dag(airflow, root, "alerting", environment)
    folder = airflow.folder("alerting")
    put(folder, "alerting_bad.csv", 5, bad=True)
    run = airflow.run({"folder": str(folder)}, dag_id="alerting")
    assert airflow.state(run, dag_id="alerting") == "failed"
    (body,) = [body for path, _, body in hook.got if path.startswith("/hook")]
    assert (body["event"], body["run_id"]) == ("failure", run)
    assert [file["name"] for file in body["files"]] == ["alerting_bad.csv"]
    assert "rejected" in body["files"][0]["message"]
    task_id = "process_file.read_and_validate_csv"
    assert body["link"] == f"{airflow.url}/dags/alerting/runs/{run}/tasks/{task_id}/mapped/0?try_number=1"
    (mail,) = mails.got
    assert "alerting_bad.csv" in mail["Subject"]
    assert len([path for path, _, _ in hook.got if path.startswith("/slack")]) == 1
    log = airflow.log(run, task_id, 0, dag_id="alerting")
    assert "alert sent by slack" in log
    assert "s3cret" not in log

    hook.got.clear()
    put(folder, "alerting_bad.csv", 5, bad=True)
    run = airflow.run({"folder": str(folder), "max_rejects": 1}, dag_id="alerting")
    assert airflow.state(run, dag_id="alerting") == "success"
    (body,) = [body for path, _, body in hook.got if path.startswith("/hook")]
    assert body["event"] == "rejects"
    assert body["files"][0]["message"].startswith("1 of 5 rows were rejected")


def test_lineage_says_what_the_load_measured(airflow: Airflow, root: Path, tmp_path: Path) -> None:
    folder = airflow.folder("traced")
    file = put(folder, "traced.csv", 40)
    run = airflow.run({"folder": str(folder)})
    assert airflow.state(run) == "success"
    events = [json.loads(line) for line in (airflow.settings.data_dir / "lineage.jsonl").read_text().splitlines()]
    (event,) = [one for one in events if one["eventType"] == "RUNNING" and one["inputs"][0]["name"] == str(file)]
    assert event["job"]["name"] == "csv_to_mysql_with_metadata.process_file.load_data_to_mysql"
    (source,), (target,) = event["inputs"], event["outputs"]
    metrics = source["inputFacets"]["dataQualityMetrics"]
    assert (metrics["rowCount"], metrics["columnMetrics"]["n"]["sum"]) == (40, sum(range(40)))
    assert metrics["columnMetrics"]["s"]["distinctCount"] == 40
    address = airflow.settings.mysql_url.get_secret_value().rpartition("@")[2]  # type: ignore[union-attr]  # there is one
    assert f"{target['namespace']}/{target['name']}" == f"mysql://{address}.traced"
    assert [field["name"] for field in target["facets"]["schema"]["fields"]] == ["n", "s"]
    origin = target["facets"]["columnLineage"]["fields"]["n"]["inputFields"][0]
    assert (origin["name"], origin["field"]) == (str(file), "n")
    assert target["outputFacets"]["outputStatistics"]["rowCount"] == 40


@pytest.mark.slow
def test_a_large_file_is_loaded_by_several_tasks(airflow: Airflow, root: Path) -> None:
    environment = {"INGEST_SPLIT_MB": "0.05", "INGEST_SPLIT_PARTS": "3"}
    copy_of_dag(airflow, root, "splitting", environment)
    folder = airflow.folder("split_up")
    put(folder, "split_up.csv", 20_000)
    run = airflow.run({"folder": str(folder), "batch_rows": 100}, dag_id="splitting")
    assert airflow.state(run, dag_id="splitting") == "success"
    assert table(airflow, "split_up") == expected(20_000)

    def helped() -> list[dict[str, Any]]:
        found = airflow.call("GET", "/dags/csv_to_mysql_batch_ranges/dagRuns")["dag_runs"]
        return [one for one in found if one["state"] == "success"]

    (helping,) = airflow.until(helped, "the run that helps", 90)
    states = airflow.states(helping["dag_run_id"], dag_id="csv_to_mysql_batch_ranges")
    assert states["load_batch_range"] == ["success"] * 2
