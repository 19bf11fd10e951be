"""The DAGs as they are parsed: tasks, order, params, schedules; nothing is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from engine.config import Settings
from engine.errors import SettingsError

# Not imported, which takes as long as collecting all tests.
pytestmark = pytest.mark.skipif(find_spec("airflow") is None, reason="the DAGs need Airflow: make setup-airflow")

DAG = "dags/csv_to_mysql_with_metadata.py"
RANGES = "dags/load_batch_ranges.py"
_HEAVY = {"polars", "pyarrow", "numpy", "MySQLdb", "psycopg", "adbc_driver_postgresql"}
_HEAVY |= {"slack_sdk", "pagerduty", "openlineage"}
SCHEDULES = {
    "none": ({"HEADRACE_SCHEDULE": "none"}, "NullTimetable"),
    "empty": ({"HEADRACE_SCHEDULE": ""}, "NullTimetable"),
    "preset": ({"HEADRACE_SCHEDULE": "@hourly"}, "CronTriggerTimetable"),
    "cron": ({"HEADRACE_SCHEDULE": "*/15 6-20 * * 1-5"}, "CronTriggerTimetable"),
    "arrival": ({"HEADRACE_ON_ARRIVAL": "true"}, "AssetTriggeredTimetable"),
    "both": ({"HEADRACE_ON_ARRIVAL": "true", "HEADRACE_SCHEDULE": "@daily"}, "AssetOrTimeSchedule"),
}
NONSENSE = {
    "words": ("HEADRACE_SCHEDULE", "every tuesday", "(is 'every tuesday'): neither a cron expression"),
    "minute": ("HEADRACE_SCHEDULE", "61 * * * *", "(is '61 * * * *')"),
    "never": ("HEADRACE_SCHEDULE", "0 0 30 2 *", "(is '0 0 30 2 *')"),
    "seconds": ("HEADRACE_SCHEDULE", "* * * * * *", "it has 6 fields"),
    "preset": ("HEADRACE_SCHEDULE", "@sometimes", "@hourly, @daily"),
    "arrival": ("HEADRACE_ON_ARRIVAL", "perhaps", "HEADRACE_ON_ARRIVAL (is 'perhaps')"),
    "engine": ("INGEST_BATCH_ROWS", "0", "INGEST_BATCH_ROWS (is '0')"),
}
# Parses a file anew for each environment, as the DAG processor does after a restart, and prints what each says of itself.
_PARSE = """
import json, os, runpy, sys
for file, environment in json.load(sys.stdin):
    os.environ.update(environment)
    try:
        dag = runpy.run_path(file)["dag"]
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
        continue
    finally:
        for name in environment:
            del os.environ[name]
    task = dag.get_task("process_file.load_data_to_mysql") if "csv" in file else dag.tasks[0]
    print(json.dumps({
        "dag_id": dag.dag_id,
        "tasks": {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks},
        "rules": {task.task_id: task.trigger_rule.value for task in dag.tasks},
        "schedule": str(dag.schedule),
        "timetable": type(dag.timetable).__name__,
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "retries": task.retries,
        "retry_delay_s": task.retry_delay.total_seconds(),
        "backoff": task.retry_exponential_backoff,
        "params": {name: dag.params.get_param(name).schema for name in dag.params},
        "defaults": dict(dag.params),
        "modules": sorted(sys.modules),
    }))
"""


@pytest.fixture(scope="module")
def parsed(root: Path) -> dict[str, dict[str, Any]]:
    """Return what the DAG files say of themselves: as they are, and under each schedule and each nonsense."""
    wanted: dict[str, tuple[str, dict[str, str]]] = {"ranges": (RANGES, {}), "dag": (DAG, {})}
    wanted |= {f"schedule {key}": (DAG, environment) for key, (environment, _) in SCHEDULES.items()}
    wanted |= {f"nonsense {key}": (DAG, {name: value}) for key, (name, value, _) in NONSENSE.items()}
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_", "AIRFLOW"))}
    done = subprocess.run(
        [sys.executable, "-c", _PARSE],
        input=json.dumps([(str(root / file), environment) for file, environment in wanted.values()]),
        env={**clean, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"},
        # Where no .env of a developer is.
        cwd=root / "tests",
        capture_output=True,
        text=True,
        check=True,
    )
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return dict(zip(wanted, said, strict=True))


@pytest.fixture(scope="module")
def dag(parsed: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the DAG as it is without any setting."""
    return parsed["dag"]


def test_the_tasks_are_these_in_this_order(dag: dict[str, Any]) -> None:
    group = "process_file."
    read, load = f"{group}read_and_validate_csv", f"{group}load_data_to_mysql"
    describe, archive = f"{group}extract_and_store_metadata", f"{group}archive_processed_file"
    assert dag["dag_id"] == "csv_to_mysql_with_metadata"
    assert dag["tasks"] == {
        "start": ["scan_for_csv_files"],
        # It hands each of them the unit.
        "scan_for_csv_files": sorted([read, load, describe, archive]),
        read: sorted([load, describe]),
        load: [archive],
        describe: [archive],
        archive: ["end", "log_pipeline_summary"],
        "log_pipeline_summary": ["end"],
        "end": [],
    }
    assert dag["rules"]["log_pipeline_summary"] == "all_done"
    assert dag["rules"]["end"] == "none_failed"


def test_it_tries_twice_more_after_five_minutes_and_ten(dag: dict[str, Any]) -> None:
    assert (dag["retries"], dag["retry_delay_s"], dag["backoff"]) == (2, 300, 2.0)
    assert (dag["schedule"], dag["catchup"], dag["max_active_runs"]) == ("None", False, 1)


def test_a_parse_imports_nothing_heavy(dag: dict[str, Any]) -> None:
    # The other file was parsed before, in the same process.
    assert {name.split(".")[0] for name in dag["modules"]} & _HEAVY == set()
    assert [name for name in dag["modules"] if name.startswith("engine.pipeline")] == []


def test_ranges_are_loaded_by_runs_of_their_own(parsed: dict[str, dict[str, Any]]) -> None:
    ranges = parsed["ranges"]
    assert ranges["tasks"] == {"ranges_to_load": ["load_batch_range"], "load_batch_range": []}
    assert (ranges["timetable"], ranges["max_active_runs"], ranges["retries"]) == ("AssetTriggeredTimetable", 16, 0)


def test_every_param_has_a_type_a_title_and_help_and_may_be_empty(dag: dict[str, Any]) -> None:
    assert dag["defaults"] == dict.fromkeys(["folder", "pattern", "feed", "table", "batch_rows", "max_rejects"])
    for schema in dag["params"].values():
        assert schema["type"][0] == "null"
        assert schema["title"]
        assert schema["description_md"]
    assert dag["params"]["feed"]["enum"] == [None, "sales"]


@pytest.mark.parametrize("key", SCHEDULES)
def test_the_schedule_is_what_the_environment_says(parsed: dict[str, dict[str, Any]], key: str) -> None:
    assert parsed[f"schedule {key}"]["timetable"] == SCHEDULES[key][1]


@pytest.mark.parametrize("key", NONSENSE)
def test_nonsense_in_the_environment_is_an_import_error_that_says_so(
    parsed: dict[str, dict[str, Any]], key: str
) -> None:
    name, _, said = NONSENSE[key]
    error = parsed[f"nonsense {key}"]["error"]
    assert error.startswith("SettingsError: ")
    assert name in error
    assert said in error


def test_a_name_too_long_for_the_page_keeps_both_its_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.airflow import stepping

    name = "a" * 150 + "b" * 150
    monkeypatch.setattr("engine.steps.name", lambda unit: name)
    stepping.label.cache_clear()
    assert stepping.label("runs/0/0000") == "a" * 100 + "…" + "b" * 100
    stepping.label.cache_clear()


def test_a_unit_that_is_forgotten_keeps_its_own_name(settings_without_servers: Settings) -> None:
    from engine import steps
    from engine.airflow import stepping

    with pytest.raises(SettingsError):
        steps.name("runs/0/0000")
    assert stepping.label("runs/0/0000") == "runs/0/0000"


@pytest.fixture
def settings_without_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Let the engine work in an empty data folder."""
    monkeypatch.setenv("INGEST_DATA_DIR", str(tmp_path))
    return Settings()
