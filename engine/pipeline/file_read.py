"""One file read, proved, counted and staged for another process to load."""

from __future__ import annotations

import uuid
import zlib
from dataclasses import replace
from pathlib import Path

from engine.config import Feed
from engine.load import Control, Entry, ledger
from engine.model import ExistingTable, FileReport, FileStatus, SourceFile, StagedBatch
from engine.pipeline import gate
from engine.pipeline.course import Run
from engine.pipeline.ending import record
from engine.pipeline.file_load import FileLoad
from engine.pipeline.planning import Plan, splits
from engine.pipeline.recovery import UNFINISHED
from engine.stage import Counts, Manifest, remove_batches, write_batch, write_manifest
from engine.summary import ledger_json


class FileRead(FileLoad):
    """Does for one file all that needs no lock: its rows are proved and staged, its columns planned and counted.

    Args:
        run, control, file, feed: As for a `FileLoad`.
        file_id: What the ledger will know it by, unless it knows an unfinished load of it already.
        folder: Where the batches and the manifest go.
    """

    def __init__(
        self, run: Run, control: Control, file: SourceFile, feed: Feed, *, file_id: uuid.UUID, folder: Path
    ) -> None:
        super().__init__(run, control, file, feed)
        self.folder = folder
        # A scheduler shows every state of it.
        self.small = False
        self.course.file_id = file_id

    def load(self) -> FileReport:
        """Read and stage the file; where that fails, or it's a duplicate, that is recorded as its end."""
        course = self.course
        self.work()
        if course.status is not FileStatus.LOADED:
            remove_batches(self.folder)
            record(self.run, self.control, course)
        return self.reported()

    def _lock(self) -> None:
        """Take no lock: nothing is written to the target, and what it is like is looked at again when it's loaded."""

    def _unfinished(self, target: ExistingTable | None) -> Entry | None:
        """Find the load that can be resumed, and leave everything as it is."""
        del target
        course = self.course
        entries = ledger.same_file(self.control, course.table, self.file)
        unfinished = next((one for one in entries if one.state in UNFINISHED and one.replays is None), None)
        if unfinished is not None:
            return unfinished
        if any(entry.file_id == course.file_id and entry.state == "superseded" for entry in entries):
            # It was loaded by this very run, and the table replaced since: this is another load.
            course.file_id = uuid.uuid4()
        return None

    def _carry_out(self, plan: Plan, unfinished: Entry | None) -> None:
        """Stage every batch, pass the gate, write the manifest."""
        del unfinished
        course = self.course
        reading = course.reading
        assert reading is not None
        remove_batches(self.folder)
        batches = []
        for batch in reading.staged(plan.schema, plan.names):
            with course.watch.measure("write"):
                batches.append(self._written(batch))
        gate.decide(course)
        if course.rejects is not None:
            course.rejects.sync()
        course.status = FileStatus.LOADED
        with course.watch.measure("write"):
            write_manifest(self._manifest(plan, tuple(batches)), self.folder)

    def _start_again(self) -> None:
        super()._start_again()
        remove_batches(self.folder)

    def _written(self, batch: StagedBatch) -> StagedBatch:
        assert batch.data is not None
        path = write_batch(batch.data, self.folder, batch.number)
        return replace(batch, data=None, path=path, text_crc32=zlib.crc32(batch.data))

    def _manifest(self, plan: Plan, batches: tuple[StagedBatch, ...]) -> Manifest:
        course, reading = self.course, self.course.reading
        assert reading is not None
        assert reading.sha256 is not None
        assert course.profile is not None
        assert course.rejects is not None
        profile, settings = course.profile, self.run.settings
        return Manifest(
            file_id=course.file_id,
            attempt=course.attempt,
            run_id=self.run.run_id,
            started_at=course.started_at,
            file=self.file,
            feed=self.feed,
            dialect=reading.dialect,
            schema=plan.schema,
            known=plan.known,
            mode=course.mode,
            names=reading.names,
            header=reading.header_bytes,
            width=reading.width,
            batch_rows=reading.batch_rows,
            batch_bytes=reading.batch_bytes,
            counts=Counts(
                rows_read=reading.rows_read,
                rows_kept=reading.rows_kept,
                rows_rejected=reading.rows_rejected,
                blank_lines=reading.blank_lines,
                comment_lines=reading.comment_lines,
                repaired_rows=reading.repaired_rows,
                rejects_at_end=reading.rejects_at_end,
                restarts=course.restarts,
                rejects_by_class=reading.rejects_by_class,
                rejects_by_column=reading.rejects_by_column,
                duplicate_rows=profile.duplicate_rows,
                duplicate_rows_exact=profile.duplicate_rows_exact,
                duplicate_keys=tuple(profile.duplicate_keys.items()),
            ),
            first_reject=reading.first_reject,
            rejects=course.rejects.written(),
            sha256=reading.sha256,
            report=ledger_json(course.report()),
            totals=reading.counted(),
            batches=batches,
            parts=settings.split_parts if splits(plan) and self.file.size_bytes >= settings.split_bytes else 1,
        )
