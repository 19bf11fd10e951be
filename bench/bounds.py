"""The check against regressions: by ratios within a run, since seconds say nothing about another machine."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.results import Measured

_PATH = Path(__file__).resolve().with_suffix(".toml")


def broken(found: Sequence[Measured], path: Path = _PATH) -> list[str]:
    """Return a sentence for every bound that the engine breaks: none where all is well."""
    bounds = tomllib.loads(path.read_text(encoding="utf-8"))
    sentences = []
    for measured in found:
        place = f"{measured.server.version}, {measured.rows:,} rows"
        told = {"seconds": measured.ratios("engine", "expert"), "cpu_seconds": _cpu_ratios(measured)}
        if not told["seconds"]:
            sentences.append(f"{place}: engine and expert weren't both measured: nothing is checked")
        for name, ratios in told.items():
            bound = bounds[name][measured.server.kind]
            if ratios and (middle := median(ratios)) > bound:
                spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
                sentences.append(
                    f"{place}, {name}: engine ÷ expert is {middle:.2f} ({spread}), above the bound of {bound:.2f} in {path.name}"
                )
    return sentences


def _cpu_ratios(measured: Measured) -> list[float]:
    """Return CPU seconds of client and server divided by the expert's in the same repetition, as far as they are known."""
    expert = {run.repetition: run.cpu_s for run in measured.of("expert") if run.cpu_s is not None}
    return [
        run.cpu_s / expert[run.repetition]
        for run in measured.of("engine")
        if run.cpu_s is not None and run.repetition in expert
    ]
