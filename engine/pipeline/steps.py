"""The way of a file in steps that other processes may take, retry and repeat, each from what the one before has left."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from engine.catalog import Catalog, IngestionStatus, start_of
from engine.config import Feed, Settings, load_feeds, load_settings
from engine.embedded import ensure
from engine.errors import EngineError
from engine.load import Address, Control, ledger
from engine.model import ErrorReport, FileReport, FileStatus, RunReport
from engine.pipeline.course import Course, Run
from engine.pipeline.ending import put_away
from engine.pipeline.file_read import FileRead
from engine.pipeline.run import catch_up_alone, expire_old, open_run
from engine.pipeline.staged_load import StagedLoad
from engine.pipeline.units import (
    STEPS,
    Job,
    Unit,
    feed_words,
    forget_old_runs,
    identify,
    jobs_of,
    lay_out,
    units_of,
)
from engine.source import find
from engine.stage import MANIFEST, read_manifest, remove_batches
from engine.summary import ledger_json

IN = (FileStatus.LOADED, FileStatus.DUPLICATE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """What waits: the units of a run, how many files they have, and what a person should know."""

    units: tuple[Unit, ...]
    files: int
    notes: tuple[str, ...]


class StepError(EngineError):
    """What stopped a file, or the files of a unit, as their reports say it."""


def queue(run: str, *, folder: Path | None, pattern: str | None, options: dict[str, object]) -> Queue:
    """Find the files that are complete, part them into units, and record them as queued.

    Args:
        run: The run's name; the same name again begins it anew.
        folder: In place of the input folder.
        pattern: Only files of such names.
        options: As in a `Job`.

    Raises:
        SettingsError: The options make no sense.
        SourceError: The folder can't be read.
    """
    settings = load_settings()
    feeds = load_feeds(settings.feeds_path)
    Feed().replaced(feed_words(options))
    if (rows := options.get("batch_rows")) is not None:
        load_settings(batch_rows=rows)
    found = find(None, settings, feeds, folder=_absolute(settings, folder), pattern=pattern)
    forget_old_runs(settings)
    expire_old(settings, feeds)
    files = [(file.path, file.size_bytes, True, None) for file in found.files]
    problems = [(path, 0, True, (error.code, str(error))) for path, error in found.problems]
    units = lay_out(settings, run, [*files, *problems], options)
    if units:
        identified = {file.path: file for file in found.files}
        with open_run(settings, run_id=run) as opened:
            catch_up_alone(opened)
            for job in (job for unit in units for job in jobs_of(settings, unit.path)):
                file = identified.get(job.path)
                course = Course(run_id=run, path=job.path, file=file, feed=job.feed(settings))
                if file is not None:
                    course.file_id = job.file_id(file.quick_hash)
                    opened.projection.begin(replace(course.start(), status=IngestionStatus.QUEUED))
    notes = [f"{item.path.name} is not complete yet: {item.reason}" for item in found.waiting]
    notes += [f"{item.path.name} was passed over: {item.reason}" for item in found.skipped]
    return Queue(units=units, files=len(files) + len(problems), notes=tuple(notes))


def ready(*, folder: Path | None, pattern: str | None) -> list[str]:
    """Return the names of the files that are complete."""
    settings = load_settings()
    found = find(None, settings, load_feeds(settings.feeds_path), folder=_absolute(settings, folder), pattern=pattern)
    return [file.name for file in found.files] + [path.name for path, _ in found.problems]


def read(unit: str, *, last_try: bool) -> list[FileReport]:
    """Prove, count and stage the files of a unit, those that are in their tables already aside."""

    def one(run: Run, control: Control, job: Job) -> FileReport:
        course = Course(run_id=run.run_id, path=job.path, feed=Feed())
        try:
            course.feed = feed = job.feed(run.settings)
            file = identify(job)
            work = FileRead(run, control, file, feed, file_id=job.file_id(file.quick_hash), folder=job.staged)
        except EngineError as error:
            course.fail(error)
            report = course.report()
            run.projection.finish(report)
            return report
        return work.load()

    return _each(unit, "read", one, last_try=last_try)


def load(unit: str, *, last_try: bool) -> list[FileReport]:
    """Load what was staged of a unit."""

    def one(run: Run, control: Control, job: Job) -> FileReport:
        done = job.report("load")
        return done if done is not None and done.status in IN else StagedLoad(run, control, job.staged).load()

    return _each(unit, "load", one, last_try=last_try)


def describe(unit: str, *, last_try: bool) -> list[FileReport]:
    """Record the columns and metrics of the files of a unit."""

    def one(run: Run, control: Control, job: Job) -> FileReport:
        del control
        report = job.report("load") or job.report("read")
        assert report is not None
        if report.columns:
            run.projection.catalog.describe(
                report.file_id,
                report.attempt,
                report.columns,
                report.checks,
                rows_read=report.rows_read,
                start=start_of(report),
            )
        return report

    return _each(unit, "describe", one, last_try=last_try)


def archive(unit: str, *, last_try: bool) -> list[FileReport]:
    """Put the files of a unit away that are in their tables, and remove what was staged of them.

    Raises:
        StepError: Some files of the unit aren't in their tables; the others were put away.
    """

    def one(run: Run, control: Control, job: Job) -> FileReport:
        report = job.report("load") or job.report("read")
        assert report is not None
        wanted = job.feed(run.settings).archive
        if job.from_input if wanted is None else wanted:
            report = _put_away(run, control, job, report)
        remove_batches(job.staged)
        return report

    reports = _each(unit, "archive", one, last_try=last_try)
    failed = [report for report in reports if report.error is not None]
    if failed:
        raise _together(failed)
    return reports


def reports(unit: str) -> list[FileReport]:
    """Return what is known of each file of a unit."""
    return [_known(job) for job in jobs_of(load_settings(), unit)]


def mark(unit: str, status: IngestionStatus, message: str) -> None:
    """Record what somebody else says of the files of a unit that aren't done: a scheduler, of a task that failed or died."""
    settings = load_settings()
    error = ErrorReport(code="run.interrupted", message=message, retryable=status is IngestionStatus.RETRY)
    with _catalog(settings) as catalog:
        for job in jobs_of(settings, unit):
            latest = job.latest()
            if latest is not None and latest.error is None and job.report("load") is not None:
                continue
            if latest is not None and latest.error is not None:
                # It has said itself what is wrong.
                error = latest.error
                if status is not IngestionStatus.RETRY:
                    continue
            else:
                job.note(error)
            file_id, attempt = _identity(job, latest)
            state = catalog.status(file_id, attempt)
            if state in (
                IngestionStatus.QUEUED,
                IngestionStatus.RUNNING,
                IngestionStatus.RETRY,
                IngestionStatus.FAILED,
            ):
                catalog.mark(file_id, attempt, status, error=error)


def summary(run: str) -> RunReport:
    """Report on a run as far as it is."""
    settings = load_settings()
    files = [report for unit in units_of(settings, run) for report in reports(unit)]
    began = min((report.started_at for report in files), default=datetime.now(UTC))
    return RunReport(
        run_id=run,
        started_at=began,
        wall_seconds=(datetime.now(UTC) - began).total_seconds(),
        files=tuple(files),
    )


def address() -> str:
    """Return where the tables are, without who asks."""
    where = Address.parse(ensure(load_settings()).mysql_url.get_secret_value())
    return f"mysql://{where.host}:{where.port}/{where.database}"


def _absolute(settings: Settings, folder: Path | None) -> Path | None:
    # A relative one stays within reach of every worker.
    return None if folder is None else settings.data_dir / folder


def _catalog(settings: Settings) -> Catalog:
    url = ensure(settings).catalog_url.get_secret_value()
    return Catalog.connect(url, connect_timeout_s=settings.connect_timeout_s)


def _identity(job: Job, latest: FileReport | None) -> tuple[str, int]:
    """Return what the catalog knows a file by."""
    if latest is not None:
        return latest.file_id, latest.attempt
    return str(job.file_id(identify(job).quick_hash)), 1


def _each(unit: str, step: str, one: Callable[[Run, Control, Job], FileReport], *, last_try: bool) -> list[FileReport]:
    """Take one step with each file of a unit whose steps before went well.

    Raises:
        StepError: One failed for a reason that may pass, and there is another try; or none can go on.
    """
    settings = load_settings()
    jobs = jobs_of(settings, unit)
    done: list[FileReport] = []
    with open_run(settings, run_id=jobs[0].run) as run, closing(run.take_control()) as control:
        for job in jobs:
            report = _passed(job, step)
            if report is None:
                report = _attempted(replace(run, settings=job.settings(settings)), control, job, one)
                job.keep(step, report)
            done.append(report)
    failed = [report for report in done if report.error is not None]
    again = [report for report in failed if report.error is not None and report.error.retryable]
    if (again and not last_try) or len(failed) == len(done):
        raise _together(again if again and not last_try else failed)
    return done


def _attempted(run: Run, control: Control, job: Job, one: Callable[[Run, Control, Job], FileReport]) -> FileReport:
    try:
        return one(run, control, job)
    except EngineError as error:
        latest = job.latest()
        if latest is None:
            course = Course(run_id=run.run_id, path=job.path, feed=Feed())
            course.fail(error)
            return course.report()
        told = ErrorReport(code=error.code, message=f"{job.path.name}: {error}", retryable=error.retryable)
        return replace(latest, error=told, status=FileStatus.FAILED)


def _passed(job: Job, step: str) -> FileReport | None:
    """Return the report of a file that this step has nothing to do with: it failed before, or is done already."""
    if step == "read":
        loaded = job.report("archive") or job.report("load")
        return loaded if loaded is not None and loaded.status in IN and loaded.error is None else None
    put_away = job.report("archive")
    if step == "archive" and put_away is not None and put_away.error is None:
        return put_away
    for before in STEPS[: STEPS.index(step)]:
        report = job.report(before)
        if report is not None and report.error is not None and before != "describe":
            return report
        if step == "load" and report is not None and report.status is FileStatus.DUPLICATE:
            return report
    return None


def _known(job: Job) -> FileReport:
    """Return what is known of a file: a file that was read and not loaded has failed, and why is said where it's known."""
    latest, noted = job.latest(), job.noted()
    if latest is None:
        course = Course(run_id=job.run, path=job.path, feed=Feed())
        latest = replace(course.report(), status=FileStatus.FAILED)
    if latest.error is not None or (latest.status in IN and job.report("load") is not None):
        return latest
    if latest.status is FileStatus.DUPLICATE:
        return latest
    unfinished = ErrorReport(code="run.unfinished", message=f"{job.path.name} is not loaded yet", retryable=True)
    return replace(latest, status=FileStatus.FAILED, rows_loaded=0, error=noted or unfinished)


def _together(failed: list[FileReport]) -> StepError:
    """Make one error of several reports."""
    errors = [report.error for report in failed if report.error is not None]
    text = "\n".join(error.message for error in errors)
    return StepError(
        text if len(errors) == 1 else f"{len(errors)} files:\n{text}",
        code=errors[0].code,
        retryable=any(error.retryable for error in errors),
    )


def _put_away(run: Run, control: Control, job: Job, report: FileReport) -> FileReport:
    """Move a loaded file to the archive and record where it is."""
    if not os.path.lexists(job.path) and not (job.staged / MANIFEST).exists():
        # An earlier attempt came that far.
        return report
    feed = job.feed(run.settings)
    file = read_manifest(job.staged).file if report.status is FileStatus.LOADED else identify(job)
    moved = put_away(run.settings, file, feed, sha256=report.sha256, again=True)
    report = replace(report, archived_to=moved)
    cataloged = run.projection.finish(report, described=True)
    if report.status is FileStatus.LOADED:
        text = ledger_json(report, ledger.most_report_chars(control))
        ledger.store_report(control, uuid.UUID(report.file_id), report.attempt, text, cataloged=cataloged)
    return report
