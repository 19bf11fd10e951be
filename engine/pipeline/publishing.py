"""Four ways of a file into its table, each exactly once: behind a shadow, batch by batch, at once, by key."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from engine.config import Settings
from engine.errors import LoadError
from engine.load import Connection, Destination, Loaders, already_in, enter_ledger, ledger, load_within, repeat, tables
from engine.log import Stopwatch, step
from engine.model import LoadResult, StagedBatch
from engine.pipeline.planning import Plan, later_indexes, ready_target
from engine.pipeline.reading import Reading
from engine.stage import FORMAT, remove_batches, write_batch

# Up to so many bytes of a file that is staged whole before its load stay in memory.
_IN_MEMORY_BYTES = 32 * 1024 * 1024

Results = tuple[LoadResult, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Publication:
    """What the four ways share.

    Attributes:
        on_load: Called with the rows that are in so far, where a file is loaded after it was read.
        gate: Raises where the file, now read whole, must not be published.
        gate_refused: Raises where the rows that the table refused are too many.
        describe: Starts the work that can go on beside the load's end.
        settle: Takes the results and returns the report that the ledger keeps from the publication on.
    """

    connect: Callable[[], Connection]
    control: Connection
    settings: Settings
    file_id: uuid.UUID
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
            table=plan.work_table,
            columns=plan.schema.columns,
            order_column=plan.order_column,
            staged_format=FORMAT,
            charsets=plan.charsets,
            receipt=self.settings.receipt,
            # An upsert's staging table refuses nothing.
            isolate=plan.strategy != "upsert",
        )

    @property
    def loaders(self) -> int:
        """Connections to load with: where rows may collide, one, or chance would decide which of them stays."""
        return 1 if self.plan.fills_key else self.settings.loaders

    def staged(self) -> Iterator[StagedBatch]:
        return self.reading.staged(self.plan.schema, self.plan.names)

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Record columns and metrics in another thread while the block runs."""
        with ThreadPoolExecutor(1, thread_name_prefix="headrace-catalog") as background:
            described = self.describe(background)
            yield
            described.result()

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
        results = _load_while_reading(to, 1, stack)

        def attempt() -> None:
            try:
                to.control.execute("START TRANSACTION")
                tables.upsert(
                    to.control, to.plan.work_table, to.plan.target, to.plan.schema.columns, tables.STAGING_ORDER
                )
                to.mark_published(results, to.settle(results), supersedes=False)
                to.control.commit()
            except BaseException:
                to.control.rollback()
                raise

        with step("publish", to.watch, to.plan.target):
            ready_target(to.control, to.plan)
            repeat(to.control, attempt, what=to.plan.target, reconnect=False)
    return results


def _load_while_reading(to: Publication, loaders: int, stack: ExitStack) -> Results:
    with Loaders(to.connect, to.destination, loaders) as pool:
        for batch in to.staged():
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
        ready_target(to.control, to.plan)
        stack.enter_context(to.beside())
        loaders = min(to.loaders, max(1, len(batches)))
        with step("load", to.watch, to.plan.target), Loaders(to.connect, to.destination, loaders) as pool:
            for batch in batches:
                pool.submit(batch)
                to.on_load(pool.rows)
            results = pool.finish()
        results = _accepted(to, results)
        with step("publish", to.watch, to.plan.target):
            to.mark_published(results, to.settle(results), supersedes=False)
    return results


def load_in_one(to: Publication) -> Results:
    """Stage the whole file, pass the gate, then load all batches in one transaction: all or nothing for readers."""
    with ExitStack() as stack:
        batches = _stage_whole(to, stack)
        to.gate()
        ready_target(to.control, to.plan)
        stack.enter_context(to.beside())

        def attempt() -> Results:
            try:
                return _load_and_publish(to, batches)
            except BaseException:
                to.control.rollback()
                raise

        with step("load", to.watch, to.plan.target):
            return repeat(to.control, attempt, what=to.plan.target, reconnect=False)


def _load_and_publish(to: Publication, batches: list[StagedBatch]) -> Results:
    """Load every batch and mark the file as published, in one transaction."""
    temporary = None if to.destination.order_column else tables.create_temporary(to.control, to.plan.target)
    to.control.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
    results = []
    for batch in batches:
        if temporary:
            to.control.execute(f"DELETE FROM {temporary}")
        if enter_ledger(to.control, to.file_id, batch):
            results.append(load_within(to.control, to.destination, batch, temporary))
        else:
            # From an earlier attempt that made its batches visible one by one.
            results.append(already_in(to.control, to.destination, batch))
        to.on_load(sum(result.rows for result in results))
    counted = _accepted(to, tuple(results))
    to.mark_published(counted, to.settle(counted), supersedes=False)
    to.control.commit()
    return counted


def _stage_whole(to: Publication, stack: ExitStack) -> list[StagedBatch]:
    """Stage every batch before the first is sent: in memory while that's little, else in the staging folder."""
    folder = to.settings.staging_dir / str(to.file_id)
    stack.callback(remove_batches, folder)
    batches, held_bytes = [], 0
    for batch in to.staged():
        assert batch.data is not None
        held_bytes += batch.size_bytes
        if held_bytes <= _IN_MEMORY_BYTES:
            batches.append(batch)
            continue
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
