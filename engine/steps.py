"""The steps of a load, for whoever runs them as tasks: each takes and gives what is small, and may be done again.

A run is queued once; then each of its units, one file or several, is read, loaded and described, in that order or the
last two side by side, and archived. What passes from step to step lies in the staging folder, which all workers share.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from engine.model import FileReport, RunReport
    from engine.pipeline.steps import Queue

__all__ = [
    "address",
    "archive",
    "describe",
    "load",
    "load_range",
    "mark",
    "name",
    "queue",
    "ranges",
    "read",
    "ready",
    "reports",
    "summary",
    "text",
]

# The rooms behind it take half a second to import, which a scheduler that only looks at its tasks need not wait for: each
# function imports them when it's called.


def queue(
    run: str,
    *,
    folder: str | None = None,
    pattern: str | None = None,
    feed: str | None = None,
    table: str | None = None,
    batch_rows: int | None = None,
    max_rejects: str | int | None = None,
) -> Queue:
    """Find the files that are complete, part them into units, and record each as queued.

    Args:
        run: The run's name, of any characters. The same name again begins the run anew.
        folder: Where to look; relative to the data folder. None is its `input/`.
        pattern: Only files of such names, as in fnmatch.
        feed: The name of the feed that they come under; None: each under the one whose pattern fits.
        table: The target, in place of the feed's.
        batch_rows: At most so many rows a batch.
        max_rejects: Rejects that a file may have: rows, or a share such as `"1%"`.

    Raises:
        SettingsError: An option makes no sense.
        SourceError: The folder can't be read.
    """
    from engine.pipeline import steps

    options = {"feed": feed, "table": table, "batch_rows": batch_rows, "max_rejects": max_rejects}
    return steps.queue(
        run,
        folder=Path(folder) if folder else None,
        pattern=pattern or None,
        options={name: value for name, value in options.items() if value not in (None, "")},
    )


def ready(*, folder: str | None = None, pattern: str | None = None) -> list[str]:
    """Return the names of the files that are complete and wait to be loaded.

    Raises:
        SourceError: The folder can't be read.
    """
    from engine.pipeline import steps

    return steps.ready(folder=Path(folder) if folder else None, pattern=pattern or None)


def read(unit: str, *, last_try: bool = False) -> dict[str, object]:
    """Tell the files' dialects and columns, prove and count every row, stage what is to be loaded.

    This and the three below return counts: `files`, `failed`, `rows_read`, `rows_loaded`, `rows_rejected`, `bytes`,
    `seconds`, and the `tables`. Each may be called again after it failed, was killed, or went well. Of a unit of several
    files those that fail stay behind, and the others go on; `archive` then raises what stopped them.

    Args:
        unit: `Unit.path`.
        last_try: Nobody calls again after an error that may pass, so the unit's other files go on without the one.

    Raises:
        EngineError: `retryable`: the same call may go well later. Otherwise somebody has to change something first.
    """
    from engine.pipeline import steps

    return _counts(steps.read(unit, last_try=last_try))


def load(unit: str, *, last_try: bool = False) -> dict[str, object]:
    """Load what was staged, exactly once, and make it visible; as for `read`."""
    from engine.pipeline import steps

    return _counts(steps.load(unit, last_try=last_try))


def describe(unit: str, *, last_try: bool = False) -> dict[str, object]:
    """Record columns, statistics and quality checks in the catalog; as for `read`."""
    from engine.pipeline import steps

    return _counts(steps.describe(unit, last_try=last_try))


def archive(unit: str, *, last_try: bool = False) -> dict[str, object]:
    """Move the loaded files to the archive and remove what was staged; as for `read`.

    Raises:
        EngineError: Also where other files of the unit have failed.
    """
    from engine.pipeline import steps

    return _counts(steps.archive(unit, last_try=last_try))


class Range(TypedDict):
    """The arguments of a `load_range`."""

    manifest: str
    first: int
    last: int


def ranges(unit: str) -> list[Range]:
    """List the ranges of staged batches that other workers may load: arguments for `load_range`; often none."""
    from engine.pipeline.ranges import helped_ranges

    return [{"manifest": place, "first": first, "last": last} for place, first, last in helped_ranges(unit)]


def load_range(manifest: str, first: int, last: int) -> dict[str, int]:
    """Load a range of a large file's batches beside its own load; return how many `batches` and `rows` this call brought in.

    Waits for that load to begin, for two minutes at most. Whether it comes, fails or dies is all the same to the file.

    Raises:
        EngineError: The server refused a batch, or was lost for good.
    """
    from engine.pipeline.ranges import load_range as help_load

    own = [result for result in help_load(manifest, first, last) if not result.resumed]
    return {"batches": len(own), "rows": sum(result.rows for result in own)}


def reports(unit: str) -> list[FileReport]:
    """Return what is known of each file of a unit; one that isn't loaded yet counts as failed, and says so."""
    from engine.pipeline import steps

    return steps.reports(unit)


def name(unit: str) -> str:
    """Return what people call a unit: its file, of several the first and how many more.

    Raises:
        SettingsError: There is no such unit.
    """
    from engine.config import load_settings
    from engine.pipeline.units import jobs_of, named

    return named([job.path for job in jobs_of(load_settings(), unit)])


def address() -> str:
    """Return where the tables are, without who asks: `mysql://host:port/database`."""
    from engine.pipeline import steps

    return steps.address()


def mark(unit: str, status: str, message: str) -> None:
    """Record in the catalog what a scheduler says of the files of a unit that aren't done.

    Args:
        unit: `Unit.path`.
        status: `retry` or `failed`.
        message: What happened, for people. A file that has said itself why it failed keeps its own words.

    Raises:
        CatalogError: The catalog can't be reached.
    """
    from engine.catalog import IngestionStatus
    from engine.pipeline import steps

    steps.mark(unit, IngestionStatus(status), message)


def summary(run: str) -> RunReport:
    """Report on a run as far as it is."""
    from engine.pipeline import steps

    return steps.summary(run)


def text(report: RunReport) -> str:
    """Write a run's report as people read it."""
    from rich.console import Console

    from engine.summary import print_summary

    written = io.StringIO()
    print_summary(report, Console(file=written, width=120, color_system=None))
    return written.getvalue()


def _counts(reports: Sequence[FileReport]) -> dict[str, object]:
    return {
        "files": len(reports),
        "failed": sum(report.error is not None for report in reports),
        "rows_read": sum(report.rows_read for report in reports),
        "rows_loaded": sum(report.rows_loaded for report in reports),
        "rows_rejected": sum(report.rows_rejected for report in reports),
        "bytes": sum(report.size_bytes for report in reports),
        "seconds": round(sum(report.seconds for report in reports), 3),
        "tables": sorted({report.table for report in reports})[:20],
    }
