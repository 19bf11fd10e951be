"""Which parts are measured: all, the short form, or those asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.parts import Part
from bench.parts.append import Append
from bench.parts.small import ManyFiles, OneFile
from bench.parts.statistics import Statistics
from bench.parts.tables import NewTable, memory, new_table
from bench.workloads import LINEITEM, PROSE, SALES, WIDE

# By the name that `--workload` knows: what it measures unless `--rows` says otherwise, and how it's made from rows.
_Maker = Callable[[int], Part]
_SIZES: dict[str, tuple[int, ...]] = {
    "sales": (1_000_000, 10_000_000),
    "wide": (WIDE.rows,),
    "prose": (PROSE.rows,),
    "lineitem": (LINEITEM.rows,),
    "append": (1_000_000,),
    "statistics": (10_000_000,),
    "small": (1_000,),
    "start": (14,),
    # A tenth of 1 GB, and 1 GB; 20 GB are 300,000,000 rows.
    "memory": (1_500_000, 15_000_000),
}
# The peers are slow: at 10,000,000 rows they alone would take an hour.
_PEERS_UP_TO_ROWS = 1_000_000
WORKLOADS = tuple(_SIZES)
# The memory of a file of 1 GB is on request: such a load says nothing that the others don't, but for its peak.
_ALL = tuple(name for name in WORKLOADS if name != "memory")
# The short form is to take less than five minutes on both servers, with 2 cores.
_QUICK_ROWS = 500_000
_QUICK_FILES = 50
_QUICK_VARIANTS = ("engine", "expert", "naive")

# So many that start-up is a small part of a run, and so few that the check takes minutes.
_CHECKED_ROWS = 1_000_000


def parts(asked: Sequence[str], sizes: Sequence[int]) -> list[Part]:
    """Return the parts of the workloads asked for, all but `memory` where none is; of other sizes where given.

    For `small` a size is a number of files; `start` knows one size only.
    """
    return [part for name in asked or _ALL for part in map(_maker(name), _of(name, sizes))]


def quick() -> list[Part]:
    """Return the short form: small files, few of them, and no peer that needs an environment."""
    loads = NewTable(name="sales", workload=SALES, rows=_QUICK_ROWS, usual=_QUICK_VARIANTS)
    return [loads, ManyFiles(files=_QUICK_FILES), OneFile()]


def checked() -> list[Part]:
    """Return what the check against regressions measures."""
    return [NewTable(name="sales", workload=SALES, rows=_CHECKED_ROWS, usual=("engine", "expert"))]


def _of(name: str, sizes: Sequence[int]) -> Sequence[int]:
    return _SIZES[name] if name == "start" or not sizes else sizes


def _maker(name: str) -> _Maker:
    match name:
        case "sales":
            return lambda rows: new_table(SALES, rows, peers=rows <= _PEERS_UP_TO_ROWS)
        case "wide":
            return lambda rows: new_table(WIDE, rows)
        case "prose":
            return lambda rows: new_table(PROSE, rows)
        case "lineitem":
            return lambda rows: new_table(LINEITEM, rows)
        case "append":
            return lambda rows: Append(base_rows=10 * rows, rows=rows)
        case "statistics":
            return lambda rows: Statistics(rows=rows)
        case "small":
            return lambda files: ManyFiles(files=files)
        case "memory":
            return memory
        case _:
            return lambda _: OneFile()
