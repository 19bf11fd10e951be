"""One file from its place to the table, step by step, and the report of how that went."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from engine.archive import STAMP, archive
from engine.catalog import FileStart
from engine.config import Feed, Settings
from engine.dialect import detect
from engine.errors import EngineError, LoadError, QualityError, ScanError, SourceError
from engine.load import Address, Connection, Entry, add_totals, compare, ledger, tables
from engine.log import Stopwatch, logger, step
from engine.model import (
    ColumnReport,
    ColumnTotals,
    Dialect,
    ErrorReport,
    FileReport,
    FileStatus,
    LoadResult,
    Mode,
    Progress,
    QualityCheck,
    Receipt,
    SourceFile,
    TableProfile,
)
from engine.pipeline.planning import (
    Plan,
    alter,
    choose_mode,
    choose_strategy,
    contract_hash,
    create_shadow,
    created_by_feed,
    field_names,
    model_name,
    order_column,
    plan_schema,
    prepare_staging,
    refuse_foreign_engine,
    shadow_name,
    with_rescue,
)
from engine.pipeline.projection import Projection
from engine.pipeline.publishing import Publication, load_direct, load_in_one, load_shadow, load_upsert
from engine.pipeline.reading import MustWiden, Reading, check_limit
from engine.quality import FileFacts, assess
from engine.reject import RejectFile
from engine.schema import table_name
from engine.source import content_hash, open_source

# Enough to tell the dialect of anything; the types come from the first batch.
_SAMPLE_BYTES = 256 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What all files of one run share."""

    run_id: str
    settings: Settings
    address: Address
    projection: Projection
    dry_run: bool
    archive: bool | None
    on_progress: Callable[[Progress], None]

    def connect(self) -> Connection:
        """Open one more connection to MySQL."""
        return Connection(self.address, connect_timeout_s=self.settings.connect_timeout_s)


@dataclass(kw_only=True, slots=True)
class _Course:
    """What is known so far; it becomes the report whenever and however the file ends."""

    table: str
    mode: Mode
    started_at: datetime
    watch: Stopwatch
    file_id: uuid.UUID
    attempt: int = 1
    claimed: bool = False
    status: FileStatus = FileStatus.FAILED
    reading: Reading | None = None
    plan: Plan | None = None
    # A table that the feed's own text created, to be dropped whatever happens.
    model: str | None = None
    profile: TableProfile | None = None
    checks: tuple[QualityCheck, ...] = ()
    receipt: Receipt | None = None
    content_hash: bytes | None = None
    rows_loaded: int = 0
    restarts: int = 0
    rejects: RejectFile | None = None
    archived_to: Path | None = None
    error: EngineError | None = None
    notes: list[str] = field(default_factory=list)


class FileLoad:
    """Loads one file.

    Args:
        run: What all files share.
        control: The connection that holds the target's lock and writes the ledger.
        file: The file.
        feed: What is agreed about it, the caller's options included.
    """

    def __init__(self, run: Run, control: Connection, file: SourceFile, feed: Feed) -> None:
        self.run = run
        self.control = control
        self.file = file
        self.feed = feed
        self.course = _Course(
            table=feed.table or table_name(file.name),
            mode=feed.mode or Mode.APPEND,
            started_at=datetime.now(UTC),
            watch=Stopwatch(),
            file_id=uuid.uuid4(),
        )

    def load(self) -> FileReport:
        """Do the whole job for this file; an expected failure is in the report, not raised."""
        course = self.course
        try:
            self._load()
        except EngineError as error:
            held = error.code in ("reject.limit", "quality.rule")
            course.status = FileStatus.HELD if held else FileStatus.FAILED
            course.error = _located(error, self.file)
        try:
            self._clean_up()
        except EngineError as error:
            course.notes.append(f"left-overs could not be removed: {error}")
        if course.status in (FileStatus.LOADED, FileStatus.DUPLICATE) and not self.run.dry_run:
            self._archive()
        report = self.report()
        self._record(report)
        return report

    def _load(self) -> None:
        course, watch = self.course, self.course.watch
        with step("dialect", watch, self.file.name):
            dialect = self._dialect()
        if not self.run.dry_run:
            ledger.ensure(self.control)
            with step("lock", watch, course.table):
                ledger.lock(self.control, course.table, self.run.settings.lock_wait_s)
        try:
            self._load_locked(dialect)
        finally:
            if not self.run.dry_run and not isinstance(course.error, LoadError):
                self._unlock()

    def _unlock(self) -> None:
        try:
            ledger.unlock(self.control, self.course.table)
        except LoadError as error:
            logger.debug("the lock went with its connection: %s", error)

    def _load_locked(self, dialect: Dialect) -> None:
        course = self.course
        target = tables.describe(self.control, course.table)
        course.mode = choose_mode(self.feed, target)
        earlier = ledger.same_file(self.control, course.table, self.file)
        unfinished = self._recover(earlier, target is not None)
        if self._is_duplicate(earlier, target is not None):
            return
        batch_rows = unfinished.batch_rows if unfinished else self.run.settings.batch_rows
        batch_bytes = unfinished.batch_bytes if unfinished else self.run.settings.batch_bytes
        if unfinished:
            course.file_id, course.attempt = unfinished.file_id, unfinished.attempt + 1
        if not self.run.dry_run:
            course.rejects = self._reject_file(dialect)
        course.reading = Reading(
            self.file,
            dialect,
            self.feed,
            batch_bytes=batch_bytes,
            batch_rows=batch_rows,
            rejects=course.rejects,
            watch=course.watch,
            on_read=self._on_read,
        )
        self.run.projection.begin(self._start())
        header, header_bytes = course.reading.header()
        self._check_header(header)
        if course.rejects is not None:
            course.rejects.header = header_bytes
        self._plan_and_load(header, unfinished, earlier)

    def _plan_and_load(self, header: tuple[str, ...], unfinished: Entry | None, earlier: tuple[Entry, ...]) -> None:
        """Plan from the first batch, load, and where a later value breaks the plan, plan from every row and start again."""
        course = self.course
        assert course.reading is not None
        whole = False
        while True:
            self._plan(header, whole=whole)
            try:
                if self.run.dry_run:
                    self._dry_run()
                else:
                    self._claim_and_load(unfinished, earlier)
            except MustWiden as finding:
                if whole:
                    raise AssertionError(f"every row was seen, and still {finding}") from None
                logger.info("%s: %s: planning again from every row", self.file.name, finding)
                course.restarts += 1
                whole = True
                if course.rejects is not None:
                    course.rejects.remove()
                if course.claimed:
                    self._start_again()
                    unfinished = None
                continue
            return

    def _dialect(self) -> Dialect:
        if self.file.size_bytes == 0:
            raise SourceError(
                "the file is empty: it has not even a header",
                code="source.empty",
                next_step="ask its sender, or remove it",
            )
        with open_source(self.file, hashed=False) as opened:
            sample = opened.stream.read(_SAMPLE_BYTES)
        return detect(sample, self.feed, name=self.file.name, complete=len(sample) < _SAMPLE_BYTES)

    def _check_header(self, header: tuple[str, ...]) -> None:
        if not header:
            raise SourceError(
                "the file has blank lines only", code="source.empty", next_step="ask its sender, or remove it"
            )

    def _recover(self, earlier: tuple[Entry, ...], target_exists: bool) -> Entry | None:
        """Find the entry of a load of this file that was cut short, and finish a rename that was.

        Returns:
            The entry to resume, None where there is none.
        """
        for entry in earlier:
            if entry.state == "publishing" and entry.shadow and not tables.exists(self.control, entry.shadow):
                # The rename went through, only its mark is missing: a shadow table's name is never used twice.
                if target_exists and not self.run.dry_run:
                    ledger.mark_renamed(self.control, entry)
                continue
            if entry.state in ("loading", "publishing", "failed", "held") and not self.run.dry_run:
                return entry
        return None

    def _is_duplicate(self, earlier: tuple[Entry, ...], target_exists: bool) -> bool:
        """Tell whether these very bytes are in the target already."""
        course = self.course
        if not earlier or not target_exists:
            return False
        # Read again: recovery may have published one just now.
        published = [e for e in ledger.same_file(self.control, course.table, self.file) if e.state == "published"]
        if not published:
            return False
        with step("hash", course.watch, self.file.name):
            course.content_hash = content_hash(self.file)
        same = [entry for entry in published if entry.content_hash == course.content_hash]
        if not same or self.feed.on_duplicate == "load":
            return False
        course.status = FileStatus.DUPLICATE
        first = same[-1]
        course.notes.append(
            f"the same bytes are in {course.table} already ({first.rows_loaded or 0:,} rows, loaded from {first.path}); "
            "--on-duplicate load loads them again"
        )
        return True

    def _reject_file(self, dialect: Dialect) -> RejectFile:
        stem = self.file.name.split(".")[0][:150] or "file"
        stamp = self.course.started_at.strftime(STAMP)
        return RejectFile(
            self.run.settings.rejects_dir,
            f"{stem}.{stamp}.{self.file.quick_hash.hex()[:12]}",
            source=self.file.path,
            dialect=dialect,
            header=b"",
        )

    def _plan(self, header: tuple[str, ...], *, whole: bool) -> None:
        course, feed = self.course, self.feed
        reading = course.reading
        assert reading is not None
        target = tables.describe(self.control, course.table)
        if target is not None:
            refuse_foreign_engine(target)
        model = target.name if target is not None else None
        created = None
        if target is None and (text := created_by_feed(feed, self.run.settings.data_dir)):
            model = course.model = model_name(course.file_id)
            tables.drop(self.control, model)
            tables.create(self.control, text, model)
            created = tables.describe(self.control, model)
            assert created is not None
        known = target or (replace(created, name=course.table) if created else None)
        header, feed = with_rescue(header, feed, known)
        evidence, complete = reading.evidence(field_names(reading.width), whole=whole)
        if complete and not evidence.rows and feed.empty == "fail" and not self._has_rejects(reading):
            raise ScanError(
                "the file has a header and no rows",
                code="scan.no_rows",
                next_step='if that is right, let it pass with --empty load, or empty = "load" in its feed',
            )
        schema = plan_schema(course.table, header, feed, evidence, known, course.mode)
        strategy = choose_strategy(course.mode, feed, target, schema)
        course.notes = [note for note in course.notes if note not in schema.notes] + list(schema.notes)
        course.plan = Plan(
            schema=replace(schema, exists=target is not None),
            names=field_names(reading.width, schema),
            mode=course.mode,
            strategy=strategy,
            work_table=course.table if strategy in ("batches", "transaction") else shadow_name(course.file_id),
            order_column=tables.STAGING_ORDER if strategy == "upsert" else order_column(schema),
            target_exists=target is not None,
            model=model,
            charsets={c.name: c.character_set for c in (known.columns if known else ()) if c.character_set},
        )

    @staticmethod
    def _has_rejects(reading: Reading) -> bool:
        """A file whose rows are all irregular isn't empty: its rejects have to be shown."""
        return reading.irregular_in_evidence

    def _dry_run(self) -> None:
        course = self.course
        assert course.reading is not None
        assert course.plan is not None
        for _ in course.reading.staged(course.plan.schema, course.plan.names):
            pass
        self._gate()
        course.status = FileStatus.LOADED
        course.notes.append(
            f"dry run: {course.reading.rows_kept:,} rows would go into {course.table}"
            + ("" if course.plan.target_exists else ", which would be created")
        )

    def _claim_and_load(self, unfinished: Entry | None, earlier: tuple[Entry, ...]) -> None:
        course, plan = self.course, self.course.plan
        assert plan is not None
        assert course.reading is not None
        contract = contract_hash(plan.schema, course.reading.dialect, self.feed, plan.mode)
        resume = unfinished is not None and self._can_resume(unfinished, contract)
        if unfinished is not None and not resume:
            ledger.discard(self.control, unfinished)
            course.file_id = unfinished.file_id
        entry = Entry(
            file_id=course.file_id,
            target=course.table,
            mode=plan.mode,
            quick_hash=self.file.quick_hash,
            content_hash=None,
            contract_hash=contract,
            generation=1 + max((e.generation for e in earlier if e.state == "published"), default=-1),
            batch_rows=course.reading.batch_rows,
            batch_bytes=course.reading.batch_bytes,
            state="loading",
            shadow=plan.work_table if plan.work_table != course.table else None,
            attempt=course.attempt,
            path=str(self.file.path),
            rows_loaded=None,
        )
        ledger.claim(self.control, entry, self.file, resume=resume)
        course.claimed = True
        self._prepare_table(plan, resume=resume)
        publication = Publication(
            run_connect=self.run.connect,
            control=self.control,
            settings=self.run.settings,
            file_id=course.file_id,
            plan=plan,
            reading=course.reading,
            watch=course.watch,
            gate=self._gate,
            after_pass=self._describe,
        )
        load = {"shadow": load_shadow, "upsert": load_upsert, "batches": load_direct, "transaction": load_in_one}
        results = load[plan.strategy](publication)
        course.content_hash = course.reading.sha256
        course.rows_loaded = sum(result.rows for result in results)
        course.receipt = self._receipt(results)
        course.status = FileStatus.LOADED

    def _can_resume(self, entry: Entry, contract: bytes) -> bool:
        """Tell whether an unfinished load can go on.

        Raises:
            LoadError: Rows of it are in the target, but under another contract.
        """
        same = entry.contract_hash == contract
        if entry.shadow is not None:
            return same and tables.exists(self.control, entry.shadow)
        batches = ledger.committed_batches(self.control, entry.file_id)
        if batches and not same:
            raise LoadError(
                f"{batches} batches of this file are in {entry.target} from an earlier attempt with other options or into "
                "other columns",
                code="load.resume",
                next_step="run it with the options of that attempt, so that it can go on",
            )
        return same

    def _prepare_table(self, plan: Plan, *, resume: bool) -> None:
        if resume and plan.work_table != plan.target and tables.exists(self.control, plan.work_table):
            return
        target = tables.describe(self.control, plan.target)
        if plan.strategy == "upsert":
            if target is None and plan.model is not None:
                tables.create_like(self.control, plan.target, plan.model)
            elif target is None:
                assert plan.schema.create_sql is not None
                tables.create(self.control, plan.schema.create_sql, plan.target)
            else:
                alter(self.control, plan.target, plan.schema)
            prepare_staging(self.control, plan.work_table, plan.schema)
        elif plan.strategy == "shadow":
            create_shadow(self.control, plan)
        else:
            alter(self.control, plan.target, plan.schema)

    def _start_again(self) -> None:
        """Forget what was loaded under a plan that didn't hold."""
        course = self.course
        ledger.forget(self.control, course.file_id)
        if course.plan is not None and course.plan.work_table != course.table:
            tables.drop(self.control, course.plan.work_table)
        course.claimed = False

    def _gate(self) -> None:
        """Decide, with every row read and before anything is published.

        Raises:
            RejectError: Too many rejects.
            QualityError: A rule on the whole file is broken.
        """
        course, reading = self.course, self.course.reading
        assert reading is not None
        assert reading.stats is not None
        course.content_hash = reading.sha256
        with course.watch.measure("quality"):
            course.profile = reading.stats.profile()
            course.checks = self._checks(course.profile, reading)
        path = str(course.rejects.path) if course.rejects is not None and course.rejects.count else None
        check_limit(reading, path)
        broken = [check for check in course.checks if check.passed is False]
        if broken:
            raise QualityError(
                "; ".join(check.message for check in broken),
                code="quality.rule",
                next_step="correct the file, or change the feed's rules",
            )

    def _checks(self, profile: TableProfile, reading: Reading) -> tuple[QualityCheck, ...]:
        return assess(
            FileFacts(
                profile=profile,
                rows_read=reading.rows_read,
                rows_loaded=reading.rows_kept,
                rows_rejected=reading.rows_rejected,
                rejects_by_class=reading.rejects_by_class,
                type_rejects_by_column=reading.rejects_by_column,
                keys=tuple(profile.duplicate_keys),
                mtime=_time_of(self.file),
                started_at=self.course.started_at,
                repaired_rows=reading.repaired_rows,
            ),
            self.feed.rules,
        )

    def _describe(self, background: ThreadPoolExecutor) -> Future[None]:
        """Record columns and metrics while MySQL is still loading."""
        course = self.course
        assert course.reading is not None
        return background.submit(
            self.run.projection.describe,
            str(course.file_id),
            course.attempt,
            self._columns(),
            course.checks,
            rows_read=course.reading.rows_read,
        )

    def _receipt(self, results: tuple[LoadResult, ...]) -> Receipt:
        """Add up the batches' receipts: all of them were held against the engine's figures before their commits."""
        reading, plan = self.course.reading, self.course.plan
        assert reading is not None
        assert reading.stats is not None
        assert plan is not None
        if not self.run.settings.receipt:
            return Receipt(
                verified=False,
                rows_engine=reading.rows_kept,
                rows_mysql=sum(result.rows for result in results),
                columns=(),
                note="switched off",
            )
        mysql: tuple[ColumnTotals, ...] | None = None
        for result in results:
            if result.totals is not None:
                mysql = result.totals if mysql is None else add_totals(mysql, result.totals)
        ours = reading.stats.totals()
        return compare(ours, mysql or ours, reading.rows_kept, sum(result.rows for result in results))

    def _clean_up(self) -> None:
        """Leave nothing over that the next attempt doesn't need."""
        course, plan = self.course, self.course.plan
        if course.rejects is not None:
            course.rejects.close()
        if course.model is not None:
            tables.drop(self.control, course.model)
        if self.run.dry_run or plan is None:
            return
        final = course.status is not FileStatus.FAILED or not (course.error and course.error.retryable)
        if final and plan.work_table != plan.target:
            if course.status is not FileStatus.LOADED:
                ledger.forget_batches(self.control, course.file_id)
            tables.drop(self.control, plan.work_table)
        if course.claimed and course.status in (FileStatus.HELD, FileStatus.FAILED):
            ledger.mark_ended(self.control, course.file_id, course.status.value)

    def _archive(self) -> None:
        course = self.course
        wanted = self.run.archive if self.run.archive is not None else self.feed.archive
        if not (self.file.from_input if wanted is None else wanted):
            return
        try:
            with step("archive", course.watch, self.file.name):
                course.archived_to = archive(
                    self.file,
                    self.run.settings.archive_dir,
                    feed=self.feed.name,
                    sha256=course.content_hash.hex() if course.content_hash else None,
                    now=datetime.now(UTC),
                    done_marker=self.feed.done_marker,
                )
        except EngineError as error:
            course.notes.append(f"loaded, but not archived: {error}")

    def _record(self, report: FileReport) -> None:
        """Keep the report in the ledger and in the catalog; a load is never lost because one of them is down."""
        if self.run.dry_run:
            return
        with step("catalog", self.course.watch, self.file.name):
            cataloged = self.run.projection.finish(report)
            if self.course.claimed:
                try:
                    self.run.projection.keep(self.control, report, cataloged=cataloged)
                except LoadError as error:
                    logger.warning("the ledger doesn't have the report of %s: %s", self.file.name, error)

    def _start(self) -> FileStart:
        course = self.course
        return FileStart(
            file_id=str(course.file_id),
            attempt=course.attempt,
            run_id=self.run.run_id,
            path=self.file.path,
            size_bytes=self.file.size_bytes,
            mtime=_time_of(self.file),
            table=course.table,
            mode=course.mode,
            feed=self.feed.name,
            started_at=course.started_at,
        )

    def _on_read(self, bytes_done: int, rows: int) -> None:
        self.run.on_progress(
            Progress(file=self.file.name, bytes_done=bytes_done, bytes_total=self.file.size_bytes, rows=rows)
        )

    def _columns(self) -> tuple[ColumnReport, ...]:
        plan, profile = self.course.plan, self.course.profile
        if plan is None:
            return ()
        profiles = {column.column: column for column in profile.columns} if profile else {}
        return tuple(
            ColumnReport(
                name=column.name,
                original=column.original,
                mysql_type=column.type.mysql,
                profile=profiles.get(column.name),
            )
            for column in plan.schema.columns
        )

    def report(self) -> FileReport:
        """Report what is known of this file now."""
        course, reading = self.course, self.course.reading
        error = course.error
        return FileReport(
            file_id=str(course.file_id),
            run_id=self.run.run_id,
            attempt=course.attempt,
            path=self.file.path,
            sha256=course.content_hash.hex() if course.content_hash else None,
            size_bytes=self.file.size_bytes,
            mtime=_time_of(self.file),
            feed=self.feed.name,
            table=course.table,
            mode=course.mode,
            status=course.status,
            started_at=course.started_at,
            seconds=course.watch.elapsed_s,
            seconds_by_step=dict(course.watch.seconds),
            rows_read=reading.rows_read if reading else 0,
            rows_loaded=course.rows_loaded,
            rows_rejected=reading.rows_rejected if reading else 0,
            rejects_by_class=dict(reading.rejects_by_class) if reading else {},
            blank_lines=reading.blank_lines if reading else 0,
            repaired_rows=reading.repaired_rows if reading else 0,
            restarts=course.restarts,
            batches=reading.batches if reading else 0,
            rejects_path=course.rejects.path if course.rejects is not None and course.rejects.count else None,
            archived_to=course.archived_to,
            error=ErrorReport(code=error.code, message=str(error), retryable=error.retryable) if error else None,
            receipt=course.receipt,
            columns=self._columns(),
            checks=course.checks,
            notes=tuple(course.notes),
        )


def _located(error: EngineError, file: SourceFile) -> EngineError:
    """Put the file's name in front of a message that doesn't have it."""
    if file.name in error.message:
        return error
    return type(error)(
        f"{file.path}: {error.message}", code=error.code, next_step=error.next_step, retryable=error.retryable
    )


def _time_of(file: SourceFile) -> datetime:
    return datetime.fromtimestamp(file.mtime_ns / 1e9, UTC)
