"""What proving and staging a batch costs: 125,000 rows of `sales_data`, 8 MB."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.rooms import proved, scanned, source_of
from engine.scan import ScannedBatch
from engine.stage import stage, stage_source

ROWS = 125_000


@pytest.fixture(scope="module")
def batch() -> ScannedBatch:
    return scanned(ROWS)


def test_prove(benchmark: BenchmarkFixture, batch: ScannedBatch) -> None:
    proof = benchmark(proved, batch.frame)
    assert (proof.text.height, proof.failures) == (ROWS, ())


def test_stage_as_the_file_has_it(benchmark: BenchmarkFixture, batch: ScannedBatch) -> None:
    assert benchmark(lambda: stage_source(source_of(batch))).count(b"\n") == ROWS


def test_stage_anew(benchmark: BenchmarkFixture, batch: ScannedBatch) -> None:
    text = proved(batch.frame).text
    assert benchmark(stage, text).count(b"\n") == ROWS
