"""One file into a new table, with all its indexes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.parts.part import empty_ground
from bench.server import BenchServer
from bench.trial import Row
from bench.variants import Ground, Variant
from bench.variants.clients import EXPERT, EXPERT_2, IMPORT, NAIVE
from bench.variants.engine import ENGINE, WITHOUT_STATISTICS
from bench.variants.peers import DLT, DUCKDB, PANDAS, SHELL, SLING
from bench.workloads import SALES, Workload

LOADERS = (ENGINE, WITHOUT_STATISTICS, EXPERT, EXPERT_2, NAIVE, IMPORT)
PEERS = (PANDAS, DLT, SLING, DUCKDB, SHELL)
_WARM_UP_ROWS = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class NewTable:
    """One file of one workload into a table that isn't there before."""

    name: str
    workload: Workload
    rows: int
    usual: tuple[str, ...] = tuple(variant.name for variant in LOADERS)
    variants: tuple[Variant, ...] = (*LOADERS, *PEERS)
    base: str = "expert"

    @property
    def shown(self) -> str:
        return f"{self.workload.shown}, new table"

    def size(self, data_dir: Path) -> tuple[int, int]:
        return self.workload.file(self.rows, data_dir).stat().st_size, 1

    @contextmanager
    def opened(self, server: BenchServer, data_dir: Path, variants: tuple[Variant, ...]) -> Iterator[NewTableArena]:
        del variants
        yield NewTableArena(part=self, server=server, data_dir=data_dir)

    def look(self, ground: Ground, variant: Variant) -> tuple[Row, int | None]:
        """Compare all values, and see that the indexes are there.

        Raises:
            RuntimeError: An index is missing that the variant builds.
        """
        table = self.workload.table
        ((*content, nulls),) = ground.server.rows(
            f"SELECT {self.workload.content}, {self.workload.nulls} FROM {table}", ground.url
        )
        found = {row[2] for row in ground.server.rows(f"SHOW INDEX FROM {table}", ground.url)}
        if variant.builds_indexes and not found >= {"PRIMARY", *self.workload.indexes}:
            raise RuntimeError(f"{variant.name}: {table} hasn't its indexes, only {sorted(map(str, found))}")
        return tuple(content), int(str(nulls))


@dataclass(frozen=True, kw_only=True, slots=True)
class NewTableArena:
    """An empty database for each run; the warm-up loads a smaller file."""

    part: NewTable
    server: BenchServer
    data_dir: Path

    def ground(self, variant: Variant, repetition: int) -> AbstractContextManager[Ground]:
        del variant
        workload = self.part.workload
        rows = self.part.rows if repetition else min(_WARM_UP_ROWS, self.part.rows)
        return empty_ground(self.server, workload, workload.file(rows, self.data_dir))


def new_table(workload: Workload, rows: int, *, peers: bool = False) -> NewTable:
    """Return the part that loads such a file, with the peers beside where asked for."""
    chosen = (*LOADERS, *PEERS) if peers else LOADERS
    return NewTable(name=workload.name, workload=workload, rows=rows, usual=tuple(variant.name for variant in chosen))


def memory(rows: int) -> NewTable:
    """Return the part that loads `sales_data` by the engine alone, to see whether memory grows with the file."""
    only = ENGINE.name
    return NewTable(name="memory", workload=SALES, rows=rows, usual=(only,), variants=(ENGINE,), base=only)
