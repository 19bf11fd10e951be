"""The checks that exist: each module in `checks/` registers its own, and nothing else has to know it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from engine.model import QualityCheck
from engine.quality.facts import FileFacts

Measure = Callable[[FileFacts], Iterable[QualityCheck]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """A registered check.

    `findings` means that it reports only the columns where it found something: the others measure 0.
    """

    name: str
    measure: Measure
    findings: bool = False


_CHECKS: Final[dict[str, Check]] = {}


def check(name: str, *, findings: bool = False) -> Callable[[Measure], Measure]:
    """Register a function that measures a file; what it returns is named `name` or `name.something`.

    Args:
        name: What rules call it.
        findings: Only columns where something was found are reported.
    """

    def register(measure: Measure) -> Measure:
        if name in _CHECKS:
            raise ValueError(f"there is a check {name!r} already")
        _CHECKS[name] = Check(name=name, measure=measure, findings=findings)
        return measure

    return register


def registered() -> tuple[Check, ...]:
    """Return all checks by name."""
    _load()
    return tuple(_CHECKS[name] for name in sorted(_CHECKS))


def check_names() -> tuple[str, ...]:
    """Return the names of all checks."""
    return tuple(each.name for each in registered())


@cache
def _load() -> None:
    package = importlib.import_module("engine.quality.checks")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
