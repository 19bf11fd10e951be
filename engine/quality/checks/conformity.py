"""Values that fit their column's type."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model import QualityCheck
from engine.quality.facts import FileFacts
from engine.quality.registry import check


@check("type_conformity")
def type_conformity(facts: FileFacts) -> Iterator[QualityCheck]:
    """Measure the share of each column's values, other than NULL, that fit its type; 1 where there are none."""
    for column in facts.profile.columns:
        fit, misfit = column.rows - column.nulls, facts.type_rejects_by_column.get(column.column, 0)
        share = fit / (fit + misfit) if fit + misfit else 1.0
        yield QualityCheck(name="type_conformity", column=column.column, value=share, unit="ratio")
