"""Statistics of columns and rows, against the same numbers computed the long way."""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import SettingsError
from engine.model import (
    Column,
    ColumnProfile,
    ColumnTotals,
    ColumnType,
    Histogram,
    Kind,
    Value,
)
from engine.stats import Limits, TableStats

PROBABILITIES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)

INT = ColumnType(kind=Kind.INTEGER, mysql="BIGINT", minimum=-(2**63), maximum=2**63 - 1)
UNSIGNED = ColumnType(kind=Kind.INTEGER, mysql="BIGINT UNSIGNED", minimum=0, maximum=2**64 - 1)
MONEY = ColumnType(kind=Kind.DECIMAL, mysql="DECIMAL(10,2)", precision=10, scale=2)
LARGE = ColumnType(kind=Kind.DECIMAL, mysql="DECIMAL(38,4)", precision=38, scale=4)
HUGE = ColumnType(kind=Kind.DECIMAL, mysql="DECIMAL(60,5)", precision=60, scale=5)
DOUBLE = ColumnType(kind=Kind.DOUBLE, mysql="DOUBLE")
DATE = ColumnType(kind=Kind.DATE, mysql="DATE")
DATETIME = ColumnType(kind=Kind.DATETIME, mysql="DATETIME(3)", fraction_digits=3)
TIME = ColumnType(kind=Kind.TIME, mysql="TIME")
TEXT = ColumnType(kind=Kind.TEXT, mysql="VARCHAR(255)", max_chars=255)
LONG_TEXT = ColumnType(kind=Kind.TEXT, mysql="LONGTEXT")

DTYPES: dict[ColumnType, pl.DataType] = {
    INT: pl.Int64(),
    UNSIGNED: pl.UInt64(),
    MONEY: pl.Decimal(38, 2),
    LARGE: pl.Decimal(38, 4),
    HUGE: pl.String(),
    DOUBLE: pl.Float64(),
    DATE: pl.Date(),
    DATETIME: pl.Datetime("us"),
    TIME: pl.Duration("us"),
    TEXT: pl.String(),
    LONG_TEXT: pl.String(),
}


def column(name: str, column_type: ColumnType, position: int = 0) -> Column:
    return Column(name=name, original=name, position=position, type=column_type)


def measured(values: list[object], column_type: ColumnType, limits: Limits | None = None) -> TableStats:
    frame = pl.DataFrame({"x": pl.Series(values, dtype=DTYPES[column_type])})
    return TableStats.measure(frame, (column("x", column_type),), batch_number=0, limits=limits)


def profiled(values: list[object], column_type: ColumnType, limits: Limits | None = None) -> ColumnProfile:
    return measured(values, column_type, limits).profile().columns[0]


def totalled(values: list[object], column_type: ColumnType) -> ColumnTotals:
    return measured(values, column_type).totals()[0]


def nearest_ranks(values: list[Value]) -> tuple[tuple[float, Value], ...]:
    ordered = sorted(values)
    ranks = [max(1, math.ceil(Fraction(str(p)) * len(ordered))) for p in PROBABILITIES]
    return tuple((p, ordered[rank - 1]) for p, rank in zip(PROBABILITIES, ranks, strict=True))


def frequent(values: list[str]) -> tuple[tuple[str, int], ...]:
    pairs = sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0].encode()))
    return tuple(pairs[:10])


class TestNumbers:
    @pytest.mark.parametrize("peak", [9, 10**6, 3_000_000_000, 2**62, 2**63 - 1])
    def test_integers_of_every_size_equal_pythons(self, peak: int) -> None:
        rng = random.Random(peak)
        numbers = [*(rng.randint(-peak, peak) for _ in range(2_000)), -peak - 1, peak]
        found = profiled([*numbers, None], INT)
        assert (found.rows, found.nulls, found.distinct) == (2_003, 1, len(set(numbers)))
        assert (found.minimum, found.maximum, found.total) == (-peak - 1, peak, sum(numbers))
        assert found.mean == float(Fraction(sum(numbers), len(numbers)))
        assert found.stddev == statistics.pstdev(numbers)
        assert found.quantiles == nearest_ranks(list(numbers))
        lengths = [len(str(number)) for number in numbers]
        assert (found.min_chars, found.max_chars) == (min(lengths), max(lengths))
        assert (found.distinct_error, found.quantiles_error, found.top_error) == (0.0, 0.0, 0.0)

    def test_unsigned_integers_beyond_63_bits(self) -> None:
        values: list[object] = [2**64 - 1, 2**64 - 1, 0, 2**63, 5]
        found = profiled(values, UNSIGNED)
        assert (found.total, found.minimum, found.maximum) == (2 * (2**64 - 1) + 2**63 + 5, 0, 2**64 - 1)
        assert found.stddev == statistics.pstdev([2**64 - 1, 2**64 - 1, 0, 2**63, 5])
        assert found.top_values[0] == (str(2**64 - 1), 2)

    @pytest.mark.parametrize(("column_type", "digits"), [(MONEY, 10), (LARGE, 18), (LARGE, 38), (HUGE, 60)])
    def test_decimals_equal_pythons(self, column_type: ColumnType, digits: int) -> None:
        rng, scale = random.Random(digits), column_type.scale or 0
        units = [rng.randint(-(10**digits) + 1, 10**digits - 1) for _ in range(500)] + [0, 5, -5]
        texts = [f"{'-' if u < 0 else ''}{abs(u) // 10**scale}.{abs(u) % 10**scale:0{scale}d}" for u in units]
        values: list[object] = list(texts if column_type is HUGE else map(Decimal, texts))
        found, totals = profiled(values, column_type), totalled(values, column_type)
        total = Fraction(sum(units), 10**scale)
        assert isinstance(found.total, Decimal)
        assert Fraction(found.total) == total
        assert (totals.total, totals.filled, totals.bytes) == (found.total, len(units), None)
        assert found.mean == float(total / len(units))
        assert found.stddev == statistics.pstdev([Fraction(u, 10**scale) for u in units])
        assert (found.minimum, found.maximum) == (
            Decimal(texts[units.index(min(units))]),
            Decimal(texts[units.index(max(units))]),
        )
        assert found.quantiles == nearest_ranks([Decimal(text) for text in texts])
        assert (found.min_chars, found.max_chars) == (min(map(len, texts)), max(map(len, texts)))
        assert {text for text, _ in found.top_values} <= set(texts)

    def test_decimal_text_of_one_value_in_two_spellings_is_one_value(self) -> None:
        assert profiled(["1.5", "1.50000", "-0", "0.0"], HUGE).top_values == (("0.00000", 2), ("1.50000", 2))

    @given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=60))
    @settings(max_examples=80, deadline=None)
    def test_doubles_are_summed_without_rounding(self, values: list[float]) -> None:
        found = profiled(list(values), DOUBLE)
        exact = [Fraction(value) for value in values]
        total = sum(exact, Fraction(0))
        assert found.total == (float(total) if abs(total) < 2**1024 - 2**970 else None)
        assert found.mean == float(total / len(exact))
        assert found.stddev == statistics.pstdev(exact)
        assert (found.minimum, found.maximum) == (min(values), max(values))
        assert found.quantiles == nearest_ranks(list(values))

    def test_doubles_add_up_where_floating_point_cannot(self) -> None:
        assert profiled([1e308, 1e308, 1.0, -1e308, -1e308], DOUBLE).total == 1.0
        assert profiled([5e-324] * 3, DOUBLE).total == 1.5e-323
        assert profiled([5e-324, -5e-324, 1.7976931348623157e308], DOUBLE).total == 1.7976931348623157e308

    def test_negative_zero_is_zero(self) -> None:
        found = profiled([-0.0, 0.0, -0.0], DOUBLE)
        assert (found.distinct, found.top_values, str(found.minimum)) == (1, (("0.0", 3),), "0.0")

    def test_nan_and_infinity_do_not_disturb(self) -> None:
        found = profiled([math.nan, math.inf, -math.inf, 1.0, 3.0], DOUBLE)
        assert (found.minimum, found.maximum, found.total) == (1.0, 3.0, 4.0)
        assert found.histogram is not None


class TestTimes:
    def test_dates(self) -> None:
        days = [date(2024, 2, 29), date(1000, 1, 1), date(9999, 12, 31), date(2024, 2, 29)]
        found, totals = profiled([*days, None], DATE), totalled([*days, None], DATE)
        assert (found.minimum, found.maximum) == (date(1000, 1, 1), date(9999, 12, 31))
        assert (found.total, found.mean, found.stddev) == (None, None, None)
        assert found.top_values[0] == ("2024-02-29", 2)
        assert totals.total == sum((day - date(1970, 1, 1)).days for day in days)
        assert (totals.minimum, totals.maximum, totals.filled) == (date(1000, 1, 1), date(9999, 12, 31), 4)
        assert (found.min_chars, found.max_chars) == (10, 10)

    def test_datetimes(self) -> None:
        moments = [datetime(1969, 12, 31, 23, 59, 59, 999_000), datetime(2024, 1, 2, 3, 4, 5)]
        found, totals = profiled(list(moments), DATETIME), totalled(list(moments), DATETIME)
        assert (found.minimum, found.maximum) == tuple(moments)
        assert totals.total == -1_000 + 1_704_164_645_000_000
        assert sorted(text for text, _ in found.top_values) == ["1969-12-31 23:59:59.999", "2024-01-02 03:04:05.000"]
        assert found.histogram is not None
        assert found.histogram.edges[0] == -0.001

    def test_times_beyond_a_day_and_below_zero(self) -> None:
        spans = [timedelta(hours=-838, minutes=-59, seconds=-59), timedelta(hours=100), timedelta(seconds=1)]
        found, totals = profiled(list(spans), TIME), totalled(list(spans), TIME)
        assert (found.minimum, found.maximum) == (spans[0], spans[1])
        assert totals.total == sum(span // timedelta(microseconds=1) for span in spans)
        assert {text for text, _ in found.top_values} == {"-838:59:59", "100:00:00", "00:00:01"}
        assert (found.min_chars, found.max_chars) == (8, 10)


class TestText:
    def test_counts_lengths_and_order_by_bytes(self) -> None:
        values = ["b", "", "Zürich", "ÿ", "\U0001f600", "", "\uffff"]
        found, totals = profiled([*values, None], TEXT), totalled([*values, None], TEXT)
        assert (found.rows, found.nulls, found.empties, found.distinct) == (8, 1, 2, 6)
        # By UTF-8 bytes U+1F600 comes after U+FFFF; by UTF-16 units it would come before.
        assert (found.minimum, found.maximum) == ("", "\U0001f600")
        assert (found.min_chars, found.max_chars) == (0, 6)
        assert totals.bytes == sum(len(value.encode()) for value in values)
        assert (totals.total, totals.minimum, totals.maximum) == (None, "", "\U0001f600")
        assert found.top_values == frequent(values)
        assert (found.quantiles, found.histogram, found.total) == ((), None, None)

    def test_totals_of_a_long_text_have_no_extremes(self) -> None:
        totals = totalled(["b", "a"], LONG_TEXT)
        assert totals == ColumnTotals(column="x", filled=2, total=None, minimum=None, maximum=None, bytes=2)

    def test_rare_values_outside_the_first_rows_are_counted(self) -> None:
        values = [f"v{number % 7}" for number in range(20_000)] + ["rare", "v3", None, "rarer", "rare"]
        found = profiled(list(values), TEXT)
        assert found.distinct == 9
        assert dict(found.top_values) == Counter(value for value in values if value is not None)

    def test_samples_are_distinct_values_of_the_column(self) -> None:
        values = [f"value {number % 50}" for number in range(1_000)]
        found = profiled(list(values), TEXT)
        assert len(set(found.samples)) == 5
        assert set(found.samples) <= set(values)
        assert found.samples == profiled(list(values), TEXT).samples


class TestHistogram:
    def test_few_whole_numbers_have_a_bin_each(self) -> None:
        found = profiled([3, 5, 5, 3, 3], INT)
        assert found.histogram == Histogram(edges=(3.0, 4.0, 5.0, 6.0), counts=(3, 0, 2), exact=True)

    def test_one_date_is_one_bin(self) -> None:
        found = profiled([date(1970, 1, 2)] * 3, DATE)
        assert found.histogram == Histogram(edges=(1.0, 2.0), counts=(3,), exact=True)

    def test_one_decimal_is_one_bin(self) -> None:
        found = profiled([Decimal("1.5")] * 2, MONEY)
        assert found.histogram == Histogram(edges=(1.5, 1.5), counts=(2,), exact=True)

    def test_twenty_bins_hold_their_lower_edge_and_the_last_one_both(self) -> None:
        found = profiled(list(range(101)), INT)
        assert found.histogram is not None
        assert found.histogram.edges == pytest.approx([number * 5.0 for number in range(21)])
        assert found.histogram.counts == (*([5] * 19), 6)

    def test_the_whole_range_of_doubles(self) -> None:
        found = profiled([-1.7e308, 0.0, 1.7e308], DOUBLE)
        assert found.histogram is not None
        assert all(math.isfinite(edge) for edge in found.histogram.edges)
        assert (found.histogram.counts[0], found.histogram.counts[10], found.histogram.counts[19]) == (1, 1, 1)

    @given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=50))
    @settings(max_examples=30, deadline=None)
    def test_counts_add_up(self, values: list[int]) -> None:
        found = profiled(list(values), INT)
        assert found.histogram is not None
        assert sum(found.histogram.counts) == len(values)
        assert len(found.histogram.edges) == len(found.histogram.counts) + 1


class TestNothing:
    @pytest.mark.parametrize("column_type", list(DTYPES), ids=lambda t: t.mysql)
    @pytest.mark.parametrize("values", [[], [None, None]], ids=["no rows", "all null"])
    def test_there_is_nothing_to_say(self, column_type: ColumnType, values: list[object]) -> None:
        found = profiled(values, column_type)
        assert (found.rows, found.nulls, found.distinct) == (len(values), len(values), 0)
        assert (found.minimum, found.maximum, found.mean, found.stddev) == (None, None, None, None)
        assert (found.quantiles, found.top_values, found.histogram, found.samples) == ((), (), None, ())

    def test_a_sum_over_nothing_is_zero(self) -> None:
        assert totalled([None], INT).total == 0
        assert totalled([None], MONEY).total == Decimal(0)
        assert totalled([None], DATE).total == 0
        assert (totalled([None], DOUBLE).total, totalled([None], TEXT).bytes) == (None, 0)

    def test_no_batch_at_all(self) -> None:
        found = TableStats.empty((column("x", INT),), keys=(("x",),)).profile()
        assert (found.rows, found.duplicate_rows, found.duplicate_rows_exact) == (0, 0, True)
        assert found.duplicate_keys == {("x",): 0}

    @pytest.mark.parametrize("column_type", list(DTYPES), ids=lambda t: t.mysql)
    def test_one_row(self, column_type: ColumnType) -> None:
        values: dict[Kind, object] = {
            Kind.INTEGER: 7,
            Kind.DECIMAL: "7.5" if column_type is HUGE else Decimal("7.5"),
            Kind.DOUBLE: 7.5,
            Kind.DATE: date(2024, 1, 1),
            Kind.DATETIME: datetime(2024, 1, 1),
            Kind.TIME: timedelta(seconds=7),
            Kind.TEXT: "seven",
        }
        found = profiled([values[column_type.kind]], column_type)
        assert (found.rows, found.nulls, found.distinct) == (1, 0, 1)
        assert found.minimum == found.maximum
        assert len(found.samples) == len(found.top_values) == 1
        if found.mean is not None:
            assert (found.stddev, len(found.quantiles)) == (0.0, 7)


class TestRows:
    def test_duplicates_are_counted_once_less_than_they_are(self) -> None:
        frame = pl.DataFrame({"a": [1, 1, None, None, 1, 2], "b": ["x", "x", None, None, "y", ""]})
        columns = (column("a", INT, 0), column("b", TEXT, 1))
        keys = (("a",), ("a", "b"), ("b", "a"))
        found = TableStats.measure(frame, columns, batch_number=0, keys=keys).profile()
        assert (found.rows, found.duplicate_rows, found.duplicate_rows_exact) == (6, 2, True)
        assert found.duplicate_keys == {("a",): 2, ("a", "b"): 1, ("b", "a"): 1}

    def test_values_in_other_columns_make_another_row(self) -> None:
        frame = pl.DataFrame({"a": ["x", "y"], "b": ["y", "x"]})
        columns = (column("a", TEXT, 0), column("b", TEXT, 1))
        assert TableStats.measure(frame, columns, batch_number=0).profile().duplicate_rows == 0

    def test_an_unknown_key_column_is_refused(self) -> None:
        with pytest.raises(SettingsError, match="key column 'id' is not a column of the file; the columns are x"):
            TableStats.empty((column("x", INT),), keys=(("id",),))


class TestLimits:
    def test_one_value_more_than_the_limit_is_sketched(self) -> None:
        limits = Limits(exact_values=100, column_hashes=1_000)
        at, over = profiled(list(range(100)), INT, limits), profiled(list(range(101)), INT, limits)
        assert (at.distinct, at.distinct_error, len(at.top_values)) == (100, 0.0, 10)
        # Fewer values than hashes are kept: still exact.
        assert (over.distinct, over.distinct_error) == (101, 0.0)

    def test_one_byte_more_than_the_limit_is_sketched(self) -> None:
        limits = Limits(exact_bytes=10)
        assert profiled(["aaaaa", "bbbbb", "aaaaa"], TEXT, limits).top_error == 0.0
        assert profiled(["aaaaa", "bbbbbb"], TEXT, limits).top_error == 1.0

    def test_a_small_sample_that_is_everything_is_exact(self) -> None:
        limits = Limits(exact_values=5, column_hashes=8, sample_rows_min=200, sample_rows_max=200)
        values = [number * 3 for number in range(150)]
        found = profiled(list(values), INT, limits)
        assert found.quantiles == nearest_ranks(list(values))
        assert (found.quantiles_error, found.top_error) == (0.0, 0.0)
        assert found.distinct_error == pytest.approx(6**-0.5)

    def test_a_column_that_looks_unique_is_taken_for_it(self) -> None:
        limits = Limits(exact_values=5, column_hashes=8, sample_rows_min=20, sample_rows_max=20)
        found = profiled([f"id {number}" for number in range(1_000)], TEXT, limits)
        assert found.distinct == 1_000
        assert found.distinct_error > 0

    def test_texts_in_the_sample_are_cut(self) -> None:
        limits = Limits(exact_bytes=10, sample_chars=4)
        assert profiled(["a long text", "another"], TEXT, limits).samples in (("a lo", "anot"), ("anot", "a lo"))

    def test_scaled_counts_add_up_to_all_values(self) -> None:
        limits = Limits(exact_values=10, column_hashes=50, sample_rows_min=64, sample_rows_max=64)
        found = profiled([*range(997), *([None] * 50), *([500] * 500)], INT, limits)
        assert found.histogram is not None
        assert not found.histogram.exact
        assert sum(found.histogram.counts) == found.rows - found.nulls == 1_497
        assert found.top_values[0][0] == "500"


def test_estimates_of_a_million_rows_keep_their_bounds() -> None:
    rng = np.random.default_rng(11)
    rows = 1_000_000
    frame = pl.DataFrame(
        {
            "i": np.round(rng.lognormal(12, 2, rows)).astype(np.int64),
            "t": pl.Series(rng.integers(0, 200_000, rows)).cast(pl.String),
            "h": pl.Series(np.where(rng.random(rows) < 0.3, 0, np.arange(rows))).cast(pl.String),
        }
    )
    columns = (column("i", INT, 0), column("t", TEXT, 1), column("h", TEXT, 2))
    stats = TableStats.empty(columns, keys=(("h",),))
    for number in range(8):
        batch = frame.slice(number * 125_000, 125_000)
        stats += TableStats.measure(batch, columns, batch_number=number, keys=(("h",),), known=stats)
    found = stats.profile()
    for each in found.columns:
        true = int(frame[each.column].n_unique())
        assert 0 < each.distinct_error < 0.01
        assert abs(each.distinct / true - 1) < 4 * each.distinct_error
    ordered = np.sort(frame["i"].to_numpy())
    for probability, value in found.columns[0].quantiles:
        assert isinstance(value, int)
        below, upto = np.searchsorted(ordered, value, "left") / rows, np.searchsorted(ordered, value, "right") / rows
        error = found.columns[0].quantiles_error
        assert below - error <= probability <= upto + error
    most, count = found.columns[2].top_values[0]
    assert most == "0"
    assert abs(count - int((frame["h"] == "0").sum())) < found.columns[2].top_error * rows
    repeated = rows - frame["h"].n_unique()
    assert not found.duplicate_rows_exact
    assert found.duplicate_rows == 0
    # One value stands for nearly all repeated rows; its hash need not be among those kept.
    assert found.duplicate_keys[("h",)] == pytest.approx(repeated, rel=0.03)


def test_few_rows_are_measured_as_many_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Value by value in Python, and by plans of Polars: the same numbers."""
    values: dict[ColumnType, list[object]] = {
        INT: [3, -4, 3, None, 2**62, 0, -(2**63), 9],
        UNSIGNED: [3, 2**64 - 1, 3, None, 0, 7, 7, 7],
        MONEY: [Decimal("1.50"), Decimal("-1.50"), None, Decimal("0.01"), Decimal("0.00"), Decimal("9.99"), None, None],
        HUGE: ["12345678901234567890123456789012345678901.5", "-1", "0", None, "0.00001", "7", "7", "8"],
        DOUBLE: [1.5, -0.0, 0.0, None, 1e300, -2.25, 1.5, 3.0],
        DATE: [date(2024, 2, 29), None, date(1999, 1, 1), date(2024, 2, 29), date(1000, 1, 1), None, None, None],
        TIME: [timedelta(hours=-1), None, timedelta(seconds=5), timedelta(0), timedelta(0), None, None, None],
        TEXT: ["", "a", "é", "𝄞", "a" * 300, None, "Z", "a"],
        LONG_TEXT: ["x", "x", "x", "y", "x", "x", "x", ""],
    }
    columns = tuple(column(f"c{at}", one, at) for at, one in enumerate(values))
    typed = pl.DataFrame(
        [pl.Series(one.name, values[one.type], dtype=DTYPES[one.type], strict=False) for one in columns]
    )
    few = TableStats.empty(columns) + TableStats.measure(typed, columns, batch_number=0)
    for name in ("aggregates", "distinct", "distribution", "profile", "sample"):
        monkeypatch.setattr(f"engine.stats.{name}.FEW_ROWS", -1)
    many = TableStats.empty(columns) + TableStats.measure(typed, columns, batch_number=0)
    assert few.profile() == many.profile()
    assert few.totals() == many.totals()
    assert (few + many).profile() == (many + many).profile()
