"""A run: servers, feeds, files one after another, and the report."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path

from engine.archive import expire, feed_folder
from engine.catalog import Catalog
from engine.config import Feed, Settings, feed_for, load_feeds, load_settings
from engine.embedded import ensure
from engine.errors import CatalogError, EngineError, LoadError, SettingsError
from engine.load import Address, Connection
from engine.log import logger
from engine.model import FileReport, Mode, Progress, RunReport, SourceFile
from engine.pipeline.course import Course, Run
from engine.pipeline.file_load import FileLoad
from engine.pipeline.projection import Projection
from engine.source import Found, find


def ingest_files(
    paths: Iterable[str | PathLike[str]] | None = None,
    settings: Settings | None = None,
    *,
    table: str | None = None,
    mode: Mode | str | None = None,
    key: Sequence[str] = (),
    feed: Feed | None = None,
    overrides: Mapping[str, object] | None = None,
    archive: bool | None = None,
    dry_run: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> RunReport:
    """Load CSV files into MySQL, exactly once, and record what arrived in the catalog.

    A file that fails doesn't stop the others and raises nothing: its report says what happened. Calls share no
    state, so several may run at once, in threads too; loads into the same table take turns.

    Args:
        paths: The files; None for everything that waits in the input folder.
        settings: Where the servers and folders are; None reads `INGEST_*` and `.env`.
        table: The target, instead of the feed's or one named after the file.
        mode: `append`, `replace` or `upsert`, instead of the feed's.
        key: Columns that identify a row, instead of the feed's.
        feed: What is agreed about these files, instead of the feed whose pattern matches in `feeds.toml`.
        overrides: Values of further `Feed` fields, such as `{"delimiter": ";", "max_rejects": "1%"}`.
        archive: Move loaded files to the archive; None: those from the input folder.
        dry_run: Do everything but write.
        on_progress: Called after each batch that was read, in the calling thread.

    Returns:
        The report, one entry per file in the order in which they were found.

    Raises:
        SettingsError: Settings, options or feeds make no sense; nothing was touched.
        ServerError: A private server can't be started.
    """
    settings = settings if settings is not None else load_settings()
    named = (("table", table), ("mode", mode), ("key", tuple(key)))
    words = {**(overrides or {}), **{name: value for name, value in named if value}}
    # Checked before anything is touched; with each file's feed below them once more.
    Feed().replaced(words)
    feeds = load_feeds(settings.feeds_path)
    began, started_at = time.perf_counter(), datetime.now(UTC)
    run_id = uuid.uuid4().hex
    found = find([Path(path) for path in paths] if paths is not None else None, settings, feeds)
    notes = _notes(found)
    reports = [
        _problem(path, error, run_id, (feed or feed_for(path.name, feeds)).replaced(words))
        for path, error in found.problems
    ]
    if found.files:
        urls = ensure(settings)
        address = Address.parse(urls.mysql_url.get_secret_value())
        with ExitStack() as stack:
            projection = _projection(urls.catalog_url.get_secret_value(), settings, stack, dry_run=dry_run)
            run = Run(
                run_id=run_id,
                settings=settings,
                address=address,
                projection=projection,
                dry_run=dry_run,
                archive=archive,
                on_progress=on_progress or _ignore,
            )
            planned = [(file, feed_of(file, feed, feeds, words)) for file in found.files]
            reports += _load_all(run, planned, stack)
            if projection.failure is not None:
                notes.append(
                    f"the catalog doesn't have everything of this run: {projection.failure}. "
                    "MySQL has it, and the next run records it"
                )
            if not dry_run:
                _expire(settings, {f.name: f for _, f in planned})
    return RunReport(
        run_id=run_id,
        started_at=started_at,
        wall_seconds=time.perf_counter() - began,
        files=tuple(reports),
        dry_run=dry_run,
        notes=tuple(notes),
    )


def feed_of(file: SourceFile, feed: Feed | None, feeds: tuple[Feed, ...], overrides: Mapping[str, object]) -> Feed:
    """Return the feed of a file with the caller's own words on top."""
    chosen = feed if feed is not None else feed_for(file.name, feeds)
    return chosen.replaced(overrides)


def _ignore(_progress: Progress) -> None:
    pass


def _notes(found: Found) -> list[str]:
    notes = [f"{item.path.name} is not complete yet: {item.reason}" for item in found.waiting]
    return notes + [f"{item.path.name} was passed over: {item.reason}" for item in found.skipped]


def _problem(path: Path, error: EngineError, run_id: str, feed: Feed) -> FileReport:
    """Report a path that isn't a file to load."""
    course = Course(run_id=run_id, path=path, feed=feed)
    course.fail(error)
    return course.report()


def _projection(url: str, settings: Settings, stack: ExitStack, *, dry_run: bool) -> Projection:
    if dry_run:
        return Projection(None)
    try:
        catalog = Catalog.connect(url, connect_timeout_s=settings.connect_timeout_s)
    except CatalogError as error:
        if error.code == "catalog.url":
            raise SettingsError(
                f"INGEST_CATALOG_URL: {error.message}", code="settings.catalog_url", next_step=error.next_step
            ) from None
        logger.warning("catalog: %s", error)
        return Projection(None, error)
    return Projection(stack.enter_context(catalog))


def _load_all(run: Run, planned: list[tuple[SourceFile, Feed]], stack: ExitStack) -> Iterator[FileReport]:
    """Load the files one after another over one control connection, opened again where it was lost."""
    control: Connection | None = None
    for file, feed in planned:
        try:
            if control is None:
                control = run.connect()
                stack.callback(control.close)
                if not run.dry_run and (done := run.projection.catch_up(control)):
                    logger.info("recorded %d earlier reports in the catalog", done)
        except LoadError as error:
            course = Course(run_id=run.run_id, path=file.path, file=file, feed=feed)
            course.fail(error)
            report = course.report()
            run.projection.finish(report)
            yield report
            continue
        report = FileLoad(run, control, file, feed).load()
        if report.error is not None and report.error.code in ("load.connection_lost", "load.unreachable"):
            control.close()
            control = None
        yield report


def _expire(settings: Settings, feeds: dict[str | None, Feed]) -> None:
    """Remove what is older than its feed's retention."""
    now = datetime.now(UTC)
    for name, feed in feeds.items():
        if feed.archive_days is not None and name is not None:
            gone = expire(settings.archive_dir / feed_folder(name), feed.archive_days, now)
            logger.info("removed %d archived files older than %d days", len(gone), feed.archive_days)
        if feed.reject_days is not None:
            expire(settings.rejects_dir / feed_folder(name), feed.reject_days, now)
