"""The registry of kinds, and files made of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from bench.robustness.truth import CsvFile
from bench.robustness.verdict import Verdict
from bench.robustness.writing import Draft, finish

Make = Callable[[Random], Draft]

WHOLE = frozenset({Verdict.WHOLE})
ACCOUNTED = frozenset({Verdict.ACCOUNTED})
REFUSED = frozenset({Verdict.REFUSED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One way in which files are odd or broken.

    Attributes:
        group: The heading that it's shown under.
        due: How a file may end: anything else is a failure of whoever read it.
        make: Makes one file.
    """

    name: str
    group: str
    due: frozenset[Verdict]
    make: Make


KINDS: dict[str, Kind] = {}


def kind(name: str, group: str, due: frozenset[Verdict]) -> Callable[[Make], Make]:
    """Register the decorated function as the maker of a kind's files."""

    def register(make: Make) -> Make:
        assert name not in KINDS, name
        KINDS[name] = Kind(name=name, group=group, due=due, make=make)
        return make

    return register


def files_of(name: str, *, seed: int, count: int) -> Iterator[CsvFile]:
    """Make files of one kind: the same ones for the same seed, on every machine."""
    for number in range(count):
        yield finish(KINDS[name].make(Random(f"{seed} {name} {number}")), name, number)
