"""A pass that another process made, taken up from its manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from engine.log import Stopwatch
from engine.model import ColumnTotals, StagedBatch, TableSchema
from engine.pipeline.reading import Reading
from engine.reject import RejectFile
from engine.stage import Manifest


class StagedReading(Reading):
    """Gives what was counted then, and the staged batches in place of a second pass.

    Args:
        manifest: Of the staged file.
        rejects: The files that the pass wrote; rows that the table refuses are added.
        watch: Where the seconds go.
        on_read: As for a `Reading`; it isn't called.
    """

    def __init__(
        self, manifest: Manifest, *, rejects: RejectFile, watch: Stopwatch, on_read: Callable[[int, int], None]
    ) -> None:
        super().__init__(
            manifest.file,
            manifest.dialect,
            manifest.feed,
            batch_bytes=manifest.batch_bytes,
            batch_rows=manifest.batch_rows,
            rejects=rejects,
            watch=watch,
            on_read=on_read,
        )
        counts = manifest.counts
        self.manifest = manifest
        self.width = manifest.width
        self.header_bytes = manifest.header
        self.rows_read = counts.rows_read
        self.rows_kept = counts.rows_kept
        self.rows_rejected = counts.rows_rejected
        self.batches = len(manifest.batches)
        self.blank_lines = counts.blank_lines
        self.comment_lines = counts.comment_lines
        self.repaired_rows = counts.repaired_rows
        self.rejects_at_end = counts.rejects_at_end
        self.rejects_by_class = dict(counts.rejects_by_class)
        self.rejects_by_column = dict(counts.rejects_by_column)
        self.first_reject = manifest.first_reject
        self.sha256 = manifest.sha256

    def header(self) -> tuple[str, ...]:
        """Return the header as it was read."""
        return self.manifest.names

    def staged(self, schema: TableSchema, names: tuple[str, ...]) -> Iterator[StagedBatch]:
        """Yield the staged batches: in the file's order, or, where others load the later ranges, from both ends.

        This process's own range comes first. Then, from the last batch backwards, those that nobody may have loaded:
        the ledger says of each whether it is in.
        """
        del schema, names
        batches, parts = self.manifest.batches, self.manifest.parts
        own = batches[: ranges(len(batches), parts)[0][1]] if batches else ()
        yield from own
        rest = batches[len(own) :]
        yield from rest if parts == 1 else reversed(rest)

    def counted(self) -> tuple[ColumnTotals, ...]:
        """Return what the pass counted."""
        return self.manifest.totals


def ranges(batches: int, parts: int) -> tuple[tuple[int, int], ...]:
    """Cut a file's batches into ranges of about the same length: pairs of the first batch and the one behind the last."""
    parts = max(1, min(parts, batches))
    edges = [batches * part // parts for part in range(parts + 1)]
    return tuple(pairwise(edges))
