"""The one pass over a file: scanned, proved, counted and staged batch by batch, each dropped before the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

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
from engine.reject import RejectFile
from engine.scan import RESCUED, ScannedBatch, Scanner
from engine.schema import ColumnEvidence, Evidence, Proof, gather, prove
from engine.source import Opened, open_source
from engine.stage import stage
from engine.stats import TableStats

# So many rejects of one file are written down; the rest is only counted. A file that is wrong throughout would
# otherwise be written a second time.
MOST_REJECTS = 1_000_000


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
        rejects: Where rejected rows go; None for a dry run, which only counts them.
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
        self.repaired_lines: list[int] = []
        self.rejects_by_class: dict[str, int] = {}
        self.rejects_by_column: dict[str, int] = {}
        self.first_reject: Reject | None = None
        self.sha256: bytes | None = None
        self.stats: TableStats | None = None
        self.totals: tuple[ColumnTotals, ...] = ()

    def header(self) -> tuple[str, ...]:
        """Read the header alone; its names are empty where the file has none."""
        with open_source(self.file, hashed=False) as opened:
            scanner = self._scanner(opened)
            self.width = len(scanner.header)
            if self._rejects is not None:
                self._rejects.header = scanner.header_bytes
            return scanner.header

    def evidence(self, *, whole: bool) -> Evidence:
        """Gather what types the columns can have, from the first batch or from every row."""
        names = field_names(self.width)
        found: Evidence | None = None
        with self._watch.measure("schema"), open_source(self.file, hashed=False) as opened:
            for scanned in self._scanner(opened).batches(names):
                seen = gather(scanned.frame, self.dialect.null_tokens, found)
                found = seen if found is None else found + seen
                if not whole:
                    return found
        columns = (*names, RESCUED) if self.feed.irregular is Irregular.REPAIR else names
        return found or Evidence(names=columns, columns=tuple(ColumnEvidence() for _ in columns))

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
        self.totals = self.stats.totals()
        with open_source(self.file) as opened:
            scanner = self._scanner(opened)
            source = scanner.batches(names)
            while True:
                try:
                    with self._watch.measure("scan"):
                        scanned = next(source, None)
                except SourceError:
                    # A file that grows or shrinks looks damaged first.
                    opened.unchanged()
                    raise
                if scanned is None:
                    break
                yield self._batch(scanned, schema, keys)
                self._on_read(opened.raw.position, self.rows_read)
            self.blank_lines += scanner.trailing_blank_lines
            opened.unchanged()
            while opened.stream.read(1 << 20):
                pass
            opened.unchanged()
            self.sha256 = opened.raw.digest()

    def reject_refused(
        self, schema: TableSchema, names: tuple[str, ...], refused: Mapping[int, tuple[RefusedRow, ...]]
    ) -> None:
        """Turn rows that the table didn't take into rejects; their places are found by reading the file again.

        Args:
            refused: The rows by batch. Those that were noted before aren't noted again.
        """
        last = max(refused)
        with self._watch.measure("scan"), open_source(self.file, hashed=False) as opened:
            for scanned in self._scanner(opened).batches(names):
                if scanned.number in refused:
                    kept = prove(scanned.frame, schema, self.feed.columns, self.dialect.null_tokens).kept
                    for row in refused[scanned.number]:
                        if (scanned.number, row.row) in self._refused:
                            continue
                        self._refused.add((scanned.number, row.row))
                        index = row.row if kept is None else int(kept[row.row])
                        self._reject(scanned.reject(index, row.reject_class, row.code, row.message, None))
                        self.rows_kept -= 1
                if scanned.number == last:
                    return

    def _batch(self, scanned: ScannedBatch, schema: TableSchema, keys: tuple[tuple[str, ...], ...]) -> StagedBatch:
        rejected_before = self.rows_rejected
        with self._watch.measure("prove"):
            frame = scanned.frame
            proof = prove(frame, schema, self.feed.columns, self.dialect.null_tokens)
            self._take_rejects(scanned, proof)
        with self._watch.measure("stats"):
            assert self.stats is not None
            stats = TableStats.measure(
                proof.typed, schema.columns, batch_number=scanned.number, keys=keys, known=self.stats
            )
            self.stats = self.stats + stats
            totals = stats.totals()
        with self._watch.measure("stage"):
            data = stage(proof.text)
        self.batches += 1
        self.rows_read += scanned.rows_read
        self.rows_kept += proof.text.height
        self.blank_lines += scanned.blank_lines
        self.repaired_rows += len(scanned.repaired_lines)
        self.repaired_lines += scanned.repaired_lines[: max(0, 1000 - len(self.repaired_lines))]
        rejected = self.rows_rejected - rejected_before
        if proof.text.height + rejected != scanned.rows_read:
            raise AssertionError(
                f"batch {scanned.number}: read {scanned.rows_read}, kept {proof.text.height}, rejected {rejected}"
            )
        return StagedBatch(
            number=scanned.number,
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

    def _scanner(self, opened: Opened) -> Scanner:
        return Scanner(
            opened.stream,
            self.dialect,
            irregular=self.feed.irregular,
            batch_bytes=self.batch_bytes,
            batch_rows=self.batch_rows,
        )


def field_names(width: int, schema: TableSchema | None = None) -> tuple[str, ...]:
    """Name each field of a record for the scan: as its column, or, where none is loaded from it, as none can be."""
    named = {column.position: column.name for column in schema.columns} if schema else {}
    # MySQL takes no name that ends with a blank.
    return tuple(named.get(position, f"{position} ") for position in range(width))
