"""What finding the structure of 8 MB costs, and reading them: rows like those of `sales_*.csv`."""

from __future__ import annotations

import io

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from engine.model import Dialect, Irregular
from engine.scan import Scanner
from engine.scan.structure import structure

ROWS = 125_000
HEADER = b"transaction_id,customer_id,product_name,quantity,price,transaction_date,region\n"


def sales(*, quoted: bool = False) -> bytes:
    """Make 8 MB of rows, with or without quotes around the product's name."""
    rng = np.random.default_rng(1)
    mark = '"' if quoted else ""
    lines = [
        f"T{number:010d},C{customer:06d},{mark}Product {product}{mark},{quantity},{cents / 100:.2f},2024-01-01,North\n"
        for number, (customer, product, quantity, cents) in enumerate(
            zip(*(rng.integers(0, most, ROWS).tolist() for most in (200_000, 500, 100, 100_000)), strict=True)
        )
    ]
    return HEADER + "".join(lines).encode()


def broken(data: bytes) -> bytes:
    """Give one line in a thousand a stray quote."""
    lines = data.split(b"\n")
    for number in range(500, len(lines) - 1, 1000):
        lines[number] = lines[number].replace(b"Product", b'Pro"duct')
    return b"\n".join(lines)


def scan(data: bytes) -> int:
    scanner = Scanner(io.BytesIO(data), Dialect(), irregular=Irregular.REJECT, batch_bytes=8 << 20, batch_rows=250_000)
    return sum(batch.rows_read for batch in scanner.batches(scanner.header))


@pytest.mark.parametrize("quoted", [False, True], ids=["plain", "quoted"])
def test_structure_alone(benchmark: BenchmarkFixture, quoted: bool) -> None:
    data = sales(quoted=quoted)
    found = benchmark(lambda: structure(data, Dialect(), final=True))
    assert len(found.ends) == ROWS + 1


@pytest.mark.parametrize("quoted", [False, True], ids=["plain", "quoted"])
def test_the_whole_scan(benchmark: BenchmarkFixture, quoted: bool) -> None:
    data = sales(quoted=quoted)
    assert benchmark(lambda: scan(data)) == ROWS


def test_the_whole_scan_with_a_stray_quote_in_a_thousand_lines(benchmark: BenchmarkFixture) -> None:
    data = broken(sales())
    assert benchmark(lambda: scan(data)) == ROWS
