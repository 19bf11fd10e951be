"""One file from its place to the table, step by step."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from engine.archive import STAMP, feed_folder
from engine.config import Feed
from engine.dialect import detect
from engine.errors import EngineError, LoadError, SourceError
from engine.load import Control, Entry, ledger, locking, tables
from engine.log import Stopwatch, logger, step
from engine.model import (
    Dialect,
    ExistingTable,
    FileReport,
    FileStatus,
    LoadResult,
    Progress,
    SourceFile,
)
from engine.pipeline import gate
from engine.pipeline.claiming import Claim
from engine.pipeline.course import Course, Run, described, in_a_line
from engine.pipeline.drafting import draft_plan
from engine.pipeline.ending import look_for_other_run, put_away, record
from engine.pipeline.hints import without_rows
from engine.pipeline.planning import Plan, choose_mode, contract_hash, prepare_table
from engine.pipeline.publishing import Publication, load_direct, load_in_one, load_shadow, load_upsert
from engine.pipeline.reading import MustWiden, Reading
from engine.pipeline.recovery import can_resume, drop_model, duplicate_of, recover
from engine.reject import RejectFile
from engine.source import content_hash, open_source
from engine.summary import ledger_json

# A file of so many stored bytes at most is one batch, and loaded sooner than further connections are open (bench/README.md).
_SMALL_BYTES = 1024 * 1024
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

    def __init__(self, run: Run, control: Control, file: SourceFile, feed: Feed) -> None:
        self.run = run
        self.control = control
        self.file = file
        self.feed = feed
        # What the server has under the target's name, from when the target's lock is held.
        self.target: ExistingTable | None = None
        # It takes no longer than a moment: the catalog isn't told at once that it begins, and with luck in one go with others.
        self.small = file.size_bytes <= _SMALL_BYTES and not run.dry_run
        # Called before what may take longer than a moment, so that nothing else waits for that.
        self.make_way: Callable[[], None] = lambda: None
        self.course = Course(run_id=run.run_id, path=file.path, file=file, feed=feed, watch=Stopwatch(file.name))

    def work(self) -> None:
        """Bring the file into its table, or note why not; nothing is left over that the next attempt doesn't need."""
        course = self.course
        try:
            self._load()
        except EngineError as error:
            course.fail(error)
            if error.code == "load.taken_over":
                # Ledger and tables are the other worker's now.
                course.claimed, course.claim, course.model = False, None, None
            elif isinstance(error, SourceError):
                look_for_other_run(self.control, course)
        except KeyboardInterrupt:
            course.fail(
                LoadError(
                    "interrupted before it was whole",
                    code="run.interrupted",
                    next_step="run it again: it goes on where it stopped",
                    retryable=True,
                )
            )
            self._clean_up_or_say()
            record(self.run, self.control, course)
            raise
        self._clean_up_or_say()

    def reported(self) -> FileReport:
        report = self.course.report()
        logger.info("%-9s %8.3f s  %s", report.status.value, report.seconds, in_a_line(report))
        return report

    def _load(self) -> None:
        course = self.course
        with step("dialect", course.watch, self.file.name):
            dialect = self._dialect()
        if not self.small:
            self.make_way()
        logger.info("%-9s             %s: %s", "found", self.file.name, described(dialect))
        stored = tables.stored_name(self.control, course.table)
        if stored != course.table:
            course.feed = course.feed.model_copy(update={"table": stored})
        self._lock()
        describe = tables.describe_under_lock if course.locked and self.small else tables.describe
        target = self.target = describe(self.control, course.table)
        self._admit(target)
        course.mode = choose_mode(self.feed, target)
        unfinished = self._unfinished(target)
        half = unfinished is not None and ledger.committed_batches(self.control, unfinished.file_id) > 0
        if target is not None and not half and self._is_duplicate():
            return
        course.reading = self._reading(dialect, unfinished)
        course.begins_late = self.small
        if not self.small:
            self.run.projection.begin(course.start())
        header = course.reading.header()
        if not header:
            raise without_rows(self.feed)
        self._plan_and_load(header, unfinished)

    def _lock(self) -> None:
        """Keep other workers out of the target from here on."""
        course = self.course
        if self.run.dry_run:
            return
        ledger.ensure(self.control)
        with step("lock", course.watch, course.table):
            wait_s = self.run.settings.lock_wait_s
            locking.lock(self.control, course.table, wait_s, before_waiting=self.make_way)
        course.locked = True

    def _unfinished(self, target: ExistingTable | None) -> Entry | None:
        """Finish or remove what earlier attempts left; return the load that can be resumed."""
        course = self.course
        if self.run.dry_run:
            return None
        course.unknown = self.small and ledger.unknown(self.control, course.table, self.file)
        if course.unknown:
            drop_model(self.control, course.table)
            return None
        return recover(
            self.control,
            course.table,
            self.file,
            replays=course.replays,
            target_exists=target is not None,
            staging_dir=self.run.settings.staging_dir,
        )

    def _admit(self, target: ExistingTable | None) -> None:
        """Refuse a file that may not come into its table as that is now, under the table's lock."""

    def _refuse_empty(self) -> None:
        if self.file.size_bytes == 0:
            raise SourceError(
                "the file is empty: it has not even a header",
                code="source.empty",
                next_step="ask its sender, or remove it",
            )

    def _dialect(self) -> Dialect:
        self._refuse_empty()
        with open_source(self.file, hashed=False) as opened:
            sample = opened.stream.read(_SAMPLE_BYTES)
        complete = len(sample) < _SAMPLE_BYTES
        # What is packed may be a thousand times as large.
        self.small = self.small and (complete or "." not in self.file.format)
        return detect(sample, self.feed, name=self.file.name, complete=complete)

    def _is_duplicate(self) -> bool:
        """Tell whether these very bytes are in the target already; the file is hashed only where they may be."""
        course = self.course
        if self.feed.on_duplicate == "load" or course.unknown:
            return False
        if not any(e.state == "published" for e in ledger.same_file(self.control, course.table, self.file)):
            return False
        with step("hash", course.watch, self.file.name):
            course.content_hash = content_hash(self.file)
        first = duplicate_of(self.control, course.table, self.file, course.content_hash, course.replays)
        if first is None:
            return False
        # Who loaded it may have died before the catalog had it, or this run has just found its rename done.
        self.run.projection.catch_up(self.control)
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
                origin=course.origin(dialect),
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
            course.plan = draft_plan(self.control, self.run, course, header, self.target, whole=whole)
            if course.rejects is not None and course.reading is not None:
                course.rejects.origin = course.origin(course.reading.dialect, header)
            try:
                self._carry_out(course.plan, unfinished)
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
        course.claimed, course.claim = False, None

    def _carry_out(self, plan: Plan, unfinished: Entry | None) -> None:
        if self.run.dry_run:
            self._dry_run()
        else:
            self._claim_and_load(plan, unfinished)

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
        tell = self.run.projection.begin
        claim = Claim(control=self.control, course=course, plan=plan, contract=contract, resume=resume, tell=tell)
        claim.begin()
        prepare_table(self.control, plan, resume=resume)
        publication = Publication(
            connect=self.run.connect,
            control=self.control,
            settings=self.run.settings,
            file_id=course.file_id,
            attempt=course.attempt,
            claim=claim,
            small=self.small,
            plan=plan,
            reading=course.reading,
            watch=course.watch,
            on_load=self._on_load,
            gate=self._decide,
            gate_refused=lambda: gate.decide_refused(course),
            describe=self._describe,
            settle=self._settle,
        )
        self._ready(publication)
        _WAYS[plan.strategy](publication)

    def _ready(self, publication: Publication) -> None:
        """Know that the batches can come: the ledger has its entry, and the table that they go to is there."""

    def _decide(self) -> None:
        gate.decide(self.course)

    def _describe(self, background: ThreadPoolExecutor) -> Future[None]:
        """Record columns and metrics while MySQL is still loading."""
        course = self.course
        assert course.reading is not None
        columns, checks, rows_read = course.columns(), course.checks, course.reading.rows_read

        def work() -> None:
            if self.run.projection.describe(str(course.file_id), course.attempt, columns, checks, rows_read=rows_read):
                course.described = (course.attempt, columns, checks)

        return background.submit(work)

    def _settle(self, results: tuple[LoadResult, ...]) -> str:
        """Note what MySQL confirmed and return the report as it goes into the ledger with the publication."""
        course = self.course
        if course.rejects is not None:
            course.rejects.sync()
        course.rows_loaded = sum(result.rows for result in results)
        course.receipt = gate.receipt(course, results, asked=self.run.settings.receipt)
        course.status = FileStatus.LOADED
        return ledger_json(course.report(), ledger.most_report_chars(self.control))

    def _clean_up_or_say(self) -> None:
        try:
            self._clean_up()
        except EngineError as error:
            self.course.notes.append(f"left-overs could not be removed: {error}")

    def _clean_up(self) -> None:
        """Leave nothing over that the next attempt doesn't need."""
        course, plan = self.course, self.course.plan
        if course.rejects is not None:
            if course.error is not None and course.error.retryable:
                # The next attempt writes them anew.
                course.rejects.remove()
            course.rejects.close()
        if course.model is not None:
            tables.drop(self.control, course.model)
        if self.run.dry_run or plan is None:
            return
        ended = course.status in (FileStatus.HELD, FileStatus.FAILED)
        if ended and course.claim is not None:
            course.claim()
        if not course.claimed:
            return
        if ended:
            state: ledger.State = "held" if course.status is FileStatus.HELD else "failed"
            if not ledger.mark_ended(self.control, course.file_id, course.attempt, state):
                # Ledger and tables are the other worker's now.
                course.claimed = False
                return
        if plan.work_table != plan.target and not course.may_resume:
            if course.status is not FileStatus.LOADED:
                ledger.forget_batches(self.control, course.file_id)
            tables.drop(self.control, plan.work_table)

    def archive(self, *, durable: bool) -> None:
        """Put the file away, where that is wanted; `durable` as in `archive`."""
        course = self.course
        wanted = self.run.archive if self.run.archive is not None else self.feed.archive
        if not (self.file.from_input if wanted is None else wanted):
            return
        try:
            with step("archive", course.watch, self.file.name):
                course.archived_to = put_away(
                    self.run.settings,
                    self.file,
                    self.feed,
                    sha256=course.content_hash.hex() if course.content_hash else None,
                    again=course.status is FileStatus.DUPLICATE,
                    durable=durable,
                )
        except EngineError as error:
            course.notes.append(f"loaded, but not archived: {error}")
