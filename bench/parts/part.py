"""What is measured in turn: its file, its variants, and where each of their runs takes place."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from bench.server import BenchServer
from bench.trial import Row
from bench.variants import Ground, Variant
from bench.workloads import Workload


class Arena(Protocol):
    """Where the runs of one part on one server take place."""

    def ground(self, variant: Variant, repetition: int) -> AbstractContextManager[Ground]:
        """Prepare a run's own ground; repetition 0 is the warm-up."""
        ...


class Part(Protocol):
    """What is measured together.

    Attributes:
        name: What `--workload` calls it.
        shown: What the report calls it.
        rows: In the file or files.
        variants: All that there are, in the report's order.
        usual: The names of those that are measured unless others are asked for.
        base: What the others' seconds are divided by.
    """

    @property
    def name(self) -> str: ...
    @property
    def shown(self) -> str: ...
    @property
    def rows(self) -> int: ...
    @property
    def variants(self) -> tuple[Variant, ...]: ...
    @property
    def usual(self) -> tuple[str, ...]: ...
    @property
    def base(self) -> str: ...

    def size(self, data_dir: Path) -> tuple[int, int]:
        """Make the files unless they are there; return their bytes and their number."""
        ...

    def opened(
        self, server: BenchServer, data_dir: Path, variants: tuple[Variant, ...]
    ) -> AbstractContextManager[Arena]:
        """Prepare the server for the runs of these variants, and clean up after them."""
        ...

    def look(self, ground: Ground, variant: Variant) -> tuple[Row, int | None]:
        """Return what all variants must agree about, and the number of NULLs in the table, None where none is told."""
        ...


@contextmanager
def empty_ground(server: BenchServer, workload: Workload, path: Path) -> Iterator[Ground]:
    """Yield an empty database and an empty folder, both of the run's own."""
    with server.database() as url, tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch:
        yield Ground(server=server, url=url, folder=Path(scratch), workload=workload, path=path)
