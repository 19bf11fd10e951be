"""The ledger's word that a file is being loaded, and by whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.catalog import FileStart
from engine.load import Control, Entry, ledger
from engine.pipeline.course import Course
from engine.pipeline.planning import Plan


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What a load will be in the ledger.

    It is there before the first batch is anywhere. A file whose only batch goes straight to its table enters it in the
    transaction that brings the rows and publishes them: who dies before has not begun. The catalog says of no load that
    it runs that isn't in the ledger, and of all others.

    Attributes:
        contract: As in an `Entry`.
        resume: An earlier attempt's entry is taken over.
        tell: Tells the catalog that a file begins.
    """

    control: Control
    course: Course
    plan: Plan
    contract: bytes
    resume: bool
    tell: Callable[[FileStart], None]

    def begin(self) -> None:
        """Enter the file into the ledger, unless that may wait for its rows."""
        straight = self.plan.work_table == self.plan.target and not self.plan.schema.alter_sql
        self.course.claim = self.make
        if not (self.course.unknown and straight):
            self.make()

    def make(self) -> None:
        """Enter the file into the ledger, or take over its entry where the load goes on; nothing where that was done."""
        course = self.course
        if not course.claimed:
            assert course.file is not None
            if course.begins_late:
                self.tell(course.start())
                course.begins_late = False
            ledger.claim(self.control, self._entry(), course.file, resume=self.resume)
            course.claimed = True

    def begin_publishing(self, *, again: bool) -> bool:
        """Keep others from the load, in the transaction that publishes it; tell whether an earlier try has done that.

        Raises:
            LoadError: `load.taken_over`: another worker does this load now.
        """
        course = self.course
        if course.claimed:
            return ledger.own(self.control, course.file_id, course.attempt) == "published" and again
        if again and ledger.is_published(self.control, course.file_id):
            return True
        assert course.file is not None
        ledger.enter(self.control, self._entry(), course.file)
        return False

    def _entry(self) -> Entry:
        course, reading = self.course, self.course.reading
        assert course.file is not None
        assert reading is not None
        same = () if course.unknown else ledger.same_file(self.control, course.table, course.file)
        published = [entry.generation for entry in same if entry.state == "published"]
        return Entry(
            file_id=course.file_id,
            target=course.table,
            mode=self.plan.mode,
            quick_hash=course.file.quick_hash,
            content_hash=None,
            contract_hash=self.contract,
            generation=max(published, default=-1) + 1,
            batch_rows=reading.batch_rows,
            batch_bytes=reading.batch_bytes,
            state="loading",
            shadow=self.plan.work_table if self.plan.work_table != course.table else None,
            attempt=course.attempt,
            path=str(course.file.path),
            rows_loaded=None,
            replays=course.replays,
        )
