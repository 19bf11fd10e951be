"""A run: servers, feeds, files one after another, and the report."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path

from engine.archive import expire, feed_folder
from engine.catalog import Catalog
from engine.config import Feed, Settings, feed_for, load_feeds, load_settings
from engine.embedded import are_up, ensure
from engine.errors import CatalogError, EngineError, LoadError, SettingsError
from engine.load import Address, Connection, Control
from engine.log import Stopwatch, logger
from engine.model import FileReport, Mode, Progress, RunReport, SourceFile
from engine.pipeline.course import Course, Run
from engine.pipeline.file_load import FileLoad
from engine.pipeline.grouping import Group
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
    errand = Errand.begin(settings, archive=archive, dry_run=dry_run, on_progress=on_progress)
    found = find([Path(path) for path in paths] if paths is not None else None, settings, feeds)
    errand.notes += _notes(found)
    for path, error in found.problems:
        errand.add_problem(path, error, (feed or feed_for(path.name, feeds)).replaced(words))
    return errand.run([Task(file=file, feed=feed_of(file, feed, feeds, words)) for file in found.files])


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A file to load, under which feed, and what does it."""

    file: SourceFile
    feed: Feed
    load: Callable[[Run, Control, SourceFile, Feed], FileLoad] = FileLoad


@dataclass(kw_only=True)
class Errand:
    """A run from its beginning: what is known and said of it so far, and the report that this becomes."""

    settings: Settings
    archive: bool | None
    dry_run: bool
    on_progress: Callable[[Progress], None] | None
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    watch: Stopwatch = field(default_factory=Stopwatch)
    reports: list[FileReport] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def begin(
        cls,
        settings: Settings,
        *,
        archive: bool | None,
        dry_run: bool,
        on_progress: Callable[[Progress], None] | None,
    ) -> Errand:
        """Begin a run; the clock starts."""
        return cls(settings=settings, archive=archive, dry_run=dry_run, on_progress=on_progress)

    def add_problem(self, path: Path, error: EngineError, feed: Feed) -> None:
        """Report a path that isn't a file to load."""
        course = Course(run_id=self.run_id, path=path, feed=feed)
        course.fail(error)
        self.reports.append(course.report())

    def run(self, tasks: Sequence[Task]) -> RunReport:
        """Load the files and report, those that were no files to load included."""
        # Where nothing waits no server is started, but what an earlier run couldn't record is recorded.
        idle = not (tasks or self.reports or self.dry_run) and are_up(self.settings)
        if tasks or idle:
            with ExitStack() as stack:
                run = stack.enter_context(
                    open_run(
                        self.settings,
                        run_id=self.run_id,
                        dry_run=self.dry_run,
                        archive=self.archive,
                        on_progress=self.on_progress,
                    )
                )
                self.reports += _load_all(run, tasks, stack)
                if idle:
                    catch_up_alone(run)
                elif run.projection.failure is not None:
                    self.notes.append(
                        f"the catalog doesn't have everything of this run: {run.projection.failure}. "
                        "MySQL has it, and the next run records it"
                    )
                if not self.dry_run:
                    expire_old(self.settings, {task.feed.name: task.feed for task in tasks}.values())
        return RunReport(
            run_id=self.run_id,
            started_at=self.started_at,
            wall_seconds=self.watch.elapsed_s,
            files=tuple(self.reports),
            dry_run=self.dry_run,
            notes=tuple(self.notes),
        )


@contextmanager
def open_run(
    settings: Settings,
    *,
    run_id: str,
    dry_run: bool = False,
    archive: bool | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Iterator[Run]:
    """Open what all files of a run share: both servers, private ones started where none are configured.

    Raises:
        SettingsError: A URL makes no sense.
        ServerError: A private server can't be started.
    """
    urls = ensure(settings)
    with ExitStack() as stack:
        yield Run(
            run_id=run_id,
            settings=settings,
            address=Address.parse(urls.mysql_url.get_secret_value()),
            projection=_projection(urls.catalog_url.get_secret_value(), settings, stack, dry_run=dry_run),
            dry_run=dry_run,
            archive=archive,
            on_progress=on_progress or _ignore,
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


def catch_up_alone(run: Run) -> None:
    """Record what earlier runs could not; a server that can't be reached is no failure of a run with nothing to do."""
    try:
        with closing(run.connect()) as connection:
            _catch_up(run, connection)
    except LoadError as error:
        logger.debug("nothing could be caught up with: %s", error)


def _catch_up(run: Run, connection: Connection) -> None:
    if not run.dry_run and (done := run.projection.catch_up(connection)):
        logger.info("recorded %d earlier reports in the catalog", done)


def _load_all(run: Run, tasks: Sequence[Task], stack: ExitStack) -> Iterator[FileReport]:
    """Load the files one after another over one control connection, opened again where it was lost."""
    group: Group | None = None
    for task in tasks:
        try:
            if group is None:
                control = run.take_control()
                stack.callback(control.close)
                _catch_up(run, control)
                group = Group(run, control)
        except LoadError as error:
            course = Course(run_id=run.run_id, path=task.file.path, file=task.file, feed=task.feed)
            course.fail(error)
            report = course.report()
            run.projection.finish(report)
            yield report
            continue
        load = task.load(run, control, task.file, task.feed)
        group.add(load)
        yield from group.taken()
        if load.course.error is not None and load.course.error.code in ("load.connection_lost", "load.unreachable"):
            control.close()
            group = None
    if group is not None:
        group.end()
        yield from group.taken()


def expire_old(settings: Settings, feeds: Iterable[Feed]) -> None:
    """Remove what is older than its feed's retention."""
    now = datetime.now(UTC)
    for feed in feeds:
        if feed.archive_days is not None and feed.name is not None:
            gone = expire(settings.archive_dir / feed_folder(feed.name), feed.archive_days, now)
            logger.info("removed %d archived files older than %d days", len(gone), feed.archive_days)
        if feed.reject_days is not None:
            expire(settings.rejects_dir / feed_folder(feed.name), feed.reject_days, now)
