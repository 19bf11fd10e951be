"""Whatever is killed in the middle of a load: the retry finishes, and the table equals the file."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.fix_airflow import DAG_ID, Airflow
from tests.fix_catchers import Mails, Posts, connections
from tests.fix_mysql import Mysql
from tests.test_dag_runs import LOAD, catalog, expected, put, table
from tests.test_dag_triggers import copy_of_dag

ROWS = 8000
# So many batches that some are in and some are not when the table is locked.
BATCH_ROWS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A load whose table somebody else has locked after its first batches."""

    run: str
    dag_id: str
    table: str
    file: Path
    # The task's process and the one that supervises it.
    process: psutil.Process
    supervisor: psutil.Process
    release: Callable[[], None]


@contextmanager
def held_load(airflow: Airflow, administrator: Mysql, name: str, dag_id: str = DAG_ID) -> Iterator[Held]:
    """Begin a load of `name`.csv into an existing table and stop it half-way by a lock on the table."""
    airflow.mysql.rows(f"CREATE TABLE {name} (id INT AUTO_INCREMENT PRIMARY KEY, n INT, s VARCHAR(20))")
    folder = airflow.folder(name)
    file = put(folder, f"{name}.csv", ROWS)
    run = airflow.trigger({"folder": str(folder), "batch_rows": BATCH_ROWS}, dag_id=dag_id)
    airflow.until(lambda: airflow.mysql.value(f"SELECT COUNT(*) FROM {name}"), "the first batch", 120)
    # The engine's own user may not lock tables.
    lock = administrator.connect()
    try:
        database = airflow.mysql.value("SELECT DATABASE()")
        lock.cursor().execute(f"LOCK TABLES {database}.{name} READ")
        rows = airflow.mysql.value(f"SELECT COUNT(*) FROM {name}")
        assert isinstance(rows, int)
        assert 0 < rows < ROWS
        (load,) = [one for one in airflow.tasks(run, dag_id=dag_id) if one["task_id"] == LOAD]
        supervisor = _process_of(airflow, load["id"])
        (process,) = supervisor.children()
        yield Held(
            run=run,
            dag_id=dag_id,
            table=name,
            file=file,
            process=process,
            supervisor=supervisor,
            release=lambda: lock.cursor().execute("UNLOCK TABLES"),
        )
    finally:
        lock.close()


def _process_of(airflow: Airflow, instance: str) -> psutil.Process:
    """Return the process that supervises a task instance: its command line names it, as its child's does."""
    named = [psutil.Process(pid) for pid in airflow.pids("scheduler")]
    named = [process for process in named if any(instance in part for part in process.cmdline())]
    for process in named:
        # By who began whom: a younger process may have the smaller number.
        if process.ppid() not in {other.pid for other in named}:
            return process
    pytest.fail(f"no process supervises {instance}")


def sessions_of(airflow: Airflow, start: int) -> list[str]:
    """Return the states of the connections to Airflow's database that the scheduler's first, second … start has."""
    with psycopg.connect(airflow.database_url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT state FROM pg_stat_activity WHERE application_name = %s", [f"scheduler-start-{start}"]
        )
        return [str(state) for (state,) in found]


def tries(airflow: Airflow, held: Held) -> int:
    (load,) = [one for one in airflow.tasks(held.run, dag_id=held.dag_id) if one["task_id"] == LOAD]
    return int(load["try_number"])


def assert_whole(airflow: Airflow, held: Held) -> None:
    assert airflow.wait(held.run, dag_id=held.dag_id) == "success"
    assert table(airflow, held.table) == expected(ROWS)
    assert {status for status, _ in catalog(airflow, held.run).values()} == {"success"}
    assert not held.file.exists()


def test_a_killed_task_is_finished_by_its_next_try(airflow: Airflow, mysql_server: Mysql, root: Path) -> None:
    # Airflow runs the callback of a task that was killed in its DAG processor, after whatever that has to do before:
    # 9 to 11 s were seen. The next try begins after that.
    copy_of_dag(airflow, root, "retrying_later", {"HEADRACE_RETRY_DELAY_S": "30"})
    with held_load(airflow, mysql_server, "killed_task", "retrying_later") as held:
        held.process.send_signal(signal.SIGKILL)

        def told() -> bool:
            status, error = catalog(airflow, held.run)["killed_task.csv"]
            return status == "retry" and "died" in error

        airflow.until(told, "the catalog's word of it", 60, lambda: catalog(airflow, held.run))
        airflow.until(lambda: tries(airflow, held) == 2, "the second try", 90)
        held.release()
        assert_whole(airflow, held)


def test_a_task_that_is_killed_on_its_last_try_is_told_by_the_summary(
    airflow: Airflow, mysql_server: Mysql, root: Path, hook: Posts, mails: Mails
) -> None:
    environment = {**connections(hook, mails), "HEADRACE_ALERTS": "webhook", "HEADRACE_RETRIES": "0"}
    copy_of_dag(airflow, root, "trying_once", environment)
    with held_load(airflow, mysql_server, "killed_for_good", "trying_once") as held:
        held.process.send_signal(signal.SIGKILL)
        # Neither the task nor Airflow runs a callback then.
        assert airflow.wait(held.run, dag_id="trying_once") == "failed"
    status, error = catalog(airflow, held.run)["killed_for_good.csv"]
    assert status == "failed"
    assert error.startswith("the task died")
    ((_, _, body),) = hook.got
    assert [(file["name"], file["message"]) for file in body["files"]] == [("killed_for_good.csv", error)]
    assert body["link"] == f"{airflow.url}/dags/trying_once/runs/{held.run}/tasks/{LOAD}/mapped/0"


@pytest.mark.slow
def test_a_task_whose_supervisor_is_killed_never_writes_twice(airflow: Airflow, mysql_server: Mysql) -> None:
    with held_load(airflow, mysql_server, "killed_worker") as held:
        held.supervisor.send_signal(signal.SIGKILL)
        airflow.until(lambda: tries(airflow, held) == 2, "the second try", 90)
        # Nobody has told the first one: both want to go on now.
        assert held.process.is_running()
        held.release()
        assert_whole(airflow, held)


def test_a_killed_scheduler_disturbs_no_load(airflow: Airflow, mysql_server: Mysql) -> None:
    with held_load(airflow, mysql_server, "killed_scheduler") as held:
        (killed, *left) = airflow.pids("scheduler")

        def in_a_transaction() -> bool:
            os.kill(killed, signal.SIGSTOP)
            if "idle in transaction" in sessions_of(airflow, 1):
                return True
            os.kill(killed, signal.SIGCONT)
            return False

        airflow.until(in_a_transaction, "a transaction of the scheduler's")
        os.kill(killed, signal.SIGKILL)
        airflow.until(lambda: airflow.session("scheduler") != killed, "the next scheduler")
        # Its children have the sockets of its connections, which the server would take for alive.
        assert any(psutil.pid_exists(pid) for pid in left)
        assert sessions_of(airflow, 1) == []
        held.release()
        assert_whole(airflow, held)


def test_a_task_that_is_marked_failed_stops_cleanly(airflow: Airflow, mysql_server: Mysql) -> None:
    with held_load(airflow, mysql_server, "marked_failed") as held:
        place = f"/dags/{DAG_ID}/dagRuns/{held.run}/taskInstances/{LOAD}/0"
        airflow.call("PATCH", place, {"new_state": "failed"})
        airflow.until(lambda: "Terminating" in airflow.log(held.run, LOAD, 0), "the task to be told")
        held.release()
        airflow.until(lambda: not held.process.is_running(), "the end of the task", 20)
        assert "told to stop" in airflow.log(held.run, LOAD, 0)
        assert 0 < len(table(airflow, held.table)) < ROWS
        assert airflow.wait(held.run) == "failed"
        status, error = catalog(airflow, held.run)["marked_failed.csv"]
        assert (status, bool(error)) == ("failed", True)
        airflow.clear(held.run, [(LOAD, 0)])
        assert_whole(airflow, held)
