"""The door: `python -m bench`, the engine beside plain LOAD DATA of the same file."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from bench.machine import machine, versions
from bench.report import Measured, document, step_line, table, title
from bench.sales import sales_file
from bench.server import BenchServer, private_server, programs
from bench.variants import ROOT, VARIANTS, Run, Variant, run
from engine.errors import EngineError

# Raised when a key of the JSON changes its meaning or goes.
_VERSION = 1
_FOLDER = Path(__file__).resolve().parent
_WARM_UP_ROWS = 1_000


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rows", "sizes", type=click.IntRange(min=1), multiple=True, help="Default: 1,000,000. May be repeated.")
@click.option("--repeat", type=click.IntRange(min=1), default=3, show_default=True, help="Runs of each variant.")
@click.option(
    "--mysqld",
    "asked",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A server program; may be repeated. Default: INGEST_MYSQLD, else every one that is found.",
)
@click.option("--rooms/--no-rooms", default=True, help="Measure the rooms too (pytest-benchmark). Default: yes.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Default: bench/results/<time>.json.")
@click.option("--data-dir", type=click.Path(path_type=Path), default=_FOLDER / "data", help="Default: bench/data.")
def main(
    sizes: tuple[int, ...], repeat: int, asked: tuple[Path, ...], *, rooms: bool, json_path: Path | None, data_dir: Path
) -> None:
    """Load the same file by the engine, by an expert's LOAD DATA and by a naive one; show the medians."""
    began = datetime.now(tz=UTC)
    found: list[Measured] = []
    status = 0
    try:
        for program in programs(asked):
            with private_server(program, data_dir / "servers") as server:
                for rows in sizes or (1_000_000,):
                    found.append(_measure(server, rows, repeat, data_dir))
                    _show(found[-1])
    except (EngineError, RuntimeError) as error:
        click.echo(f"error: {error}", err=True)
        status = 1
    if found:
        path = json_path or _FOLDER / "results" / f"{began:%Y%m%dT%H%M%SZ}.json"
        _write(path, began, found)
        click.echo(f"written: {path}", err=True)
    if rooms and not status:
        status = subprocess.run([sys.executable, "-m", "pytest", "bench"], cwd=ROOT, check=False).returncode
    sys.exit(status)


def _measure(server: BenchServer, rows: int, repeat: int, data_dir: Path) -> Measured:
    """Run the variants in turn, each time in another order, and see that all leave the same rows."""
    path = sales_file(rows, data_dir)
    warm_up = sales_file(_WARM_UP_ROWS, data_dir)
    for variant in VARIANTS:
        run(variant, warm_up, server, 0)
    runs: list[Run] = []
    contents = set()
    for repetition in range(1, repeat + 1):
        for variant in _turned(repetition):
            _read(path)
            done, content = run(variant, path, server, repetition)
            click.echo(
                f"{server.name} {rows:,} rows {repetition}/{repeat} {variant.name}: {done.wall_s:.2f} s", err=True
            )
            runs.append(done)
            contents.add(content)
    if len(contents) != 1 or next(iter(contents))[0] != rows:
        raise RuntimeError(f"the variants disagree about what is in the table: {sorted(map(str, contents))}")
    return Measured(server=server, path=path, rows=rows, size_bytes=path.stat().st_size, runs=tuple(runs))


def _turned(repetition: int) -> tuple[Variant, ...]:
    turn = repetition % len(VARIANTS)
    return VARIANTS[turn:] + VARIANTS[:turn]


def _read(path: Path) -> None:
    """Have the file in the system's cache for every variant alike."""
    with path.open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def _show(measured: Measured) -> None:
    """Print one server's table as Markdown, as wide as it has to be, so that it can be pasted."""
    console = Console(width=250, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(table(measured))
    lines = [line.rstrip() for line in captured.get().splitlines() if line.strip()]
    click.echo("\n".join(["", title(measured), "", *lines, "", step_line(measured)]))


def _write(path: Path, began: datetime, found: list[Measured]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {
        "version": _VERSION,
        "started_at": began.isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "measured": [document(measured) for measured in found],
    }
    path.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(prog_name="python -m bench")
