"""Killed or disturbed anywhere and run again: the table equals the file, once; the databases agree; nothing is left over."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.faults.disturbances import DISTURBANCES
from bench.faults.kills import duration_s, killed_after, killed_at, killed_before_the_reply
from bench.faults.outcome import Outcome
from bench.faults.report import Cell, problems
from bench.faults.trial import NotAsPlanned, Stage
from bench.faults.ways import WAYS, Way

NOTHING_WRONG = Outcome(rows_lost=0, rows_twice=0, left_overs=())

# The points where the ways differ most; the others run with `-m slow` as well.
_QUICK = {
    "new": ("mid-scan", "after COMMIT", "before the index build", "before RENAME", "after RENAME", "mid-archive"),
    "new, 2 loaders": ("mid-LOAD",),
    "append": ("after a batch is written", "after a ledger row", "mid-LOAD", "before COMMIT", "after COMMIT"),
    "append, 2 loaders": ("after COMMIT",),
    "append, file": ("mid-LOAD", "before the one COMMIT", "after the one COMMIT", "before the catalog"),
    "replace": (
        "after claim",
        "before RENAME",
        "between RENAME and drop",
        "after RENAME",
        "before the clean-up",
        "after the catalog",
    ),
    "upsert": ("after COMMIT", "before the upsert", "after the upsert", "before the clean-up", "before the catalog"),
}
# Passed alike by a new table and an append: on the other ways only `python -m bench.faults` tries all of them.
_ALIKE = set(WAYS["new"].points) & set(WAYS["append"].points)
KILLS = [
    pytest.param(
        way.name, point, marks=() if point in _QUICK[way.name] else pytest.mark.slow, id=f"{way.name}: {point}"
    )
    for way in WAYS.values()
    for point in way.points
    if way.name in ("new", "append") or point not in _ALIKE or point in _QUICK[way.name]
]

# `python -m bench.faults` tries every one on every way; here each is tried where it's hardest.
_HARDEST = {
    "SIGTERM": ("append", "append, file"),
    "Ctrl-C (SIGINT)": ("upsert",),
    "MySQL killed, started again": ("append, file", "new"),
    "MySQL stopped, started again": ("append",),
    "lock's connection reset": ("append, file", "replace"),
    "COMMIT lost": ("append, file",),
    "reply to COMMIT lost": ("append, file", "upsert"),
    "PostgreSQL gone from the middle on": ("new",),
    "PostgreSQL not there": ("append",),
    "disk full: staging": ("append",),
    "disk full: rejects": ("append",),
    "disk full: archive": ("new",),
    "killed copying to the archive": ("append",),
    "killed with the archive's copy made": ("append",),
    "second worker": ("replace",),
    "second worker, lock lost before a batch": ("new", "append"),
    "second worker with other options, lock lost": ("new", "append"),
    "second worker at the same time, lock lost": ("append", "append, file"),
    "file replaced while read": ("replace", "append"),
    "file overwritten while read": ("new",),
    "two at once": ("append",),
}
FAULTS = [
    pytest.param(disturbance.do, way, id=f"{disturbance.name}: {way}", marks=pytest.mark.slow)
    for disturbance in DISTURBANCES
    for way in _HARDEST.get(disturbance.name, disturbance.ways)
]


@pytest.mark.parametrize(("way", "point"), KILLS)
def test_killed_at_a_point(stage: Stage, way: str, point: str) -> None:
    assert killed_at(stage, WAYS[way], point) == NOTHING_WRONG


@pytest.mark.parametrize("way", ["new", "append", "append, file", "replace", "upsert"])
def test_killed_with_its_commit_done_and_the_reply_on_its_way(stage: Stage, way: str) -> None:
    assert killed_before_the_reply(stage, WAYS[way]) == NOTHING_WRONG


@pytest.mark.parametrize(("fault", "way"), FAULTS)
def test_disturbed(stage: Stage, fault: Callable[[Stage, Way], Outcome], way: str) -> None:
    assert fault(stage, WAYS[way]) == NOTHING_WRONG


@pytest.mark.slow
@pytest.mark.parametrize("way", ["new, 2 loaders", "append, 2 loaders", "append, file", "replace", "upsert"])
def test_killed_at_any_instant(stage: Stage, way: str) -> None:
    rows, batch_rows = 10_000, 500
    lasts_s = duration_s(stage, WAYS[way], rows, batch_rows)
    for instant in (random.Random(way).uniform(0, lasts_s) for _ in range(2)):
        assert killed_after(stage, WAYS[way], rows, batch_rows, instant)[1] == NOTHING_WRONG


def test_a_fault_that_does_not_happen_shows_nothing(stage: Stage) -> None:
    with pytest.raises(NotAsPlanned, match="ended with 0 instead of -9"):
        killed_at(stage, WAYS["append"], "before RENAME")


def test_what_is_lost_or_there_twice_is_counted(stage: Stage) -> None:
    with stage.trial(WAYS["append"]) as trial:
        assert trial.finish() == NOTHING_WRONG
        trial.ground.mysql("DELETE FROM t WHERE n = 7")
        trial.ground.mysql("INSERT INTO t (n, s) VALUES (5, 'x')")
        trial.ground.mysql("CREATE TABLE _ingest_old_1 (n INT)")
        found = trial.look()
        assert (found.rows_lost, found.rows_twice, found.left_overs) == (1, 1, ("table _ingest_old_1",))


@pytest.mark.slow
def test_the_command_writes_its_table_and_its_cells(root: Path, mysqld: Path, tmp_path: Path) -> None:
    where = tmp_path / "faults.json"
    asked = ["--only", "after RENAME: replace", "--runs", "2", "--mysqld", str(mysqld), "--json", str(where)]
    done = subprocess.run(
        [sys.executable, "-m", "bench.faults", *asked], cwd=root, check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, f"written: {where}")
    (cell,) = json.loads(where.read_text(encoding="utf-8"))["cells"]
    assert (cell["fault"], cell["way"], cell["runs"]) == ("killed after RENAME", "replace", 2)
    assert (cell["rows_lost"], cell["rows_twice"], cell["left_overs"]) == (0, 0, [])
    rows = [[field.strip() for field in line.split("|")[1:-1]] for line in done.stdout.splitlines() if "|" in line]
    assert rows[-1] == ["all", "0", "0", "0", "0", "0", "2", "0", "0", "0", "0"]


def test_what_is_wrong_is_said_in_words() -> None:
    well = Cell(fault="a", way="new", server="S", runs=1, left_overs=[])
    wrong = Cell(fault="a", way="append", server="S", runs=1, rows_lost=3, rows_twice=1, left_overs=["table x"])
    assert problems([well, wrong]) == ["S: a: append: 3 rows lost, 1 twice\n  table x"]
    assert problems([well]) == []
