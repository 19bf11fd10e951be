"""The fields of a file that share the JSON column: written into it and counted, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import polars as pl

from engine.model import ColumnReport, TableSchema
from engine.schema import WIDE, documents, with_nulls
from engine.stats import SurplusStats


class Surplus:
    """The surplus of one file under one plan; nothing where every field has a column of its own.

    Args:
        schema: The plan.
        null_tokens: Texts that mean NULL.
    """

    def __init__(self, schema: TableSchema, null_tokens: Iterable[str]) -> None:
        self._fields = schema.wide
        # Fields by place: to look 20,000 names up takes longer than to write the documents.
        self._places = [field.position for field in schema.wide]
        self._null_tokens = tuple(null_tokens)
        self._stats = SurplusStats.empty(len(schema.wide))
        self._reported: tuple[ColumnReport, ...] | None = None

    def gathered(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return a scanned frame with the documents as one more column."""
        if not self._fields:
            return frame
        return frame.with_columns(documents(self._cells(frame), [field.key for field in self._fields]).alias(WIDE))

    def count(self, frame: pl.DataFrame, kept: npt.NDArray[np.int64] | None) -> None:
        """Add the rows of a scanned frame that are kept, all where `kept` is None, to the statistics."""
        if self._fields:
            self._reported = None
            cells = self._cells(frame)
            self._stats = self._stats + SurplusStats.measure(cells if kept is None else cells[kept])

    def columns(self) -> tuple[ColumnReport, ...]:
        """Report the fields in the file's order, each with its statistics."""
        if self._reported is None:
            self._reported = self._columns()
        return self._reported

    def _columns(self) -> tuple[ColumnReport, ...]:
        profiles = self._stats.profiles([field.key for field in self._fields])
        ordered = sorted(zip(self._fields, profiles, strict=True), key=lambda pair: pair[0].position)
        return tuple(
            ColumnReport(
                name=field.key, original=field.original, mysql_type=f"JSON text in {WIDE}", profile=profile, within=WIDE
            )
            for field, profile in ordered
        )

    def _cells(self, frame: pl.DataFrame) -> pl.DataFrame:
        return with_nulls(pl.DataFrame([frame.to_series(place) for place in self._places]), self._null_tokens)
