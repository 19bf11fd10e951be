"""What loading a staged batch costs: 125,000 rows of `sales_data`, into a private server without secondary indexes."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.rooms import COLUMNS, scanned, staged
from bench.server import BenchServer, private_server, programs
from bench.sessions import ask
from bench.workloads import SALES
from engine.load import Address, Connection, Destination, ledger, load_batch
from engine.model import LoadResult, StagedBatch

ROWS = 125_000
# Each adds a batch to the table, which doesn't matter to the next: ids ascend and there is no other index.
ROUNDS = 8


@pytest.fixture(scope="module")
def server() -> Iterator[BenchServer]:
    """Start the first server that is found."""
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch:
        # The user that the servers run as must be able to pass.
        Path(scratch).chmod(0o711)
        with private_server(programs(())[0], Path(scratch)) as running:
            yield running


@pytest.fixture(scope="module")
def batch() -> StagedBatch:
    return staged(scanned(ROWS))


@pytest.fixture
def url(server: BenchServer) -> Iterator[str]:
    """Yield an empty database's URL, with `sales_data` as an expert makes it."""
    with server.database() as found:
        for sql in SALES.create(indexes=False):
            ask(found, sql)
        yield found


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    opened = Connection(Address.parse(url), connect_timeout_s=5)
    ledger.ensure(opened)
    yield opened
    opened.close()


@pytest.mark.parametrize("receipt", [True, False], ids=["receipt", "no receipt"])
def test_load_a_batch(
    benchmark: BenchmarkFixture, connection: Connection, url: str, batch: StagedBatch, *, receipt: bool
) -> None:
    file_id = uuid.uuid4()
    ask(
        url,
        "INSERT INTO _ingest_file (file_id, target, mode, path, size_bytes, quick_hash, contract_hash, batch_rows, "
        f"batch_bytes, state, owner) VALUES (0x{file_id.hex}, 'sales_data', 'append', '', 0, '', '', 0, 0, 'loading', '')",
    )
    to = Destination(
        file_id=file_id, attempt=1, table="sales_data", columns=COLUMNS, order_column="id",
        receipt=receipt,
    )  # fmt: skip
    loaded: list[LoadResult] = []

    def once() -> None:
        number = len(loaded)
        loaded.append(load_batch(connection, to, replace(batch, number=number, crc32=number)))

    benchmark.pedantic(once, rounds=ROUNDS, warmup_rounds=1)  # type: ignore[no-untyped-call]  # the plugin has no types
    assert {result.rows for result in loaded} == {ROWS}
    assert ask(url, "SELECT COUNT(*) FROM sales_data") == [(ROWS * len(loaded),)]
