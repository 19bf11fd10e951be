"""What a bench found, as a table for people and as a document for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich import box
from rich.table import Table

from bench.server import BenchServer
from bench.variants import ENGINE, EXPERT, VARIANTS, Run, Variant


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """All runs of one file on one server."""

    server: BenchServer
    path: Path
    rows: int
    size_bytes: int
    runs: tuple[Run, ...]

    def of(self, variant: Variant) -> list[Run]:
        return [run for run in self.runs if run.variant == variant.name]


@dataclass(frozen=True, kw_only=True, slots=True)
class Medians:
    """One variant's line of the table: medians over its runs.

    `ratio` is the median, over the repetitions, of its seconds divided by the expert's in the same repetition, so
    that a machine that slows down meanwhile slows both. Where `ratio_least` and `ratio_most` lie on both sides of 1,
    the runs don't tell who is faster.
    """

    variant: str
    seconds: float
    seconds_least: float
    seconds_most: float
    rows_per_s: float
    mb_per_s: float
    ratio: float
    ratio_least: float
    ratio_most: float
    client_peak_mb: float
    client_cpu_s: float
    server_cpu_s: float | None


def medians(measured: Measured, variant: Variant) -> Medians:
    """Return the medians of one variant."""
    runs = measured.of(variant)
    expert = {run.repetition: run.wall_s for run in measured.of(EXPERT)}
    seconds = median(run.wall_s for run in runs)
    ratios = [run.wall_s / expert[run.repetition] for run in runs]
    server = [run.server_cpu_s for run in runs if run.server_cpu_s is not None]
    return Medians(
        variant=variant.name,
        seconds=seconds,
        seconds_least=min(run.wall_s for run in runs),
        seconds_most=max(run.wall_s for run in runs),
        rows_per_s=measured.rows / seconds,
        mb_per_s=measured.size_bytes / 1e6 / seconds,
        ratio=median(ratios),
        ratio_least=min(ratios),
        ratio_most=max(ratios),
        client_peak_mb=median(run.client_peak_mb for run in runs),
        client_cpu_s=median(run.client_cpu_s for run in runs),
        server_cpu_s=median(server) if server else None,
    )


def steps(measured: Measured) -> dict[str, float]:
    """Return the engine's median seconds of each step; steps overlap, so their sum may exceed the whole."""
    runs = measured.of(ENGINE)
    names = dict.fromkeys(name for run in runs for name in run.seconds_by_step)
    return {name: median(run.seconds_by_step.get(name, 0.0) for run in runs) for name in names}


def title(measured: Measured) -> str:
    """Return one line that says what was loaded where."""
    count = len(measured.of(ENGINE))
    times = "1 run each" if count == 1 else f"medians of {count} runs, interleaved"
    return (
        f"{measured.server.version}: sales_data, {measured.rows:,} rows, {measured.size_bytes / 1e6:,.1f} MB, "
        f"new table; {times}"
    )


def table(measured: Measured) -> Table:
    """Return the table, drawn so that it is Markdown as well."""
    shown = Table(box=box.MARKDOWN)
    shown.add_column("variant")
    for name in ("median s", "least to most s", "rows/s", "MB/s", "÷ expert", "least to most"):
        shown.add_column(name, justify="right")
    for name in ("client peak MB", "client CPU s", "server CPU s"):
        shown.add_column(name, justify="right")
    shown.add_column("leaves undone")
    for variant in VARIANTS:
        line = medians(measured, variant)
        shown.add_row(
            variant.name,
            f"{line.seconds:.2f}",
            f"{line.seconds_least:.2f} to {line.seconds_most:.2f}",
            f"{line.rows_per_s:,.0f}",
            f"{line.mb_per_s:.1f}",
            f"{line.ratio:.2f}",
            f"{line.ratio_least:.2f} to {line.ratio_most:.2f}",
            f"{line.client_peak_mb:.0f}",
            f"{line.client_cpu_s:.2f}",
            "?" if line.server_cpu_s is None else f"{line.server_cpu_s:.2f}",
            variant.leaves_undone,
        )
    return shown


def document(measured: Measured) -> dict[str, object]:
    """Return one server's measurements as plain values."""
    return {
        "server": {
            "name": measured.server.name,
            "version": measured.server.version,
            "program": str(measured.server.program),
            "settings": measured.server.settings,
        },
        "data": {"file": measured.path.name, "rows": measured.rows, "size_bytes": measured.size_bytes},
        "variants": [_line(measured, variant) for variant in VARIANTS],
        "engine_seconds_by_step": {name: round(seconds, 3) for name, seconds in steps(measured).items()},
        "runs": [run.document() for run in measured.runs],
    }


def _line(measured: Measured, variant: Variant) -> dict[str, object]:
    line = medians(measured, variant)
    return {
        "variant": variant.name,
        "seconds": round(line.seconds, 3),
        "seconds_least": round(line.seconds_least, 3),
        "seconds_most": round(line.seconds_most, 3),
        "rows_per_s": round(line.rows_per_s),
        "mb_per_s": round(line.mb_per_s, 2),
        "ratio_to_expert": round(line.ratio, 3),
        "ratio_least": round(line.ratio_least, 3),
        "ratio_most": round(line.ratio_most, 3),
        "client_peak_mb": round(line.client_peak_mb, 1),
        "client_cpu_s": round(line.client_cpu_s, 2),
        "server_cpu_s": None if line.server_cpu_s is None else round(line.server_cpu_s, 2),
        "leaves_undone": variant.leaves_undone,
    }


def step_line(measured: Measured) -> str:
    """Return the engine's steps as one line of text."""
    shown: Sequence[str] = [f"{name} {seconds:.2f}" for name, seconds in steps(measured).items()]
    return f"engine, seconds by step (they overlap): {', '.join(shown)}"
