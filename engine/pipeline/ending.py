"""How a file ends: what is kept of it in both databases, and who else may have ended it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from engine.archive import archive
from engine.config import Feed, Settings
from engine.errors import LoadError
from engine.load import Connection, Control, ledger, locking
from engine.log import Stopwatch, logger, step
from engine.model import FileReport, FileStatus, SourceFile
from engine.pipeline.course import Course, Run
from engine.summary import ledger_json


def record(run: Run, control: Connection, course: Course, *, described: bool = False) -> bool:
    """Keep a file's report in the catalog and in the ledger; a load is never lost because one of them is down.

    Args:
        described: Columns and metrics are recorded already, whatever the course knows of that.

    Returns:
        Whether the catalog has it.
    """
    report = course.report()
    described = described or course.described == (report.attempt, report.columns, report.checks)
    with step("catalog", course.watch, course.path.name):
        if course.begins_late:
            (cataloged,) = run.projection.finish_all([report])
            course.begins_late = False
        else:
            cataloged = run.projection.finish(report, described=described)
        _keep(control, [(course, report, cataloged)])
    return cataloged


def record_all(run: Run, control: Connection, courses: Sequence[Course]) -> None:
    """Do the same for several files of which the catalog wasn't told that they begin."""
    reports = [course.report() for course in courses]
    watch = Stopwatch()
    with step("catalog", watch, f"{len(courses)} files"):
        cataloged = run.projection.finish_all(reports)
        _keep(control, list(zip(courses, reports, cataloged, strict=True)))
    for course in courses:
        course.watch.add("catalog", watch.seconds["catalog"] / len(courses))


def _keep(control: Connection, ends: Sequence[tuple[Course, FileReport, bool]]) -> None:
    """Keep reports in the ledger, and whether the catalog has them."""
    claimed = [end for end in ends if end[0].claimed]
    try:
        ledger.store_reports(
            control,
            [
                (course.file_id, course.attempt, ledger_json(report, ledger.most_report_chars(control)), cataloged)
                for course, report, cataloged in claimed
            ],
        )
    except LoadError as error:
        names = ", ".join(course.path.name for course, _, _ in claimed)
        logger.warning("the ledger doesn't have the report of %s: %s", names, error)


def unlock(control: Control) -> None:
    """Let other workers into the tables."""
    try:
        locking.unlock(control)
    except LoadError as error:
        logger.debug("the lock went with its connection: %s", error)


def look_for_other_run(control: Connection, course: Course) -> None:
    """Take a file that is gone for loaded where another run has loaded it and put it away since it was found."""
    if course.file is None or course.path.exists():
        return
    try:
        same = ledger.same_file(control, course.table, course.file)
    except LoadError as error:
        logger.debug("nobody can say who has %s: %s", course.path.name, error)
        return
    loaded = next((entry for entry in same if entry.state == "published" and entry.path == str(course.path)), None)
    if loaded is not None:
        course.status, course.error, course.content_hash = FileStatus.DUPLICATE, None, loaded.content_hash
        # Should this worker have begun: ledger and tables are the other's now.
        course.claimed, course.claim, course.model = False, None, None
        course.notes.append(f"another run has just loaded it into {course.table} and put it away")


def put_away(
    settings: Settings, file: SourceFile, feed: Feed, *, sha256: str | None, again: bool, durable: bool = True
) -> Path:
    """Move a file that is in its table to the archive and return where it is; `again` and `durable` as in `archive`.

    Raises:
        ArchiveError: It can't be moved, and is still where it was.
    """
    return archive(
        file,
        settings.archive_dir,
        feed=feed.name,
        sha256=sha256,
        now=datetime.now(UTC),
        done_marker=feed.done_marker,
        again=again,
        durable=durable,
    )
