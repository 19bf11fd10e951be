"""Corrected rejects on their way into the table that the others of their file went to, once."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import zip_longest
from os import PathLike
from pathlib import Path

from engine.archive import archive
from engine.config import Feed, Settings, load_settings
from engine.dialect import look_again
from engine.errors import EngineError, RejectError
from engine.load import Control, Entry, ledger
from engine.log import step
from engine.model import Dialect, ExistingTable, Mode, Progress, RunReport, SourceFile
from engine.pipeline.course import Run
from engine.pipeline.file_load import FileLoad
from engine.pipeline.reading import MOST_REJECTS
from engine.pipeline.run import Errand, Task
from engine.reject import Origin, find_pairs, read_origin, reasons, sidecar_of
from engine.source import find, fingerprint, open_source
from engine.summary import file_from_json

# What is read of a reject file at a time to see what an editor did to it.
_CHUNK_BYTES = 1 << 20


def replay_rejects(
    paths: Iterable[str | PathLike[str]],
    settings: Settings | None = None,
    *,
    max_rejects: str | int = 0,
    max_rejects_per_class: Mapping[str, str | int] | None = None,
    encoding: str | None = None,
    archive: bool | None = None,
    dry_run: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> RunReport:
    """Load corrected reject files into the tables that they were rejected from, exactly once.

    Each is read as its source was, in one transaction, and then moves to the archive with its reasons. One that fails
    doesn't stop the others and raises nothing: its report says what happened.

    Args:
        paths: The reject files, each with its `.errors.jsonl` beside it.
        settings: Where the servers and folders are; None reads `INGEST_*` and `.env`.
        max_rejects: Rows that may be rejected again: a number or a share, such as `"1%"`.
        max_rejects_per_class: The same for single classes, which then don't count against `max_rejects`.
        encoding: The encoding of the files now, where an editor has changed it.
        archive: False leaves the files where they are.
        dry_run: Do everything but write.
        on_progress: Called after each batch that was read, in the calling thread.

    Returns:
        The report, one entry per file.

    Raises:
        SettingsError: Settings or options make no sense; nothing was touched.
        ServerError: A private server can't be started.
    """
    settings = settings if settings is not None else load_settings()
    words: dict[str, object] = {
        "max_rejects": max_rejects,
        "max_rejects_per_class": max_rejects_per_class or {},
        "encoding": encoding,
    }
    Feed().replaced(words)
    errand = Errand.begin(settings, archive=archive, dry_run=dry_run, on_progress=on_progress)
    found = find([Path(path) for path in paths], settings, ())
    tasks = []
    for path, error in found.problems:
        errand.add_problem(path, error, Feed(table="-"))
    for file in found.files:
        try:
            origin = _origin_of(file.path)
            tasks.append(Task(file=file, feed=_feed_again(origin, words), load=partial(ReplayLoad, origin=origin)))
        except EngineError as error:
            errand.add_problem(file.path, error, Feed(table="-"))
    return errand.run(tasks)


def _origin_of(path: Path) -> Origin:
    try:
        return read_origin(sidecar_of(path))
    except RejectError as error:
        raise RejectError(
            f"{path}: nothing says which load these rows are from: {error.message}",
            code=error.code,
            next_step="put its .errors.jsonl beside it, or load it as any other file, with the dialect that it has: "
            "python -m engine.ingest --table TABLE --delimiter ';' FILE",
        ) from None


def _feed_again(origin: Origin, words: dict[str, object]) -> Feed:
    """Return what was agreed about the source, less what is about a whole file or would change the table."""
    upsert = origin.mode is Mode.UPSERT
    return origin.feed.replaced(
        {
            "table": origin.table,
            "mode": Mode.UPSERT if upsert else Mode.APPEND,
            # All or nothing: corrections that were half in could not be corrected again.
            "visibility": None if upsert else "file",
            "create_table": None,
            "empty": "fail",
            "new_columns": "discard" if origin.feed.new_columns == "discard" else "freeze",
            # The table may have got columns since, which are NULL in the source's other rows as well.
            "missing_columns": "evolve",
            "types": "freeze",
            "rules": (),
            "skip_footer": 0,
            "on_duplicate": "skip",
            "done_marker": None,
            **words,
        }
    )


class ReplayLoad(FileLoad):
    """Loads the corrected rejects of one load.

    Args:
        origin: That load.
    """

    def __init__(self, run: Run, control: Control, file: SourceFile, feed: Feed, *, origin: Origin) -> None:
        super().__init__(run, control, file, feed)
        self.origin = origin
        self.course.replays = origin.file_id
        self.course.formats = origin.formats
        # Reject files that are dealt with once this one is in.
        self._settled: list[Path] = []

    def _load(self) -> None:
        try:
            super()._load()
        except RejectError as error:
            if error.code == "reject.limit" and self._is_as_written():
                self.course.notes.append("the file is as it was written: no row of it was corrected")
            raise

    def _is_as_written(self) -> bool:
        """Tell whether the very rows were rejected again that were rejected before."""
        again = self.course.rejects
        if again is None or not again.count:
            return False
        again.sync()
        before, now = (reasons(sidecar) for sidecar in (sidecar_of(self.file.path), again.errors_path))
        return all(old and new and old.raw == new.raw for old, new in zip_longest(before, now))

    def _dialect(self) -> Dialect:
        self._refuse_empty()
        # All that is in it are rows, and as wide as they were.
        known = replace(self.origin.dialect, width=len(self.origin.names), skip_footer=0)

        def chunks() -> Iterator[bytes]:
            with open_source(self.file, hashed=False) as opened:
                while chunk := opened.stream.read(_CHUNK_BYTES):
                    yield chunk

        return look_again(chunks, known, encoding=self.feed.encoding, file_name=self.file.name)

    def _admit(self, target: ExistingTable | None) -> None:
        """Refuse rows of a load that isn't in the table, or whose rejects are in already."""
        origin, path = self.origin, self.file.path
        entry = ledger.find(self.control, origin.file_id)
        if entry is None or entry.target != origin.table:
            raise RejectError(
                f"{path}: the ledger of {self.control.address} doesn't know the load into {origin.table} that these "
                "rows are from",
                code="reject.unknown_load",
                next_step=f"check INGEST_MYSQL_URL, or load it as any other file: {_by_hand(path, origin)}",
            )
        if entry.state != "published" or target is None:
            raise _not_there(path, origin, entry)
        if entry.attempt != origin.attempt:
            self._admit_attempt(entry)
        self._refuse_other_corrections()
        missing = entry.rows_rejected or 0
        if missing > MOST_REJECTS:
            self.course.notes.append(
                f"{missing:,} rows of {origin.source.name} were rejected, and only the first {MOST_REJECTS:,} written down"
            )

    def _admit_attempt(self, entry: Entry) -> None:
        """Let the rejects of an earlier attempt pass where they are those of the one that went through."""
        kept = ledger.report_of(self.control, entry.file_id)
        current = file_from_json(kept).rejects_path if kept else None
        if current is not None and current.exists():
            ours, theirs = (_places(sidecar_of(path)) for path in (self.file.path, current))
            if ours == theirs:
                self._settled.append(current)
                return
        raise RejectError(
            f"{self.file.path}: these are rejects of attempt {self.origin.attempt} at {self.origin.source}, and attempt "
            f"{entry.attempt} is what was loaded",
            code="reject.attempt",
            next_step=f"correct the rejects of that: {current}" if current else "it had no rejects, or they are gone",
        )

    def _refuse_other_corrections(self) -> None:
        before = ledger.replayed(self.control, self.origin.file_id)
        if before is None:
            return
        if before.quick_hash == self.file.quick_hash:
            # Most likely the same bytes: `_is_duplicate` tells.
            return
        raise RejectError(
            f"{self.file.path}: the rejects of {self.origin.source} were corrected and loaded before, as {before.path} "
            f"({before.rows_loaded or 0:,} rows)",
            code="reject.replayed",
            next_step="what was rejected then has reject files of its own; rows beside those are loaded as any other "
            f"file: {_by_hand(self.file.path, self.origin)}",
        )

    def _plan_and_load(self, header: tuple[str, ...], unfinished: Entry | None) -> None:
        if (difference := self._other_header(header)) is not None:
            raise RejectError(
                f"{self.file.path}: its header is not the one of {self.origin.source}: {difference}",
                code="reject.header",
                next_step=f"restore the first line and the delimiter {self.origin.dialect.delimiter!r}; an editor may "
                "have changed either",
            )
        super()._plan_and_load(header, unfinished)
        self._tell_rows()

    def _other_header(self, header: tuple[str, ...]) -> str | None:
        """Say where a header differs from the source's, None where it doesn't."""
        names = self.origin.names
        if len(header) != len(names):
            return f"it has {len(header):,} fields instead of {len(names):,}"
        if not self.origin.dialect.header:
            return None
        pairs = enumerate(zip(header, names, strict=True), 1)
        return next((f"field {at} is {ours!r} instead of {its!r}" for at, (ours, its) in pairs if ours != its), None)

    def _tell_rows(self) -> None:
        """Say what was replayed, and whether rows were left out."""
        course = self.course
        assert course.reading is not None
        written = sum(1 for _ in reasons(sidecar_of(self.file.path)))
        course.notes.append(f"replays the rejects of {self.origin.source}")
        if course.reading.rows_read < written:
            left = written - course.reading.rows_read
            course.notes.append(f"{left:,} of the {written:,} rejected rows are no longer in it and were not loaded")

    def archive(self, *, durable: bool) -> None:
        """Move what is done out of the folder of rejects, so that this shows what isn't; it waits for the disk each time."""
        del durable
        if self.run.archive is False:
            return
        course = self.course
        try:
            with step("archive", course.watch, self.file.name):
                course.archived_to = self._archive_pair(self.file)
                for path in (*self._settled, *self._earlier_tries()):
                    self._archive_pair(fingerprint(path))
        except EngineError as error:
            course.notes.append(f"loaded, but not archived: {error}")

    def _archive_pair(self, file: SourceFile) -> Path:
        return archive(
            file,
            self.run.settings.archive_dir,
            feed=self.feed.name,
            sha256=None,
            now=datetime.now(UTC),
            sidecar=sidecar_of(file.path),
        )

    def _earlier_tries(self) -> Iterator[Path]:
        """Find the rejects of earlier tries at this file, which say what was wrong with it then."""
        current = self.course.rejects.path if self.course.rejects is not None else None
        for path in list(find_pairs(self.run.settings.rejects_dir)):
            try:
                origin = read_origin(sidecar_of(path))
            except RejectError:
                continue
            if origin.source == self.file.path and origin.replays == self.origin.file_id and path != current:
                yield path


def _places(sidecar: Path) -> set[tuple[int, int]]:
    return {(why.byte_start, why.byte_end) for why in reasons(sidecar)}


def _not_there(path: Path, origin: Origin, entry: Entry) -> RejectError:
    """Explain that the table lacks the rows that these would join."""
    source, table = origin.source, origin.table
    match entry.state:
        case "held" | "failed":
            code, why = "reject.not_loaded", f"nothing of {source} is in {table}: its load {_ENDED[entry.state]}"
            next_step = (
                f"correct {source} itself and load that; or load it as it is with python -m engine.ingest --max-rejects "
                "N, and then replay this file"
            )
        case "loading" | "publishing":
            code, why = "reject.not_loaded", f"the load of {source} into {table} was cut short"
            next_step = "run it again first: it goes on where it stopped"
        case "superseded":
            code, why = "reject.superseded", f"{table} was replaced since, and the rows of {source} with it"
            next_step = f"if these rows belong into the new table: {_by_hand(path, origin)}"
        case _:
            code, why = "reject.no_table", f"{table} is gone, and the rows of {source} with it"
            next_step = f"if these rows belong into a new table: {_by_hand(path, origin)}"
    return RejectError(f"{path}: {why}", code=code, next_step=next_step)


_ENDED = {"held": "was held", "failed": "failed"}


def _by_hand(path: Path, origin: Origin) -> str:
    """Write the command that loads a reject file as any other file is loaded."""
    dialect = origin.dialect
    options = ["--table", origin.table, "--delimiter", dialect.delimiter, "--encoding", dialect.encoding]
    options += ["--quote-char", dialect.quote_char or ""] if dialect.quote_char != '"' else []
    options += ["--escape-char", dialect.escape_char] if dialect.escape_char else []
    options += ["--skip-lines", str(dialect.skip_lines)] if dialect.skip_lines else []
    options += [] if dialect.header else ["--no-header"]
    for token in dialect.null_tokens:
        options += ["--null", token]
    return shlex.join(["python", "-m", "engine.ingest", *options, str(path)])
