"""A file onto a table that has rows already."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.files.sales import sales_file
from bench.server import BenchServer
from bench.trial import Row
from bench.usage import measure
from bench.variants import Ground, Variant, clients
from bench.variants.engine import ENGINE
from bench.workloads import SALES


@dataclass(frozen=True, kw_only=True, slots=True)
class Append:
    """So many rows onto a `sales_data` of `base_rows`.

    Each variant has a table of its own, filled alike, which keeps what each repetition adds: within a repetition the
    tables are equal, and over five they grow by half where a tenth is added.
    """

    base_rows: int
    rows: int
    name: str = "append"
    variants: tuple[Variant, ...] = (ENGINE, clients.APPEND)
    base: str = clients.APPEND.name

    @property
    def usual(self) -> tuple[str, ...]:
        return tuple(variant.name for variant in self.variants)

    @property
    def shown(self) -> str:
        return f"sales_data, appended to a table of {self.base_rows:,} rows"

    def size(self, data_dir: Path) -> tuple[int, int]:
        sales_file(self.base_rows, data_dir)
        return sales_file(self.rows, data_dir, 1).stat().st_size, 1

    @contextmanager
    def opened(self, server: BenchServer, data_dir: Path, variants: tuple[Variant, ...]) -> Iterator[AppendArena]:
        with ExitStack() as stack:
            urls = {}
            for variant in variants:
                urls[variant.name] = url = stack.enter_context(server.database())
                _fill(server, url, sales_file(self.base_rows, data_dir))
            yield AppendArena(part=self, server=server, data_dir=data_dir, urls=urls)

    def look(self, ground: Ground, variant: Variant) -> tuple[Row, int | None]:
        """Count and sum: looking at every value of so large a table would take longer than the load."""
        del variant
        (content,) = ground.server.rows(
            "SELECT COUNT(*), SUM(quantity), MAX(transaction_id) FROM sales_data", ground.url
        )
        return content, None


@dataclass(frozen=True, kw_only=True, slots=True)
class AppendArena:
    """A table for each variant; each repetition, the warm-up too, appends rows that no other has."""

    part: Append
    server: BenchServer
    data_dir: Path
    urls: dict[str, str]

    @contextmanager
    def ground(self, variant: Variant, repetition: int) -> Iterator[Ground]:
        rows = self.part.rows if repetition else min(1_000, self.part.rows)
        # The base has the ids below its number of rows.
        after_base = -(-self.part.base_rows // rows)
        path = sales_file(rows, self.data_dir, after_base + repetition)
        with tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch:
            yield Ground(
                server=self.server, url=self.urls[variant.name], folder=Path(scratch), workload=SALES, path=path
            )


def _fill(server: BenchServer, url: str, path: Path) -> None:
    """Fill a new table as an expert does."""
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch:
        ground = Ground(server=server, url=url, folder=Path(scratch), workload=SALES, path=path)
        command = clients.EXPERT.command(ground)
        measure(command.argv, {**os.environ, **command.environment}, ground.folder)
