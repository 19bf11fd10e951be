"""Whatever a file holds: the plan that's made from it proves it, and no value changes on the way."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config import Feed
from engine.model import Column, Kind
from engine.schema import Proof, gather, plan_new, prove
from engine.schema.temporal import FORMATS, ZONED

_ODD = st.sampled_from(
    ["", "NULL", "\\N", "NA", "-", "+", ".", "-.", "0", "-0", "00", "007", "+5", "5.", ".5", "-.5", "1e5", "1E+5", "1.5e-3", "NaN",
     "inf", "-0.0", "0.0", "1_000", " 1", "1 ", "true", "2024-01-05", "2024-1-5", "2024-02-30", "0000-01-01", "0999-12-31",
     "2024-01-05T10:00:00", "2024-01-05 10:00:00.1234567", "2024-01-05 10", "2024-01-05 100000", "10:00:00", "24:00:00",
     "10:00", "01/02/2013", "13/02/2013", "9" * 19, "9" * 20, "9" * 39, "9" * 66, "0." + "3" * 31, "0.1e1", "٣", "1\n"]
)  # fmt: skip
_INTEGERS = st.integers(-(10**40), 10**40) | st.integers(-300, 300) | st.integers(-(2**64), 2**65)
_DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=4)
_DATES = st.datetimes(min_value=datetime(1, 1, 1))
_KINDS: list[st.SearchStrategy[str]] = [
    _ODD,
    st.text(max_size=40),
    _INTEGERS.map(str),
    _DECIMALS.map(str),
    st.floats(allow_nan=False).map(repr),
    st.floats(allow_nan=False, width=32).map(repr),
    _DATES.map(lambda moment: moment.date().isoformat()),
    _DATES.map(lambda moment: moment.isoformat(sep=" ")),
    _DATES.map(lambda moment: moment.isoformat(timespec="milliseconds")),
    _DATES.map(lambda moment: moment.time().isoformat()),
    _DATES.map(lambda moment: moment.isoformat(timespec="minutes")),
    _DATES.map(lambda moment: moment.isoformat(timespec="microseconds") + "0"),
    _DATES.map(lambda moment: moment.isoformat() + "Z"),
    st.tuples(_DATES, st.sampled_from(["Z", "+02:00", "-0330", "+14", " UTC", " -01:00", "+15:00", ""])).map(
        lambda pair: pair[0].isoformat(sep=" ") + pair[1]
    ),
    st.sampled_from(["true", "false"]),
    st.sampled_from(["True", "FALSE", "yes"]),
    _DATES.map(lambda moment: f"{moment.day}/{moment.month}/{moment.year}"),
    _DATES.map(lambda moment: f"{moment.day:02}.{moment.month:02}.{moment.year:04} {moment.hour}:{moment.minute:02}"),
    _DATES.map(lambda moment: f"{moment.month}/{moment.day}/{moment.year} {moment.hour % 12 or 12}:05 PM"),
    st.text(alphabet="0123456789+-.eE: /TZ", max_size=26),
    st.text(alphabet="0123456789", min_size=1, max_size=70),
]


@st.composite
def columns(draw: st.DrawFn) -> list[str | None]:
    """Draw a column of one kind, or of several."""
    kinds = draw(st.lists(st.sampled_from(_KINDS), min_size=1, max_size=2))
    return draw(st.lists(st.none() | st.one_of(kinds), max_size=12))


def prove_by_evidence(values: list[str | None]) -> tuple[Proof, Column]:
    frame = pl.DataFrame({"c": pl.Series(values, dtype=pl.String)})
    schema = plan_new("t", ["c"], gather(frame), Feed())
    return prove(frame, schema), schema.columns[0]


@given(columns())
@settings(max_examples=250, deadline=None)
def test_a_plan_from_the_evidence_proves_and_changes_nothing(values: list[str | None]) -> None:
    proof, column = prove_by_evidence(values)
    assert proof.failures == ()
    for source, staged, typed in zip(values, proof.text["c"], proof.typed["c"], strict=True):
        assert (source is None) == (staged is None) == (typed is None)
        if source is not None:
            assert staged == source or column.type.formats or staged == re.sub(r"(?<=\.[0-9]{6})0+$", "", source)
            assert_equal(source, typed, column)


def assert_equal(source: str, typed: object, column: Column) -> None:
    """Assert that a typed value is what its text says, worked out without the engine."""
    kind, formats = column.type.kind, column.type.formats
    if kind in (Kind.INTEGER, Kind.DECIMAL):
        assert Decimal(str(typed)) == Decimal(source)
    elif kind is Kind.DOUBLE:
        assert Decimal(repr(typed)) == Decimal(source)
    elif kind is Kind.TEXT:
        assert typed == source
    elif kind is Kind.BOOLEAN:
        assert typed == ["false", "true"].index(source.lower())
    elif kind is Kind.TIME:
        assert isinstance(typed, timedelta)
        assert (datetime(2000, 1, 1) + typed).time() == datetime.fromisoformat(f"2000-01-01 {source}").time()
    elif formats == (ZONED,):
        instant = datetime.fromisoformat(re.sub(r" ?(?:Z|UTC)$", "+00:00", source).replace(" -0", "-0"))
        assert typed == instant.astimezone(UTC).replace(tzinfo=None)
    elif formats:
        assert datetime.fromisoformat(str(typed)) == datetime.strptime(source, formats[0])
        assert not FORMATS[formats[0]].two_digit_year
    else:
        assert datetime.fromisoformat(str(typed)) == datetime.fromisoformat(source)


@given(columns(), columns())
@settings(max_examples=80, deadline=None)
def test_evidence_of_two_parts_is_that_of_both(first: list[str | None], second: list[str | None]) -> None:
    def frame(values: list[str | None]) -> pl.DataFrame:
        return pl.DataFrame({"c": pl.Series(values, dtype=pl.String)})

    parts = gather(frame(first)) + gather(frame(second))
    again = gather(frame(first)) + gather(frame(second), known=gather(frame(first)))
    whole = gather(frame(first + second))
    assert whole == parts == again


@given(columns(), columns())
@settings(max_examples=80, deadline=None)
def test_a_plan_from_a_sample_either_holds_or_says_that_it_must_be_widened(
    sample: list[str | None], rest: list[str | None]
) -> None:
    frame = pl.DataFrame({"c": pl.Series(sample, dtype=pl.String)})
    schema = plan_new("t", ["c"], gather(frame), Feed())
    later = pl.DataFrame({"c": pl.Series(rest, dtype=pl.String)})
    proof = prove(later, schema)
    assert proof.widens == bool(proof.failures)
    if not proof.widens:
        for source, typed in zip(rest, proof.typed["c"], strict=True):
            if source is not None:
                assert_equal(source, typed, schema.columns[0])


_DECLARED = ["INT", "BIGINT UNSIGNED", "DECIMAL(10,2)", "DECIMAL(65,30)", "DOUBLE", "DATE", "DATETIME(3)", "TIME(3)"]


@given(st.sampled_from(_DECLARED), columns())
@settings(max_examples=150, deadline=None)
def test_a_declared_column_keeps_the_number_or_rejects_it(declared: str, values: list[str | None]) -> None:
    frame = pl.DataFrame({"c": pl.Series(values, dtype=pl.String)})
    feed = Feed.model_validate({"columns": {"c": {"type": declared}}})
    schema = plan_new("t", ["c"], gather(frame), feed)
    proof = prove(frame, schema)
    kept = range(len(values)) if proof.kept is None else proof.kept.tolist()
    assert len(values) == len(kept) + len(proof.failed_rows)
    for row, staged, typed in zip(kept, proof.text["c"], proof.typed["c"], strict=True):
        source = values[row]
        if source is None:
            assert staged is typed is None
        elif declared[:3] in ("INT", "BIG", "DEC"):
            assert Decimal(source) == Decimal(str(staged)) == Decimal(str(typed))
        elif declared == "DOUBLE":
            assert Decimal(source) == Decimal(str(staged)) == Decimal(repr(typed))
