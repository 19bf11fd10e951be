"""Small files one after another: each is in its table at once, and what is told of them afterwards is told together."""

from __future__ import annotations

import time
from collections.abc import Iterable

from engine.archive import sync_folder
from engine.load import Control
from engine.log import logger
from engine.model import FileReport, FileStatus
from engine.pipeline.course import Course, Run
from engine.pipeline.ending import record, record_all, unlock
from engine.pipeline.file_load import FileLoad

# A group ends with whichever comes first. To be recorded one file waits five times for a disk, and 50 files wait as often;
# who wants to load into one of their tables waits no longer than for a file that takes two seconds. With 1 s groups had 7
# files on a busy machine, each of which took 14 ms to record; with 2 s it was 12 ms (bench/README.md).
_MOST_FILES = 50
_LONGEST_S = 2.0


class Group:
    """Ends files: small ones that are in together, any other by itself, after those that came before it.

    The locks of small files' tables are held until they are recorded. Who dies before that has lost nothing: the ledger has
    each file's report from its publication on, the next run tells the catalog, and finds a file that wasn't put away in
    its table.
    """

    def __init__(self, run: Run, control: Control) -> None:
        self._run = run
        self._control = control
        # Small files whose rows are in, and since when the first is.
        self._waiting: list[FileLoad] = []
        self._since = 0.0
        self._reports: list[FileReport] = []

    def add(self, load: FileLoad) -> None:
        """Load a file; an expected failure is in its report, not raised."""
        load.make_way = self.end
        try:
            load.work()
        except BaseException:
            self.end()
            raise
        course = load.course
        if load.small and course.begins_late and course.status is FileStatus.LOADED:
            course.watch.stop()
            self._control.rest()
            self._since = self._since if self._waiting else time.monotonic()
            self._waiting.append(load)
            if len(self._waiting) >= _MOST_FILES or time.monotonic() - self._since > _LONGEST_S:
                self.end()
        else:
            self._end_waiting()
            self._end_alone(load)
            unlock(self._control)

    def end(self) -> None:
        """End the files that wait for that, and let others into their tables."""
        if self._waiting:
            self._end_waiting()
            unlock(self._control)

    def taken(self) -> list[FileReport]:
        """Return the reports of the files that have ended since the last call, in their order."""
        reports, self._reports = self._reports, []
        return reports

    def _end_waiting(self) -> None:
        loads, self._waiting = self._waiting, []
        if loads:
            for load in loads:
                load.archive(durable=False)
            _sync(load.course for load in loads)
            record_all(self._run, self._control, [load.course for load in loads])
        self._reports += [load.reported() for load in loads]

    def _end_alone(self, load: FileLoad) -> None:
        course = load.course
        if not self._run.dry_run:
            # Before the file is put away: who dies in between leaves it, and the next run catches up with the catalog.
            cataloged = record(self._run, self._control, course)
            if course.status in (FileStatus.LOADED, FileStatus.DUPLICATE):
                before = (course.archived_to, len(course.notes))
                load.archive(durable=True)
                if before != (course.archived_to, len(course.notes)):
                    record(self._run, self._control, course, described=cataloged)
        self._reports.append(load.reported())


def _sync(courses: Iterable[Course]) -> None:
    """Wait until the disk has the moves to the archive, each folder once."""
    places = [(course.path.parent, course.archived_to.parent) for course in courses if course.archived_to is not None]
    for folder in {folder for pair in places for folder in pair}:
        try:
            sync_folder(folder)
        except OSError as error:
            logger.warning("files were moved, and a power cut now may undo that: %s: %s", folder, error.strerror)
