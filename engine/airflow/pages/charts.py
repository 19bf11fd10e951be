"""Charts of the files of the last days: rows a day, and files a day, loaded and failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from engine.catalog.browse import Day

_WIDTH, _HEIGHT = 480.0, 72.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One day of a chart: the lower bar, the one on top of it, and what they stand for."""

    x: float
    width: float
    low: float
    top: float
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """A bar for each day, on a field of `width` by `height`; `most` is what the highest one stands for."""

    columns: tuple[Column, ...]
    most: int
    first: date
    last: date
    label: str
    width: float = _WIDTH
    height: float = _HEIGHT


def rows_a_day(days: Sequence[Day], *, last: date, number: int) -> Chart:
    """Draw the rows loaded on each of the days until `last`."""
    values = {day.day: (day.rows_loaded, 0, f"{day.rows_loaded:,} rows") for day in days}
    return _chart(values, last=last, number=number, label="rows loaded a day")


def files_a_day(days: Sequence[Day], *, last: date, number: int) -> Chart:
    """Draw the files of each of the days until `last`: loaded, and on top of them failed or held."""
    values = {
        day.day: (day.loaded, day.failed, f"{day.loaded:,} files loaded, {day.failed:,} failed or held") for day in days
    }
    return _chart(values, last=last, number=number, label="files a day, loaded and failed or held")


def _chart(values: dict[date, tuple[int, int, str]], *, last: date, number: int, label: str) -> Chart:
    first = last - timedelta(days=number - 1)
    most = max((low + top for low, top, _ in values.values()), default=0)
    step = _WIDTH / number
    columns = []
    for at in range(number):
        day = first + timedelta(days=at)
        low, top, said = values.get(day, (0, 0, "nothing"))
        columns.append(
            Column(
                x=round(at * step + step * 0.1, 2),
                width=round(step * 0.8, 2),
                low=_height(low, most),
                top=_height(top, most),
                label=f"{day:%a %Y-%m-%d}: {said}",
            )
        )
    return Chart(columns=tuple(columns), most=most, first=first, last=last, label=label)


def _height(amount: int, most: int) -> float:
    # Whatever is there is seen.
    return round(max(2.0, _HEIGHT * amount / most), 2) if amount and most else 0.0
