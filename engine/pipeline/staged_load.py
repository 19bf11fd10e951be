"""One staged file into its table, from the manifest that another process wrote."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from engine.errors import EngineError, SchemaError, SourceError
from engine.load import Control, Destination, Entry, ledger
from engine.log import logger
from engine.model import (
    Column,
    Dialect,
    ExistingTable,
    FileReport,
    FileStatus,
    Irregular,
    TableProfile,
    TableSchema,
)
from engine.pipeline.course import Run
from engine.pipeline.drafting import carry_out, planned_for
from engine.pipeline.ending import record, unlock
from engine.pipeline.file_load import FileLoad
from engine.pipeline.planning import splits, table_hash, with_formats
from engine.pipeline.publishing import Publication
from engine.pipeline.reading import Reading
from engine.pipeline.staged_reading import StagedReading
from engine.reject import RejectFile
from engine.schema import plan_existing
from engine.source import fingerprint
from engine.stage import Manifest, read_manifest, write_whole
from engine.summary import file_from_json

# Where the batches go, for other processes that load some of them; it is there while they may.
DESTINATION = "destination.json"


@cache
def destinations() -> TypeAdapter[Destination]:
    """Return what writes and reads a destination."""
    return TypeAdapter(Destination)


class StagedLoad(FileLoad):
    """Loads what was staged; where the table isn't any more what the columns were planned for, the file is read again.

    Args:
        run: What all files share.
        control: The connection that will hold the target's lock.
        folder: Where the manifest is.
    """

    def __init__(self, run: Run, control: Control, folder: Path) -> None:
        manifest = read_manifest(folder)
        super().__init__(run, control, manifest.file, manifest.feed)
        self.manifest = manifest
        self.folder = folder
        # A scheduler shows every state of it.
        self.small = False
        self._again = False
        # Where the table isn't as it was, but every row was proved against the types that it has now.
        self._schema: TableSchema | None = None
        passed = file_from_json(manifest.report)
        course = self.course
        course.file_id, course.attempt, course.started_at = manifest.file_id, manifest.attempt, manifest.started_at
        course.restarts, course.notes, course.passed = manifest.counts.restarts, list(passed.notes), passed
        course.watch.seconds.update(passed.seconds_by_step)

    def load(self) -> FileReport:
        """Load the file, unless it is in already, and record how that ended."""
        course = self.course
        before = self._loaded_before()
        if before is not None:
            return before
        try:
            self.work()
        finally:
            # Nobody may help any more.
            (self.folder / DESTINATION).unlink(missing_ok=True)
        if course.status is FileStatus.DUPLICATE and (before := self._loaded_before()) is not None:
            # Only its last mark was missing, and has just been made.
            unlock(self.control)
            return before
        # Another step records columns and metrics, as they were read, under the attempt that they were read for.
        rejected = course.reading.rows_rejected if course.reading is not None else None
        as_read = (course.attempt, rejected) == (self.manifest.attempt, self.manifest.counts.rows_rejected)
        record(self.run, self.control, course, described=as_read and not self._again)
        if course.locked:
            unlock(self.control)
        return self.reported()

    def _loaded_before(self) -> FileReport | None:
        """Return the report of this very load, where it went through and its process died before it could say so."""
        try:
            ledger.ensure(self.control)
            entry = ledger.find(self.control, self.manifest.file_id)
            if entry is None or entry.state != "published":
                return None
            text = ledger.report_of(self.control, entry.file_id)
            if text is None:
                return None
            report = file_from_json(text)
        except (EngineError, KeyError, ValueError, TypeError) as error:
            logger.debug("nothing is known of an earlier load of %s: %s", self.file.name, error)
            return None
        self.run.projection.finish(report)
        logger.info("%s is in %s already: an earlier attempt at this step went through", self.file.name, report.table)
        return report

    def _dialect(self) -> Dialect:
        self._refuse_changed()
        return self.manifest.dialect

    def _refuse_changed(self) -> None:
        now = fingerprint(self.file.path, from_input=self.file.from_input)
        if now != self.file:
            raise SourceError(
                f"{self.file.path} has changed since it was read",
                code="source.changed",
                next_step="read it again, from the first step on",
            )

    def _admit(self, target: ExistingTable | None) -> None:
        super()._admit(target)
        known = planned_for(self.control, self.run, self.course, target)
        if table_hash(known) != self.manifest.known:
            self._schema = refitted(self.manifest, known)
            if self._schema is None:
                self._read_again("the table has changed since its columns were planned")

    def _read_again(self, why: str) -> None:
        logger.info("%s: %s: it is read again", self.file.name, why)
        self._again = True
        course = self.course
        course.passed, course.restarts = None, course.restarts + 1
        course.notes = [f"read a second time: {why}"]

    def _reading(self, dialect: Dialect, unfinished: Entry | None) -> Reading:
        """Take the pass up, unless the load that goes on has cut its batches elsewhere."""
        course, manifest = self.course, self.manifest
        cut = (manifest.batch_bytes, manifest.batch_rows)
        if not self._again and unfinished is not None and (unfinished.batch_bytes, unfinished.batch_rows) != cut:
            self._read_again("an earlier attempt at it has other batches")
        if self._again:
            return super()._reading(dialect, unfinished)
        if unfinished is not None:
            course.file_id, course.attempt = unfinished.file_id, unfinished.attempt + 1
        course.rejects = RejectFile.resumed(manifest.rejects, origin=course.origin(dialect), header=manifest.header)
        course.content_hash = manifest.sha256
        passed = course.passed
        assert passed is not None
        counts = manifest.counts
        course.checks = passed.checks
        course.profile = TableProfile(
            rows=counts.rows_kept,
            columns=tuple(column.profile for column in passed.columns if column.profile and column.within is None),
            duplicate_rows=counts.duplicate_rows,
            duplicate_rows_exact=counts.duplicate_rows_exact,
            duplicate_keys=dict(counts.duplicate_keys),
        )
        return StagedReading(manifest, rejects=course.rejects, watch=course.watch, on_read=self._on_read)

    def _plan_and_load(self, header: tuple[str, ...], unfinished: Entry | None) -> None:
        if self._again:
            super()._plan_and_load(header, unfinished)
            return
        course = self.course
        target = self.target
        # A second time: the feed's own table, if it's made from that, went with what earlier attempts had left.
        known = planned_for(self.control, self.run, course, target)
        schema = replace(self._schema or self.manifest.schema, exists=target is not None)
        course.plan = carry_out(self.control, course, schema, target, known)
        self._carry_out(course.plan, unfinished)

    def _ready(self, publication: Publication) -> None:
        """Tell those who load other ranges of the batches where they go."""
        if not self._again and self.manifest.parts > 1 and splits(publication.plan):
            write_whole(self.folder / DESTINATION, destinations().dump_json(publication.destination))

    def _decide(self) -> None:
        """Pass the gate that the file has passed already."""
        if self._again:
            super()._decide()

    def _describe(self, background: ThreadPoolExecutor) -> Future[None]:
        """Leave columns and metrics to the step beside this one."""
        if self._again:
            return super()._describe(background)
        return background.submit(lambda: None)


def refitted(manifest: Manifest, known: ExistingTable | None) -> TableSchema | None:
    """Plan the columns of a staged file for the table as it is now, such as another file of the same kind has just made it.

    Returns:
        The plan; None where it differs from what every row was proved against.
    """
    planned, feed = manifest.schema, manifest.feed
    if known is None or planned.wide or feed.irregular is Irregular.REPAIR:
        return None
    try:
        schema = plan_existing(known, manifest.names, feed, None, manifest.mode)
    except SchemaError:
        return None
    schema = with_formats(schema, {column.name: column.type.formats for column in planned.columns})
    same = [_proved(column) for column in schema.columns] == [_proved(column) for column in planned.columns]
    return schema if same and schema.key == planned.key and not schema.alter_sql else None


def _proved(column: Column) -> tuple[object, ...]:
    # The servers spell one type in several ways.
    return column.name, column.position, column.nullable, replace(column.type, mysql="")
