"""What measuring a batch costs: 200,000 rows like those of `sales_*.csv`."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from engine.model import Column, ColumnType, Kind
from engine.stats import TableStats

ROWS = 200_000
TEXT = ColumnType(kind=Kind.TEXT, mysql="VARCHAR(255)", max_chars=255)
TYPES = {
    "transaction_id": TEXT,
    "customer_id": TEXT,
    "product_name": TEXT,
    "quantity": ColumnType(kind=Kind.INTEGER, mysql="INT", minimum=-(2**31), maximum=2**31 - 1),
    "price": ColumnType(kind=Kind.DECIMAL, mysql="DECIMAL(10,2)", precision=10, scale=2),
    "transaction_date": ColumnType(kind=Kind.DATE, mysql="DATE"),
    "region": TEXT,
}
COLUMNS = tuple(
    Column(name=name, original=name, position=at, type=column_type)
    for at, (name, column_type) in enumerate(TYPES.items())
)
KEYS = (("transaction_id",),)


def sales(batch: int) -> pl.DataFrame:
    """Make one batch: a unique id, 200,000 customers, 500 products, 2,000 days, 6 regions."""
    rng = np.random.default_rng(batch)
    numbers = pl.Series(np.arange(batch * ROWS, (batch + 1) * ROWS)).cast(pl.String)
    products = pl.Series([f"Product {number}, size {number % 7}" for number in range(500)])
    regions = pl.Series(["North", "South", "East", "West", "Île-de-France", "Zürich"])
    return pl.DataFrame(
        {
            "transaction_id": "T" + numbers.str.zfill(10),
            "customer_id": "C" + pl.Series(rng.integers(0, 200_000, ROWS)).cast(pl.String).str.zfill(6),
            "product_name": products.gather(rng.integers(0, 500, ROWS)),
            "quantity": rng.integers(1, 100, ROWS),
            "price": pl.Series(rng.integers(100, 100_000, ROWS)).cast(pl.Decimal(38, 0)) / 100,
            "transaction_date": pl.Series(np.datetime64("2020-01-01", "D") + rng.integers(0, 2_000, ROWS)),
            "region": regions.gather(rng.integers(0, 6, ROWS)),
        }
    ).with_columns(pl.col("price").cast(pl.Decimal(38, 2)), pl.col("transaction_date").cast(pl.Date))


@pytest.fixture(scope="module")
def known() -> TableStats:
    """Return the statistics of the first million rows."""
    stats = TableStats.empty(COLUMNS, keys=KEYS)
    for batch in range(1, 6):
        stats += TableStats.measure(sales(batch), COLUMNS, batch_number=batch, keys=KEYS, known=stats)
    return stats


def test_measure_the_first_batch(benchmark: BenchmarkFixture) -> None:
    batch = sales(0)
    found = benchmark(TableStats.measure, batch, COLUMNS, batch_number=0, keys=KEYS)
    assert found.rows == ROWS


def test_measure_a_batch_after_a_million_rows(benchmark: BenchmarkFixture, known: TableStats) -> None:
    batch = sales(0)
    found = benchmark(TableStats.measure, batch, COLUMNS, batch_number=0, keys=KEYS, known=known)
    assert found.rows == ROWS


def test_add_a_batch_to_a_million_rows(benchmark: BenchmarkFixture, known: TableStats) -> None:
    part = TableStats.measure(sales(0), COLUMNS, batch_number=0, keys=KEYS, known=known)
    # Adding waits until it pays; what waits is added up for the totals.
    found = benchmark((known + part).totals)
    assert len(found) == len(COLUMNS)
