"""Columns that say nothing: always the same value, or none at all."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model import ColumnProfile, QualityCheck
from engine.quality.facts import FileFacts
from engine.quality.registry import check


@check("constant_columns", findings=True)
def constant_columns(facts: FileFacts) -> Iterator[QualityCheck]:
    """Count and name the columns with exactly one distinct value in more than one row."""
    found = [column for column in facts.profile.columns if column.distinct == 1 and column.rows > 1]
    yield from _named("constant_columns", found, "every value is the same")


@check("empty_columns", findings=True)
def empty_columns(facts: FileFacts) -> Iterator[QualityCheck]:
    """Count and name the columns of a file with rows that hold nothing but NULL or empty text."""
    found = [column for column in facts.profile.columns if 0 < column.rows == column.nulls + column.empties]
    yield from _named("empty_columns", found, "no value is filled")


def _named(name: str, columns: list[ColumnProfile], message: str) -> Iterator[QualityCheck]:
    yield QualityCheck(name=name, value=len(columns), unit="count")
    for column in columns:
        yield QualityCheck(name=name, column=column.column, value=1, unit="count", message=message)
