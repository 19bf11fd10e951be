"""Statistics of parts add up to the same result, however the parts are grouped, ordered, or sent around."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import reduce
from itertools import pairwise
from operator import add

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EngineError
from engine.model import Column, ColumnType, Kind
from engine.stats import Limits, TableStats

TYPES = {
    "i": ColumnType(kind=Kind.INTEGER, mysql="BIGINT"),
    "u": ColumnType(kind=Kind.INTEGER, mysql="BIGINT UNSIGNED", maximum=2**64 - 1),
    "m": ColumnType(kind=Kind.DECIMAL, mysql="DECIMAL(10,2)", precision=10, scale=2),
    "l": ColumnType(kind=Kind.DECIMAL, mysql="DECIMAL(38,4)", precision=38, scale=4),
    "h": ColumnType(kind=Kind.DECIMAL, mysql="DECIMAL(60,2)", precision=60, scale=2),
    "f": ColumnType(kind=Kind.DOUBLE, mysql="DOUBLE"),
    "d": ColumnType(kind=Kind.DATE, mysql="DATE"),
    "s": ColumnType(kind=Kind.DATETIME, mysql="DATETIME(6)", fraction_digits=6),
    "t": ColumnType(kind=Kind.TIME, mysql="TIME"),
    "x": ColumnType(kind=Kind.TEXT, mysql="VARCHAR(50)"),
}
SCHEMA: dict[str, pl.DataType] = {
    "i": pl.Int64(),
    "u": pl.UInt64(),
    "m": pl.Decimal(38, 2),
    "l": pl.Decimal(38, 4),
    "h": pl.String(),
    "f": pl.Float64(),
    "d": pl.Date(),
    "s": pl.Datetime("us"),
    "t": pl.Duration("us"),
    "x": pl.String(),
}
COLUMNS = tuple(
    Column(name=name, original=name, position=at, type=column_type)
    for at, (name, column_type) in enumerate(TYPES.items())
)
KEYS = (("i",), ("x", "d"))
# So small that most examples cross every one of them, some in a batch and some only in the sum.
TIGHT = Limits(
    exact_values=8, exact_bytes=60, column_hashes=6, row_hashes=10, sample_cells=1, sample_rows_min=7, top_seen=2
)


def table(seed: int, rows: int, variety: int) -> pl.DataFrame:
    """Make rows of all kinds, in which about `variety` values occur in each column."""
    rng = random.Random(seed)

    def column(*make: object) -> list[object]:
        return [None if rng.random() < 0.1 else make[0](rng.randint(-variety, variety)) for _ in range(rows)]  # type: ignore[operator]  # there is a maker

    data = {
        "i": column(lambda n: n * 2**55),
        "u": column(lambda n: abs(n) * 2**56),
        "m": column(lambda n: Decimal(n) / 4),
        "l": column(lambda n: Decimal(n) * 10**30),
        "h": column(lambda n: f"{n}{'0' * 50}.5"),
        "f": column(lambda n: n * math.pi * 10.0 ** (n * 300 // variety)),
        "d": column(lambda n: date(2020, 1, 1) + timedelta(days=n)),
        "s": column(lambda n: datetime(2020, 1, 1) + timedelta(seconds=n / 7)),
        "t": column(lambda n: timedelta(hours=n)),
        "x": column(lambda n: "ü" * (n % 9) + str(n)),
    }
    return pl.DataFrame(data, schema=SCHEMA)


def batches(frame: pl.DataFrame, cuts: list[int]) -> list[pl.DataFrame]:
    places = [0, *sorted(cut % (frame.height + 1) for cut in cuts), frame.height]
    return [frame.slice(start, end - start) for start, end in pairwise(places)]


def in_random_groups(parts: list[TableStats], rng: random.Random) -> TableStats:
    """Add up parts in random order and grouping."""
    left = list(parts)
    while len(left) > 1:
        one, other = (left.pop(rng.randrange(len(left))) for _ in range(2))
        left.insert(rng.randrange(len(left) + 1), one + other)
    return left[0]


@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(0, 120),
    variety=st.sampled_from([1, 3, 8, 40]),
    cuts=st.lists(st.integers(0, 120), max_size=12),
    limits=st.sampled_from([TIGHT, Limits()]),
)
@settings(max_examples=25, deadline=None)
def test_any_order_and_grouping_gives_the_same_profile(
    seed: int, rows: int, variety: int, cuts: list[int], limits: Limits
) -> None:
    rng = random.Random(seed)
    parts = [
        TableStats.measure(batch, COLUMNS, batch_number=number, keys=KEYS, limits=limits)
        for number, batch in enumerate(batches(table(seed, rows, variety), cuts))
    ]
    expected = reduce(add, parts)
    for _ in range(3):
        regrouped = in_random_groups([*parts, TableStats.empty(COLUMNS, keys=KEYS, limits=limits)], rng)
        assert regrouped.profile() == expected.profile()
        assert regrouped.totals() == expected.totals()
        assert regrouped.rows == rows


@given(seed=st.integers(0, 10_000), variety=st.sampled_from([1, 8, 40]), cuts=st.lists(st.integers(0, 100), max_size=9))
@settings(max_examples=12, deadline=None)
def test_what_is_known_already_does_not_change_the_sum(seed: int, variety: int, cuts: list[int]) -> None:
    frames = batches(table(seed, 100, variety), cuts)
    plain = [
        TableStats.measure(batch, COLUMNS, batch_number=number, keys=KEYS, limits=TIGHT)
        for number, batch in enumerate(frames)
    ]
    hinted = TableStats.empty(COLUMNS, keys=KEYS, limits=TIGHT)
    for number, batch in enumerate(frames):
        hinted += TableStats.measure(batch, COLUMNS, batch_number=number, keys=KEYS, known=hinted, limits=TIGHT)
    assert hinted.profile() == reduce(add, plain).profile()
    assert hinted.totals() == reduce(add, plain).totals()


@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 100), max_size=9))
@settings(max_examples=12, deadline=None)
def test_what_fits_does_not_depend_on_where_the_file_is_cut(seed: int, cuts: list[int]) -> None:
    frame = table(seed, 100, 40)
    whole = TableStats.measure(frame, COLUMNS, batch_number=0, keys=KEYS)
    parts = [
        TableStats.measure(batch, COLUMNS, batch_number=number, keys=KEYS)
        for number, batch in enumerate(batches(frame, cuts))
    ]
    assert _without_samples(reduce(add, parts)) == _without_samples(whole)
    assert reduce(add, parts).totals() == whole.totals()


def _without_samples(stats: TableStats) -> list[object]:
    found = stats.profile()
    fields = [name for name in found.columns[0].__slots__ if name != "samples"]
    columns = [[getattr(column, name) for name in fields] for column in found.columns]
    return [found.rows, found.duplicate_rows, found.duplicate_rows_exact, found.duplicate_keys, columns]


def test_parts_larger_than_every_limit_add_up_in_any_order() -> None:
    rows = 40_000
    columns = tuple(Column(name=name, original=name, position=at, type=TYPES[name]) for at, name in enumerate("ix"))
    limits = Limits(exact_values=5_000, column_hashes=500, row_hashes=3_000, sample_rows_min=100, sample_rows_max=100)
    numbers = pl.Series(range(rows)) * 7_919 % 30_011
    frame = pl.DataFrame({"i": numbers, "x": (numbers % 20_000).cast(pl.String) + " some text"})
    parts = [
        TableStats.measure(frame.slice(start, 4_000), columns, batch_number=start, limits=limits)
        for start in range(0, rows, 4_000)
    ]
    expected = reduce(add, parts).profile()
    assert reduce(add, reversed(parts)).profile() == expected
    assert in_random_groups(parts, random.Random(1)).profile() == expected
    assert not expected.duplicate_rows_exact
    assert expected.columns[0].distinct == pytest.approx(30_011, rel=4 * expected.columns[0].distinct_error)


@pytest.mark.parametrize("limits", [TIGHT, Limits()], ids=["sketched", "exact"])
def test_bytes_hold_everything(limits: Limits) -> None:
    one, other = (
        TableStats.measure(table(seed, 50, 20), COLUMNS, batch_number=seed, keys=KEYS, limits=limits)
        for seed in range(2)
    )
    again = TableStats.from_bytes(one.to_bytes()) + TableStats.from_bytes((other + other).to_bytes())
    expected = one + (other + other)
    assert again.profile() == expected.profile()
    assert again.totals() == expected.totals()


def test_bytes_of_no_rows() -> None:
    empty = TableStats.empty(COLUMNS, keys=KEYS)
    assert TableStats.from_bytes(empty.to_bytes()).profile() == empty.profile()


def test_another_process_gets_the_same_hashes() -> None:
    columns = COLUMNS[:1]
    program = (
        "import sys, polars as pl; from tests.test_stats_merge import COLUMNS, TIGHT; from engine.stats import TableStats;"
        "frame = pl.DataFrame({'i': list(range(100))});"
        "stats = TableStats.measure(frame, COLUMNS[:1], batch_number=3, limits=TIGHT);"
        "sys.stdout.buffer.write(stats.to_bytes())"
    )
    written = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
    here = TableStats.measure(pl.DataFrame({"i": list(range(100))}), columns, batch_number=3, limits=TIGHT)
    assert TableStats.from_bytes(written).profile() == here.profile()


def test_bytes_of_another_polars_are_refused() -> None:
    data = TableStats.empty(COLUMNS).to_bytes()
    version = f'"polars":"{pl.__version__}"'.encode()
    assert version in data
    other = data.replace(version, b'"polars":"' + b"9" * len(pl.__version__) + b'"')
    with pytest.raises(EngineError, match=r"polars [9.]+ made them and this is") as caught:
        TableStats.from_bytes(other)
    assert caught.value.code == "stats.unreadable"


@pytest.mark.parametrize("data", [b"", b"something else", b"headrace stats 1\n\xff\0\0\0\0\0\0\0{"])
def test_bytes_that_are_no_statistics_are_refused(data: bytes) -> None:
    with pytest.raises(EngineError, match="another format or are cut short"):
        TableStats.from_bytes(data)


def test_bytes_that_are_cut_short_are_refused() -> None:
    data = TableStats.measure(table(1, 50, 20), COLUMNS, batch_number=0).to_bytes()
    with pytest.raises(EngineError, match="cut short"):
        TableStats.from_bytes(data[:-1])


def test_bytes_with_a_damaged_table_are_refused() -> None:
    data = TableStats.measure(table(1, 50, 20), COLUMNS, batch_number=0).to_bytes()
    with pytest.raises(EngineError, match="damaged"):
        TableStats.from_bytes(data[:-100] + bytes(100))


def test_statistics_of_other_columns_are_not_added() -> None:
    with pytest.raises(ValueError, match="different columns, keys or limits"):
        TableStats.empty(COLUMNS) + TableStats.empty(COLUMNS[:1])
    with pytest.raises(ValueError, match="other columns, keys or limits"):
        TableStats.measure(table(1, 5, 5), COLUMNS, batch_number=0, known=TableStats.empty(COLUMNS[:1]))
