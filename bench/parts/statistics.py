"""Reading a file and telling what is in it, without loading it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.environments import environment
from bench.files.sales import sales_file
from bench.parts.part import empty_ground
from bench.server import BenchServer
from bench.trial import Row
from bench.variants import Command, Ground, Told, Variant, engine
from bench.workloads import SALES

_PEERS = Path(__file__).resolve().parent.parent / "peers"


def _dry_run(ground: Ground) -> Command:
    return engine.command(ground, "--dry-run")


def _told(ground: Ground) -> Told:
    """Return the engine's steps.

    Raises:
        RuntimeError: It wouldn't load the file.
    """
    (file,) = json.loads(ground.report.read_text(encoding="utf-8"))["files"]
    # What it would be.
    if file["status"] != "loaded":
        raise RuntimeError(f"engine --dry-run: the file is {file['status']}")
    return Told(seconds_by_step=file["seconds_by_step"])


def _summarize(ground: Ground) -> Command:
    python = environment("duckdb", _PEERS / "duckdb.txt")
    return Command(argv=[str(python), str(_PEERS / "duckdb_summarize.py"), str(ground.path.resolve())])


def _no_duckdb(_: BenchServer) -> str | None:
    try:
        environment("duckdb", _PEERS / "duckdb.txt")
    except (RuntimeError, OSError) as error:
        return str(error)
    return None


def _describe(ground: Ground) -> Command:
    return Command(argv=[sys.executable, str(_PEERS / "polars_describe.py"), str(ground.path.resolve())])


ENGINE = Variant(
    name="engine",
    what="python -m engine.ingest FILE --dry-run",
    leaves_undone="loading",
    builds_indexes=False,
    command=_dry_run,
    told=_told,
)
DUCKDB = Variant(
    name="duckdb",
    what="DuckDB, SUMMARIZE FROM read_csv",
    leaves_undone="loading, top values, samples, exact duplicates, lengths, rejects, proof of types",
    builds_indexes=False,
    command=_summarize,
    missing=_no_duckdb,
)
POLARS = Variant(
    name="polars",
    what="Polars, scan_csv().describe()",
    leaves_undone="loading, distinct counts, top values, samples, duplicates, lengths, rejects, proof of types",
    builds_indexes=False,
    command=_describe,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Statistics:
    """A file of `sales_data`, read and described."""

    rows: int
    name: str = "statistics"
    variants: tuple[Variant, ...] = (ENGINE, DUCKDB, POLARS)
    usual: tuple[str, ...] = (ENGINE.name, DUCKDB.name, POLARS.name)
    base: str = DUCKDB.name

    @property
    def shown(self) -> str:
        return "sales_data, read and described, not loaded"

    def size(self, data_dir: Path) -> tuple[int, int]:
        return sales_file(self.rows, data_dir).stat().st_size, 1

    @contextmanager
    def opened(self, server: BenchServer, data_dir: Path, variants: tuple[Variant, ...]) -> Iterator[StatisticsArena]:
        del variants
        yield StatisticsArena(part=self, server=server, data_dir=data_dir)

    def look(self, ground: Ground, variant: Variant) -> tuple[Row, int | None]:
        """See that the table isn't there."""
        del variant
        return tuple(ground.server.rows("SHOW TABLES LIKE 'sales_data'", ground.url)), None


@dataclass(frozen=True, kw_only=True, slots=True)
class StatisticsArena:
    """An empty database for each run."""

    part: Statistics
    server: BenchServer
    data_dir: Path

    @contextmanager
    def ground(self, variant: Variant, repetition: int) -> Iterator[Ground]:
        del variant
        rows = self.part.rows if repetition else min(1_000, self.part.rows)
        with empty_ground(self.server, SALES, sales_file(rows, self.data_dir)) as ground:
            yield ground
