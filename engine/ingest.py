"""`python -m engine.ingest`: the command line, a door that nothing imports."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine import __version__, terminal

if TYPE_CHECKING:
    from engine.model import RunReport


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option("--table", help="Target table. Default: the feed's, else one named after the file.")
@click.option("--mode", type=click.Choice(["append", "replace", "upsert"]), help="Default: append.")
@click.option("--key", metavar="COL[,COL...]", help="Columns that identify a row (for upsert).")
@click.option("--batch-rows", type=click.IntRange(min=1), help="Rows in a batch at most.")
@click.option("--batch-mb", type=click.FloatRange(min=0, min_open=True), help="MiB of the file in a batch at most.")
@click.option("--loaders", type=click.IntRange(1, 64), help="Connections that load at once.")
@terminal.reject_options
@click.option(
    "--on-duplicate", type=click.Choice(["skip", "load"]), help="Bytes that are loaded already. Default: skip."
)
@click.option("--delimiter", help=r"Default: found out. \t is a tab.")
@click.option("--quote-char", help='Default: found out. "" for none.')
@click.option("--escape-char", help='Default: found out; quotes are doubled where there is none. "" for none.')
@click.option("--encoding", help="Default: found out.")
@click.option("--header/--no-header", default=None, help="Default: found out.")
@click.option("--skip-lines", type=click.IntRange(min=0), help="Lines before the header.")
@click.option("--skip-footer", type=click.IntRange(0, 1000), help="Lines at the end that are no rows. Default: 0.")
@click.option("--comment", help='What comment lines begin with. Default: found out. "" for none.')
@click.option("--null", "null", multiple=True, metavar="TOKEN", help="A text that means NULL. May be repeated.")
@click.option(
    "--irregular",
    type=click.Choice(["reject", "repair", "error"]),
    help="Short and long rows, stray quotes. Default: reject.",
)
@click.option("--empty", type=click.Choice(["fail", "load"]), help="A file with a header and no rows. Default: fail.")
@click.option("--all-text", is_flag=True, default=None, help="Every column of a new table as text.")
@click.option(
    "--wide", type=click.Choice(["error", "json"]), help="Columns beyond what a table can hold. Default: error."
)
@click.option("--archive/--no-archive", default=None, help="Default: files from the input folder are archived.")
@click.option("--dry-run", is_flag=True, help="Do everything but write.")
@click.option(
    "--html",
    "html_path",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Write a page that shows each file's profile; in a folder, one page each.",
)
@terminal.output_options
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
    max_rejects_per_class: dict[str, str] | None,
    on_duplicate: str | None,
    delimiter: str | None,
    quote_char: str | None,
    escape_char: str | None,
    encoding: str | None,
    header: bool | None,
    skip_lines: int | None,
    skip_footer: int | None,
    comment: str | None,
    null: tuple[str, ...],
    irregular: str | None,
    empty: str | None,
    all_text: bool | None,
    wide: str | None,
    archive: bool | None,
    dry_run: bool,
    html_path: Path | None,
    json_path: str | None,
    quiet: bool,
    verbose: int,
) -> int:
    """Load CSV files into MySQL: whole, unchanged, once, with a record of what arrived.

    Without a PATH: everything that waits in the input folder (data/input). Exit status: 0 loaded, 1 a file was held
    or failed, 2 wrong usage, 3 a bug, 130 interrupted (143 by SIGTERM).
    """
    output = terminal.Output(json=json_path, quiet=quiet, verbose=verbose)
    if dry_run and archive:
        raise click.UsageError("--dry-run writes nothing: it can't --archive")
    if html_path is not None and not html_path.absolute().parent.is_dir():
        raise click.UsageError(f"--html {html_path}: it is in no folder that exists; name a file or a folder")
    if table is not None and not table.strip():
        raise click.UsageError("--table is empty: name the table, or leave the option out")
    columns = tuple(part.strip() for part in key.split(",")) if key is not None else None
    if columns is not None and not all(columns):
        raise click.UsageError(f"--key {key!r}: expected COL[,COL...]")
    feed_words = {
        "table": table,
        "mode": mode,
        "key": columns,
        "max_rejects": max_rejects,
        "max_rejects_per_class": max_rejects_per_class,
        "on_duplicate": on_duplicate,
        "delimiter": delimiter.replace("\\t", "\t") if delimiter else delimiter,
        "quote_char": quote_char,
        "escape_char": escape_char,
        "encoding": encoding,
        "header": header,
        "skip_lines": skip_lines,
        "skip_footer": skip_footer,
        "comment": comment,
        "null": null or None,
        "irregular": irregular,
        "empty": empty,
        "all_text": all_text,
        "wide": wide,
    }
    given = {name: value for name, value in feed_words.items() if value is not None}
    machine = {"batch_rows": batch_rows, "batch_mb": batch_mb, "loaders": loaders}
    return _run(paths, given, machine, output, archive=archive, dry_run=dry_run, html_path=html_path)


def _run(
    paths: tuple[Path, ...],
    given: Mapping[str, object],
    machine: Mapping[str, object],
    output: terminal.Output,
    *,
    archive: bool | None,
    dry_run: bool,
    html_path: Path | None,
) -> int:
    # What is imported stays: looking through it for garbage while it comes takes a tenth of the start.
    gc.disable()
    # NumPy's BLAS would start threads as it's imported, 0.14 CPU seconds of spinning; nothing here multiplies matrices.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from engine.config import load_settings
    from engine.errors import EngineError
    from engine.pipeline import ingest_files

    gc.freeze()
    gc.enable()

    try:
        settings = load_settings(**machine)
        with terminal.talking(output) as on_progress:
            report = ingest_files(
                paths or None,
                settings,
                overrides=given,
                archive=archive,
                dry_run=dry_run,
                on_progress=on_progress,
            )
    except EngineError as error:
        return terminal.refuse(error, output)
    status = terminal.show_run(report, output, looked_in=settings.input_dir)
    return status if html_path is None or _write_html(report, html_path) else status or terminal.FAILED


def _write_html(report: RunReport, path: Path) -> bool:
    from engine.profile import write_html

    try:
        write_html(report, path)
    except OSError as error:
        click.echo(f"error: {path}: the profile can't be written: {error.strerror}", err=True)
        return False
    return True


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; a bug leaves its traceback and status 3.

    Args:
        argv: Options and paths; None takes those of this process.
    """
    return terminal.run(cli, argv)


if __name__ == "__main__":
    sys.exit(main())
