"""A private Airflow for the session: real processes on the session's servers, shared by all tests that ask for it."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg
import pytest
from psycopg import sql

from engine.airflow.local.components import members, spawn
from engine.airflow.local.home import Home
from engine.config import Settings
from engine.embedded.process import all_pids, free_port
from engine.sql import quote_mysql
from tests.fix_mysql import Mysql
from tests.fix_postgres import Postgres

DAG_ID = "csv_to_mysql_with_metadata"
DATABASE = "headrace_test_airflow"
USER, PASSWORD = "operator", "Pa$$ word-1"
_ENDED = {"success", "failed"}
_START_S = 240.0
_runs = itertools.count(1)
Found = TypeVar("Found")
# What the API answers: whatever JSON holds.
Json = Any


@dataclass
class Airflow:
    """A running Airflow and what a test asks of it.

    `settings` are those of the tasks: one database each, one data folder. A test that shares them gets rows of its own
    by tables and files of its own names, best in an input folder of its own (`folder`).
    """

    url: str
    home: Home
    settings: Settings
    mysql: Mysql
    catalog: Postgres
    # DAG files that a test writes here are seen within some seconds, beside those of the checkout.
    dags: Path
    user: str = USER
    password: str = PASSWORD
    _token: str = field(default="", repr=False)

    @property
    def token(self) -> str:
        """A token of the user, who is an administrator."""
        if not self._token:
            answer = httpx.post(f"{self.url}/auth/token", json={"username": self.user, "password": self.password})
            assert answer.status_code == httpx.codes.CREATED, answer.text
            self._token = answer.json()["access_token"]
        return self._token

    def call(self, method: str, path: str, body: object = None, **query: str | int | bool) -> Json:
        """Call the REST API (`path` begins after /api/v2) and return its JSON; any refusal fails the test."""
        answer = httpx.request(
            method,
            f"{self.url}/api/v2{path}",
            json=body,
            params=query,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=60,
        )
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    @property
    def database_url(self) -> str:
        """The database in which Airflow itself keeps what it knows."""
        return self.home.environment()["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "")

    def folder(self, name: str) -> Path:
        """Make an input folder of a test's own."""
        path = self.settings.data_dir / "folders" / name
        path.mkdir(parents=True)
        return path

    def trigger(self, conf: Mapping[str, object] | None = None, *, dag_id: str = DAG_ID) -> str:
        """Start a run with these params and return its id."""
        self.wait_for_dag(dag_id)
        run_id = f"test_{next(_runs)}_{time.time_ns()}"
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf or {})}
        self.call("POST", f"/dags/{dag_id}/dagRuns", body)
        return run_id

    def wait(self, run_id: str, *, dag_id: str = DAG_ID, timeout_s: float = 180) -> str:
        """Wait until a run has ended; return its state, `success` or `failed`."""

        def ended() -> str | None:
            state = str(self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}")["state"])
            return state if state in _ENDED else None

        return self.until(ended, f"the end of {run_id}", timeout_s, lambda: self.states(run_id, dag_id=dag_id))

    def run(self, conf: Mapping[str, object] | None = None, *, dag_id: str = DAG_ID, timeout_s: float = 180) -> str:
        """Start a run, wait for its end, and return its id; what it came to is asked by `state`."""
        run_id = self.trigger(conf, dag_id=dag_id)
        self.wait(run_id, dag_id=dag_id, timeout_s=timeout_s)
        return run_id

    def state(self, run_id: str, *, dag_id: str = DAG_ID) -> str:
        """Return the state of a run."""
        return str(self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def tasks(self, run_id: str, *, dag_id: str = DAG_ID) -> list[dict[str, Any]]:
        """Return all task instances of a run as the API tells them: task_id, map_index, state, try_number and more."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.call(
                "GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", limit=100, offset=len(found), order_by="id"
            )
            found += page["task_instances"]
            if not page["task_instances"] or len(found) >= page["total_entries"]:
                return found

    def states(self, run_id: str, *, dag_id: str = DAG_ID) -> dict[str, list[str | None]]:
        """Return the states of a run's tasks, those of mapped ones in the order of their indexes."""
        states: dict[str, list[str | None]] = {}
        for one in sorted(self.tasks(run_id, dag_id=dag_id), key=lambda one: int(one["map_index"])):
            states.setdefault(one["task_id"], []).append(one["state"])
        return states

    def clear(
        self,
        run_id: str,
        tasks: Sequence[str | tuple[str, int]] | None = None,
        *,
        dag_id: str = DAG_ID,
        only_failed: bool = False,
        downstream: bool = True,
    ) -> list[dict[str, Any]]:
        """Clear tasks (ids, or ids with map index; None: all), so that they run again; return what was cleared."""
        chosen = None if tasks is None else [one if isinstance(one, str) else list(one) for one in tasks]
        body = {
            "dry_run": False,
            "dag_run_id": run_id,
            "task_ids": chosen,
            "include_downstream": downstream,
            "only_failed": only_failed,
            "reset_dag_runs": True,
        }
        answer = self.call("POST", f"/dags/{dag_id}/clearTaskInstances", body)
        return list(answer["task_instances"])

    def log(self, run_id: str, task_id: str, map_index: int = -1, try_number: int = 1, *, dag_id: str = DAG_ID) -> str:
        """Return the text of a task's log."""
        place = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}"
        content = self.call("GET", place, map_index=map_index, full_content=True)["content"]
        return "\n".join(one if isinstance(one, str) else json.dumps(one) for one in content)

    def xcom(self, run_id: str, task_id: str, map_index: int = -1, *, dag_id: str = DAG_ID) -> Json:
        """Return what a task returned."""
        place = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        return self.call("GET", place, map_index=map_index, deserialize=False)["value"]

    def wait_for_dag(self, dag_id: str = DAG_ID, timeout_s: float = 60) -> None:
        """Wait until a DAG has been read; one that can't be fails the test with its error."""

        def read() -> bool:
            answer = httpx.get(f"{self.url}/api/v2/dags/{dag_id}", headers={"Authorization": f"Bearer {self.token}"})
            return answer.status_code == httpx.codes.OK

        self.until(read, f"the DAG {dag_id}", timeout_s, lambda: self.call("GET", "/importErrors")["import_errors"])

    def until(
        self,
        found: Callable[[], Found | None],
        what: str,
        timeout_s: float = 60,
        explain: Callable[[], object] = lambda: "",
    ) -> Found:
        """Wait until `found` returns something; fail the test with `explain`'s words when it doesn't."""
        deadline = time.monotonic() + timeout_s
        while True:
            result = found()
            if result:
                return result
            if time.monotonic() > deadline:
                pytest.fail(f"waited {timeout_s:.0f} s for {what}: {explain()}\n{self.last_words()}")
            time.sleep(0.25)

    def pids(self, component: str) -> list[int]:
        """Return the processes of a component (api-server, scheduler, dag-processor, triggerer, worker-1, redis).

        The first is the component itself. With a LocalExecutor the running tasks are among the scheduler's.
        """
        session = self.session(component)
        found = members([session], self.home.path)
        return sorted(found, key=lambda pid: (pid != session, pid))

    def session(self, component: str) -> int:
        """Return the session of a component's latest start, which is its process id too."""
        state = self.home.state()
        assert state is not None
        return state.sessions[component][-1]

    def last_words(self) -> str:
        """Return the ends of all components' logs."""
        names = sorted(path.stem for path in self.home.logs.glob("*.log"))
        return "\n".join(f"--- {name}\n{self.home.last_lines(name)}" for name in names)


def listening(sessions: Iterable[int]) -> set[tuple[str, int]]:
    """Return the addresses and ports on which the processes of these sessions listen. Linux only."""
    wanted = set(sessions)
    sockets: set[str] = set()
    for pid in all_pids():
        with suppress(OSError):
            if os.getsid(pid) in wanted:
                for entry in Path(f"/proc/{pid}/fd").iterdir():
                    # A file that is closed meanwhile says nothing of the sockets.
                    with suppress(OSError):
                        sockets.add(str(entry.readlink()))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address, _, port = fields[1].partition(":")
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                shown = "127.0.0.1" if address == "0100007F" else f"{table} {address}"
                found.add((shown, int(port, 16)))
    return found


def start_airflow(
    local_dir: Path,
    mysql_url: str,
    catalog_url: str,
    data_dir: Path,
    *,
    environment: Mapping[str, str] | None = None,
    celery: int = 0,
) -> Iterator[Airflow]:
    """Start an Airflow as `make airflow` does, yield it, and end it.

    Args:
        local_dir: Where the private PostgreSQL of the session is; Airflow's own folder is made below it.
        environment: Variables beside those of the suite: INGEST_*, AIRFLOW__*, AIRFLOW_CONN_*, HEADRACE_*.
        celery: How many Celery workers run the tasks; 0 means LocalExecutor.
    """
    settings = Settings.model_validate(
        {
            "local_dir": local_dir,
            "mysql_url": mysql_url,
            "catalog_url": catalog_url,
            "data_dir": data_dir,
            "settle_s": 0.0,
        }
    )
    home = Home.of(settings)
    home.make()
    dags = home.path / "dags-of-tests"
    dags.mkdir(exist_ok=True)
    log = home.log("supervisor")
    # Ends with this process, however that ends.
    process = spawn(
        [sys.executable, "-m", "engine.airflow.local", "run", f"--celery={celery}"],
        # Not the checkout: what its .env says is none of a test's business.
        home.path,
        _environment(settings, dags) | dict(environment or {}),
        log,
    )
    try:
        deadline = time.monotonic() + _START_S
        while (state := home.state()) is None or not state.ready:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"Airflow doesn't start:\n{log.read_text()[-8000:]}")
            time.sleep(0.1)
        yield Airflow(
            url=state.url,
            home=home,
            settings=settings,
            mysql=Mysql(mysql_url),
            catalog=Postgres(catalog_url),
            dags=dags,
        )
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(90)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def bundles(dags: Path) -> str:
    """Return the setting that lets Airflow read DAGs of a test's own beside those of the checkout."""
    checkout = Path(__file__).resolve().parent.parent / "dags"
    local = "airflow.dag_processing.bundles.local.LocalDagBundle"
    return json.dumps(
        [
            {"name": name, "classpath": local, "kwargs": {"path": str(path), "refresh_interval": 2}}
            for name, path in (("dags-folder", checkout), ("tests", dags))
        ]
    )


def _environment(settings: Settings, dags: Path) -> dict[str, str]:
    assert settings.mysql_url is not None
    assert settings.catalog_url is not None
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "HEADRACE_"))},
        "INGEST_LOCAL_DIR": str(settings.local_dir),
        "INGEST_DATA_DIR": str(settings.data_dir),
        "INGEST_MYSQL_URL": settings.mysql_url.get_secret_value(),
        "INGEST_CATALOG_URL": settings.catalog_url.get_secret_value(),
        "INGEST_SETTLE_S": str(settings.settle_s),
        "HEADRACE_AIRFLOW_PORT": str(free_port()),
        "HEADRACE_AIRFLOW_USER": USER,
        "HEADRACE_AIRFLOW_PASSWORD": PASSWORD,
        "HEADRACE_AIRFLOW_PARALLELISM": "4",
        # A test that ends early leaves its tasks behind.
        "HEADRACE_AIRFLOW_STOP_S": "3",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": bundles(dags),
        # A new file is seen within seconds, and a changed one. MIN_FILE_PROCESS_INTERVAL stays at its 30 s: reading all of
        # them every 2 s is work without end, for which the callbacks of killed tasks wait.
        "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
        # Tasks that were killed are noticed within the patience of a test, not after five minutes.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
        # Retries of the DAG wait for minutes; tests don't.
        "HEADRACE_RETRY_DELAY_S": "1",
        # Whoever follows along wants to see what happens, not when a buffer is full.
        "PYTHONUNBUFFERED": "1",
    }


@pytest.fixture(scope="session")
def airflow_databases(
    mysql_server: Mysql, postgres_server: Postgres, _user_url: str, _owner_url: str
) -> Iterator[tuple[str, str]]:
    """Yield the URLs of the databases that the tasks of the session's Airflow work with."""
    database = sql.Identifier(DATABASE)
    mysql_server.rows(f"CREATE DATABASE {quote_mysql(DATABASE)} CHARACTER SET utf8mb4")
    postgres_server.rows(sql.SQL("CREATE DATABASE {} OWNER headrace").format(database))
    yield _user_url.rpartition("/")[0] + "/" + DATABASE, _owner_url.rpartition("/")[0] + "/" + DATABASE
    mysql_server.rows(f"DROP DATABASE {quote_mysql(DATABASE)}")
    try:
        postgres_server.rows(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))
    except psycopg.OperationalError as error:
        pytest.fail(f"the catalog can't be dropped: {error}")


@pytest.fixture(scope="session")
def airflow(
    servers_dir: Path, airflow_databases: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Airflow]:
    """Yield the session's Airflow: four processes, LocalExecutor; started by the first test that asks."""
    mysql_url, catalog_url = airflow_databases
    data_dir = tmp_path_factory.mktemp("airflow") / "data"
    # What is to be traced has to be known before the first task.
    lineage = {"type": "file", "log_file_path": str(data_dir / "lineage.jsonl"), "append": True}
    environment = {"AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(lineage)}
    yield from start_airflow(servers_dir, mysql_url, catalog_url, data_dir, environment=environment)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show the ends of Airflow's logs with a test of it that has failed."""
    outcome: Any = yield
    report = outcome.get_result()
    running = getattr(item, "funcargs", {}).get("airflow")
    if report.when == "call" and report.failed and isinstance(running, Airflow):
        report.sections.append(("Airflow's logs", running.last_words()))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what needs the running Airflow."""
    if "airflow" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.airflow)
