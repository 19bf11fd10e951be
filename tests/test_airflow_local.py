"""`make airflow`: started, used, stopped and killed for real, on a machine where nothing is configured."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from engine import embedded
from engine.airflow.local.asking import Api
from engine.airflow.local.components import members
from engine.airflow.local.home import Home, State
from engine.airflow.local.options import engine_environment, load_options
from engine.config import Settings
from engine.embedded import ServerUrls
from engine.embedded.process import free_port
from engine.errors import ServerError, SettingsError
from tests.fix_airflow import Airflow, Json, bundles, listening
from tests.fix_mysql import servers_folder

_DAG = """
from airflow.sdk import dag, task

@dag(schedule=None, params={"n": 2})
def counting():
    @task
    def numbers(params):
        return list(range(params["n"]))
    @task(retries=0)
    def one(n):
        import os
        assert n < 3, "too many"
        return {"n": n, "data": os.environ["INGEST_DATA_DIR"]}
    one.expand(n=numbers())

counting()
"""

# Stops when it's told to, as the engine's tasks do.
_SLEEPING = """
from datetime import timedelta
from airflow.sdk import dag, task

@dag(schedule=None)
def sleeping():
    @task(retries=1, retry_delay=timedelta(seconds=1))
    def one():
        import signal, time
        def stop(number, frame):
            raise SystemExit("told to stop")
        signal.signal(signal.SIGTERM, stop)
        time.sleep(600)
    one()

sleeping()
"""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A machine where nothing was ever started: folders, environment, the door."""

    folder: Path
    environment: dict[str, str]

    @property
    def home(self) -> Home:
        return Home.of(self.settings)

    @property
    def settings(self) -> Settings:
        return Settings.model_validate({"local_dir": self.folder / "local", "data_dir": self.folder / "data"})

    def state(self) -> State:
        state = self.home.state()
        assert state is not None
        return state

    def sessions(self) -> list[int]:
        return [number for numbers in self.state().sessions.values() for number in numbers]

    def door(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the door to its end."""
        command = [sys.executable, "-m", "engine.airflow.local", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, check=False, capture_output=True, text=True, timeout=300
        )

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run Airflow in the foreground, from when it's ready until the context ends."""
        said = self.folder / "said"
        with said.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "engine.airflow.local", "run", *arguments],
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=output,
                text=True,
                start_new_session=True,
            )
        try:
            wait_for(lambda: process.poll() is not None or "Ctrl-C" in said.read_text(), 300)
            assert process.poll() is None, said.read_text()
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(120)


def wait_for(true: object, timeout_s: float = 60.0) -> None:
    """Wait until a function says so."""
    assert callable(true)
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture(scope="module")
def place(mysqld: Path) -> Iterator[Place]:
    folder = servers_folder()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "HEADRACE_"))}
    own = {
        "INGEST_LOCAL_DIR": str(folder / "local"),
        "INGEST_DATA_DIR": "data",
        "HEADRACE_AIRFLOW_PARALLELISM": "2",
        "AIRFLOW__CORE__PARALLELISM": "77",
        "HEADRACE_AIRFLOW_STOP_S": "2",
        "HEADRACE_AIRFLOW_PORT": str(free_port()),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": bundles(folder / "dags"),
    }
    (folder / "dags").mkdir()
    (folder / "dags" / "sleeping.py").write_text(_SLEEPING)
    made = Place(folder=folder, environment=kept | own)
    yield made
    made.door("stop")
    embedded.clean(made.settings)
    shutil.rmtree(folder)


@pytest.mark.airflow
@pytest.mark.slow
def test_it_starts_where_nothing_is_configured_and_ends_when_told(place: Place) -> None:
    port = int(place.environment["HEADRACE_AIRFLOW_PORT"])
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with place.running() as process:
            said = (place.folder / "said").read_text()
            state = place.state()
            assert (
                f"port {port} is taken; HEADRACE_AIRFLOW_PORT chooses another, this time it's {state.url[17:]}" in said
            )
            assert "AIRFLOW__CORE__PARALLELISM is chosen here and what you set isn't used" in said
            _shows_how_to_use_it(place, said)
            _is_closed_to_others(place, said)
            _is_looked_after(place)
            _call(place, "POST", "sleeping/dagRuns", {"dag_run_id": "stopped", "logical_date": None})
            wait_for(lambda: _sleeper(place) == ("running", 1))
            sessions = place.sessions()
            refused = place.door("run")
            assert refused.returncode == 1
            assert f"an Airflow runs here already, at {state.url}; use it, or end it with `make stop`" in refused.stderr
            process.terminate()
            assert process.wait(60) == 0
    assert members(sessions, place.home.path) == []
    assert place.home.state() is None
    assert place.door("status").stdout == "stopped\n"
    assert "no Airflow runs here; start it with `make airflow`" in place.door("airflow", "version").stderr
    assert not (place.home.path / "environment.json").exists()


@cache
def _token(url: str, password: str) -> str:
    return Api(url=url).token("admin", password)


def _call(place: Place, method: str, path: str, body: object = None) -> Json:
    token = _token(place.state().url, place.home.secret("password"))
    url = f"{place.state().url}/api/v2/dags/{path}"
    answer = httpx.request(method, url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=60)
    assert answer.is_success, answer.text
    return answer.json()


def _sleeper(place: Place) -> tuple[str, int]:
    (task,) = _call(place, "GET", "sleeping/dagRuns/stopped/taskInstances")["task_instances"]
    return task["state"], task["try_number"]


def _shows_how_to_use_it(place: Place, said: str) -> None:
    shown = dict(re.findall(r"^(Airflow|user|password|drop files) +(\S+)$", said, re.MULTILINE))
    assert shown["Airflow"] == place.state().url
    assert shown["user"] == "admin"
    assert shown["drop files"] == "data/input"
    assert (place.folder / "data" / "input").is_dir()
    api = Api(url=shown["Airflow"])
    long_ago = datetime(2024, 1, 1, tzinfo=UTC)
    assert api.dag_problem(api.token("admin", shown["password"]), long_ago) is None
    with pytest.raises(ServerError, match="refuses the password of admin"):
        api.token("admin", "admin")
    token = place.door("token")
    assert (token.returncode, token.stdout.count(".")) == (0, 2)
    # The lines as they are typed in a checkout, where the interpreter is .venv/bin/python.
    lines = said[said.index("Airflow  ") :].replace(sys.executable, ".venv/bin/python").splitlines()
    assert [line for line in lines if len(line) > 80] == []
    # The command that is shown starts a run.
    curl = said[said.index("  api=") : said.index("Ctrl-C")]
    done = subprocess.run(
        ["bash", "-c", curl], cwd=place.folder, env=place.environment, check=True, capture_output=True, text=True
    )
    assert '"dag_id":"csv_to_mysql_with_metadata"' in done.stdout
    # So does Airflow's own command, which finds the Airflow that runs here.
    by_command = place.door("airflow", "dags", "trigger", "csv_to_mysql_with_metadata", "--run-id", "by_command")
    assert by_command.returncode == 0, by_command.stderr
    assert _call(place, "GET", "csv_to_mysql_with_metadata/dagRuns/by_command")["run_type"] == "manual"


def _is_closed_to_others(place: Place, said: str) -> None:
    found = listening(place.sessions())
    assert found == {("127.0.0.1", int(place.state().url.rpartition(":")[2]))}
    home = place.home.path
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    secrets = {}
    assert stat.S_IMODE((home / "environment.json").stat().st_mode) == 0o600
    for name in ("password", "fernet-key", "jwt-key", "jwt-key-2", "session-key"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600
        secrets[name] = (home / name).read_text()
    (database,) = (place.folder / "local").glob("postgres-*/airflow-password")
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    told = [Path(f"/proc/{pid}/cmdline").read_text() for pid in members(place.sessions(), home)]
    hidden = {*secrets.values(), database.read_text()}
    assert [secret for secret in hidden if any(secret in one for one in told)] == []
    logs = "".join(path.read_text(errors="replace") for path in place.home.logs.glob("*.log"))
    assert [secret for secret in hidden if secret in logs + said.replace(secrets["password"], "", 1)] == []


def _is_looked_after(place: Place) -> None:
    before = place.state().sessions["triggerer"]
    os.kill(before[0], signal.SIGKILL)
    wait_for(lambda: len(place.state().sessions["triggerer"]) == 2)
    said = (place.folder / "said").read_text()
    assert "triggerer has died (signal 9); its last words:" in said
    assert "starting triggerer again" in said
    shown = place.door("status")
    assert shown.returncode == 0
    assert [line.split()[0] for line in shown.stdout.splitlines()[1:]] == [
        "api-server",
        "dag-processor",
        "triggerer",
        "scheduler",
    ]


@pytest.mark.airflow
@pytest.mark.slow
def test_what_a_killed_one_leaves_is_ended_by_the_next_which_tells_of_a_broken_dag(place: Place) -> None:
    with place.running() as process:
        # What the last one told to stop goes on.
        wait_for(lambda: _sleeper(place) == ("running", 2))
        password = place.home.secret("password")
        left, sessions = place.sessions(), place.state().sessions
        # One that can't be told to end.
        os.kill(sessions["dag-processor"][0], signal.SIGSTOP)
        process.kill()
        process.wait()
    # What can be told ends by itself, the scheduler once its task has ended.
    ending = [number for name in ("api-server", "triggerer") for number in sessions[name]]
    wait_for(lambda: members(ending, place.home.path) == [])
    assert members(sessions["dag-processor"] + sessions["scheduler"], place.home.path) != []
    assert place.door("status").returncode == 1
    # The next one goes on although the DAG can't be read any more. It has been read before: Airflow knows it still.
    place.environment["HEADRACE_SCHEDULE"] = "every day"
    started = place.door("start")
    del place.environment["HEADRACE_SCHEDULE"]
    assert started.returncode == 0, started.stderr
    assert password in started.stdout
    log = place.home.log("supervisor").read_text()
    assert re.search(r"ending \d+ processes that the last start left behind", log)
    assert "the DAG can't be triggered: csv_to_mysql_with_metadata.py: " in log
    assert "HEADRACE_SCHEDULE (is 'every day'): neither a cron expression" in log
    # Tables and user are there already.
    assert "making Airflow's tables" not in log
    assert members(left, place.home.path) == []
    now = place.sessions()
    assert place.door("start").stderr == "it runs already\n"
    assert place.door("stop").returncode == 0
    assert members(now, place.home.path) == []


def test_make_airflow_is_that_door(root: Path) -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory", "-n", "airflow", "ARGS=--celery 2"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    assert shown.stdout.splitlines() == [".ci/setup airflow", ".venv/bin/python -m engine.airflow.local run --celery 2"]


@pytest.mark.airflow
@pytest.mark.slow
def test_a_component_that_dies_again_and_again_ends_all(place: Place) -> None:
    # No triggerer likes this setting.
    place.environment["AIRFLOW__TRIGGERER__CAPACITY"] = "none"
    done = place.door("run")
    assert done.returncode == 1
    assert "triggerer has died (exit status 1); its last words:" in done.stderr
    assert done.stderr.count("starting triggerer again") == 2
    assert place.home.state() is None


def test_options_that_make_no_sense_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_AIRFLOW_PORT", "80800")
    with pytest.raises(SettingsError, match=r"HEADRACE_AIRFLOW_PORT \(is '80800'\)"):
        load_options()
    monkeypatch.setenv("HEADRACE_AIRFLOW_PASSWORD", "")
    assert load_options(port=8080).password is None
    monkeypatch.setenv("HEADRACE_WORKER_CONCURRENCY", "none")
    with pytest.raises(SettingsError, match=r"HEADRACE_WORKER_CONCURRENCY \(is 'none'\)"):
        load_options(port=8080)


def test_tasks_get_the_settings_whole_and_with_absolute_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # Chosen for the whole suite.
    for name in ("INGEST_MYSQLD", "INGEST_POSTGRES"):
        monkeypatch.delenv(name, raising=False)
    settings = Settings.model_validate({"data_dir": "d", "batch_mb": 2, "receipt": False})
    urls = ServerUrls(mysql_url=SecretStr("mysql://a:b@c/d"), catalog_url=SecretStr("postgresql://e"))
    given = engine_environment(settings, urls)
    assert given == {
        "INGEST_DATA_DIR": str(tmp_path / "d"),
        "INGEST_LOCAL_DIR": str(tmp_path / ".local"),
        "INGEST_MYSQL_URL": "mysql://a:b@c/d",
        "INGEST_CATALOG_URL": "postgresql://e",
        "INGEST_BATCH_MB": "2.0",
        "INGEST_RECEIPT": "False",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings.model_copy(
        update={
            "data_dir": tmp_path / "d",
            "local_dir": tmp_path / ".local",
            "mysql_url": Settings().mysql_url,
            "catalog_url": Settings().catalog_url,
        }
    )


def test_a_dag_is_seen_run_and_cleared(airflow: Airflow) -> None:
    (airflow.dags / "counting.py").write_text(_DAG)
    run = airflow.run({"n": 3}, dag_id="counting")
    assert airflow.state(run, dag_id="counting") == "success"
    assert airflow.states(run, dag_id="counting") == {"numbers": ["success"], "one": ["success"] * 3}
    assert airflow.xcom(run, "one", 2, dag_id="counting") == {"n": 2, "data": str(airflow.settings.data_dir)}
    failed = airflow.run({"n": 4}, dag_id="counting")
    assert airflow.state(failed, dag_id="counting") == "failed"
    assert "too many" in airflow.log(failed, "one", 3, dag_id="counting")
    assert len(airflow.clear(failed, ["one"], dag_id="counting", only_failed=True)) == 1
    assert airflow.wait(failed, dag_id="counting") == "failed"
