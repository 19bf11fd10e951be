"""The same files by the command line and by the DAG: `python -m bench.scheduled`."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import httpx

from bench.files.sales import sales_file
from bench.scheduled.same import rows_of_file, rows_of_table, statistics_of
from bench.scheduled.tasks import TaskMemory
from engine.airflow.local.home import Home
from engine.config import Settings, load_settings
from engine.embedded import ensure
from engine.embedded.process import free_port

_FOLDER = Path(__file__).resolve().parent.parent
_DAGS = "csv_to_mysql_with_metadata", "csv_to_mysql_batch_ranges"
_API_S = 60.0
_LOADS, _HELPS = "load_data_to_mysql", "load_batch_range"
# What costs the same however large the file is.
_TINY_ROWS = 1_000


@dataclass(frozen=True, kw_only=True)
class Scheduled:
    """A run of the DAG: seconds from trigger to end and by task, the tasks' peak memory, the largest thing passed on.

    `workers` says which worker, or the scheduler, ran a task, and `loaders` which of them brought in rows; `helped_rows`
    are those that others than the file's own load task have loaded.
    """

    state: str
    wall_s: float
    task_s: Mapping[str, float]
    workers: Mapping[str, tuple[str, ...]]
    loaders: tuple[str, ...]
    peak_mb: float
    largest_xcom_bytes: int
    helped_rows: int


class Airflow:
    """A private Airflow for the measurement.

    Args:
        settings: Folders and servers of its own.
        celery: Celery workers; 0: LocalExecutor.
        environment: Further variables.
    """

    def __init__(self, settings: Settings, celery: int, environment: Mapping[str, str]) -> None:
        self._environment = {
            **os.environ,
            "INGEST_LOCAL_DIR": str(settings.local_dir),
            "INGEST_DATA_DIR": str(settings.data_dir),
            "INGEST_SETTLE_S": "0",
            "HEADRACE_RETRY_DELAY_S": "5",
            **environment,
        }
        self._home = Home.of(settings)
        port = free_port()
        self._call("start", "--port", str(port), *(["--celery", str(celery)] if celery else []))
        self._url = f"http://127.0.0.1:{port}/api/v2"
        self._celery = celery

    def stop(self) -> None:
        """Stop Airflow; the databases go on."""
        self._call("stop")

    def run(self, conf: Mapping[str, object], timeout_s: float) -> Scheduled:
        """Trigger the DAG, wait for its end, and look at what its tasks took."""
        token = self._call("token").strip()
        with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=_API_S) as client:
            state = self._home.state()
            assert state is not None
            names = [f"worker-{n}" for n in range(1, self._celery + 1)] if self._celery else ["scheduler"]
            with TaskMemory({name: state.sessions[name][-1] for name in names}) as memory:
                began = time.perf_counter()
                path = f"{self._url}/dags/{_DAGS[0]}/dagRuns"
                answer = client.post(path, json={"logical_date": None, "conf": dict(conf)}).raise_for_status()
                run_id = answer.json()["dag_run_id"]
                ended = self._ended(client, f"{path}/{run_id}", timeout_s)
                wall_s = time.perf_counter() - began
            return self._looked(client, f"{path}/{run_id}", ended, wall_s, memory)

    def _ended(self, client: httpx.Client, path: str, timeout_s: float) -> str:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            state = str(client.get(path).raise_for_status().json()["state"])
            if state in ("success", "failed"):
                return state
            time.sleep(0.25)
        raise click.ClickException(f"the run hasn't ended within {timeout_s:.0f} s")

    def _looked(self, client: httpx.Client, path: str, state: str, wall_s: float, memory: TaskMemory) -> Scheduled:
        tasks = _pages(client, f"{path}/taskInstances", "task_instances")
        helpers = f"{self._url}/dags/{_DAGS[1]}/dagRuns/~/taskInstances"
        began = min(task["start_date"] for task in tasks if task["start_date"])
        tasks_of_helpers = [
            task
            for task in _pages(client, helpers, "task_instances")
            if task["start_date"] and task["start_date"] > began
        ]
        seconds: dict[str, float] = {}
        workers: dict[str, set[str]] = {}
        for task in tasks + tasks_of_helpers:
            if task["start_date"] and task["end_date"]:
                spent = datetime.fromisoformat(task["end_date"]) - datetime.fromisoformat(task["start_date"])
                name = str(task["task_id"]).rpartition(".")[2]
                seconds[name] = round(seconds.get(name, 0.0) + spent.total_seconds(), 1)
                if task["pid"]:
                    workers.setdefault(name, set()).add(memory.owner(int(task["pid"])))
        helped = [
            (memory.owner(int(task["pid"])), self._rows(client, task))
            for task in tasks_of_helpers
            if task["task_id"] == _HELPS
        ]
        return Scheduled(
            state=state,
            wall_s=wall_s,
            task_s=seconds,
            workers={name: tuple(sorted(found)) for name, found in workers.items()},
            peak_mb=memory.peak_mb,
            largest_xcom_bytes=max((_xcom_bytes(client, path, task) for task in tasks[:40]), default=0),
            loaders=tuple(sorted({*workers.get(_LOADS, ()), *(worker for worker, rows in helped if rows)})),
            helped_rows=sum(rows for _, rows in helped),
        )

    def _rows(self, client: httpx.Client, task: Mapping[str, Any]) -> int:
        place = f"{self._url}/dags/{_DAGS[1]}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}/xcomEntries"
        answer = client.get(f"{place}/return_value", params={"map_index": task["map_index"]})
        return int(answer.raise_for_status().json()["value"]["rows"])

    def _call(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "engine.airflow.local", *arguments],
            cwd=_FOLDER.parent,
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout


def _pages(client: httpx.Client, path: str, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = client.get(path, params={"limit": 100, "offset": len(found)}).raise_for_status().json()
        found += page[key]
        if not page[key] or len(found) >= page["total_entries"]:
            return found


def _xcom_bytes(client: httpx.Client, path: str, task: Mapping[str, Any]) -> int:
    place = f"{path}/taskInstances/{task['task_id']}/xcomEntries"
    entries = client.get(place, params={"map_index": task["map_index"]}).raise_for_status().json()["xcom_entries"]
    sizes = [0]
    for entry in entries:
        value = client.get(f"{place}/{entry['key']}", params={"map_index": task["map_index"]}).raise_for_status().json()
        sizes.append(len(json.dumps(value["value"])))
    return max(sizes)


def _direct(path: Path, settings: Settings, table: str) -> tuple[float, float]:
    """Load a file by the command line; return seconds and the peak resident set in MB."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "engine.ingest", "--quiet", "--table", table, str(path)]
    environment = {
        **os.environ,
        "INGEST_LOCAL_DIR": str(settings.local_dir),
        "INGEST_DATA_DIR": str(settings.data_dir),
    }
    with subprocess.Popen(command, cwd=_FOLDER.parent, env=environment, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"the direct run ended with status {process.returncode}")
    return time.perf_counter() - began, _peak_mb(usage)


def _peak_mb(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss * 1024 / 1e6


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rows", type=click.IntRange(min=1), default=1_000_000, show_default=True, help="Rows of the one file.")
@click.option("--files", type=click.IntRange(min=0), default=0, show_default=True, help="Also so many small files.")
@click.option("--celery", type=click.IntRange(min=0), default=0, help="Celery workers; 0: LocalExecutor.")
@click.option("--parts", type=click.IntRange(min=1), default=1, help="Ranges that the one file is loaded in at once.")
@click.option("--timeout", "timeout_s", type=float, default=3600.0, show_default=True, help="Seconds for each run.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Also write the figures here.")
def main(rows: int, files: int, celery: int, parts: int, timeout_s: float, json_path: Path | None) -> None:
    """Load a file by the command line and by the DAG, and show what the second costs more."""
    data = _FOLDER / "data"
    settings = load_settings(local_dir=data / "scheduled" / "local", data_dir=data / "scheduled" / "data")
    settings.input_dir.mkdir(parents=True, exist_ok=True)
    ensure(settings)
    # The same bytes don't go into the same table twice.
    mark = f"{time.time():.0f}"
    figures: dict[str, object] = {"rows": rows, "celery": celery, "parts": parts}
    split = {"INGEST_SPLIT_PARTS": str(parts), "INGEST_SPLIT_MB": "16"}
    if celery and parts > 1:
        # A worker does one thing at a time: what goes on beside the load is on another.
        split["HEADRACE_WORKER_CONCURRENCY"] = "1"
    airflow = Airflow(settings, celery, split)
    try:
        # The first run of all pays for what later ones find in caches.
        airflow.run(_put(sales_file(_TINY_ROWS, data), settings, f"warm_up_{mark}"), timeout_s)
        tiny = sales_file(_TINY_ROWS, data)
        overhead_s = (
            airflow.run(_put(tiny, settings, f"tiny_{mark}"), timeout_s).wall_s
            - _direct(tiny, settings, f"tiny_direct_{mark}")[0]
        )
        path = sales_file(rows, data)
        direct_s, direct_mb = _direct(path, settings, f"direct_{mark}")
        scheduled = airflow.run(_put(path, settings, f"scheduled_{mark}"), timeout_s)
        click.echo(f"{rows:,} rows, {path.stat().st_size / 1e6:,.0f} MB; fixed overhead of a run {overhead_s:.1f} s")
        click.echo(f"direct     {direct_s:8.1f} s   peak {direct_mb:.0f} MB")
        click.echo(
            f"scheduled  {scheduled.wall_s:8.1f} s   peak of a task {scheduled.peak_mb:.0f} MB   {scheduled.state}, "
            f"ratio without overhead {(scheduled.wall_s - overhead_s) / direct_s:.2f}, "
            f"largest XCom {scheduled.largest_xcom_bytes} bytes"
        )
        for name, seconds in scheduled.task_s.items():
            click.echo(f"  {name:<28} {seconds:8.1f} s   on {', '.join(scheduled.workers.get(name, ()))}")
        if parts > 1:
            own = rows - scheduled.helped_rows
            by = " and ".join(scheduled.loaders)
            click.echo(f"{_LOADS} loaded {own:,} rows, {_HELPS} {scheduled.helped_rows:,}: by {by}")
        wrong = _differences(settings, path, f"direct_{mark}", f"scheduled_{mark}")
        if parts > 1 and celery > 1 and len(scheduled.loaders) < 2:
            wrong.append(f"ONLY {', '.join(scheduled.loaders)} loaded parts of the file")
        click.echo("; ".join(wrong) or "both tables equal the file, the statistics equal those of the direct run")
        figures |= {
            "direct_s": direct_s,
            "direct_peak_mb": direct_mb,
            "overhead_s": overhead_s,
            "scheduled": asdict(scheduled),
            "wrong": wrong,
        }
        if files:
            figures["many"] = asdict(_many(airflow, settings, files, timeout_s, f"many_{mark}"))
    finally:
        airflow.stop()
    if json_path:
        json_path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if wrong or scheduled.state != "success":
        sys.exit(1)


def _differences(settings: Settings, path: Path, *tables: str) -> list[str]:
    """Hold two tables against their file, and what the catalog says of them against each other; name what differs."""
    urls = ensure(settings)
    mysql, catalog = urls.mysql_url.get_secret_value(), urls.catalog_url.get_secret_value()
    expected = rows_of_file(path)
    actual = {table: rows_of_table(mysql, table, path) for table in tables}
    differ = [
        f"{table} DIFFERS from the file: {found} / {expected}" for table, found in actual.items() if found != expected
    ]
    direct, scheduled = (statistics_of(catalog, table) for table in tables)
    if direct != scheduled or not direct:
        differ.append(f"the statistics DIFFER: {direct} / {scheduled}")
    return differ


def _put(path: Path, settings: Settings, table: str) -> dict[str, object]:
    """Put a copy of a file where the DAG finds it, and return what the run is asked for."""
    # Named so that it belongs to the same feed as the direct run's.
    shutil.copy(path, settings.input_dir / f"sales_data_{table}.csv")
    return {"table": table}


def _many(airflow: Airflow, settings: Settings, files: int, timeout_s: float, table: str) -> Scheduled:
    for number in range(files):
        text = "n,s\n" + "".join(f"{number},row {row}\n" for row in range(10))
        (settings.input_dir / f"many_{number:05d}.csv").write_text(text, encoding="utf-8")
    done = airflow.run({"table": table}, timeout_s)
    click.echo(
        f"{files:,} small files {done.wall_s:8.1f} s   {files / done.wall_s:.1f} a second, {done.state}, "
        f"largest XCom {done.largest_xcom_bytes} bytes, {len(list(settings.input_dir.iterdir()))} left waiting"
    )
    return done


if __name__ == "__main__":
    main()
