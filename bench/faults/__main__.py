"""The door: `python -m bench.faults`, every fault on every way on every server; exit status 1 unless all is zero."""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from bench.faults.disturbances import DISTURBANCES
from bench.faults.ground import Servers
from bench.faults.kills import duration_s, killed_after, killed_at, killed_before_the_reply
from bench.faults.outcome import Outcome
from bench.faults.points import POINTS
from bench.faults.report import Cell, document, problems, table
from bench.faults.trial import Stage
from bench.faults.ways import WAYS, Way
from bench.faults.workers import Workers
from bench.machine import machine, versions
from bench.server import programs
from engine import embedded

# Raised when a key of the JSON changes its meaning or goes.
_VERSION = 1
_FOLDER = Path(__file__).resolve().parent
# Of the file whose load is killed at any instant: so many that its batches take up most of the time.
_BATCHES = 40
_ROTATION = ("new", "append", "append, file", "replace", "upsert", "new, 2 loaders", "append, 2 loaders")

Fault = tuple[str, Way, Callable[[Stage, Way], Outcome]]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wish:
    """What was asked for on the command line."""

    runs: int
    kills: int
    rows: int
    seed: int
    only: tuple[str, ...]

    def wants(self, fault: str, way: str) -> bool:
        return not self.only or any(word in f"{fault}: {way}" for word in self.only)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--runs", type=click.IntRange(min=1), default=1, show_default=True, help="Runs of each fault and way.")
@click.option("--kills", type=click.IntRange(min=0), default=100, show_default=True, help="Kills at any instant.")
@click.option("--rows", type=click.IntRange(min=1_000), default=50_000, show_default=True, help="In the file of those.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the instants.")
@click.option("--only", multiple=True, metavar="WORDS", help='Only faults whose "fault: way" has these words.')
@click.option(
    "--mysqld",
    "asked",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A server program; may be repeated. Default: INGEST_MYSQLD, else every one that is found.",
)
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Default: bench/results/faults-<time>.json.")
def main(
    runs: int,
    kills: int,
    rows: int,
    seed: int,
    only: tuple[str, ...],
    asked: tuple[Path, ...],
    json_path: Path | None,
) -> None:
    """Kill, cut off and disturb loads of real files into real servers, run them again, and count what is wrong then."""
    began = datetime.now(tz=UTC)
    wish = _Wish(runs=runs, kills=kills, rows=rows, seed=seed, only=only)
    found = programs(asked)
    with ThreadPoolExecutor(len(found)) as lanes:
        cells = [cell for those in lanes.map(lambda program: _on_server(program, wish), found) for cell in those]
    if not cells:
        raise click.UsageError(f"--only {' '.join(only)}: no fault and way has these words")
    console = Console(width=250, highlight=False, markup=False)
    for server in dict.fromkeys(cell.server for cell in cells):
        with console.capture() as captured:
            console.print(table(server, cells))
        click.echo("\n".join(["", *(line.rstrip() for line in captured.get().splitlines() if line.strip())]))
    wrong = problems(cells)
    click.echo("\n".join(["", *wrong]) if wrong else "\nrows lost 0, rows twice 0, left-overs 0", err=bool(wrong))
    path = json_path or _FOLDER.parent / "results" / f"faults-{began:%Y%m%dT%H%M%SZ}.json"
    _write(path, began, wish, cells)
    click.echo(f"written: {path}", err=True)
    sys.exit(1 if wrong else 0)


def _on_server(program: Path | None, wish: _Wish) -> list[Cell]:
    """Do it all on one server of its own."""
    local_dir = Path(tempfile.mkdtemp(prefix="headrace-faults-"))
    # The user that PostgreSQL runs as must be able to pass.
    local_dir.chmod(0o711)
    servers = Servers.start(local_dir / "servers", program)
    try:
        with Workers() as workers:
            stage = Stage(servers=servers, workers=workers, folder=local_dir / "trials")
            tally = _Tally(server=servers.version)
            for fault, way, do in _faults():
                if wish.wants(fault, way.name):
                    for _ in range(wish.runs):
                        tally.add(fault, way, lambda do=do, way=way: do(stage, way))  # type: ignore[misc]  # bound at once
            _kill_at_any_instant(stage, wish, tally)
            return tally.cells
    finally:
        embedded.clean(servers.where)
        shutil.rmtree(local_dir, ignore_errors=True)


def _faults() -> Iterator[Fault]:
    for point in POINTS:
        for way in WAYS.values():
            if point in way.points:
                yield f"killed {point}", way, lambda stage, way, point=point: killed_at(stage, way, point)  # type: ignore[misc]  # bound at once
    for way in WAYS.values():
        yield "killed after COMMIT, before its reply", way, killed_before_the_reply
    for disturbance in DISTURBANCES:
        for name in disturbance.ways:
            yield disturbance.name, WAYS[name], disturbance.do


def _kill_at_any_instant(stage: Stage, wish: _Wish, tally: _Tally) -> None:
    """Kill loads of a larger file at instants that are spread evenly over the time that one takes undisturbed."""
    fault = "killed at any instant"
    rotation = [name for name in _ROTATION if wish.wants(fault, name)]
    instants = random.Random(wish.seed)
    batch_rows = max(1, wish.rows // _BATCHES)
    lasts_s: dict[str, float] = {}
    for number in range(wish.kills if rotation else 0):
        way = WAYS[rotation[number % len(rotation)]]
        if way.name not in lasts_s:
            lasts_s[way.name] = duration_s(stage, way, wish.rows, batch_rows)
        after_s = instants.uniform(0, lasts_s[way.name])
        tally.add(
            fault,
            way,
            lambda way=way, after_s=after_s: killed_after(stage, way, wish.rows, batch_rows, after_s)[1],  # type: ignore[misc]  # bound at once
        )


@dataclass(kw_only=True, slots=True)
class _Tally:
    """The cells of one server so far."""

    server: str
    cells: list[Cell] = field(default_factory=list)

    def add(self, fault: str, way: Way, trial: Callable[[], Outcome]) -> None:
        """Do one trial and add what it shows; one that fails is counted, and doesn't stop the others."""
        cell = next((one for one in self.cells if (one.fault, one.way) == (fault, way.name)), None)
        if cell is None:
            cell = Cell(fault=fault, way=way.name, server=self.server, left_overs=[])
            self.cells.append(cell)
        began = time.perf_counter()
        try:
            outcome = trial()
        except Exception as error:  # noqa: BLE001 - whatever it is, it goes into the table
            outcome = Outcome(rows_lost=0, rows_twice=0, left_overs=(f"{type(error).__name__}: {error}",))
        seconds = time.perf_counter() - began
        cell.runs += 1
        cell.rows_lost += outcome.rows_lost
        cell.rows_twice += outcome.rows_twice
        cell.left_overs += outcome.left_overs
        cell.seconds += seconds
        click.echo(f"{self.server}: {fault}: {way.name}: {'WRONG' if outcome else 'well'}, {seconds:.1f} s", err=True)


def _write(path: Path, began: datetime, wish: _Wish, cells: list[Cell]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {
        "version": _VERSION,
        "started_at": began.isoformat(timespec="seconds"),
        "seconds": round((datetime.now(tz=UTC) - began).total_seconds()),
        "runs": wish.runs,
        "kills": wish.kills,
        "rows_of_kills": wish.rows,
        "seed": wish.seed,
        "machine": machine(),
        "versions": versions(),
        "cells": document(cells),
    }
    path.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(prog_name="python -m bench.faults")
