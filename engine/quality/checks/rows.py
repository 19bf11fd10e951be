"""Rows: how many there are, were rejected, were repaired, are there twice."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model import QualityCheck, RejectClass
from engine.quality.facts import FileFacts
from engine.quality.registry import check


@check("row_count")
def row_count(facts: FileFacts) -> Iterator[QualityCheck]:
    """Count the rows that were loaded."""
    yield QualityCheck(name="row_count", value=facts.rows_loaded, unit="count")


@check("rejected_rows")
def rejected_rows(facts: FileFacts) -> Iterator[QualityCheck]:
    """Count the rows that were rejected, in all and by class."""
    yield QualityCheck(name="rejected_rows", value=facts.rows_rejected, unit="count")
    for each in RejectClass:
        yield QualityCheck(name=f"rejected_rows.{each}", value=facts.rejects_by_class.get(each, 0), unit="count")


@check("repaired_rows")
def repaired_rows(facts: FileFacts) -> Iterator[QualityCheck]:
    """Count the irregular rows that were made regular."""
    yield QualityCheck(name="repaired_rows", value=facts.repaired_rows, unit="count")


@check("duplicate_rows")
def duplicate_rows(facts: FileFacts) -> Iterator[QualityCheck]:
    """Count the rows that equal an earlier one in every column."""
    yield QualityCheck(
        name="duplicate_rows",
        value=facts.profile.duplicate_rows,
        unit="count",
        message="" if facts.profile.duplicate_rows_exact else "estimated from a sample of row hashes",
    )
