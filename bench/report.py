"""What a bench found, as Markdown for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from bench.results import Line, Measured, lines
from bench.targets import Verdict

_WIDTH = 300


def shown(measured: Measured) -> str:
    """Return one part's title, its table, its variants' steps, and what didn't run and why."""
    told = lines(measured)
    text = [title(measured), "", _markdown(_table(measured, told)) if told else "nothing ran", ""]
    steps = [(line.variant.name, line.seconds_by_step) for line in told if line.seconds_by_step]
    text += [
        f"- {name}, seconds by step{' (they overlap)' if name.startswith('engine') else ''}: "
        + ", ".join(f"{step} {seconds:.2f}" for step, seconds in taken.items())
        for name, taken in steps
    ]
    text += [f"- without {one.name}: {one.missing}" for one in measured.variants if one.missing]
    return "\n".join(text)


def title(measured: Measured) -> str:
    """Return one line that says what was loaded where."""
    count = max((line.runs for line in lines(measured)), default=0)
    times = "1 run each" if count == 1 else f"medians of {count} runs, interleaved"
    size = (
        f"{measured.size_bytes / 1e6:,.1f} MB" if measured.size_bytes > 1e5 else f"{measured.size_bytes / 1e3:,.1f} KB"
    )
    return f"{measured.server.version}: {measured.shown}; {measured.rows:,} rows, {size}; {times}"


def _table(measured: Measured, told: Sequence[Line]) -> Table:
    drawn = Table(box=box.MARKDOWN)
    drawn.add_column("variant")
    rate = "files/s" if measured.files > 1 else "rows/s"
    for name in ("median s", "least to most s", rate, "MB/s", f"÷ {measured.base}", "least to most"):
        drawn.add_column(name, justify="right")
    for name in ("client peak MB", "client CPU s", "server CPU s"):
        drawn.add_column(name, justify="right")
    drawn.add_column("leaves undone")
    most_nulls = max((line.nulls or 0 for line in told), default=0)
    for line in told:
        drawn.add_row(
            line.variant.name,
            f"{line.seconds:.2f}",
            f"{line.seconds_least:.2f} to {line.seconds_most:.2f}",
            f"{line.files_per_s:,.1f}" if measured.files > 1 else f"{line.rows_per_s:,.0f}",
            f"{line.mb_per_s:.1f}",
            "" if line.ratio is None else f"{line.ratio:.2f}",
            "" if line.ratio is None else f"{line.ratio_least:.2f} to {line.ratio_most:.2f}",
            f"{line.client_peak_mb:.0f}",
            f"{line.client_cpu_s:.2f}",
            "?" if line.server_cpu_s is None else f"{line.server_cpu_s:.2f}",
            _undone(line, most_nulls),
        )
    return drawn


def _undone(line: Line, most_nulls: int) -> str:
    """Say what the variant leaves undone, and how many NULLs it has made something else of."""
    lost = most_nulls - line.nulls if line.nulls is not None else 0
    notes = [f"{lost:,} empty fields aren't NULL"] if lost else []
    notes += ["values are changed"] if line.changed else []
    return "; ".join([line.variant.leaves_undone, *notes])


def must_reach(told: Sequence[Verdict]) -> str:
    """Return the table of targets: what is wanted, what was found, whether that will do."""
    drawn = Table(box=box.MARKDOWN)
    for name in ("must reach", "server", "wanted"):
        drawn.add_column(name)
    drawn.add_column("found", justify="right")
    drawn.add_column("")
    for one in told:
        found = "" if one.found is None else f"{one.found:.2f}" if one.found < 100 else f"{one.found:.0f}"
        drawn.add_row(one.target, one.server, one.wanted, found, one.verdict)
    return _markdown(drawn)


def _markdown(table: Table) -> str:
    """Return the table as wide as it has to be, so that it can be pasted."""
    console = Console(width=_WIDTH, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines() if line.strip())
