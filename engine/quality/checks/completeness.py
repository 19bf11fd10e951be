"""Cells that are filled, of each column and of the file."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model import QualityCheck
from engine.quality.facts import FileFacts
from engine.quality.registry import check


@check("completeness")
def completeness(facts: FileFacts) -> Iterator[QualityCheck]:
    """Measure the share of cells that aren't NULL; 1 where there are no cells."""
    columns = facts.profile.columns
    cells, nulls = sum(column.rows for column in columns), sum(column.nulls for column in columns)
    yield QualityCheck(name="completeness", value=_share(cells, nulls), unit="ratio")
    for column in columns:
        share = _share(column.rows, column.nulls)
        yield QualityCheck(name="completeness", column=column.column, value=share, unit="ratio")


def _share(cells: int, nulls: int) -> float:
    return (cells - nulls) / cells if cells else 1.0
