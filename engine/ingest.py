"""`python -m engine.ingest`: the command line, a door that nothing imports."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from engine import __version__

if TYPE_CHECKING:
    from engine.config import Settings
    from engine.errors import EngineError
    from engine.model import Progress, RunReport

# A shell shows 128 and the signal's number for a program that a signal ended: 130 is SIGINT, 143 is SIGTERM.
_OK, _FAILED, _USAGE, _BUG, _SIGNALLED = 0, 1, 2, 3, 128


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
@click.version_option(__version__, prog_name="headrace")
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
    or failed, 2 wrong usage, 3 a bug, 130 interrupted (143 by SIGTERM).
    """
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose contradict each other")
    if dry_run and archive:
        raise click.UsageError("--dry-run writes nothing: it can't --archive")
    if table is not None and not table.strip():
        raise click.UsageError("--table is empty: name the table, or leave the option out")
    columns = tuple(part.strip() for part in key.split(",")) if key is not None else None
    if columns is not None and not all(columns):
        raise click.UsageError(f"--key {key!r}: expected COL[,COL...]")
    if json_path is not None:
        _check_writable(json_path)
    feed_words = {
        "table": table,
        "mode": mode,
        "key": columns,
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


def _check_writable(json_path: str) -> None:
    """Refuse a report's place before the load rather than after it."""
    path = Path(json_path)
    if json_path != "-" and (path.is_dir() or not path.absolute().parent.is_dir()):
        problem = "is a folder" if path.is_dir() else "is in no folder that exists"
        raise click.UsageError(f"--json {json_path}: it {problem}; name a file, or - for standard output")


def _run(
    paths: tuple[Path, ...],
    given: Mapping[str, object],
    machine: Mapping[str, object],
    output: _Output,
    *,
    archive: bool | None,
    dry_run: bool,
) -> int:
    from engine.config import load_settings
    from engine.errors import EngineError
    from engine.pipeline import ingest_files

    try:
        settings = load_settings(**machine)
        with _talking(output) as on_progress:
            report = ingest_files(
                paths or None,
                settings,
                overrides=given,
                archive=archive,
                dry_run=dry_run,
                on_progress=on_progress,
            )
    except EngineError as error:
        return _refuse(error, output)
    return _show(report, settings, output)


def _refuse(error: EngineError, output: _Output) -> int:
    """Say why there is no report at all."""
    from engine.summary import clean, run_error_json

    click.echo(f"error: {clean(str(error))}", err=True)
    if output.json is not None:
        _write_json(run_error_json(error.code, str(error), retryable=error.retryable), output.json)
    return error.exit_status


def _show(report: RunReport, settings: Settings, output: _Output) -> int:
    """Print the summary and write the JSON report; the exit status tells of the load, and of a report that is lost."""
    from rich.console import Console

    from engine.summary import print_summary, run_json

    status = _OK if report.ok else _FAILED
    if output.json is not None and not _write_json(run_json(report), output.json):
        status = _FAILED
    to_stderr = output.json == "-"
    if to_stderr and output.quiet:
        return status
    try:
        print_summary(report, Console(stderr=to_stderr), looked_in=settings.input_dir)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):
        # Whoever read our output has gone, for example `head`; rich makes an exit of it. The load is what counts.
        _drop_output()
    except OSError as error:
        click.echo(f"error: the summary can't be written: {error.strerror}", err=True)
        _drop_output()
        return _FAILED
    return status


def _drop_output() -> None:
    """Send what is still buffered nowhere, so that the interpreter doesn't fail on it when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write_json(text: str, place: str) -> bool:
    """Write the report, always as UTF-8, whatever the terminal speaks."""
    try:
        if place != "-":
            Path(place).write_text(text + "\n", encoding="utf-8")
            return True
        sys.stdout.buffer.write(text.encode() + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _drop_output()
    except OSError as error:
        click.echo(f"error: {place}: the report can't be written: {error.strerror}", err=True)
        return False
    return True


@contextmanager
def _talking(output: _Output) -> Iterator[Callable[[Progress], None] | None]:
    """Show steps and progress on standard error while the block runs: a bar on a terminal, lines elsewhere."""
    from rich.console import Console

    from engine.log import logger
    from engine.summary import LogLines, ProgressBar, ProgressLines

    console = Console(stderr=True)
    in_bar = console.is_terminal and not console.is_dumb_terminal and not output.quiet and not output.verbose
    level = logging.DEBUG if output.verbose > 1 else logging.INFO
    lines = LogLines(console, logging.WARNING if output.quiet or in_bar else level)
    bar = ProgressBar(console) if in_bar else None
    before = logger.level
    with ExitStack() as stack:
        # These belong to this run: nothing of them stays on the logger, which whoever imports the engine shares.
        stack.callback(logger.setLevel, before)
        logger.setLevel(logging.DEBUG if in_bar else lines.level)
        for handler in (lines, bar) if bar is not None else (lines,):
            logger.addHandler(handler)
            stack.callback(logger.removeHandler, handler)
        # The library that tries again after a deadlock announces it without saying of what; the engine says it itself.
        silent = logging.NullHandler()
        logging.getLogger("stamina").addHandler(silent)
        stack.callback(logging.getLogger("stamina").removeHandler, silent)
        if bar is not None:
            yield stack.enter_context(bar)
        else:
            yield None if output.quiet else ProgressLines(console)


class _Stopped(KeyboardInterrupt):
    """A signal other than Ctrl-C's asks the program to end, and everything unwinds as after that."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def _stopping_on_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind the stack; one that is ignored already, as under nohup, stays so."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise _Stopped(number)

    taken = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; a bug leaves its traceback and status 3.

    Args:
        argv: Options and paths; None takes those of this process.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that can't show a character of a name gets its number instead of ending us.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with _stopping_on_signals():
            return int(cli.main(argv, standalone_mode=False) or 0)
    except click.UsageError as error:
        error.show()
        return _USAGE
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except (click.Abort, KeyboardInterrupt) as stop:
        # click makes an Abort of a KeyboardInterrupt, and keeps it as the cause.
        cause = stop.__cause__ if isinstance(stop, click.Abort) else stop
        click.echo("interrupted: run it again, and it goes on where it stopped", err=True)
        return _SIGNALLED + (cause.number if isinstance(cause, _Stopped) else signal.SIGINT)
    except (SystemExit, GeneratorExit):
        raise
    except BaseException:  # noqa: BLE001 - a panic of a native library is no Exception
        traceback.print_exc()
        click.echo("this is a bug; please report it with the lines above. What is committed stays, once", err=True)
        return _BUG


if __name__ == "__main__":
    sys.exit(main())
