"""The judge: what landed of a file, held against what is true of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bench.robustness.landed import Landed
from bench.robustness.truth import Broken, CsvFile, Truth
from bench.robustness.value import landed_value, true_value


class Verdict(StrEnum):
    """How one tool ended with one file.

    WHOLE: every row landed equal, a broken one only as what it says. ACCOUNTED: the broken rows are reported, all
    others landed equal. REFUSED: nothing landed, and the tool says why. COLLATERAL: as accounted, but regular rows are
    among those reported. UNSEEN: a broken row landed like any other, made as long as they are, without a word. CHANGED:
    something landed that is in no row of the file. LOST: rows neither landed nor were reported. CRASH, HANG: so.
    """

    WHOLE = "whole"
    ACCOUNTED = "accounted"
    REFUSED = "refused"
    COLLATERAL = "collateral"
    UNSEEN = "unseen"
    CHANGED = "changed"
    LOST = "lost"
    CRASH = "crash"
    HANG = "hang"


# Nobody would notice these, or somebody has to find out why.
BAD = frozenset({Verdict.UNSEEN, Verdict.CHANGED, Verdict.LOST, Verdict.CRASH, Verdict.HANG})
_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_Row = tuple[object, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """A verdict and what it rests on, in words; `collateral` counts regular rows that were reported as broken."""

    verdict: Verdict
    why: str = ""
    collateral: int = 0


def judge(file: CsvFile, landed: Landed, *, nulls: bool) -> Judgement:
    """Judge what a tool left of a file.

    Args:
        nulls: Hold NULL against the empty string. Most readers have no way to tell them apart, so for them it's the same.
    """
    if landed.hung:
        return Judgement(verdict=Verdict.HANG, why="no answer in time")
    if landed.crashed is not None:
        return Judgement(verdict=Verdict.CRASH, why=landed.crashed)
    if landed.refused is not None:
        if landed.rows:
            return Judgement(verdict=Verdict.CHANGED, why=f"refused, yet {len(landed.rows)} rows landed")
        if not landed.refused.strip():
            return Judgement(verdict=Verdict.LOST, why="refused without a word")
        return Judgement(verdict=Verdict.REFUSED, why=landed.refused)
    return _columns(file.truth, landed) or _counts(landed) or _rows(file.truth, landed, nulls=nulls)


def _columns(truth: Truth, landed: Landed) -> Judgement | None:
    """Hold the names against the header: those that every table can take have to be the same."""
    if truth.names is None or landed.names is None or not landed.rows:
        return None
    if landed.originals is not None and landed.originals != truth.names:
        return Judgement(verdict=Verdict.CHANGED, why=f"the header was read as {landed.originals[:9]!r}")
    alike = Counter(name.casefold() for name in truth.names)
    for given, name in zip(truth.names, landed.names, strict=False):
        if name != given and _PLAIN_NAME.fullmatch(given) and alike[given.casefold()] == 1:
            return Judgement(verdict=Verdict.CHANGED, why=f"the column {given!r} is called {name!r}")
    return None


def _counts(landed: Landed) -> Judgement | None:
    if landed.counts is None:
        return None
    read, loaded, rejected = landed.counts
    if read != loaded + rejected or loaded != len(landed.rows):
        told = f"read {read}, loaded {loaded}, rejected {rejected}, and {len(landed.rows)} are there"
        return Judgement(verdict=Verdict.LOST, why=told)
    if landed.reported_at is not None and len(landed.reported_at) != rejected:
        return Judgement(verdict=Verdict.LOST, why=f"{rejected} rejected, {len(landed.reported_at)} written down")
    return None


def _rows(truth: Truth, landed: Landed, *, nulls: bool) -> Judgement:
    def true_row(cells: Iterable[str | None]) -> _Row:
        return tuple(
            true_value(cell, landed.kinds[at] if at < len(landed.kinds) else "text", truth.formats.get(at), nulls=nulls)
            for at, cell in enumerate(cells)
        )

    there = Counter(
        tuple(
            landed_value(text, landed.kinds[at] if at < len(landed.kinds) else "text", nulls=nulls)
            for at, text in enumerate(row)
        )
        for row in landed.rows
    )
    due = [true_row(cells) for cells in truth.rows]
    missing = Counter(due) - there
    extra = there - Counter(due)
    unseen, unaccounted = [], []
    for broken in truth.broken:
        if not any(_taken(extra, true_row(reading)) for reading in broken.readings):
            if broken.padded is not None and _taken(extra, true_row(broken.padded)):
                unseen.append(broken)
            else:
                unaccounted.append(broken)
    extra = +extra
    if extra:
        row = next(iter(extra))
        near = _nearest(row, missing)
        return Judgement(
            verdict=Verdict.CHANGED, why=f"landed {_short(row)}" + (f" for {_short(near)}" if near else "")
        )
    if landed.reported_at is not None:
        return _by_place(truth, landed.reported_at, due, missing, unseen, unaccounted)
    return _by_count(landed.reported, missing, unseen, unaccounted)


def _taken(rows: Counter[_Row], row: _Row) -> bool:
    if rows[row] <= 0:
        return False
    rows[row] -= 1
    return True


def _by_place(
    truth: Truth,
    places: tuple[tuple[int, int, int], ...],
    due: list[_Row],
    missing: Counter[_Row],
    unseen: list[Broken],
    unaccounted: list[Broken],
) -> Judgement:
    """Account for every row that isn't there by the places that were reported."""
    lines = {line: start for line, start, _ in places}
    for broken in truth.broken:
        start = lines.get(broken.first_line, broken.byte_start)
        if start != broken.byte_start:
            why = f"line {broken.first_line} is reported at byte {start}, and begins at {broken.byte_start}"
            return Judgement(verdict=Verdict.CHANGED, why=why)
    lost = [one for one in unaccounted if not any(a < one.byte_end and one.byte_start < b for _, a, b in places)]
    collateral = []
    for line, byte, row in zip(truth.lines, truth.starts, due, strict=True):
        if missing[row] > 0 and any(start <= byte < end for _, start, end in places):
            missing[row] -= 1
            collateral.append(line)
    missing = +missing
    if lost or missing:
        why = f"line {lost[0].first_line} is gone" if lost else f"{_short(next(iter(missing)))} is gone"
        return Judgement(verdict=Verdict.LOST, why=why)
    if unseen:
        return Judgement(verdict=Verdict.UNSEEN, why=f"line {unseen[0].first_line} landed as if nothing were wrong")
    known = {line for one in truth.broken for line in range(one.first_line, one.last_line + 1)}
    if invented := sorted(lines.keys() - known - {*truth.noise, *truth.lines}):
        return Judgement(verdict=Verdict.CHANGED, why=f"line {invented[0]} is reported, where no row begins")
    if collateral:
        why = f"line {collateral[0]} is as it should be"
        return Judgement(verdict=Verdict.COLLATERAL, why=why, collateral=len(collateral))
    return Judgement(verdict=Verdict.ACCOUNTED if places else Verdict.WHOLE)


def _by_count(reported: int, missing: Counter[_Row], unseen: list[Broken], unaccounted: list[Broken]) -> Judgement:
    """Account for the rows that aren't there where a tool only says how many it left out."""
    gone = missing.total() + len(unaccounted)
    if gone > reported:
        shown = "".join(f"; {_short(row)}" for row in list(missing)[:1])
        why = f"{gone} rows are gone, {reported} reported{shown}"
        return Judgement(verdict=Verdict.LOST, why=why)
    if unseen:
        return Judgement(verdict=Verdict.UNSEEN, why=f"line {unseen[0].first_line} landed as if nothing were wrong")
    if missing:
        why = f"{_short(next(iter(missing)))} is as it should be"
        return Judgement(verdict=Verdict.COLLATERAL, why=why, collateral=missing.total())
    return Judgement(verdict=Verdict.ACCOUNTED if reported else Verdict.WHOLE)


def _nearest(row: _Row, others: Iterable[_Row]) -> _Row | None:
    """Return the row that has most in common with another, to show beside it."""
    return max(others, key=lambda one: sum(a == b for a, b in zip(row, one, strict=False)), default=None)


def _short(row: _Row) -> str:
    shown = repr(tuple(str(value) if value is not None else None for value in row))
    return shown if len(shown) <= 160 else f"{shown[:157]}…"
