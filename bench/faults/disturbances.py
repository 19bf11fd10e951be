"""Faults that a run should live through, or end from with a clear error: servers, networks, locks, disks, other workers."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import MySQLdb

from bench.faults.ground import port_of
from bench.faults.outcome import Outcome
from bench.faults.points import Happening
from bench.faults.proxy import LossyProxy
from bench.faults.trial import KILLED, NotAsPlanned, Stage, Trial
from bench.faults.ways import BATCH_ROWS, ROWS, Way, rows_after, write_file

# The one that each way spends its time on.
_MIDDLE = {
    "new": "mid-LOAD",
    "append": "mid-LOAD",
    "append, file": "mid-LOAD",
    "replace": "mid-LOAD",
    "upsert": "after the upsert",
}
_EVERY = tuple(_MIDDLE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Disturbance:
    """A fault, the ways that it's tried on, and what does it."""

    name: str
    ways: tuple[str, ...]
    do: Callable[[Stage, Way], Outcome]


def _signalled(happening: Happening, number: signal.Signals) -> Callable[[Stage, Way], Outcome]:
    """A signal asks the run to end in the middle: it says so, and the next one goes on."""

    def do(stage: Stage, way: Way) -> Outcome:
        with stage.trial(way) as trial:
            status = trial.wait(trial.start(_MIDDLE[way.name], happening))
            trial.ended(status, 128 + number, "it should have been interrupted")
            trial.must_say("it goes on where it stopped")
            return trial.finish()

    return do


def _server_ended(how: signal.Signals) -> Callable[[Stage, Way], Outcome]:
    """The MySQL server ends in the middle and is started again: the run waits and goes on."""

    def do(stage: Stage, way: Way) -> Outcome:
        with stage.trial(way) as trial:
            pid = trial.pause(_MIDDLE[way.name])
            stage.servers.end_mysql(how)
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.5)
            stage.servers.start_mysql()
            trial.ended(trial.wait(pid), 0, "it should have waited for the server")
            trial.must_say("trying again")
            return trial.finish()

    return do


def _reset(word: bytes) -> Callable[[Stage, Way], Outcome]:
    """The connection that has said a word is reset in the middle."""

    def do(stage: Stage, way: Way) -> Outcome:
        with stage.trial(way) as trial, LossyProxy(port_of(trial.ground.mysql_url)) as proxy:
            pid = trial.pause(_MIDDLE[way.name], ground=trial.ground.through(proxy.port))
            before = proxy.connections
            proxy.reset(word)
            trial.ended(trial.resume(pid), 0, "it should have connected again")
            if proxy.connections == before:
                raise NotAsPlanned(f"nobody missed the connection:\n{trial.said()}")
            return trial.finish()

    return do


def _lost(*, reply: bool) -> Callable[[Stage, Way], Outcome]:
    """A COMMIT is lost, or only the reply to it."""

    def do(stage: Stage, way: Way) -> Outcome:
        with (
            stage.trial(way) as trial,
            LossyProxy(port_of(trial.ground.mysql_url), b"COMMIT", reply_lost=reply) as proxy,
        ):
            pid = trial.start(ground=trial.ground.through(proxy.port))
            trial.ended(trial.wait(pid), 0, "it should have asked whether the batch is in")
            trial.must_say("trying again")
            return trial.finish()

    return do


# Where each way stands still, what another session locks then, and which of the run's own rows it wants after that.
_DEADLOCKS = {
    "append": (
        "after a ledger row",
        "SELECT * FROM t WHERE id > 0 FOR UPDATE",
        "SELECT * FROM _ingest_batch FOR UPDATE",
    ),
    "append, file": (
        "after a LOAD",
        "INSERT INTO _ingest_batch SELECT file_id, 2, 0, 0, 0, 0, 0, 0, NULL, NOW(6) FROM _ingest_file LOCK IN SHARE MODE",
        "SELECT * FROM t FOR UPDATE",
    ),
    "upsert": ("before the upsert", "SELECT * FROM t FOR UPDATE", "SELECT * FROM _ingest_file FOR UPDATE"),
}


def _deadlock(stage: Stage, way: Way) -> Outcome:
    """Another session locks what the run wants next, and then wants what the run has: one of them is the victim."""
    point, lock, wish = _DEADLOCKS[way.name]
    with stage.trial(way) as trial:
        pid = trial.pause(point)
        with _other(trial) as other:
            # The victim is whoever has changed less.
            other.query("CREATE TABLE heavy (n INT)")
            other.query("BEGIN")
            other.query("INSERT INTO heavy VALUES " + ", ".join(["(1)"] * 20_000))
            other.query(lock)
            other.store_result()
            waiting = threading.Thread(target=_wish, args=(other, wish))
            waiting.start()
            try:
                _until_waiting(trial)
            finally:
                # Whatever it waits for, it gets that now, or is the victim: nobody else may touch its session before.
                os.kill(pid, signal.SIGCONT)
                waiting.join()
        trial.ended(trial.wait(pid), 0, "it should have tried again after the deadlock")
        trial.must_say("Deadlock found", "trying again")
        return trial.finish()


def _lock_wait(stage: Stage, way: Way) -> Outcome:
    """Another session holds a lock for longer than the server lets anybody wait."""
    with stage.trial(way) as trial, _patience(trial, 1):
        pid = trial.pause("before the upsert" if way.name == "upsert" else "before the gate")
        with _other(trial) as other:
            other.query("BEGIN")
            other.query("SELECT * FROM t FOR UPDATE")
            other.store_result()
            os.kill(pid, signal.SIGCONT)
            time.sleep(1.7)
        trial.ended(trial.wait(pid), 0, "it should have waited for the lock again")
        trial.must_say("Lock wait timeout", "trying again")
        return trial.finish()


@contextmanager
def _other(trial: Trial) -> Iterator[MySQLdb.Connection]:
    """Open a session whose transaction ends with the block."""
    with closing(trial.ground.session()) as session:
        yield session
        session.rollback()


@contextmanager
def _patience(trial: Trial, seconds: int) -> Iterator[None]:
    """Let new sessions wait so long for a row's lock."""
    ((before,),) = trial.ground.mysql("SELECT @@GLOBAL.innodb_lock_wait_timeout")
    trial.ground.mysql(f"SET GLOBAL innodb_lock_wait_timeout = {seconds}")
    try:
        yield
    finally:
        trial.ground.mysql(f"SET GLOBAL innodb_lock_wait_timeout = {before}")


def _wish(session: MySQLdb.Connection, statement: str) -> None:
    session.query(statement)
    session.store_result()


def _until_waiting(trial: Trial) -> None:
    deadline = time.monotonic() + 10.0
    while not trial.ground.mysql("SELECT 1 FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'"):
        if time.monotonic() > deadline:
            raise NotAsPlanned("nobody waits for a lock")
        # Whoever asks again within 0.1 s is told the same as before, for as long as he goes on so.
        time.sleep(0.15)


def _catalog_down(stage: Stage, way: Way) -> Outcome:
    """PostgreSQL ends in the middle of the load and is back for the next run."""
    with stage.trial(way) as trial:
        pid = trial.pause("mid-scan")
        stage.servers.end_postgres()
        try:
            trial.ended(trial.resume(pid), 0, "the load should not need the catalog")
            trial.must_say("catalog:")
        finally:
            stage.servers.start_postgres()
        return trial.finish()


def _no_catalog(stage: Stage, way: Way) -> Outcome:
    """PostgreSQL isn't there when the run begins."""
    with stage.trial(way) as trial:
        stage.servers.end_postgres()
        try:
            trial.ended(trial.wait(trial.start()), 0, "the load should not need the catalog")
        finally:
            stage.servers.start_postgres()
        return trial.finish()


def _staging_full(stage: Stage, way: Way) -> Outcome:
    """The disk is full when the second batch is staged."""
    with stage.trial(way, 2 * ROWS, batch_rows=2 * BATCH_ROWS) as trial:
        status = trial.wait(trial.start("mid-scan", "fill the disk"))
        trial.ended(status, 1, "it should have found the disk full")
        trial.must_say("can't stage")
        return trial.finish()


def _rejects_full(stage: Stage, way: Way) -> Outcome:
    """The disk is full when rejected rows are written."""
    with stage.trial(way) as trial:
        feeds = trial.ground.data_dir / "feeds.toml"
        feeds.write_text(feeds.read_text("utf-8") + 'max_rejects = "50%"\n', "utf-8")
        with trial.ground.input_file.open("a", encoding="utf-8") as file:
            file.writelines(f'none,"{"x" * 200}"\n' for _ in range(ROWS))
        trial.rows_read, trial.reject_files = 2 * ROWS, 2
        status = trial.wait(trial.start("after fingerprint", "fill the disk"))
        trial.ended(status, 1, "it should have found the disk full")
        return trial.finish()


@contextmanager
def _archive_apart(trial: Trial) -> Iterator[None]:
    """Put the archive on another file system, so that files are copied there."""
    apart = Path(tempfile.mkdtemp(dir="/dev/shm", prefix="headrace-faults-"))
    try:
        if apart.stat().st_dev == trial.ground.data_dir.stat().st_dev:
            raise NotAsPlanned("the archive is on the same file system after all")
        (trial.ground.data_dir / "archive").symlink_to(apart, target_is_directory=True)
        yield
    finally:
        shutil.rmtree(apart)


def _archive_full(stage: Stage, way: Way) -> Outcome:
    """The disk of the archive is full: the file stays where it was, and the next run puts it away."""
    with stage.trial(way, 2 * ROWS) as trial, _archive_apart(trial):
        trial.ended(trial.wait(trial.start("before the catalog", "fill the disk")), 0, "the load itself is whole")
        trial.must_say("loaded, but not archived")
        return trial.finish()


def _archive_killed(point: str) -> Callable[[Stage, Way], Outcome]:
    """A kill while the file is copied to the archive's file system."""

    def do(stage: Stage, way: Way) -> Outcome:
        with stage.trial(way) as trial, _archive_apart(trial):
            trial.ended(trial.wait(trial.start(point)), KILLED)
            return trial.finish()

    return do


_SOON = (("INGEST_LOCK_WAIT_S", "1"),)


def _second_worker(stage: Stage, way: Way) -> Outcome:
    """A second worker comes while the first stands still: it's told so, and the first finishes."""
    with stage.trial(way) as trial:
        first = trial.pause(_MIDDLE[way.name])
        trial.ended(trial.wait(trial.start(settings=_SOON)), 1, "the second should not have got the lock")
        trial.must_say("another worker has been loading")
        trial.ended(trial.resume(first), 0)
        return trial.finish()


def _dispossessed(point: str, arguments: tuple[str, ...] = ()) -> Callable[[Stage, Way], Outcome]:
    """A worker stands still, its lock is lost with its connection, a second one does the work, and the first wakes up."""

    def do(stage: Stage, way: Way) -> Outcome:
        with stage.trial(way) as trial:
            first = trial.pause("before the upsert" if way.name == "upsert" else point)
            _lose_lock(trial)
            status = trial.wait(trial.start(arguments=arguments))
            if status != 0:
                # Rows of the first are in the table for good.
                trial.must_say("are in t from an earlier attempt with other options")
            status = trial.resume(first)
            if status not in (0, 1):
                raise NotAsPlanned(f"the first ended with {status}:\n{trial.said()}")
            return trial.finish()

    return do


def _in_turns(stage: Stage, way: Way) -> Outcome:
    """The same, but the first wakes up while the second is at it: both load the same file at the same time."""
    with stage.trial(way) as trial:
        first = trial.pause("before a ledger row")
        _lose_lock(trial)
        second = trial.pause("after a ledger row")
        os.kill(first, signal.SIGCONT)
        time.sleep(0.3)
        os.kill(second, signal.SIGCONT)
        statuses = {trial.wait(first), trial.wait(second)}
        if 0 not in statuses or statuses - {0, 1}:
            raise NotAsPlanned(f"they ended with {statuses}:\n{trial.said()}")
        return trial.finish()


def _lose_lock(trial: Trial) -> None:
    """End the first session of the trial's database, which has the lock; its others go on."""
    found = trial.ground.mysql(
        "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND USER = 'headrace' ORDER BY ID LIMIT 1"
    )
    trial.ground.mysql(f"KILL {found[0][0]}")


def _changed(change: Callable[[Path, Way], None]) -> Callable[[Stage, Way], Outcome]:
    """The file becomes another one while it's read: nothing of the old one is left, and the next run takes the new one."""

    def do(stage: Stage, way: Way) -> Outcome:
        with stage.trial(way) as trial:
            pid = trial.pause("mid-scan")
            change(trial.ground.input_file, way)
            trial.ended(trial.resume(pid), 1, "it should have seen that the file changed")
            trial.must_say("changed since it was found")
            trial.expected = rows_after(way, _FEWER, word="new")
            trial.rows_read = trial.rows_loaded = _FEWER
            return trial.finish()

    return do


# Half a file, and of other rows.
_FEWER = ROWS // 2


def _replace(path: Path, way: Way) -> None:
    """A complete file takes the name by a rename, as it should be done."""
    partial = path.with_suffix(".partial")
    write_file(way, partial, _FEWER, word="new")
    partial.replace(path)


def _overwrite(path: Path, way: Way) -> None:
    """The file is truncated and written anew in place, as `cp` does."""
    write_file(way, path, _FEWER, word="new")


def _two_at_once(stage: Stage, way: Way) -> Outcome:
    """Two runs start at the same time on the same folder."""
    with stage.trial(way) as trial:
        pids = [trial.start(), trial.start()]
        for pid in pids:
            trial.ended(trial.wait(pid), 0, "either should end well")
        return trial.finish()


DISTURBANCES: tuple[Disturbance, ...] = (
    Disturbance(name="SIGTERM", ways=_EVERY, do=_signalled("terminate", signal.SIGTERM)),
    Disturbance(name="Ctrl-C (SIGINT)", ways=_EVERY, do=_signalled("interrupt", signal.SIGINT)),
    Disturbance(name="MySQL killed, started again", ways=_EVERY, do=_server_ended(signal.SIGKILL)),
    Disturbance(name="MySQL stopped, started again", ways=_EVERY, do=_server_ended(signal.SIGTERM)),
    Disturbance(name="lock's connection reset", ways=_EVERY, do=_reset(b"GET_LOCK")),
    Disturbance(name="loader's connection reset", ways=("new", "append", "replace"), do=_reset(b"LOAD DATA")),
    Disturbance(name="COMMIT lost", ways=_EVERY, do=_lost(reply=False)),
    Disturbance(name="reply to COMMIT lost", ways=_EVERY, do=_lost(reply=True)),
    Disturbance(name="deadlock", ways=tuple(_DEADLOCKS), do=_deadlock),
    Disturbance(name="lock wait timeout", ways=("append", "append, file", "upsert"), do=_lock_wait),
    Disturbance(name="PostgreSQL gone from the middle on", ways=_EVERY, do=_catalog_down),
    Disturbance(name="PostgreSQL not there", ways=_EVERY, do=_no_catalog),
    Disturbance(name="disk full: staging", ways=("append", "append, file"), do=_staging_full),
    Disturbance(name="disk full: rejects", ways=("append", "append, file", "replace", "upsert"), do=_rejects_full),
    Disturbance(name="disk full: archive", ways=_EVERY, do=_archive_full),
    Disturbance(name="killed copying to the archive", ways=_EVERY, do=_archive_killed("mid-archive, copying")),
    Disturbance(name="killed with the archive's copy made", ways=_EVERY, do=_archive_killed("mid-archive, copied")),
    Disturbance(name="second worker", ways=_EVERY, do=_second_worker),
    Disturbance(name="second worker, lock lost before a batch", ways=_EVERY, do=_dispossessed("before a ledger row")),
    Disturbance(
        name="second worker with other options, lock lost",
        ways=_EVERY,
        do=_dispossessed("before a ledger row", ("--null", "nothing")),
    ),
    Disturbance(name="second worker at the same time, lock lost", ways=_EVERY, do=_in_turns),
    Disturbance(name="file replaced while read", ways=_EVERY, do=_changed(_replace)),
    Disturbance(name="file overwritten while read", ways=_EVERY, do=_changed(_overwrite)),
    Disturbance(name="two at once", ways=_EVERY, do=_two_at_once),
)
