"""Prove every value of a batch against its column: what fits is ready to load, what doesn't is named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from engine.config import ColumnRule
from engine.model import Column, RejectClass, TableSchema
from engine.schema.failures import misfit, shown
from engine.schema.gather import with_nulls
from engine.schema.names import identity
from engine.schema.readings import Reading, read_column, without_bad
from engine.schema.rules import broken_rules


@dataclass(frozen=True, kw_only=True, slots=True)
class CellFailure:
    """A value that its column can't take.

    Attributes:
        row: Index in the frame that was given.
        code: Such as `type.out_of_range` or `rule.minimum`.
        widens: The type was only inferred: gather more evidence and plan again, instead of rejecting the row.
    """

    row: int
    column: Column
    code: str
    reject_class: RejectClass
    message: str
    widens: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """A batch, proved.

    Attributes:
        text: The rows that fit, in the text that LOAD DATA reads; NULL is null.
        typed: The same rows as values: Int64 or UInt64, Decimal(38, scale) (text beyond 38 digits), Float64, Date,
            Datetime and Duration in µs, String.
        kept: Indices of those rows in the frame that was given, None where all fit.
        failures: In the order of the rows, then of the columns. Of a column that must be widened only the first.
        failed_rows: Indices of the rows that don't fit, ascending.
        verbatim: `text` is the cells of the frame that was given as they came, NULL tokens aside.
    """

    text: pl.DataFrame
    typed: pl.DataFrame
    kept: npt.NDArray[np.int64] | None
    failures: tuple[CellFailure, ...]
    failed_rows: npt.NDArray[np.int64]
    verbatim: bool

    @property
    def widens(self) -> bool:
        """Some inferred type doesn't hold: the plan is void."""
        return any(failure.widens for failure in self.failures)


def prove(
    frame: pl.DataFrame,
    schema: TableSchema,
    rules: Mapping[str, ColumnRule] | None = None,
    null_tokens: Iterable[str] = (),
) -> Proof:
    """Check every value of a batch.

    Args:
        frame: All cells as text under the schema's column names (others are ignored), NULL where the field is
            empty and unquoted.
        schema: The plan of the table.
        rules: The feed's rules by column name.
        null_tokens: Texts that mean NULL.

    Raises:
        SchemaError: `schema.rule`, a rule that makes no sense for its column's type.
    """
    cells = with_nulls(frame.select(column.name for column in schema.columns), null_tokens)
    by_name = {identity(name): rule for name, rule in (rules or {}).items()}
    readings = []
    failures: list[CellFailure] = []
    verbatim = True
    for column, own in zip(schema.columns, cells, strict=True):
        rule = by_name.get(identity(column.name))
        reading = read_column(own, column)
        failures += _misfits(own, column, reading)
        failures += _nulls(own, column, rule)
        failures += _broken(reading, column, rule)
        verbatim = verbatim and reading.text is own
        readings.append(reading)
    text = pl.DataFrame([reading.text for reading in readings])
    typed = pl.DataFrame([reading.typed for reading in readings])
    if not failures:
        none = np.empty(0, dtype=np.int64)
        return Proof(text=text, typed=typed, kept=None, failures=(), failed_rows=none, verbatim=verbatim)
    failures.sort(key=lambda failure: (failure.row, failure.column.position))
    failed = np.unique(np.array([failure.row for failure in failures], dtype=np.int64))
    kept = np.setdiff1d(np.arange(cells.height, dtype=np.int64), failed, assume_unique=True)
    return Proof(
        text=text[kept],
        typed=typed[kept],
        kept=kept,
        failures=tuple(failures),
        failed_rows=failed,
        verbatim=False,
    )


def _misfits(text: pl.Series, column: Column, reading: Reading) -> list[CellFailure]:
    if reading.bad is None:
        return []
    rows = reading.bad.arg_true()
    if not column.declared:
        rows = rows.head(1)
    values = text.gather(rows)
    # Bad values repeat (`N/A`), so each is explained once.
    explained = {value: misfit(value, column) for value in values.unique()}
    return [
        CellFailure(
            row=row,
            column=column,
            code=explained[value][0],
            reject_class=RejectClass.TYPE,
            message=explained[value][1],
            widens=not column.declared,
        )
        for row, value in zip(rows, values, strict=True)
    ]


def _nulls(text: pl.Series, column: Column, rule: ColumnRule | None) -> list[CellFailure]:
    if column.nullable or not text.null_count() or (rule is not None and rule.not_null):
        return []
    message = f"NULL, and {column.name} is NOT NULL; fill the field"
    return [
        CellFailure(row=row, column=column, code="type.null", reject_class=RejectClass.TYPE, message=message)
        for row in text.is_null().arg_true()
    ]


def _broken(reading: Reading, column: Column, rule: ColumnRule | None) -> list[CellFailure]:
    if rule is None:
        return []
    return [
        CellFailure(
            row=row,
            column=column,
            code=found.code,
            reject_class=RejectClass.RULE,
            message=f"{shown(value)} in {column.name} {found.message}; correct the value or the rule",
        )
        for found in broken_rules(without_bad(reading), column, rule)
        for row, value in zip(found.where.arg_true(), reading.text.filter(found.where), strict=True)
    ]
