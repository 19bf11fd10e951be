"""Pictures as plain geometry: where each bar, point and box goes. The templates draw them as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from engine.model import ColumnProfile, Kind, Value
from engine.profile import text

_EPOCH = date(1970, 1, 1)
# Parts of a whole that get a colour and a name of their own; a legend of more is not read.
_MOST_PARTS = 6
# What is there is seen, be it one rejected row of a million.
_LEAST_SHARE = 0.4


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """An upright bar and what it stands for, in the picture's own units."""

    x: float
    width: float
    height: float
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """Where a column's quantiles are, on the same axis as its bars: 1, 25, 50, 75 and 99 %."""

    low: float
    first: float
    median: float
    third: float
    high: float
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """How the values of a column are spread: bars on a field of `width` by `height`.

    `starts`, `ends` name the ends of the axis. `frequent` means that the bars are the most frequent values instead.
    """

    width: float
    height: float
    bars: tuple[Bar, ...]
    starts: str
    ends: str
    label: str
    box: Box | None = None
    frequent: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A part of a whole: its place on a line of 0 to 100, and its colour's number (0 is for the rest)."""

    name: str
    x: float
    width: float
    tone: int
    value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line through values over time, with its last point; `points` is SVG's own list."""

    width: float
    height: float
    points: str
    x: float
    y: float


def histogram(profile: ColumnProfile, *, width: float = 480, height: float = 96) -> Shape | None:
    """Draw a column's histogram, with its quantiles; None where it has none."""
    found = profile.histogram
    if found is None or not found.counts or not all(map(math.isfinite, found.edges)):
        return None
    most, number = max(found.counts) or 1, len(found.counts)
    # One bin for each whole number: it is named by the number, not by where it ends.
    single = _is_single(profile.kind, found.edges)
    step = width / number
    bars = tuple(
        Bar(
            x=round(at * step + step * 0.06, 2),
            width=round(step * 0.88, 2),
            # A bin with anything in it is seen.
            height=round(max(1.5, height * amount / most), 2) if amount else 0,
            label=f"{_between(profile.kind, found.edges, at, single=single)}: {amount:,}",
        )
        for at, amount in enumerate(found.counts)
    )
    return Shape(
        width=width,
        height=height,
        bars=bars,
        starts=_end(profile, found.edges[0], profile.minimum),
        ends=_end(profile, found.edges[-2 if single else -1], profile.maximum),
        label=f"histogram of {number} bins{'' if found.exact else ', from a sample'}",
        box=_box(profile, found.edges, width) if not single else None,
    )


def frequencies(profile: ColumnProfile, *, width: float = 480, height: float = 96) -> Shape | None:
    """Draw how often the most frequent values are there, as shares of all rows; None where none is there twice."""
    tops = profile.top_values
    if not tops or tops[0][1] < 2 or not profile.rows:
        return None
    step = width / max(len(tops), 8)
    bars = tuple(
        Bar(
            x=round(at * step + step * 0.06, 2),
            width=round(step * 0.88, 2),
            height=round(max(1.5, height * amount / tops[0][1]), 2),
            label=f"{text.visible(text.shortened(name, 40)) or '(empty)'}: {amount:,}",
        )
        for at, (name, amount) in enumerate(tops)
    )
    return Shape(
        width=width,
        height=height,
        bars=bars,
        starts="",
        ends="",
        label=f"the {len(tops)} most frequent values",
        frequent=True,
    )


def shape(profile: ColumnProfile, *, width: float = 480, height: float = 96) -> Shape | None:
    """Draw a column's histogram, or its most frequent values where it has none."""
    return histogram(profile, width=width, height=height) or frequencies(profile, width=width, height=height)


def parts(amounts: Mapping[str, float], *, rest: str = "other", whole: float = 0) -> tuple[Part, ...]:
    """Lay amounts one after another on a line of 0 to 100, the largest with a name of their own, in the order given.

    Args:
        rest: Name of what is left: the small ones, and what is missing to `whole`.
        whole: What the line stands for, where that is more than the sum.
    """
    total = max(sum(amounts.values()), whole)
    if total <= 0:
        return ()
    large = sorted(amounts, key=lambda name: amounts[name], reverse=True)[:_MOST_PARTS]
    named = {name: amount for name, amount in amounts.items() if name in large and amount > 0}
    left = total - sum(named.values())
    found, x = list[Part](), 0.0
    for tone, (name, amount) in enumerate([*named.items(), (rest, left)], 1):
        share = 100 * amount / total
        if name != rest or share > _LEAST_SHARE:
            width = max(share, _LEAST_SHARE)
            place = round(min(x, 100 - width), 3)
            tone_of = 0 if name == rest else tone
            found.append(Part(name=name, x=place, width=round(width, 3), tone=tone_of, value=amount))
        x += share
    return tuple(found)


def line(values: Sequence[float | None], *, width: float = 96, height: float = 24) -> Line | None:
    """Draw values over time, from their least to their greatest; None for fewer than two."""
    there = [(at, item) for at, item in enumerate(values) if item is not None and math.isfinite(item)]
    if len(there) < 2:
        return None
    low, high = min(item for _, item in there), max(item for _, item in there)
    step, inner = (width - 6) / (len(values) - 1), height - 6

    def place(at: int, item: float) -> tuple[float, float]:
        share = (item - low) / (high - low) if high > low else 0.5
        return round(3 + at * step, 1), round(3 + inner * (1 - share), 1)

    places = [place(at, item) for at, item in there]
    x, y = places[-1]
    return Line(width=width, height=height, points=" ".join(f"{px},{py}" for px, py in places), x=x, y=y)


def edge(kind: Kind, number: float) -> str:
    """Write an edge of a histogram as a value of the column: dates are days, times seconds since 1970-01-01."""
    try:
        match kind:
            case Kind.DATE:
                return (_EPOCH + timedelta(days=number)).isoformat()
            case Kind.DATETIME:
                moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
                return f"{moment:%Y-%m-%d %H:%M}"
            case Kind.TIME:
                return text.value(timedelta(seconds=round(number)))
            case Kind.INTEGER | Kind.BOOLEAN if float(number).is_integer():
                return text.value(int(number))
            case _:
                return text.rounded(number)
    except OverflowError:
        return text.rounded(number)


def _end(profile: ColumnProfile, number: float, value: Value | None) -> str:
    """Write an end of the axis: a number as the column has it, of which an edge holds no more than 15 digits."""
    if isinstance(value, int | Decimal) and float(value) == number:
        return text.value(value)
    return edge(profile.kind, number)


def _is_single(kind: Kind, edges: Sequence[float]) -> bool:
    whole = kind in (Kind.BOOLEAN, Kind.INTEGER, Kind.DATE)
    return whole and len(edges) > 1 and all(after - before == 1 for before, after in pairwise(edges))


def _between(kind: Kind, edges: Sequence[float], at: int, *, single: bool) -> str:
    return edge(kind, edges[at]) if single else f"{edge(kind, edges[at])} to {edge(kind, edges[at + 1])}"


def _number(item: Value) -> float | None:
    """Return where a value is on its histogram's axis."""
    match item:
        case datetime():
            return (item.replace(tzinfo=item.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
        case date():
            return (item - _EPOCH).days
        case timedelta():
            return item.total_seconds()
        case int() | float() | Decimal():
            return float(item)
        case _:
            return None


def _box(profile: ColumnProfile, edges: Sequence[float], width: float) -> Box | None:
    wanted, found = (0.01, 0.25, 0.5, 0.75, 0.99), dict(profile.quantiles)
    low, span = edges[0], edges[-1] - edges[0]
    if span <= 0 or not math.isfinite(span) or any(at not in found for at in wanted):
        return None
    places = list[float]()
    for at in wanted:
        number = _number(found[at])
        if number is None:
            return None
        places.append(round(width * min(1.0, max(0.0, (number - low) / span)), 2))
    label = "half of the values are between {} and {}, the middle one is {}".format(
        *(text.value(found[at]) for at in (0.25, 0.75, 0.5))
    )
    return Box(low=places[0], first=places[1], median=places[2], third=places[3], high=places[4], label=label)
