"""The door: `python -m bench.robustness`, the engine and its peers on files that are odd or broken in known ways."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from bench.machine import machine, versions
from bench.robustness.kinds import KINDS, files_of
from bench.robustness.peers import interpreter
from bench.robustness.report import LEGEND, Outcome, counts, not_due, table
from bench.robustness.run import Tool, run_all
from bench.server import BenchServer, private_server, programs
from engine.errors import EngineError

# Raised when a key of the JSON changes its meaning or goes.
_VERSION = 1
_BENCH = Path(__file__).resolve().parent.parent
_IN_MEMORY = ("duckdb", "polars", "pandas", "csv")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--files", "count", type=click.IntRange(min=1), default=25, show_default=True, help="Files of each kind.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another one makes other files.")
@click.option("--kinds", "named", metavar="KIND[,KIND...]", help="Default: all. They are called as in the table.")
@click.option(
    "--server", type=click.Choice(["mariadb", "mysql", "both"]), help="Default: INGEST_MYSQLD, else the first found."
)
@click.option(
    "--mysqld", "asked", type=click.Path(path_type=Path), multiple=True, help="A server program; may be repeated."
)
@click.option("--peers/--no-peers", default=True, help="Show other tools beside the engine. Default: yes.")
@click.option("--why", is_flag=True, help="List what the engine didn't end as due, with the reason.")
@click.option("--markdown", is_flag=True, help="Print the tables as Markdown.")
@click.option("--keep", type=click.Path(path_type=Path), help="A folder to leave the made files in.")
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Default: bench/results/robustness-<time>.json."
)
def main(
    *,
    count: int,
    seed: int,
    named: str | None,
    server: str | None,
    asked: tuple[Path, ...],
    peers: bool,
    why: bool,
    markdown: bool,
    keep: Path | None,
    json_path: Path | None,
) -> None:
    """Load files that are odd or broken in known ways; say of each tool what became of them."""
    began = datetime.now(tz=UTC)
    kinds = _kinds(named)
    started = time.monotonic()
    files = [file for kind in kinds for file in files_of(kind, seed=seed, count=count)]
    click.echo(f"{len(files):,} files of {len(kinds)} kinds, seed {seed}", err=True)
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headrace-robustness-")))
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            (folder / file.name).write_bytes(file.data)
        try:
            tools = _tools(_servers(server, asked, stack), folder, stack, peers=peers)
            outcomes, told = run_all(tools, files, folder, lambda text: click.echo(text, err=True))
        except (EngineError, RuntimeError) as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(1)
    _show(outcomes, tools, markdown=markdown)
    _list(outcomes, everything=why)
    path = json_path or _BENCH / "results" / f"robustness-{began:%Y%m%dT%H%M%SZ}.json"
    document = {
        "version": _VERSION,
        "started_at": began.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - started, 1),
        "seed": seed,
        "files_of_each_kind": count,
        "machine": machine(),
        "versions": versions(),
        "tools": told,
        "verdicts": counts(outcomes),
        "not_due": not_due(outcomes),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", errors="backslashreplace"
    )
    click.echo(f"{time.monotonic() - started:.0f} s; written: {path}", err=True)
    sys.exit(1 if any(one.tool.startswith("engine") and not one.is_due for one in outcomes) else 0)


def _kinds(named: str | None) -> list[str]:
    """Return the kinds asked for."""
    wanted = [name.strip() for name in named.split(",")] if named else list(KINDS)
    if unknown := [name for name in wanted if name not in KINDS]:
        raise click.UsageError(f"no kind is called {', '.join(map(repr, unknown))}; there are: {', '.join(KINDS)}")
    return wanted


def _servers(server: str | None, asked: tuple[Path, ...], stack: ExitStack) -> list[BenchServer]:
    """Start the servers: the one that the engine would start by itself, unless more is asked for."""
    found = programs(asked)
    if server in ("mariadb", "mysql"):
        found = tuple(
            program for program in found if program and ("mariadb" in str(program.resolve())) == (server == "mariadb")
        )
        if not found:
            raise RuntimeError(f"no {server} server program is found; name one with --mysqld")
    if server != "both" and not asked:
        found = found[:1]
    folder = _BENCH / "data" / "servers"
    return [stack.enter_context(private_server(program, folder)) for program in found]


def _tools(servers: Sequence[BenchServer], folder: Path, stack: ExitStack, *, peers: bool) -> list[Tool]:
    """Return the engine on each server, then the peers, as far as they can be had."""
    tools = [_on_server("engine", one, folder, stack, f"engine {one.version.split()[0]}") for one in servers]
    if not peers:
        return tools
    tools.append(_on_server("load-data", servers[0], folder, stack, "LOAD DATA"))
    try:
        python = interpreter()
    except (RuntimeError, OSError) as error:
        click.echo(f"without DuckDB and pandas: {error}", err=True)
        return [*tools, *(Tool(name=name, worker=name) for name in ("polars", "csv"))]
    own = {"duckdb": python, "pandas": python}
    return [*tools, *(Tool(name=name, worker=name, python=own.get(name)) for name in _IN_MEMORY)]


def _on_server(worker: str, server: BenchServer, folder: Path, stack: ExitStack, name: str) -> Tool:
    url = stack.enter_context(server.database())
    data_dir = Path(tempfile.mkdtemp(prefix="data-", dir=folder))
    context = {"mysql_url": url, "catalog_url": server.catalog_url, "data_dir": str(data_dir), "server": server.version}
    return Tool(name=name, worker=worker, context=context)


def _show(outcomes: Sequence[Outcome], tools: Sequence[Tool], *, markdown: bool) -> None:
    """Print the tables: the engine beside careful peers, then beside the same peers as they come."""
    console = Console(width=250, highlight=False) if markdown else Console(highlight=False)
    engines = [tool.name for tool in tools if tool.worker == "engine"]
    others = [tool.name for tool in tools if tool.worker != "engine"]
    for setting in ("careful", "default"):
        if setting == "default" and not others:
            break
        chosen = [one for one in outcomes if one.tool in engines or one.setting == setting]
        with console.capture() as captured:
            console.print(table(chosen, [*engines, *others], markdown=markdown))
        shown = captured.get()
        if markdown:
            shown = "\n".join(line.rstrip() for line in shown.splitlines() if line.strip())
        click.echo(f"\nPeers: {setting} settings\n" if others else "")
        click.echo(shown)
    console.print(LEGEND)


def _list(outcomes: Sequence[Outcome], *, everything: bool) -> None:
    """Say of the engine what didn't end as due; there should be nothing to say."""
    listed = [one for one in outcomes if one.tool.startswith("engine") and not one.is_due]
    for one in listed if everything else listed[:10]:
        click.echo(f"{one.tool}, {one.file.name}: {one.judgement.verdict.value}: {one.judgement.why}", err=True)
    if not everything and len(listed) > 10:
        click.echo(f"and {len(listed) - 10} more: --why lists them", err=True)


if __name__ == "__main__":
    main(prog_name="python -m bench.robustness")
