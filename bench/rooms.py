"""Rows of `sales_data` as the rooms hand them on, for those rooms that come late in the pass."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import polars as pl

from bench.files.sales import write
from engine.model import Column, ColumnType, Dialect, Irregular, Kind, SourceText, StagedBatch, TableSchema
from engine.scan import ScannedBatch, Scanner
from engine.schema import Proof, prove
from engine.stage import source_format, stage_source
from engine.stats import TableStats

_TYPES = {
    "transaction_id": ColumnType(kind=Kind.TEXT, mysql="VARCHAR(50)", max_chars=50),
    "customer_id": ColumnType(kind=Kind.TEXT, mysql="VARCHAR(50)", max_chars=50),
    "product_name": ColumnType(kind=Kind.TEXT, mysql="VARCHAR(255)", max_chars=255),
    "quantity": ColumnType(kind=Kind.INTEGER, mysql="INT", minimum=-(2**31), maximum=2**31 - 1),
    "price": ColumnType(kind=Kind.DECIMAL, mysql="DECIMAL(10,2)", precision=10, scale=2),
    "transaction_date": ColumnType(kind=Kind.DATE, mysql="DATE"),
    "region": ColumnType(kind=Kind.TEXT, mysql="VARCHAR(100)", max_chars=100),
}
COLUMNS = tuple(
    Column(name=name, original=name, position=at, type=column_type)
    for at, (name, column_type) in enumerate(_TYPES.items())
)


def scanned(rows: int) -> ScannedBatch:
    """Return so many rows of a file as one batch of the scan: all text, NULL where a field is empty."""
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch:
        path = Path(scratch) / "sales.csv"
        write(rows, path)
        file = io.BytesIO(path.read_bytes())
    # Twice what the rows take, so that they are one batch.
    scanner = Scanner(file, Dialect(), irregular=Irregular.REJECT, batch_bytes=rows * 134, batch_rows=rows)
    (batch,) = scanner.batches(tuple(_TYPES))
    return batch


def proved(frame: pl.DataFrame) -> Proof:
    """Return them proved against the types of `sales_data`, as text and typed."""
    return prove(frame, TableSchema(table="sales_data", columns=COLUMNS))


def source_of(batch: ScannedBatch) -> SourceText:
    """Return a batch's own text; there is one, since nothing about these rows is irregular."""
    source = batch.source_text()
    assert source is not None
    return source


def staged(batch: ScannedBatch) -> StagedBatch:
    """Return it as the file has it, with the totals that its receipt needs."""
    proof = proved(batch.frame)
    source = source_of(batch)
    data, form = stage_source(source), source_format(source)
    assert form is not None
    return StagedBatch(
        number=0,
        format=form,
        byte_start=batch.byte_start,
        byte_end=batch.byte_end,
        first_line=batch.first_line,
        rows_read=batch.rows_read,
        rows=proof.text.height,
        rows_rejected=0,
        crc32=batch.crc32,
        size_bytes=len(data),
        totals=TableStats.measure(proof.typed, COLUMNS, batch_number=0, keys=()).totals(),
        data=data,
    )
