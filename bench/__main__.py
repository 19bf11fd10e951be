"""The door: `python -m bench`, the engine beside LOAD DATA and other tools, on the same files and servers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from bench.bounds import broken
from bench.documents import write
from bench.measuring import measure
from bench.parts import Part
from bench.plan import WORKLOADS, checked, parts, quick
from bench.report import must_reach, shown
from bench.results import Measured
from bench.server import private_server, programs
from bench.targets import verdicts
from bench.variants.variant import ROOT
from engine.errors import EngineError

_FOLDER = Path(__file__).resolve().parent


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--workload",
    "workloads",
    type=click.Choice(WORKLOADS),
    multiple=True,
    help="May be repeated. Default: all but memory.",
)
@click.option(
    "--variant", "variants", metavar="NAME", multiple=True, help="May be repeated. Default: those of each table."
)
@click.option(
    "--rows",
    "sizes",
    type=click.IntRange(min=1),
    multiple=True,
    help="Of the files; for small: files. May be repeated.",
)
@click.option(
    "--repeat", type=click.IntRange(min=1), help="Runs of each variant. Default: 5; 2 with --quick, 3 with --check."
)
@click.option(
    "--mysqld",
    "asked",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A server program; may be repeated. Default: INGEST_MYSQLD, else every one that is found.",
)
@click.option("--quick", "is_quick", is_flag=True, help="Small files, no peers: less than five minutes.")
@click.option(
    "--check", is_flag=True, help="Engine and expert only; status 1 where their ratio is above bench/bounds.toml's."
)
@click.option(
    "--rooms/--no-rooms", default=None, help="Measure the rooms too (pytest-benchmark). Default: where all is."
)
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Default: bench/results/<time>.json.")
@click.option("--data-dir", type=click.Path(path_type=Path), default=_FOLDER / "data", help="Default: bench/data.")
def main(
    *,
    workloads: tuple[str, ...],
    variants: tuple[str, ...],
    sizes: tuple[int, ...],
    repeat: int | None,
    asked: tuple[Path, ...],
    is_quick: bool,
    check: bool,
    rooms: bool | None,
    json_path: Path | None,
    data_dir: Path,
) -> None:
    """Load the same files by the engine, by LOAD DATA and by other tools; show medians and what must be reached."""
    began = datetime.now(tz=UTC)
    if (is_quick or check) and (workloads or sizes or variants):
        raise click.UsageError("--quick and --check choose workloads, rows and variants themselves")
    chosen = checked() if check else quick() if is_quick else _with(variants, parts(workloads, sizes))
    repeat = repeat or (3 if check else 2 if is_quick else 5)
    found, status = _measure_all(chosen, variants, repeat, programs(asked), data_dir)
    path = json_path or _FOLDER / "results" / f"{began:%Y%m%dT%H%M%SZ}.json"
    if found:
        click.echo("\n" + must_reach(verdicts(found)))
        write(path, began, found)
        click.echo(f"{(datetime.now(tz=UTC) - began).seconds} s; written: {path}", err=True)
    for sentence in broken(found) if check else ():
        click.echo(sentence, err=True)
        status = 1
    whole = not (workloads or variants or sizes or check)
    if not status and (whole if rooms is None else rooms):
        written = path.resolve().with_suffix(".rooms.json")
        command = [sys.executable, "-m", "pytest", "bench", f"--benchmark-json={written}"]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
    sys.exit(status)


def _measure_all(
    chosen: Sequence[Part], variants: Sequence[str], repeat: int, servers: Sequence[Path | None], data_dir: Path
) -> tuple[list[Measured], int]:
    """Measure part by part on one server after the other; what was measured before a failure isn't lost."""
    found: list[Measured] = []
    try:
        for program in servers:
            with private_server(program, data_dir / "servers") as server:
                for part in chosen:
                    found.append(
                        measure(part, server, variants, repeat, data_dir, lambda text: click.echo(text, err=True))
                    )
                    click.echo("\n" + shown(found[-1]))
    except (EngineError, RuntimeError) as error:
        click.echo(f"error: {error}", err=True)
        return found, 1
    return found, 0


def _with(variants: Sequence[str], chosen: Sequence[Part]) -> list[Part]:
    """Return the parts that have one of the variants asked for, all where none is.

    Raises:
        UsageError: There is none.
    """
    names = {variant.name for part in chosen for variant in part.variants}
    if unknown := [name for name in variants if name not in names]:
        raise click.UsageError(
            f"no variant is called {', '.join(map(repr, unknown))}; there are: {', '.join(sorted(names))}"
        )
    return [part for part in chosen if not variants or {variant.name for variant in part.variants} & set(variants)]


if __name__ == "__main__":
    main(prog_name="python -m bench")
