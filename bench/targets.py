"""What the engine must reach, and whether it was reached in what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from bench.results import Measured, lines

Number = float | None
# Rows that a target is about unless it says otherwise.
_LARGE = 10_000_000
_PEERS = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One thing to reach.

    Attributes:
        name: What the table calls it.
        workload: The part that tells.
        rows: Of that part; None where any size will do.
        find: Returns what was measured in it, None where what it needs didn't run.
        limits: By the server's kind, the limit that must be kept, and one to keep later, if any. No entry, no target.
        at_least: The figure must not be below the limit; else not above it.
        unit: Behind the figure.
    """

    name: str
    workload: str
    rows: int | None
    find: Callable[[Measured], Number]
    limits: dict[str, tuple[float, ...]]
    at_least: bool = False
    unit: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What was measured of a target on one server. `verdict` is `met`, `not met` or `not measured`, and where."""

    target: str
    server: str
    wanted: str
    found: float | None
    verdict: str

    def document(self) -> dict[str, object]:
        return asdict(self)


def _ratio(variant: str, base: str) -> Callable[[Measured], Number]:
    def find(measured: Measured) -> Number:
        ratios = measured.ratios(variant, base)
        return median(ratios) if ratios else None

    return find


def _cpu(measured: Measured) -> Number:
    """Return client CPU seconds divided by server CPU seconds, of the same run each."""
    runs = [run for run in measured.of("engine") if run.server_cpu_s]
    return median(run.client_cpu_s / (run.server_cpu_s or 1) for run in runs) if runs else None


def _seconds(variant: str) -> Callable[[Measured], Number]:
    def find(measured: Measured) -> Number:
        return next((line.seconds for line in lines(measured) if line.variant.name == variant), None)

    return find


def _peak(measured: Measured) -> Number:
    return next((line.client_peak_mb for line in lines(measured) if line.variant.name == "engine"), None)


def _files_per_s(measured: Measured) -> Number:
    return next((line.files_per_s for line in lines(measured) if line.variant.name == "engine"), None)


def _both(*limits: float) -> dict[str, tuple[float, ...]]:
    return {"MySQL": limits, "MariaDB": limits}


TARGETS = (
    Target(
        name="engine ÷ expert on one connection, new table",
        workload="sales",
        rows=_LARGE,
        find=_ratio("engine", "expert"),
        limits={"MySQL": (0.90, 0.80), "MariaDB": (1.05, 1.0)},
    ),
    Target(
        name="engine ÷ naive LOAD DATA",
        workload="sales",
        rows=_LARGE,
        find=_ratio("engine", "naive"),
        limits={"MySQL": (0.42,), "MariaDB": (0.62,)},
    ),
    Target(
        name="append of 1,000,000 rows to 10,000,000 ÷ LOAD DATA of the same",
        workload="append",
        rows=1_000_000,
        find=_ratio("engine", "naive"),
        limits=_both(1.05),
    ),
    *(
        Target(name=f"engine ÷ {peer}", workload="sales", rows=_PEERS, find=_ratio("engine", peer), limits=_both(limit))
        for peer, limit in (("dlt", 0.20), ("duckdb", 0.33), ("sling", 0.13), ("pandas", 0.25))
    ),
    Target(
        name="statistics on ÷ statistics off, whole run",
        workload="sales",
        rows=_LARGE,
        find=_ratio("engine", "engine-no-stats"),
        limits=_both(1.03),
    ),
    Target(
        name="scan and statistics without loading ÷ DuckDB SUMMARIZE",
        workload="statistics",
        rows=_LARGE,
        find=_ratio("engine", "duckdb"),
        limits={"MySQL": (1.0,)},
    ),
    Target(
        name="client CPU seconds ÷ server CPU seconds",
        workload="sales",
        rows=_LARGE,
        find=_cpu,
        limits={"MySQL": (0.25,), "MariaDB": (0.35,)},
    ),
    Target(
        name="one 1 KB file by the command line, the first",
        workload="start",
        rows=None,
        find=_seconds("first-file"),
        limits=_both(1.2),
        unit=" s",
    ),
    Target(
        name="one 1 KB file by the command line, the next",
        workload="start",
        rows=None,
        find=_seconds("next-file"),
        limits=_both(1.2),
        unit=" s",
    ),
    Target(name="--help", workload="start", rows=None, find=_seconds("help"), limits=_both(0.3), unit=" s"),
    Target(
        name="1,000 files of 10 KB, one command",
        workload="small",
        rows=150_000,
        find=_files_per_s,
        limits=_both(25.0),
        at_least=True,
        unit=" files/s",
    ),
)
# Of every file, whatever its size; and how far apart the smallest and the largest may be.
_PEAK_MB = 400.0
_GROWTH = 0.10


def verdicts(found: Sequence[Measured]) -> list[Verdict]:
    """Return one verdict for each target and server, in the order of the targets."""
    versions = {one.server.version: one.server.kind for one in found}
    told = [
        _verdict(target, version, kind, [one for one in found if one.server.version == version])
        for target in TARGETS
        for version, kind in versions.items()
        if kind in target.limits
    ]
    memory = [
        verdict for version in versions for verdict in _memory([one for one in found if one.server.version == version])
    ]
    return [*told, *memory]


def _verdict(target: Target, version: str, kind: str, found: Iterable[Measured]) -> Verdict:
    """Judge by the part of the right size, else by the largest that there is, and say so."""
    told = [
        (one, value) for one in found if one.workload == target.workload and (value := target.find(one)) is not None
    ]
    told.sort(key=lambda pair: (pair[0].rows == target.rows, pair[0].rows))
    limits = target.limits[kind]
    sign = "≥" if target.at_least else "≤"
    wanted = ", then ".join(f"{sign} {limit:g}{target.unit}" for limit in limits)
    if not told:
        return Verdict(target=target.name, server=version, wanted=wanted, found=None, verdict="not measured")
    measured, value = told[-1]
    kept = [value >= limit if target.at_least else value <= limit for limit in limits]
    verdict = "met" if all(kept) else "met, the later one not" if kept[0] else "not met"
    if target.rows not in (None, measured.rows):
        verdict += f", at {measured.rows:,} rows"
    return Verdict(target=target.name, server=version, wanted=wanted, found=value, verdict=verdict)


def _memory(found: Sequence[Measured]) -> list[Verdict]:
    """Judge peak memory by the sizes of `memory`, else by those of `sales_data`."""
    sizes = [one for one in found if one.workload == "memory"] or [one for one in found if one.workload == "sales"]
    peaks = sorted((one.size_bytes, peak, one.server.version) for one in sizes if (peak := _peak(one)) is not None)
    if not peaks:
        return []
    version = peaks[0][2]
    most = max(peak for _, peak, _ in peaks)
    span = f"{peaks[0][0] / 1e9:.2g} to {peaks[-1][0] / 1e9:.2g} GB"
    told = [
        Verdict(
            target=f"peak resident memory, {span}",
            server=version,
            wanted=f"≤ {_PEAK_MB:g} MB",
            found=most,
            verdict="met" if most <= _PEAK_MB else "not met",
        )
    ]
    if len(peaks) > 1:
        growth = peaks[-1][1] / peaks[0][1]
        told.append(
            Verdict(
                target=f"peak resident memory, largest file ÷ smallest, {span}",
                server=version,
                wanted=f"{1 - _GROWTH:g} to {1 + _GROWTH:g}",
                found=growth,
                verdict="met" if abs(growth - 1) <= _GROWTH else "not met",
            )
        )
    return told
