"""`python -m engine.ingest`: the command line, a door that nothing imports."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.model import Progress, RunReport

_OK, _FAILED, _USAGE, _BUG, _INTERRUPTED = 0, 1, 2, 3, 130


@dataclass(frozen=True, kw_only=True, slots=True)
class _Output:
    """Where the report goes and how much is said."""

    json: str | None
    quiet: bool
    verbose: int


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option("--table", help="Target table. Default: the feed's, else one named after the file.")
@click.option("--mode", type=click.Choice(["append", "replace", "upsert"]), help="Default: append.")
@click.option("--key", metavar="COL[,COL...]", help="Columns that identify a row (for upsert).")
@click.option("--batch-rows", type=click.IntRange(min=1), help="Rows in a batch at most.")
@click.option("--batch-mb", type=click.FloatRange(min=0, min_open=True), help="MiB of the file in a batch at most.")
@click.option("--loaders", type=click.IntRange(1, 64), help="Connections that load at once.")
@click.option("--max-rejects", metavar="N|P%", help="Rejected rows that a file may have. Default: 0.")
@click.option(
    "--on-duplicate", type=click.Choice(["skip", "load"]), help="Bytes that are loaded already. Default: skip."
)
@click.option("--delimiter", help=r"Default: found out. \t is a tab.")
@click.option("--quote-char", help='Default: found out. "" for none.')
@click.option("--escape-char", help='Default: found out; quotes are doubled where there is none. "" for none.')
@click.option("--encoding", help="Default: found out.")
@click.option("--header/--no-header", default=None, help="Default: found out.")
@click.option("--skip-lines", type=click.IntRange(min=0), help="Lines before the header.")
@click.option("--null", "null", multiple=True, metavar="TOKEN", help="A text that means NULL. May be repeated.")
@click.option(
    "--irregular",
    type=click.Choice(["reject", "repair", "error"]),
    help="Short and long rows, stray quotes. Default: reject.",
)
@click.option("--empty", type=click.Choice(["fail", "load"]), help="A file with a header and no rows. Default: fail.")
@click.option("--all-text", is_flag=True, default=None, help="Every column of a new table as text.")
@click.option("--archive/--no-archive", default=None, help="Default: files from the input folder are archived.")
@click.option("--dry-run", is_flag=True, help="Do everything but write.")
@click.option("--json", "json_path", metavar="PATH|-", help="Write the report as JSON; - is standard output.")
@click.option("-q", "--quiet", is_flag=True, help="Only warnings and the report.")
@click.option("-v", "--verbose", count=True, help="Say more; twice for everything.")
@click.version_option(package_name="headrace", prog_name="headrace")
def cli(
    paths: tuple[Path, ...],
    *,
    table: str | None,
    mode: str | None,
    key: str | None,
    batch_rows: int | None,
    batch_mb: float | None,
    loaders: int | None,
    max_rejects: str | None,
    on_duplicate: str | None,
    delimiter: str | None,
    quote_char: str | None,
    escape_char: str | None,
    encoding: str | None,
    header: bool | None,
    skip_lines: int | None,
    null: tuple[str, ...],
    irregular: str | None,
    empty: str | None,
    all_text: bool | None,
    archive: bool | None,
    dry_run: bool,
    json_path: str | None,
    quiet: bool,
    verbose: int,
) -> int:
    """Load CSV files into MySQL: whole, unchanged, once, with a record of what arrived.

    Without a PATH: everything that waits in the input folder (data/input). Exit status: 0 loaded, 1 a file was held
    or failed, 2 wrong usage, 3 a bug, 130 interrupted.
    """
    feed_words = {
        "table": table,
        "mode": mode,
        "key": tuple(part.strip() for part in key.split(",") if part.strip()) if key else None,
        "max_rejects": max_rejects,
        "on_duplicate": on_duplicate,
        "delimiter": delimiter.replace("\\t", "\t") if delimiter else delimiter,
        "quote_char": quote_char,
        "escape_char": escape_char,
        "encoding": encoding,
        "header": header,
        "skip_lines": skip_lines,
        "null": null or None,
        "irregular": irregular,
        "empty": empty,
        "all_text": all_text,
    }
    given = {name: value for name, value in feed_words.items() if value is not None}
    output = _Output(json=json_path, quiet=quiet, verbose=verbose)
    machine = {"batch_rows": batch_rows, "batch_mb": batch_mb, "loaders": loaders}
    return _run(paths, given, machine, output, archive=archive, dry_run=dry_run)


def _run(
    paths: tuple[Path, ...],
    given: dict[str, object],
    machine: dict[str, object],
    output: _Output,
    *,
    archive: bool | None,
    dry_run: bool,
) -> int:
    from engine.config import load_settings
    from engine.errors import EngineError
    from engine.pipeline import ingest_files

    with ExitStack() as stack:
        on_progress = _talk(output, stack)
        try:
            report = ingest_files(
                paths or None,
                load_settings(**machine),
                overrides=given,
                archive=archive,
                dry_run=dry_run,
                on_progress=on_progress,
            )
        except EngineError as error:
            stack.close()
            click.echo(f"error: {error}", err=True)
            return error.exit_status
    return _show(report, output)


def _show(report: RunReport, output: _Output) -> int:
    from rich.console import Console

    from engine.summary import print_summary, run_json

    if output.json is not None and output.json != "-":
        try:
            Path(output.json).write_text(run_json(report) + "\n", encoding="utf-8")
        except OSError as error:
            click.echo(f"error: {output.json}: the report can't be written: {error.strerror}", err=True)
            return _FAILED
    if output.json == "-":
        click.echo(run_json(report))
    else:
        print_summary(report, Console(soft_wrap=False))
    return _OK if report.ok else _FAILED


def _talk(output: _Output, stack: ExitStack) -> Callable[[Progress], None] | None:
    """Show steps and progress on standard error: a bar on a terminal, plain lines elsewhere."""
    from rich.console import Console
    from rich.logging import RichHandler

    from engine.log import logger

    console = Console(stderr=True)
    level = logging.WARNING if output.quiet else logging.DEBUG if output.verbose > 1 else logging.INFO
    bar = console.is_terminal and not output.quiet and not output.verbose
    logger.setLevel(logging.WARNING if bar else level)
    handler: logging.Handler
    if console.is_terminal:
        handler = RichHandler(console=console, show_path=False, show_time=False, show_level=False, markup=False)
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    stack.callback(logger.removeHandler, handler)
    return _bar(console, stack) if bar else None


def _bar(console: object, stack: ExitStack) -> Callable[[Progress], None]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    assert isinstance(console, Console)
    bar = stack.enter_context(
        Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[rows]:,} rows"),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
    )
    tasks: dict[str, int] = {}

    def show(progress: Progress) -> None:
        from engine.summary import clean

        if progress.file not in tasks:
            tasks[progress.file] = bar.add_task(clean(progress.file), total=progress.bytes_total, rows=0)
        bar.update(tasks[progress.file], completed=progress.bytes_done, rows=progress.rows)  # type: ignore[arg-type]

    return show


def main() -> int:
    """Run the command line and return its exit status; a bug leaves its traceback and status 3."""
    try:
        status = cli.main(standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return _USAGE
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted: run it again, and it goes on where it stopped", err=True)
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone, for example `head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    except Exception:
        logging.getLogger("headrace").exception("this is a bug; please report it with the lines above")
        return _BUG
    return int(status or 0)


if __name__ == "__main__":
    sys.exit(main())
