"""`python -m engine.rejects list|show|replay`: the command line for rejected rows, a door that nothing imports."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from engine import __version__, terminal

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_FILE = click.Path(path_type=Path)


@click.group(context_settings=_SETTINGS)
@click.version_option(__version__, prog_name="headrace")
def cli() -> None:
    """See, understand and reload rows that were read but not loaded.

    Exit status: 0 all is well, 1 a file was held or failed, 2 wrong usage, 3 a bug, 130 interrupted (143 by SIGTERM).
    """


@cli.command("list")
@terminal.output_options
def list_files(*, json_path: str | None, quiet: bool, verbose: int) -> int:
    """List the reject files that wait, and what became of the others of their rows."""
    from engine.config import load_settings
    from engine.errors import EngineError
    from engine.pipeline import rejected_files
    from engine.summary import print_rejects, rejects_json

    output = terminal.Output(json=json_path, quiet=quiet, verbose=verbose)
    try:
        with terminal.talking(output):
            files = rejected_files(load_settings())
    except EngineError as error:
        return terminal.refuse(error, output)
    return terminal.show(lambda console: print_rejects(files, console), lambda: rejects_json(files), output, ok=True)


@cli.command()
@click.argument("file", type=_FILE)
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Rows to show.")
def show(file: Path, *, limit: int) -> int:
    """Show what is wrong with each row of a reject FILE."""
    from engine.errors import EngineError
    from engine.pipeline import rejected_reasons
    from engine.summary import print_reasons

    output = terminal.Output(json=None, quiet=False, verbose=0)
    try:
        reasons = rejected_reasons(file)
        return terminal.show(lambda console: print_reasons(reasons, console, most=limit), str, output, ok=True)
    except EngineError as error:
        return terminal.refuse(error, output)


@cli.command()
@click.argument("files", nargs=-1, required=True, type=_FILE, metavar="FILE...")
@terminal.reject_options
@click.option("--encoding", help="The files' encoding now, where an editor has changed it.")
@click.option("--archive/--no-archive", default=None, help="Default: what is loaded moves to the archive.")
@click.option("--dry-run", is_flag=True, help="Do everything but write.")
@terminal.output_options
def replay(
    files: tuple[Path, ...],
    *,
    max_rejects: str | None,
    max_rejects_per_class: Mapping[str, str] | None,
    encoding: str | None,
    archive: bool | None,
    dry_run: bool,
    json_path: str | None,
    quiet: bool,
    verbose: int,
) -> int:
    """Load corrected reject FILEs into the tables that they were rejected from, once."""
    from engine.config import load_settings
    from engine.errors import EngineError
    from engine.pipeline import replay_rejects

    output = terminal.Output(json=json_path, quiet=quiet, verbose=verbose)
    if dry_run and archive:
        raise click.UsageError("--dry-run writes nothing: it can't --archive")
    try:
        with terminal.talking(output) as on_progress:
            report = replay_rejects(
                files,
                load_settings(),
                max_rejects=max_rejects or 0,
                max_rejects_per_class=max_rejects_per_class,
                encoding=encoding,
                archive=archive,
                dry_run=dry_run,
                on_progress=on_progress,
            )
    except EngineError as error:
        return terminal.refuse(error, output)
    return terminal.show_run(report, output, looked_in=None)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        argv: Options and arguments; None takes those of this process.
    """
    return terminal.run(cli, argv)


if __name__ == "__main__":
    sys.exit(main())
