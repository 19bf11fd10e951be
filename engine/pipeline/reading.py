"""The one pass over a file: scanned, proved, counted and staged batch by batch, each dropped before the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from engine.ahead import ahead
from engine.config import Feed
from engine.errors import SourceError
from engine.log import Stopwatch
from engine.model import (
    ColumnTotals,
    Dialect,
    Irregular,
    RefusedRow,
    Reject,
    RejectClass,
    SourceFile,
    StagedBatch,
    TableSchema,
)
from engine.pipeline.surplus import Surplus
from engine.reject import RejectFile
from engine.scan import RESCUED, ScannedBatch, Scanner
from engine.schema import ColumnEvidence, Evidence, Proof, gather, prove
from engine.source import Opened, open_source
from engine.stage import FORMAT, source_format, stage, stage_source
from engine.stats import TableStats

# So many rejects of one file are written down; the rest is only counted. A file that is wrong throughout would
# otherwise be written a second time.
MOST_REJECTS = 1_000_000
# Thousands of rows, as a rule: of any date among them the order of day and month is known.
_BRIEF_BYTES = 1 << 20


class MustWiden(Exception):
    """A value doesn't fit the type that was inferred for its column."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(f"{column}: {message}")
        self.column = column


class Reading:
    """Reads one file under one plan.

    Args:
        file: The file.
        dialect: Its dialect.
        feed: Policies and rules.
        batch_bytes, batch_rows: Where batches end.
        rejects: Where rejected rows go; None for a dry run, which only counts them and stages nothing.
        watch: Where the seconds go.
        on_read: Called after each batch with the stored bytes read so far and the rows so far.
    """

    def __init__(
        self,
        file: SourceFile,
        dialect: Dialect,
        feed: Feed,
        *,
        batch_bytes: int,
        batch_rows: int,
        rejects: RejectFile | None,
        watch: Stopwatch,
        on_read: Callable[[int, int], None],
    ) -> None:
        self.file = file
        self.dialect = dialect
        self.feed = feed
        self.batch_bytes = batch_bytes
        self.batch_rows = batch_rows
        self.width = 0
        self.names: tuple[str, ...] = ()
        # What stands above the first row, as UTF-8.
        self.header_bytes = b""
        self._rejects = rejects
        self._watch = watch
        self._on_read = on_read
        self._begin()

    def _begin(self) -> None:
        self._refused: set[tuple[int, int]] = set()
        self.rows_read = 0
        self.rows_kept = 0
        self.rows_rejected = 0
        self.batches = 0
        self.blank_lines = 0
        self.repaired_rows = 0
        self.comment_lines = 0
        # Records at the very end of what was read that are no rows: they may be a footer.
        self.rejects_at_end = 0
        self.rejects_by_class: dict[str, int] = {}
        self.rejects_by_column: dict[str, int] = {}
        self.first_reject: Reject | None = None
        self.sha256: bytes | None = None
        self.stats: TableStats | None = None
        self.surplus: Surplus | None = None

    def header(self) -> tuple[str, ...]:
        """Read the header alone; its names are empty where the file has none."""
        with open_source(self.file, hashed=False) as opened:
            scanner = self._scanner(opened, self.batch_bytes)
            self.width = len(scanner.header)
            if self._rejects is not None:
                self._rejects.header = scanner.header_bytes
            self.names, self.header_bytes = scanner.header, scanner.header_bytes
            return scanner.header

    def evidence(self, *, whole: bool, only: Sequence[int] | None = None, brief: bool = False) -> Evidence:
        """Gather what types the columns can have, from every row or from so many batches as tell how dates are written.

        Args:
            whole: From every row.
            only: Positions of the columns to look at; None for all.
            brief: The types are known, so a small piece of the file is enough to begin with.
        """
        names = field_names(self.width)
        every = (*names, RESCUED) if self.feed.irregular is Irregular.REPAIR else names
        looked_at = every if only is None else tuple(every[at] for at in only)
        found: Evidence | None = None
        with self._watch.measure("schema"), open_source(self.file, hashed=False) as opened:
            for scanned in self._scanner(opened, _BRIEF_BYTES if brief else self.batch_bytes).batches(names):
                seen = gather(scanned.frame.select(looked_at), self.dialect.null_tokens, found)
                found = seen if found is None else found + seen
                if not whole and not found.undecided:
                    break
        known = dict(zip(found.names, found.columns, strict=True)) if found is not None else {}
        return Evidence(
            names=every,
            columns=tuple(known.get(name, ColumnEvidence()) for name in every),
            rows=found.rows if found is not None else 0,
        )

    def staged(self, schema: TableSchema, names: tuple[str, ...]) -> Iterator[StagedBatch]:
        """Read the file from its start and yield its batches, staged in memory.

        Args:
            schema: What the columns become.
            names: A name for each field of a record, shape (width,).

        Raises:
            MustWiden: An inferred type doesn't hold; what was yielded is void.
            EngineError: The file can't be read on, or changed meanwhile.
        """
        self._begin()
        keys = (schema.key,) if schema.key else ()
        self.stats = TableStats.empty(schema.columns, keys=keys)
        self.surplus = Surplus(schema, self.dialect.null_tokens)
        with open_source(self.file, read_ahead=True) as opened:
            scanner = self._scanner(opened, self.batch_bytes)
            try:
                for scanned in ahead(self._timed(scanner.batches(names, rescue=_rescues(schema)))):
                    yield self._batch(scanned, schema, keys)
                    self._on_read(opened.raw.position, self.rows_read)
            except SourceError:
                # A file that grows or shrinks looks damaged first.
                opened.unchanged()
                raise
            self.blank_lines += scanner.trailing_blank_lines
            opened.unchanged()
            while opened.stream.read(1 << 20):
                pass
            opened.unchanged()
            self.sha256 = opened.raw.digest()

    def counted(self) -> tuple[ColumnTotals, ...]:
        """Return what a receipt compares, of all rows that were kept."""
        assert self.stats is not None
        return self.stats.totals()

    def reject_refused(
        self, schema: TableSchema, names: tuple[str, ...], refused: Mapping[int, tuple[RefusedRow, ...]]
    ) -> None:
        """Turn rows that the table didn't take into rejects; their places are found by reading the file again.

        Args:
            refused: The rows by batch. Those that were noted before aren't noted again.
        """
        last = max(refused)
        surplus = Surplus(schema, self.dialect.null_tokens)
        with self._watch.measure("scan"), open_source(self.file, hashed=False) as opened:
            for scanned in self._scanner(opened, self.batch_bytes).batches(names, rescue=_rescues(schema)):
                if scanned.number in refused:
                    kept = prove(
                        surplus.gathered(scanned.frame), schema, self.feed.columns, self.dialect.null_tokens
                    ).kept
                    for row in refused[scanned.number]:
                        if (scanned.number, row.row) in self._refused:
                            continue
                        self._refused.add((scanned.number, row.row))
                        index = row.row if kept is None else int(kept[row.row])
                        self._reject(scanned.reject(index, row.reject_class, row.code, row.message, None))
                        self.rows_kept -= 1
                if scanned.number == last:
                    return

    def _timed(self, batches: Iterator[ScannedBatch]) -> Iterator[ScannedBatch]:
        while True:
            with self._watch.measure("scan"):
                scanned = next(batches, None)
            if scanned is None:
                return
            yield scanned

    def _batch(self, scanned: ScannedBatch, schema: TableSchema, keys: tuple[tuple[str, ...], ...]) -> StagedBatch:
        rejected_before = self.rows_rejected
        with self._watch.measure("prove"):
            assert self.surplus is not None
            frame = self.surplus.gathered(scanned.frame)
            proof = prove(frame, schema, self.feed.columns, self.dialect.null_tokens)
            self._take_rejects(scanned, proof)
        with self._watch.measure("stats"):
            assert self.stats is not None
            stats = TableStats.measure(
                proof.typed, schema.columns, batch_number=scanned.number, keys=keys, known=self.stats
            )
            self.stats = self.stats + stats
            self.surplus.count(scanned.frame, proof.kept)
            totals = stats.totals()
        data, form = b"", ""
        if self._rejects is not None:
            with self._watch.measure("stage"):
                data, form = staged_text(scanned, proof, schema, self.width)
        self.batches += 1
        self.rows_read += scanned.rows_read
        self.rows_kept += proof.text.height
        self.blank_lines += scanned.blank_lines
        self.comment_lines += scanned.comment_lines
        self._note_repairs(scanned)
        self._note_end(scanned)
        rejected = self.rows_rejected - rejected_before
        if proof.text.height + rejected != scanned.rows_read:
            raise AssertionError(
                f"batch {scanned.number}: read {scanned.rows_read}, kept {proof.text.height}, rejected {rejected}"
            )
        return StagedBatch(
            number=scanned.number,
            format=form,
            byte_start=scanned.byte_start,
            byte_end=scanned.byte_end,
            first_line=scanned.first_line,
            rows_read=scanned.rows_read,
            rows=proof.text.height,
            rows_rejected=rejected,
            crc32=scanned.crc32,
            size_bytes=len(data),
            totals=totals,
            data=data,
        )

    def _note_repairs(self, scanned: ScannedBatch) -> None:
        self.repaired_rows += len(scanned.repairs)
        if self._rejects is not None:
            for repair in scanned.repairs[: max(0, MOST_REJECTS - self._rejects.repairs.count)]:
                self._rejects.repairs.write(repair)

    def _note_end(self, scanned: ScannedBatch) -> None:
        """Count the records at the end of a batch that are no rows."""
        count, end = 0, scanned.byte_end
        for reject in reversed(scanned.rejects):
            if reject.byte_end != end:
                break
            count, end = count + 1, reject.byte_start
        self.rejects_at_end = count + (self.rejects_at_end if count == scanned.rows_read else 0)

    def _take_rejects(self, scanned: ScannedBatch, proof: Proof) -> None:
        """Write down the records that were no rows and the rows that were not right, in the file's order."""
        rejects = list(scanned.rejects)
        seen: set[int] = set()
        for failure in proof.failures:
            if failure.widens:
                raise MustWiden(failure.column.name, failure.message)
            if failure.row not in seen:
                seen.add(failure.row)
                rejects.append(
                    scanned.reject(
                        failure.row, failure.reject_class, failure.code, failure.message, failure.column.name
                    )
                )
        if not rejects:
            return
        for reject in sorted(rejects, key=lambda item: item.byte_start):
            self._reject(reject)

    def _reject(self, reject: Reject) -> None:
        self.rows_rejected += 1
        name = reject.reject_class.value
        self.rejects_by_class[name] = self.rejects_by_class.get(name, 0) + 1
        if reject.column is not None and reject.reject_class is RejectClass.TYPE:
            self.rejects_by_column[reject.column] = self.rejects_by_column.get(reject.column, 0) + 1
        if self.first_reject is None:
            self.first_reject = reject
        if self._rejects is not None and self._rejects.count < MOST_REJECTS:
            self._rejects.write(reject)

    def _scanner(self, opened: Opened, batch_bytes: int) -> Scanner:
        return Scanner(
            opened.stream,
            self.dialect,
            irregular=self.feed.irregular,
            batch_bytes=batch_bytes,
            batch_rows=self.batch_rows,
        )


def staged_text(scanned: ScannedBatch, proof: Proof, schema: TableSchema, width: int) -> tuple[bytes, str]:
    """Return a batch's text and LOAD DATA's options for it: the source's own where that says the same."""
    whole = proof.verbatim and [column.position for column in schema.columns] == list(range(width))
    source = scanned.source_text() if whole else None
    form = source_format(source) if source is not None else None
    # As many empty fields as the proof has NULLs, or one of the two takes a text for NULL (or quotes for none).
    if source is None or form is None or len(source.empty) != sum(proof.text.null_count().row(0)):
        return stage(proof.text), FORMAT
    return stage_source(source), form


def _rescues(schema: TableSchema) -> bool:
    return any(column.name == RESCUED for column in schema.columns)


def field_names(width: int, schema: TableSchema | None = None) -> tuple[str, ...]:
    """Name each field of a record for the scan: as its column, or, where none is loaded from it, as none can be."""
    named = {column.position: column.name for column in schema.columns} if schema else {}
    # MySQL takes no name that ends with a blank.
    return tuple(named.get(position, f"{position} ") for position in range(width))
