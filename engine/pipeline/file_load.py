"""One file from its place to the table, step by step."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime

from engine.archive import STAMP, archive, feed_folder
from engine.config import Feed
from engine.dialect import detect
from engine.errors import EngineError, LoadError, SourceError
from engine.load import Connection, Entry, ledger, tables
from engine.log import Stopwatch, logger, step
from engine.model import Dialect, FileReport, FileStatus, LoadResult, Progress, SourceFile
from engine.pipeline import gate
from engine.pipeline.course import Course, Run, described, in_a_line
from engine.pipeline.drafting import draft_plan
from engine.pipeline.planning import Plan, choose_mode, contract_hash, prepare_table
from engine.pipeline.publishing import Publication, load_direct, load_in_one, load_shadow, load_upsert
from engine.pipeline.reading import MustWiden, Reading
from engine.pipeline.recovery import can_resume, duplicate_of, recover
from engine.reject import RejectFile
from engine.source import content_hash, open_source
from engine.summary import file_document, to_json

# Enough to tell the dialect of anything; the types come from the first batch.
_SAMPLE_BYTES = 256 * 1024

_WAYS = {"shadow": load_shadow, "upsert": load_upsert, "batches": load_direct, "transaction": load_in_one}


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
        self.course = Course(run_id=run.run_id, path=file.path, file=file, feed=feed, watch=Stopwatch(file.name))

    def load(self) -> FileReport:
        """Do the whole job for this file; an expected failure is in the report, not raised."""
        course = self.course
        try:
            self._load()
        except EngineError as error:
            course.fail(error)
        except KeyboardInterrupt:
            course.fail(
                LoadError(
                    "interrupted before it was whole",
                    code="run.interrupted",
                    next_step="run it again: it goes on where it stopped",
                    retryable=True,
                )
            )
            self._clean_up()
            self._record(course.report())
            raise
        try:
            self._clean_up()
        except EngineError as error:
            course.notes.append(f"left-overs could not be removed: {error}")
        if course.status in (FileStatus.LOADED, FileStatus.DUPLICATE) and not self.run.dry_run:
            self._archive()
        report = course.report()
        if not self.run.dry_run:
            self._record(report)
            self._unlock()
        logger.info("%-9s %8.3f s  %s", report.status.value, report.seconds, in_a_line(report))
        return report

    def _load(self) -> None:
        course = self.course
        with step("dialect", course.watch, self.file.name):
            dialect = self._dialect()
        logger.info("%-9s             %s: %s", "found", self.file.name, described(dialect))
        if not self.run.dry_run:
            ledger.ensure(self.control)
            with step("lock", course.watch, course.table):
                ledger.lock(self.control, course.table, self.run.settings.lock_wait_s)
        target = tables.describe(self.control, course.table)
        course.mode = choose_mode(self.feed, target)
        unfinished = None
        if not self.run.dry_run:
            unfinished = recover(
                self.control,
                course.table,
                self.file,
                target_exists=target is not None,
                staging_dir=self.run.settings.staging_dir,
            )
        half = unfinished is not None and ledger.committed_batches(self.control, unfinished.file_id) > 0
        if target is not None and not half and self._is_duplicate():
            return
        course.reading = self._reading(dialect, unfinished)
        self.run.projection.begin(course.start())
        header = course.reading.header()
        if not header:
            raise SourceError(
                "the file has blank lines only", code="source.empty", next_step="ask its sender, or remove it"
            )
        self._plan_and_load(header, unfinished)

    def _unlock(self) -> None:
        try:
            ledger.unlock(self.control, self.course.table)
        except LoadError as error:
            logger.debug("the lock went with its connection: %s", error)

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

    def _is_duplicate(self) -> bool:
        """Tell whether these very bytes are in the target already; the file is hashed only where they may be."""
        course = self.course
        if self.feed.on_duplicate == "load":
            return False
        if not any(e.state == "published" for e in ledger.same_file(self.control, course.table, self.file)):
            return False
        with step("hash", course.watch, self.file.name):
            course.content_hash = content_hash(self.file)
        first = duplicate_of(self.control, course.table, self.file, course.content_hash)
        if first is None:
            return False
        course.status = FileStatus.DUPLICATE
        course.notes.append(
            f"the same bytes are in {course.table} already ({first.rows_loaded or 0:,} rows, loaded from "
            f"{first.path}); --on-duplicate load loads them again"
        )
        return True

    def _reading(self, dialect: Dialect, unfinished: Entry | None) -> Reading:
        """Set up the pass; a load that goes on has to cut its batches where they were cut before."""
        course, settings = self.course, self.run.settings
        if unfinished is not None:
            course.file_id, course.attempt = unfinished.file_id, unfinished.attempt + 1
        if not self.run.dry_run:
            stem = self.file.name.split(".")[0][:150] or "file"
            course.rejects = RejectFile(
                settings.rejects_dir / feed_folder(self.feed.name),
                f"{stem}.{course.started_at.strftime(STAMP)}.{self.file.quick_hash.hex()[:12]}",
                source=self.file.path,
                dialect=dialect,
                header=b"",
            )
        return Reading(
            self.file,
            dialect,
            self.feed,
            batch_bytes=unfinished.batch_bytes if unfinished else settings.batch_bytes,
            batch_rows=unfinished.batch_rows if unfinished else settings.batch_rows,
            rejects=course.rejects,
            watch=course.watch,
            on_read=self._on_read,
        )

    def _on_read(self, bytes_done: int, rows: int) -> None:
        self.run.on_progress(
            Progress(file=self.file.name, bytes_done=bytes_done, bytes_total=self.file.size_bytes, rows=rows)
        )

    def _on_load(self, rows: int) -> None:
        reading = self.course.reading
        share = rows / reading.rows_kept if reading is not None and reading.rows_kept else 1.0
        total = self.file.size_bytes
        self.run.on_progress(
            Progress(file=self.file.name, bytes_done=int(total * share), bytes_total=total, rows=rows, loading=True)
        )

    def _plan_and_load(self, header: tuple[str, ...], unfinished: Entry | None) -> None:
        """Plan from the first batch and load; where a later value breaks the plan, plan from every row, start again."""
        course = self.course
        whole = False
        while True:
            course.plan = draft_plan(self.control, self.run, course, header, whole=whole)
            try:
                if self.run.dry_run:
                    self._dry_run()
                else:
                    self._claim_and_load(course.plan, unfinished)
            except MustWiden as finding:
                if whole:
                    raise AssertionError(f"every row was seen, and still {finding}") from None
                logger.info("%s: %s: planning again from every row", self.file.name, finding)
                course.restarts += 1
                whole = True
                unfinished = None
                self._start_again()
                continue
            return

    def _start_again(self) -> None:
        """Forget what was loaded under a plan that didn't hold."""
        course = self.course
        if course.rejects is not None:
            course.rejects.remove()
        if course.claimed:
            ledger.forget(self.control, course.file_id)
            if course.plan is not None and course.plan.work_table != course.table:
                tables.drop(self.control, course.plan.work_table)
            course.claimed = False

    def _dry_run(self) -> None:
        course = self.course
        assert course.reading is not None
        assert course.plan is not None
        for _ in course.reading.staged(course.plan.schema, course.plan.names):
            pass
        gate.decide(course)
        course.status = FileStatus.LOADED
        course.notes.append(
            f"dry run: {course.reading.rows_kept:,} rows would go into {course.table}"
            + ("" if course.plan.target_exists else ", which would be created")
        )

    def _claim_and_load(self, plan: Plan, unfinished: Entry | None) -> None:
        course = self.course
        assert course.reading is not None
        contract = contract_hash(plan.schema, course.reading.dialect, self.feed, plan.mode)
        resume = unfinished is not None and can_resume(self.control, unfinished, contract)
        if unfinished is not None and not resume:
            ledger.discard(self.control, unfinished)
        self._claim(plan, contract, resume=resume)
        prepare_table(self.control, plan, resume=resume)
        _WAYS[plan.strategy](
            Publication(
                connect=self.run.connect,
                control=self.control,
                settings=self.run.settings,
                file_id=course.file_id,
                plan=plan,
                reading=course.reading,
                watch=course.watch,
                on_load=self._on_load,
                gate=lambda: gate.decide(course),
                gate_refused=lambda: gate.decide_refused(course),
                describe=self._describe,
                settle=self._settle,
            )
        )

    def _claim(self, plan: Plan, contract: bytes, *, resume: bool) -> None:
        course = self.course
        assert course.reading is not None
        published = [
            entry.generation
            for entry in ledger.same_file(self.control, course.table, self.file)
            if entry.state == "published"
        ]
        entry = Entry(
            file_id=course.file_id,
            target=course.table,
            mode=plan.mode,
            quick_hash=self.file.quick_hash,
            content_hash=None,
            contract_hash=contract,
            generation=max(published, default=-1) + 1,
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

    def _describe(self, background: ThreadPoolExecutor) -> Future[None]:
        """Record columns and metrics while MySQL is still loading."""
        course = self.course
        assert course.reading is not None
        return background.submit(
            self.run.projection.describe,
            str(course.file_id),
            course.attempt,
            course.columns(),
            course.checks,
            rows_read=course.reading.rows_read,
        )

    def _settle(self, results: tuple[LoadResult, ...]) -> str:
        """Note what MySQL confirmed and return the report as it goes into the ledger with the publication."""
        course = self.course
        course.rows_loaded = sum(result.rows for result in results)
        course.receipt = gate.receipt(course, results, asked=self.run.settings.receipt)
        course.status = FileStatus.LOADED
        return to_json(file_document(course.report()))

    def _clean_up(self) -> None:
        """Leave nothing over that the next attempt doesn't need."""
        course, plan = self.course, self.course.plan
        if course.rejects is not None:
            course.rejects.close()
        if course.model is not None:
            tables.drop(self.control, course.model)
        if self.run.dry_run or plan is None or not course.claimed:
            return
        if course.status in (FileStatus.HELD, FileStatus.FAILED):
            ledger.mark_ended(self.control, course.file_id, "held" if course.status is FileStatus.HELD else "failed")
        if plan.work_table != plan.target and not course.may_resume:
            if course.status is not FileStatus.LOADED:
                ledger.forget_batches(self.control, course.file_id)
            tables.drop(self.control, plan.work_table)

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
        with step("catalog", self.course.watch, self.file.name):
            cataloged = self.run.projection.finish(report)
            if self.course.claimed:
                try:
                    ledger.store_report(
                        self.control, self.course.file_id, to_json(file_document(report)), cataloged=cataloged
                    )
                except LoadError as error:
                    logger.warning("the ledger doesn't have the report of %s: %s", self.file.name, error)
