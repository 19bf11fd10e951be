"""Values as the catalog writes them: exact, and never what PostgreSQL's text types refuse."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.values import cut, json_text, plain_text, storable
from engine.model import Histogram, Mode


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (2**70, "1180591620717411303424"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.10"), "0.10"),
        (Decimal("NaN"), "NaN"),
        (1e16, "1e+16"),
        (True, "true"),
        (date(2026, 2, 28), "2026-02-28"),
        (datetime(2026, 2, 28, 1, 2, 3, 400000), "2026-02-28T01:02:03.400000"),
        (time(1, 2, 3), "01:02:03"),
        (timedelta(hours=838, minutes=59, seconds=59), "838:59:59"),
        (-timedelta(hours=1, microseconds=5), "-01:00:00.000005"),
        ("x" * 1001, "x" * 999 + "…"),
    ],
)
def test_a_value_is_iso_or_exact_decimal_text(value: object, expected: str | None) -> None:
    assert plain_text(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (Decimal("123456789012345678901234567890.120"), "123456789012345678901234567890.120"),
        (Decimal("1E+2000"), '"1E+2000"'),
        (float("inf"), '"inf"'),
        (0.1, "0.1"),
        (False, "false"),
        (Mode.APPEND, '"append"'),
        (Path("a/b"), '"a/b"'),
        (datetime(2026, 2, 28, tzinfo=UTC), '"2026-02-28T00:00:00+00:00"'),
        ({("a", "b"): 1}, '{"a,b":1}'),
        ((1, "x\x00\n"), '[1,"x␀\\n"]'),
        (Histogram(edges=(0.0, 1.0), counts=(2,), exact=True), '{"edges":[0.0,1.0],"counts":[2],"exact":true}'),
    ],
)
def test_json_has_exact_numbers(value: object, expected: str) -> None:
    assert json_text(value) == expected


def test_a_value_of_an_unknown_type_is_a_bug() -> None:
    with pytest.raises(TypeError, match="no text form for object"):
        json_text({"a": object()})


def test_what_postgresql_cannot_store_becomes_visible() -> None:
    assert storable("a\x00b") == "a␀b"
    assert storable(os.fsdecode(b"caf\xe9.csv")) == "caf\\xe9.csv"
    assert storable("\ud83d") == "\\ud83d"
    assert storable("naïve 🙂") == "naïve 🙂"


@given(st.text(alphabet=st.characters(), max_size=20), st.integers(2, 12))
def test_cut_text_is_storable_and_no_longer_than_asked(text: str, chars: int) -> None:
    result = cut(text, chars)
    result.encode()
    assert "\x00" not in result
    assert len(result) <= chars


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values)
def test_json_reads_back_as_it_was(value: object) -> None:
    assert json.loads(json_text(value)) == _storable(value)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_keeps_every_digit(value: Decimal) -> None:
    read = json.loads(json_text(value), parse_float=Decimal, parse_int=Decimal)
    assert Decimal(read) == value


def _storable(value: object) -> object:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(key): _storable(item) for key, item in value.items()}
    return value
