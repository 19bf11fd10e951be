"""What was measured, and the same as a document that can be read again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Self

from bench.trial import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerTold:
    """What a server is: its kind (`MySQL` or `MariaDB`), version, telling settings, and its client program's version."""

    kind: str
    version: str
    program: str
    client: str | None
    settings: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class VariantTold:
    """A variant as the report shows it; `missing` says why it didn't run."""

    name: str
    what: str
    leaves_undone: str
    builds_indexes: bool
    missing: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """All runs of one part on one server."""

    server: ServerTold
    workload: str
    shown: str
    rows: int
    size_bytes: int
    files: int
    base: str
    variants: tuple[VariantTold, ...]
    runs: tuple[Run, ...]

    def of(self, variant: str) -> list[Run]:
        """Return the runs of a variant, in the order in which they ran."""
        return [run for run in self.runs if run.variant == variant]

    def ratios(self, variant: str, base: str) -> list[float]:
        """Return its seconds divided by those of `base` in the same repetition.

        A machine that slows down meanwhile slows both.
        """
        seconds = {run.repetition: run.wall_s for run in self.of(base)}
        return [run.wall_s / seconds[run.repetition] for run in self.of(variant) if run.repetition in seconds]

    def document(self) -> dict[str, object]:
        """Return it as plain values, with the medians that the table shows."""
        told = {**asdict(self), "runs": [run.document() for run in self.runs]}
        return {**told, "medians": [line.document() for line in lines(self)]}

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> Self:
        """Read what `document` wrote."""
        told = {name: value for name, value in document.items() if name != "medians"}
        return cls(
            **{
                **told,
                "server": ServerTold(**told["server"]),
                "variants": tuple(VariantTold(**one) for one in told["variants"]),
                "runs": tuple(Run.of(one) for one in told["runs"]),
            }
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One variant's line of a table: medians over its runs.

    `ratio` is the median, over the repetitions, of its seconds divided by those of the part's base in the same one; None
    where that didn't run. Where `ratio_least` and `ratio_most` lie on both sides of 1, the runs don't tell who is faster.
    """

    variant: VariantTold
    runs: int
    seconds: float
    seconds_least: float
    seconds_most: float
    rows_per_s: float
    mb_per_s: float
    files_per_s: float
    ratio: float | None
    ratio_least: float | None
    ratio_most: float | None
    client_peak_mb: float
    client_cpu_s: float
    server_cpu_s: float | None
    nulls: int | None
    changed: bool
    seconds_by_step: dict[str, float]

    def document(self) -> dict[str, object]:
        """Return it as plain values, rounded to what can be told apart."""
        told = {name: value for name, value in asdict(self).items() if name != "variant"}
        rounded = {name: round(value, 3) if isinstance(value, float) else value for name, value in told.items()}
        steps = {name: round(seconds, 3) for name, seconds in self.seconds_by_step.items()}
        return {"variant": self.variant.name, **rounded, "seconds_by_step": steps}


def lines(measured: Measured) -> list[Line]:
    """Return the medians of every variant that ran."""
    return [_line(measured, variant) for variant in measured.variants if measured.of(variant.name)]


def _line(measured: Measured, variant: VariantTold) -> Line:
    runs = measured.of(variant.name)
    ratios = measured.ratios(variant.name, measured.base)
    seconds = median(run.wall_s for run in runs)
    server = [run.server_cpu_s for run in runs if run.server_cpu_s is not None]
    return Line(
        variant=variant,
        runs=len(runs),
        seconds=seconds,
        seconds_least=min(run.wall_s for run in runs),
        seconds_most=max(run.wall_s for run in runs),
        rows_per_s=measured.rows / seconds,
        mb_per_s=measured.size_bytes / 1e6 / seconds,
        files_per_s=measured.files / seconds,
        ratio=median(ratios) if ratios else None,
        ratio_least=min(ratios, default=None),
        ratio_most=max(ratios, default=None),
        client_peak_mb=median(run.client_peak_mb for run in runs),
        client_cpu_s=median(run.client_cpu_s for run in runs),
        server_cpu_s=median(server) if server else None,
        nulls=runs[-1].nulls,
        changed=any(run.changed for run in runs),
        seconds_by_step=_steps(runs),
    )


def _steps(runs: Sequence[Run]) -> dict[str, float]:
    """Return median seconds of each step; the engine's overlap, so that their sum may exceed the whole."""
    names = dict.fromkeys(name for run in runs for name in run.seconds_by_step)
    return {name: median(run.seconds_by_step.get(name, 0.0) for run in runs) for name in names}
