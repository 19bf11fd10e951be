"""What the faults did, as a table for people and as a document for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from rich import box
from rich.table import Table

from bench.faults.ways import WAYS


@dataclass(kw_only=True, slots=True)
class Cell:
    """One fault on one way on one server, all runs together.

    Attributes:
        left_overs: In words; a run that didn't go as planned is one of them.
    """

    fault: str
    way: str
    server: str
    runs: int = 0
    rows_lost: int = 0
    rows_twice: int = 0
    left_overs: list[str]
    seconds: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.rows_lost or self.rows_twice or self.left_overs)


def table(server: str, cells: Sequence[Cell]) -> Table:
    """Return one server's table, drawn so that it is Markdown as well: the runs of each way, and what they came to."""
    shown = Table(box=box.MARKDOWN)
    shown.add_column(f"{server}: fault")
    for name in (*WAYS, "rows lost", "rows twice", "left-overs"):
        shown.add_column(name, justify="right")
    own = [cell for cell in cells if cell.server == server]
    for fault in dict.fromkeys(cell.fault for cell in own):
        line = {cell.way: cell for cell in own if cell.fault == fault}
        shown.add_row(fault, *(str(line[way].runs) if way in line else "" for way in WAYS), *_sums(line.values()))
    runs = [sum(cell.runs for cell in own if cell.way == way) for way in WAYS]
    shown.add_row("all", *(str(count) for count in runs), *_sums(own))
    return shown


def _sums(cells: Iterable[Cell]) -> tuple[str, str, str]:
    those = tuple(cells)
    return (
        str(sum(cell.rows_lost for cell in those)),
        str(sum(cell.rows_twice for cell in those)),
        str(sum(len(cell.left_overs) for cell in those)),
    )


def document(cells: Sequence[Cell]) -> list[dict[str, object]]:
    """Return the cells as plain values."""
    return [{**asdict(cell), "seconds": round(cell.seconds, 2)} for cell in cells]


def problems(cells: Sequence[Cell]) -> list[str]:
    """Say in words what is wrong, a line for each cell that isn't all zeros."""
    return [
        f"{cell.server}: {cell.fault}: {cell.way}: {cell.rows_lost} rows lost, {cell.rows_twice} twice"
        + "".join(f"\n  {text}" for text in cell.left_overs)
        for cell in cells
        if cell
    ]
