"""Many small files in one command, one tiny file, and no file at all."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.files.sales import sales_file
from bench.files.small import small_files
from bench.parts.part import empty_ground
from bench.server import BenchServer
from bench.trial import Row
from bench.variants import Command, Ground, Variant, engine
from bench.variants.clients import MANY
from bench.variants.engine import ENGINE
from bench.variants.variant import ROOT
from bench.workloads import SALES

# 10 KB and 1 KB of sales_data.
_ROWS_EACH = 150
_ROWS_OF_ONE = 14


@dataclass(frozen=True, kw_only=True, slots=True)
class ManyFiles:
    """So many files of 10 KB into one new table, by one command."""

    files: int = 1_000
    name: str = "small"
    variants: tuple[Variant, ...] = (ENGINE, MANY)
    base: str = MANY.name

    @property
    def rows(self) -> int:
        return self.files * _ROWS_EACH

    @property
    def usual(self) -> tuple[str, ...]:
        return tuple(variant.name for variant in self.variants)

    @property
    def shown(self) -> str:
        return f"{self.files:,} files of 10 KB, one command"

    def size(self, data_dir: Path) -> tuple[int, int]:
        files = list(small_files(self.files, _ROWS_EACH, data_dir).glob("*.csv"))
        return sum(file.stat().st_size for file in files), len(files)

    @contextmanager
    def opened(self, server: BenchServer, data_dir: Path, variants: tuple[Variant, ...]) -> Iterator[ManyFilesArena]:
        del variants
        yield ManyFilesArena(part=self, server=server, data_dir=data_dir)

    def look(self, ground: Ground, variant: Variant) -> tuple[Row, int | None]:
        del variant
        ((*content, nulls),) = ground.server.rows(f"SELECT {SALES.content}, {SALES.nulls} FROM sales_data", ground.url)
        return tuple(content), int(str(nulls))


@dataclass(frozen=True, kw_only=True, slots=True)
class ManyFilesArena:
    """An empty database for each run; the warm-up loads ten files."""

    part: ManyFiles
    server: BenchServer
    data_dir: Path

    @contextmanager
    def ground(self, variant: Variant, repetition: int) -> Iterator[Ground]:
        del variant
        files = self.part.files if repetition else min(10, self.part.files)
        with empty_ground(self.server, SALES, small_files(files, _ROWS_EACH, self.data_dir)) as ground:
            yield ground


def _help(_: Ground) -> Command:
    return Command(argv=[sys.executable, "-m", "engine.ingest", "--help"], environment={"PYTHONPATH": str(ROOT)})


FIRST = Variant(
    name="first-file",
    what="python -m engine.ingest FILE, the first into an empty database",
    leaves_undone="nothing",
    command=engine.command,
    told=engine.told,
)
NEXT = Variant(
    name="next-file",
    what="the same into the table that is there",
    leaves_undone="nothing",
    command=engine.command,
    told=engine.told,
)
HELP = Variant(
    name="help", what="python -m engine.ingest --help", leaves_undone="all", builds_indexes=False, command=_help
)


@dataclass(frozen=True, kw_only=True, slots=True)
class OneFile:
    """A file of 1 KB by the command line, and the command line without one; the servers are running."""

    name: str = "start"
    rows: int = _ROWS_OF_ONE
    variants: tuple[Variant, ...] = (FIRST, NEXT, HELP)
    usual: tuple[str, ...] = (FIRST.name, NEXT.name, HELP.name)
    base: str = FIRST.name

    @property
    def shown(self) -> str:
        return "one file of 1 KB"

    def size(self, data_dir: Path) -> tuple[int, int]:
        return sales_file(self.rows, data_dir).stat().st_size, 1

    @contextmanager
    def opened(self, server: BenchServer, data_dir: Path, variants: tuple[Variant, ...]) -> Iterator[OneFileArena]:
        del variants
        with server.database() as url:
            yield OneFileArena(part=self, server=server, data_dir=data_dir, url=url)

    def look(self, ground: Ground, variant: Variant) -> tuple[Row, int | None]:
        """Find the file's rows in the table; the table that stays has those of other repetitions too."""
        if variant.name == HELP.name:
            return (self.rows,), None
        ((count,),) = ground.server.rows("SELECT COUNT(*) FROM sales_data", ground.url)
        return (int(str(count)) and self.rows,), None


@dataclass(frozen=True, kw_only=True, slots=True)
class OneFileArena:
    """An empty database for each run of the first; one that stays for the next."""

    part: OneFile
    server: BenchServer
    data_dir: Path
    url: str

    @contextmanager
    def ground(self, variant: Variant, repetition: int) -> Iterator[Ground]:
        path = sales_file(self.part.rows, self.data_dir, repetition)
        with empty_ground(self.server, SALES, path) as ground:
            if variant.name == NEXT.name:
                yield Ground(server=self.server, url=self.url, folder=ground.folder, workload=SALES, path=path)
            else:
                yield ground
