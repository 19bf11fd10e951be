"""Four ways of a file into its table, each exactly once: behind a shadow, batch by batch, at once, by key."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

from engine.config import Settings
from engine.errors import LoadError, RejectError
from engine.load import (
    Connection,
    Control,
    Destination,
    Loaders,
    Upsert,
    already_in,
    enter_ledger,
    ledger,
    load_batch,
    load_within,
    repeat,
    tables,
    upsert,
)
from engine.log import Stopwatch, step
from engine.model import LoadResult, StagedBatch
from engine.pipeline.claiming import Claim
from engine.pipeline.planning import Plan, later_indexes, ready_target
from engine.pipeline.reading import Reading
from engine.stage import remove_batches, write_batch

# Up to so many bytes of a file that is staged whole before its load stay in memory.
_IN_MEMORY_BYTES = 32 * 1024 * 1024

Results = tuple[LoadResult, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Publication:
    """What the four ways share.

    Attributes:
        control: The connection with the target's lock.
        attempt: Which attempt at the file this is.
        claim: What the ledger will have of it.
        small: One batch of it takes so little that further connections and threads would cost more.
        on_load: Called with the rows that are in so far, where a file is loaded after it was read.
        gate: Raises where the file, now read whole, must not be published.
        gate_refused: Raises where the rows that the table refused are too many.
        describe: Starts the work that can go on beside the load's end.
        settle: Takes the results and returns the report that the ledger keeps from the publication on.
    """

    connect: Callable[[], Connection]
    control: Control
    settings: Settings
    file_id: uuid.UUID
    attempt: int
    claim: Claim
    small: bool
    plan: Plan
    reading: Reading
    watch: Stopwatch
    on_load: Callable[[int], None]
    gate: Callable[[], None]
    gate_refused: Callable[[], None]
    describe: Callable[[ThreadPoolExecutor], Future[None]]
    settle: Callable[[Results], str]

    @property
    def destination(self) -> Destination:
        plan = self.plan
        return Destination(
            file_id=self.file_id,
            attempt=self.attempt,
            table=plan.work_table,
            columns=plan.schema.columns,
            order_column=plan.order_column,
            charsets=plan.charsets,
            receipt=self.settings.receipt,
            # An upsert's staging table refuses nothing.
            isolate=plan.strategy != "upsert",
            # Those of a table that is replaced or made have none.
            triggers=plan.triggers and plan.work_table == plan.target,
            bare=plan.work_table != plan.target,
        )

    @property
    def loaders(self) -> int:
        """Connections to load with: where rows may collide, one, or chance would decide which of them stays."""
        return 1 if self.plan.fills_key else self.settings.loaders

    @property
    def staging_dir(self) -> Path:
        """Where batches are staged: not where another worker has them that takes the file over."""
        return self.settings.staging_dir / f"{self.file_id}.{self.attempt}"

    def staged(self) -> Iterator[StagedBatch]:
        return self.reading.staged(self.plan.schema, self.plan.names)

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Record columns and metrics in another thread while the block runs; those of a small file wait for its end."""
        if self.small:
            yield
            return
        with ThreadPoolExecutor(1, thread_name_prefix="headrace-catalog") as background:
            described = self.describe(background)
            yield
            described.result()

    def at_once(self, work: Callable[[], Results]) -> Results:
        """Do and publish everything in one transaction on the connection with the lock, and again where that may help."""
        done: list[Results] = []

        def once() -> Results:
            try:
                self.control.begin(snapshot=True)
                if self.claim.begin_publishing(again=bool(done)):
                    # The commit went through, and only its reply was lost.
                    self.control.rollback()
                    return done[-1]
                results = work()
                self.mark_published(results, self.settle(results), supersedes=False)
                done.append(results)
                self.control.commit()
            except BaseException:
                self.control.rollback()
                raise
            return results

        results = repeat(self.control, once, what=self.plan.target)
        self.claim.course.claimed = True
        return results

    def mark_published(self, results: Results, report: str, *, supersedes: bool) -> None:
        assert self.reading.sha256 is not None
        ledger.mark_published(
            self.control,
            self.file_id,
            content_hash=self.reading.sha256,
            rows_read=self.reading.rows_read,
            rows_loaded=sum(result.rows for result in results),
            rows_rejected=self.reading.rows_rejected,
            report=report,
            supersedes=supersedes,
            target=self.plan.target,
        )


def load_shadow(to: Publication) -> Results:
    """Load while the file is being read, into a table that nobody sees; index it; rename it."""
    with ExitStack() as stack:
        results = _load_while_reading(to, to.loaders, stack)
        with step("index", to.watch, to.plan.target):
            tables.build_indexes(to.control, to.plan.work_table, later_indexes(to.control, to.plan))
        with step("publish", to.watch, to.plan.target):
            assert to.reading.sha256 is not None
            report = to.settle(results)
            ledger.mark_publishing(to.control, to.file_id, to.reading.sha256, report)
            if to.plan.target_exists:
                old = tables.OLD_PREFIX + to.file_id.hex[:20]
                tables.publish_replacement(to.control, to.plan.work_table, to.plan.target, old)
            else:
                tables.publish_new(to.control, to.plan.work_table, to.plan.target)
            to.mark_published(results, report, supersedes=True)
    return results


def load_upsert(to: Publication) -> Results:
    """Load into a staging table, in the file's order, and from there by key into the target, in one transaction."""
    with ExitStack() as stack:
        # One connection: with more, the last of two rows with one key wouldn't be the last in the file.
        staged = _load_while_reading(to, 1, stack)
        work = Upsert(staging=to.destination, target=to.plan.target, key=to.plan.schema.key)
        with step("publish", to.watch, to.plan.target):
            ready_target(to.control, to.plan)
            try:
                return to.at_once(lambda: _accepted(to, upsert(to.control, work, staged)))
            except BaseException:
                if not to.plan.target_exists:
                    # Made for this file, which isn't in.
                    tables.drop(to.control, to.plan.target)
                raise


def _load_while_reading(to: Publication, loaders: int, stack: ExitStack) -> Results:
    source = to.staged()
    first = tuple(islice(source, 2)) if to.small else ()
    if len(first) == 1:
        to.gate()
        with step("load", to.watch, to.plan.target):
            return _accepted(to, (load_batch(to.control, to.destination, first[0]),))
    with Loaders(to.connect, to.destination, loaders) as pool:
        for batch in chain(first, source):
            with to.watch.measure("wait"):
                pool.submit(batch)
        to.gate()
        stack.enter_context(to.beside())
        with step("load", to.watch, to.plan.target):
            results = pool.finish()
    return _accepted(to, results)


def load_direct(to: Publication) -> Results:
    """Stage the whole file, pass the gate, then load batch by batch straight into the target."""
    with ExitStack() as stack:
        batches = _stage_whole(to, stack)
        to.gate()
        if to.small and len(batches) == 1:
            return _load_in_one(to, batches)
        to.claim.make()
        ready_target(to.control, to.plan)
        stack.enter_context(to.beside())
        loaders = min(to.loaders, max(1, len(batches)))
        with step("load", to.watch, to.plan.target), Loaders(to.connect, to.destination, loaders) as pool:
            for batch in batches:
                pool.submit(batch)
                to.on_load(pool.rows)
            results = pool.finish()
        try:
            results = _accepted(to, results)
        except RejectError as error:
            raise _half_visible(to, error, results) from None
        with step("publish", to.watch, to.plan.target):
            to.mark_published(results, to.settle(results), supersedes=False)
    return results


def _half_visible(to: Publication, error: RejectError, results: Results) -> RejectError:
    """Say of a file whose refused rows are too many what is visible of it already: its batches came one by one."""
    rows = sum(result.rows for result in results)
    return RejectError(
        f"{error.message}; {rows:,} rows of it are visible in {to.plan.target} already, as visibility = 'batch' wants",
        code=error.code,
        next_step=f"accept the rejects with --max-rejects {to.reading.rows_rejected}, and correct them from the reject file: "
        "the file as it was corrected would bring the visible rows a second time",
    )


def load_in_one(to: Publication) -> Results:
    """Stage the whole file, pass the gate, then load all batches in one transaction: all or nothing for readers."""
    with ExitStack() as stack:
        batches = _stage_whole(to, stack)
        to.gate()
        return _load_in_one(to, batches)


def _load_in_one(to: Publication, batches: list[StagedBatch]) -> Results:
    ready_target(to.control, to.plan)
    with to.beside(), step("load", to.watch, to.plan.target):
        return to.at_once(lambda: _load_all(to, batches))


def _load_all(to: Publication, batches: list[StagedBatch]) -> Results:
    """Load every batch in the caller's transaction."""
    results = []
    for batch in batches:
        if enter_ledger(to.control, to.destination, batch):
            results.append(load_within(to.control, to.destination, batch))
        else:
            # From an earlier attempt that made its batches visible one by one.
            results.append(already_in(to.control, to.destination, batch))
        to.on_load(sum(result.rows for result in results))
    return _accepted(to, tuple(results))


def _stage_whole(to: Publication, stack: ExitStack) -> list[StagedBatch]:
    """Stage every batch before the first is sent: in memory while that's little, else in the staging folder."""
    folder = to.staging_dir
    stack.callback(remove_batches, folder)
    batches, held_bytes = [], 0
    for batch in to.staged():
        if batch.data is None:
            batches.append(batch)
            continue
        held_bytes += batch.size_bytes
        if held_bytes <= _IN_MEMORY_BYTES:
            batches.append(batch)
            continue
        # What is on the disk is found again by the ledger.
        to.claim.make()
        with to.watch.measure("write"):
            path = write_batch(batch.data, folder, batch.number)
        batches.append(replace(batch, data=None, path=path))
    return batches


def _accepted(to: Publication, results: Results) -> Results:
    """Turn the rows that the table refused into rejects, and hold what is in against what was kept."""
    refused = {result.number: result.refused for result in results if result.refused}
    if refused:
        to.reading.reject_refused(to.plan.schema, to.plan.names, refused)
        to.gate_refused()
    rows = sum(result.rows for result in results)
    if rows != to.reading.rows_kept or len(results) != to.reading.batches:
        raise LoadError(
            f"{rows:,} rows in {len(results)} batches are in {to.plan.work_table}, and {to.reading.rows_kept:,} in "
            f"{to.reading.batches} were read",
            code="load.count",
        )
    return results
