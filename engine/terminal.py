"""What the doors share: options for output, talk on standard error, the report, signals, exit status."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console

    from engine.errors import EngineError
    from engine.model import Progress, RunReport

# A shell shows 128 and the signal's number for a program that a signal ended: 130 is SIGINT, 143 is SIGTERM.
OK, FAILED, USAGE, BUG, SIGNALLED = 0, 1, 2, 3, 128

Command = TypeVar("Command", bound=Callable[..., object])


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """Where the report goes and how much is said.

    Raises:
        click.UsageError: The options contradict each other, or the report has no place.
    """

    json: str | None
    quiet: bool
    verbose: int

    def __post_init__(self) -> None:
        if self.quiet and self.verbose:
            raise click.UsageError("--quiet and --verbose contradict each other")
        if self.json is not None and self.json != "-":
            # Refused before the work rather than after it.
            path = Path(self.json)
            if path.is_dir() or not path.absolute().parent.is_dir():
                problem = "is a folder" if path.is_dir() else "is in no folder that exists"
                raise click.UsageError(f"--json {self.json}: it {problem}; name a file, or - for standard output")


def output_options(command: Command) -> Command:
    """Give a command the options `--json`, `--quiet` and `--verbose`."""
    for option in (
        click.option("-v", "--verbose", count=True, help="Say more; twice for everything."),
        click.option("-q", "--quiet", is_flag=True, help="Only warnings and the report."),
        click.option("--json", "json_path", metavar="PATH|-", help="Write the report as JSON; - is standard output."),
    ):
        command = option(command)
    return command


class Boundary(click.Group):
    """Commands whose expected failures become one message and their exit status."""

    def invoke(self, ctx: click.Context) -> object:
        """Run what was asked for."""
        from engine.errors import EngineError

        try:
            return super().invoke(ctx)
        except EngineError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(error.exit_status)


def _per_class(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str] | None:
    """Read `type=10`; what stands on either side is checked with the other settings of a feed."""
    limits = {}
    for text in given:
        name, equals, limit = text.partition("=")
        if not equals:
            raise click.BadParameter(f"{text!r}: expected CLASS=N or CLASS=P%, such as type=10")
        limits[name.strip()] = limit
    return limits or None


def reject_options(command: Command) -> Command:
    """Give a command the options `--max-rejects` and `--max-rejects-per-class`."""
    for option in (
        click.option(
            "--max-rejects-per-class",
            multiple=True,
            metavar="CLASS=N|P%",
            callback=_per_class,
            help="A limit of its own for parse, type, rule, key or server. May be repeated.",
        ),
        click.option("--max-rejects", metavar="N|P%", help="Rejected rows that a file may have. Default: 0."),
    ):
        command = option(command)
    return command


def refuse(error: EngineError, output: Output) -> int:
    """Say why there is no report at all, and return the exit status."""
    from engine.summary import run_error_json
    from engine.text import clean

    click.echo(f"error: {clean(str(error))}", err=True)
    if output.json is not None:
        _write_json(run_error_json(error.code, str(error), retryable=error.retryable), output.json)
    return error.exit_status


def show_run(report: RunReport, output: Output, *, looked_in: Path | None) -> int:
    """Show how a run went; the exit status tells of the load, and of a report that is lost."""
    from engine.summary import print_summary, run_json

    return show(
        lambda console: print_summary(report, console, looked_in=looked_in),
        lambda: run_json(report),
        output,
        ok=report.ok,
    )


def show(printed: Callable[[Console], None], as_json: Callable[[], str], output: Output, *, ok: bool) -> int:
    """Print a summary and write its JSON, and return the exit status.

    Args:
        printed: Prints the summary.
        as_json: Writes the same as JSON; called where that was asked for.
        ok: All went well.
    """
    from rich.console import Console

    status = OK if ok else FAILED
    if output.json is not None and not _write_json(as_json(), output.json):
        status = FAILED
    to_stderr = output.json == "-"
    if to_stderr and output.quiet:
        return status
    try:
        printed(Console(stderr=to_stderr))
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):
        # Whoever read our output has gone, for example `head`; rich makes an exit of it. The load is what counts.
        _drop_output()
    except OSError as error:
        click.echo(f"error: the summary can't be written: {error.strerror}", err=True)
        _drop_output()
        return FAILED
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
def talking(output: Output) -> Iterator[Callable[[Progress], None] | None]:
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


def run(command: click.Command, argv: Sequence[str] | None) -> int:
    """Run a command line and return its exit status; a bug leaves its traceback and status 3.

    Args:
        argv: Options and arguments; None takes those of this process.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that can't show a character of a name gets its number instead of ending us.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with _stopping_on_signals():
            return int(command.main(argv, standalone_mode=False) or 0)
    except click.UsageError as error:
        error.show()
        return USAGE
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except (click.Abort, KeyboardInterrupt) as stop:
        # click makes an Abort of a KeyboardInterrupt, and keeps it as the cause.
        cause = stop.__cause__ if isinstance(stop, click.Abort) else stop
        click.echo("interrupted: run it again, and it goes on where it stopped", err=True)
        return SIGNALLED + (cause.number if isinstance(cause, _Stopped) else signal.SIGINT)
    except (SystemExit, GeneratorExit):
        raise
    except BaseException:  # noqa: BLE001 - a panic of a native library is no Exception
        traceback.print_exc()
        click.echo("this is a bug; please report it with the lines above. What is committed stays, once", err=True)
        return BUG
