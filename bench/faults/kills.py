"""A process killed by SIGKILL, as by `kill -9` or a lost machine: at every point, at any instant, and around a COMMIT."""

from __future__ import annotations

import os
import signal
import time

from bench.faults.ground import port_of
from bench.faults.outcome import Outcome
from bench.faults.proxy import LossyProxy
from bench.faults.trial import KILLED, NotAsPlanned, Stage
from bench.faults.ways import Way

_PATIENCE_S = 30.0


def killed_at(stage: Stage, way: Way, point: str) -> Outcome:
    """Kill a run at a point that its way passes."""
    with stage.trial(way) as trial:
        trial.ended(trial.wait(trial.start(point)), KILLED, f"it should have died {point}")
        return trial.finish()


def killed_before_the_reply(stage: Stage, way: Way) -> Outcome:
    """Kill a run whose COMMIT has been done, before it hears of that."""
    with (
        stage.trial(way) as trial,
        LossyProxy(port_of(trial.ground.mysql_url), b"COMMIT", hold=True) as proxy,
    ):
        pid = trial.start(ground=trial.ground.through(proxy.port))
        if not proxy.held.wait(_PATIENCE_S):
            raise NotAsPlanned(f"no COMMIT came by:\n{trial.said()}")
        os.kill(pid, signal.SIGKILL)
        trial.ended(trial.wait(pid), KILLED)
        return trial.finish()


def duration_s(stage: Stage, way: Way, rows: int, batch_rows: int) -> float:
    """Measure a run that nobody disturbs, from its start to its end."""
    with stage.trial(way, rows, batch_rows=batch_rows) as trial:
        began = time.perf_counter()
        trial.ended(trial.wait(trial.start()), 0)
        return time.perf_counter() - began


def killed_after(stage: Stage, way: Way, rows: int, batch_rows: int, after_s: float) -> tuple[bool, Outcome]:
    """Kill a run some time after its start; tell whether it still ran, and what came of it."""
    with stage.trial(way, rows, batch_rows=batch_rows) as trial:
        pid = trial.start()
        time.sleep(after_s)
        # Nobody else can have the id: it's this process's until it was waited for.
        os.kill(pid, signal.SIGKILL)
        ran = trial.wait(pid) == KILLED
        return ran, trial.finish()
