"""Proofs: what fits is ready to load as it stands, what doesn't is named with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from engine.config import ColumnRule
from engine.errors import SchemaError
from engine.model import Column, RejectClass, TableSchema
from engine.schema import Proof, parse_type, prove


def proof_of(
    values: Sequence[str | None],
    mysql: str,
    *,
    declared: bool = True,
    nullable: bool = True,
    format_text: str | None = None,
    rule: ColumnRule | None = None,
    null_tokens: tuple[str, ...] = (),
) -> Proof:
    column = Column(
        name="c", original="c", position=0, type=parse_type(mysql, format_text), declared=declared, nullable=nullable
    )
    frame = pl.DataFrame({"c": pl.Series(values, dtype=pl.String), "ignored": pl.Series(values, dtype=pl.String)})
    return prove(frame, TableSchema(table="t", columns=(column,)), {"C": rule} if rule else None, null_tokens)


def codes(proof: Proof) -> list[str]:
    return [failure.code for failure in proof.failures]


@pytest.mark.parametrize(
    ("mysql", "value", "staged", "typed"),
    [
        ("INT", "12", "12", 12),
        ("INT", "007", "007", 7),
        ("INT", "+12", "+12", 12),
        ("INT", "-0", "-0", 0),
        ("INT", "5.0", "5", 5),
        ("INT", "-5.", "-5", -5),
        ("BIGINT UNSIGNED", "18446744073709551615", "18446744073709551615", 2**64 - 1),
        ("BIGINT UNSIGNED", "-0", "0", 0),
        ("BOOLEAN", "True", "1", 1),
        ("BOOLEAN", "false", "0", 0),
        ("BOOLEAN", "1", "1", 1),
        ("TINYINT(1)", "tRUE", "1", 1),
        ("TINYINT(1)", "-5", "-5", -5),
        ("YEAR", "02020", "2020", 2020),
        ("DECIMAL(10,2)", "1.50", "1.50", Decimal("1.50")),
        ("DECIMAL(10,2)", "1", "1", Decimal("1.00")),
        ("DECIMAL(10,2)", "1.500", "1.50", Decimal("1.50")),
        ("DECIMAL(10,2)", "+007.5", "7.5", Decimal("7.50")),
        ("DECIMAL(10,2)", ".5", ".5", Decimal("0.50")),
        ("DECIMAL(10,2)", "5.", "5", Decimal("5.00")),
        ("DECIMAL(10,2)", "0E-10", "0.00", Decimal("0.00")),
        ("DECIMAL(10,2)", "1e3", "1000", Decimal("1000.00")),
        ("DECIMAL(10,2)", "-0.00", "-0.00", Decimal("0.00")),
        ("DECIMAL(2,2)", "0.99", "0.99", Decimal("0.99")),
        ("DECIMAL(65,30)", "1" * 35 + "." + "1" * 30, "1" * 35 + "." + "1" * 30, "1" * 35 + "." + "1" * 30),
        ("DECIMAL(65,0)", "0" * 9 + "7", "0" * 9 + "7", "0" * 9 + "7"),
        ("DOUBLE", "0.1", "0.1", 0.1),
        ("DOUBLE", "1E5", "1E5", 1e5),
        ("DOUBLE", "+5.", "+5.", 5.0),
        ("DOUBLE", "0.30000000000000004", "0.30000000000000004", 0.30000000000000004),
        ("FLOAT", "0.1", "0.1", 0.1),
        ("DATE", "2024-02-29", "2024-02-29", date(2024, 2, 29)),
        ("DATE", "0001-01-01", "0001-01-01", date(1, 1, 1)),
        ("DATE", "2024-1-5", "2024-01-05", date(2024, 1, 5)),
        ("DATETIME", "2024-01-05", "2024-01-05", datetime(2024, 1, 5)),
        ("DATETIME", "2024-1-5 10:30:00", "2024-01-05 10:30:00", datetime(2024, 1, 5, 10, 30)),
        ("DATETIME", "2024-01-05 10:30", "2024-01-05 10:30", datetime(2024, 1, 5, 10, 30)),
        ("DATETIME", "2024-01-05T10:30:00.000", "2024-01-05T10:30:00", datetime(2024, 1, 5, 10, 30)),
        (
            "DATETIME(3)",
            "2024-01-05 10:30:00.1250000",
            "2024-01-05 10:30:00.125",
            datetime(2024, 1, 5, 10, 30, 0, 125000),
        ),
        ("TIMESTAMP", "2038-01-19 03:14:07", "2038-01-19 03:14:07", datetime(2038, 1, 19, 3, 14, 7)),
        ("TIME", "10:30", "10:30", timedelta(hours=10, minutes=30)),
        ("TIME", "-838:59:59", "-838:59:59", -timedelta(hours=838, minutes=59, seconds=59)),
        ("TIME(1)", "100:00:00.5", "100:00:00.5", timedelta(hours=100, seconds=0.5)),
        ("TIME", "10:30:00.0", "10:30:00", timedelta(hours=10, minutes=30)),
        ("VARCHAR(3)", "😀é\0", "😀é\0", "😀é\0"),
        ("VARCHAR(3)", "", "", ""),
        ("TINYTEXT", "x" * 255, "x" * 255, "x" * 255),
        ("ENUM('a','it''s')", "it's", "it's", "it's"),
        ("SET('a','b','c')", "a,c", "a,c", "a,c"),
        ("SET('a','b','c')", "", "", ""),
        ("JSON", f"[{2**64 - 1}, 1.10, -0.0]", f"[{2**64 - 1}, 1.10, -0.0]", f"[{2**64 - 1}, 1.10, -0.0]"),
        ("JSON", '{"a": [1, null]}', '{"a": [1, null]}', '{"a": [1, null]}'),
    ],
)
def test_a_declared_column_takes_what_is_exactly_a_value_of_it(
    mysql: str, value: str, staged: str, typed: object
) -> None:
    proof = proof_of([value, None], mysql)
    assert codes(proof) == []
    assert proof.kept is None
    assert proof.text["c"].to_list() == [staged, None]
    assert proof.typed["c"].to_list() == [typed, None]


@pytest.mark.parametrize(
    ("mysql", "value", "code"),
    [
        ("INT", "x", "type.not_integer"),
        ("INT", "99999999999", "type.out_of_range"),
        ("INT", "9" * 70, "type.out_of_range"),
        ("INT", "1.5", "type.not_integer"),
        ("INT", " 5", "type.not_integer"),
        ("INT", "1e3", "type.not_integer"),
        ("INT", "", "type.empty"),
        ("INT", "true", "type.not_integer"),
        ("INT", "-", "type.not_integer"),
        ("TINYINT", "128", "type.out_of_range"),
        ("INT UNSIGNED", "-1", "type.out_of_range"),
        ("BIGINT UNSIGNED", "-1", "type.out_of_range"),
        ("BIGINT UNSIGNED", "18446744073709551616", "type.out_of_range"),
        ("YEAR", "0", "type.out_of_range"),
        ("DECIMAL(10,2)", "1.999", "type.too_precise"),
        ("DECIMAL(10,2)", "123456789.0", "type.out_of_range"),
        ("DECIMAL(10,2)", "1e999999999", "type.out_of_range"),
        ("DECIMAL(10,2)", "1e-999999999", "type.too_precise"),
        ("DECIMAL(10,2)", "1e99999999999999999999", "type.not_decimal"),
        ("INT", "1e99999999999999999999", "type.not_integer"),
        ("DECIMAL(10,2)", "", "type.empty"),
        ("DECIMAL(10,2)", "-", "type.not_decimal"),
        ("DECIMAL(10,2)", "NaN", "type.not_decimal"),
        ("DECIMAL(10,2)", "1,50", "type.not_decimal"),
        ("DECIMAL(10,2) UNSIGNED", "-0.01", "type.out_of_range"),
        ("DECIMAL(65,30)", "", "type.empty"),
        ("DECIMAL(65,30)", "-", "type.not_decimal"),
        ("DOUBLE", "inf", "type.not_number"),
        ("DOUBLE", "1e400", "type.too_precise"),
        ("DOUBLE", "9007199254740993", "type.too_precise"),
        ("FLOAT", "16777217", "type.too_precise"),
        ("DOUBLE(10,2)", "1.999", "type.too_precise"),
        ("DATE", "2024-02-30", "type.not_date"),
        ("DATE", "2024-13-5", "type.not_date"),
        ("BOOLEAN", "yes", "type.not_boolean"),
        ("BOOLEAN", "2", "type.not_boolean"),
        ("TINYINT(1)", "128", "type.not_boolean"),
        ("DATE", "31/12/2020", "type.not_date"),
        ("DATE", "0000-00-00", "type.not_date"),
        ("DATE", "0000-01-01", "type.not_date"),
        ("DATE", "2024-01-05 10:00:00", "type.not_date"),
        ("DATETIME", "2024-01-05 10:00:00.5", "type.too_precise"),
        ("DATETIME", "2024-01-05 10:00:00Z", "type.not_datetime"),
        ("DATETIME", "2024-01-05 25:00:00", "type.not_datetime"),
        ("DATETIME", "2024-01-05 10", "type.not_datetime"),
        ("DATETIME(6)", "2024-01-05 10:00:00.1234567", "type.too_precise"),
        ("TIMESTAMP", "2038-01-19 03:14:08", "type.out_of_range"),
        ("TIMESTAMP", "1970-01-01 00:00:00", "type.out_of_range"),
        ("TIME", "839:00:00", "type.not_time"),
        ("TIME", "10:00:00.5", "type.too_precise"),
        ("VARCHAR(3)", "abcd", "type.too_long"),
        ("VARCHAR(255)", "x" * 300, "type.too_long"),
        ("CHAR(5)", "ab ", "type.trailing_blank"),
        ("TINYTEXT", "é" * 128, "type.too_long"),
        ("ENUM('a','b')", "A", "type.not_allowed"),
        ("SET('a','b')", "b,a", "type.not_allowed"),
        ("JSON", "{a}", "type.not_json"),
        ("JSON", "NaN", "type.not_json"),
        ("JSON", '{"a": 12345678901234567890123}', "type.not_json"),
        ("JSON", "[0.12345678901234567]", "type.not_json"),
        ("JSON", "1e400", "type.not_json"),
        ("JSON", '{"a": {"b": 1, "b": 1}}', "type.not_json"),
    ],
)
def test_what_a_declared_column_would_change_is_rejected_with_its_reason(mysql: str, value: str, code: str) -> None:
    proof = proof_of([None, value, None], mysql)
    (failure,) = proof.failures
    assert (1, code, RejectClass.TYPE, False) == (failure.row, failure.code, failure.reject_class, failure.widens)
    assert failure.message.startswith(repr(value[:80])[:-1])
    assert "; " in failure.message
    assert proof.failed_rows.tolist() == [1]
    assert proof.kept is not None
    assert proof.kept.tolist() == [0, 2]
    assert proof.text["c"].to_list() == proof.typed["c"].to_list() == [None, None]


@pytest.mark.parametrize(
    ("mysql", "value"),
    [
        ("INT", "007"), ("INT", "+5"), ("INT", "-0"), ("INT", "5.0"), ("INT", "x"), ("INT", ""), ("INT", "2147483648"),
        ("DECIMAL(10,2)", "01.5"), ("DECIMAL(10,2)", "-0.0"), ("DECIMAL(10,2)", "1.500"), ("DECIMAL(10,2)", "1e3"),
        ("DECIMAL(65,2)", "-0.00"), ("DECIMAL(65,2)", ""), ("DOUBLE", "1E5"), ("DOUBLE", "007"), ("DOUBLE", "-0.0"),
        ("DATE", "0999-01-01"), ("DATETIME", "2024-01-05"), ("DATETIME", "0999-01-01 00:00:00"),
        ("DATETIME", "2024-01-05 10:00:00.0"), ("TIME", "10:00"), ("TIME", "24:00:00"), ("VARCHAR(2)", "abc"),
    ],
)  # fmt: skip
def test_an_inferred_type_takes_only_what_it_was_inferred_from_and_is_widened_otherwise(mysql: str, value: str) -> None:
    proof = proof_of([None, value, value], mysql, declared=False)
    assert proof.widens
    assert [failure.row for failure in proof.failures] == [1]


@pytest.mark.parametrize(
    ("mysql", "format_text", "value", "staged"),
    [
        ("DATE", "%d/%m/%Y", "31/12/2020", "2020-12-31"),
        ("DATE", "%Y%m%d", "20240105", "2024-01-05"),
        ("DATE", "%d/%m/%y", "05/06/20", "2020-06-05"),
        ("DATETIME", "%m/%d/%Y %I:%M %p", "12/31/2020 2:30 PM", "2020-12-31 14:30:00"),
        ("DATETIME(3)", "%d.%m.%Y %H:%M:%S.%f", "05.01.2024 10:00:00.125", "2024-01-05 10:00:00.125000"),
        ("DATETIME", "%Y-%m-%dT%H:%M:%S%z", "2024-01-05T10:00:00+02:00", "2024-01-05 08:00:00"),
        ("DATETIME", "%+", "2024-01-05 10:00 +0200", "2024-01-05 08:00:00"),
        ("TIMESTAMP(3)", "%+", "2024-01-01T00:00:00.125-05", "2024-01-01 05:00:00.125000"),
    ],
)
def test_a_declared_format_is_read_and_written_as_iso(mysql: str, format_text: str, value: str, staged: str) -> None:
    assert proof_of([value], mysql, format_text=format_text).text["c"].to_list() == [staged]


@pytest.mark.parametrize(
    ("mysql", "format_text", "value"),
    [
        ("DATE", "%d/%m/%Y", "31/02/2020"),
        ("DATE", "%d/%m/%Y", "1/2/24"),
        ("DATE", "%d/%m/%Y", " 1/2/2024"),
        ("DATE", "%d/%m/%Y", "2020-12-31"),
        ("DATE", "%d/%m/%Y %H:%M", "31/12/2020 10:00"),
        ("DATETIME", "%d/%m/%Y %H:%M:%S%.f", "31/12/2020 10:00:00.5"),
        ("DATETIME", "%+", "2024-01-05 10:00"),
        ("DATETIME", "%+", "2024-01-05 10:00:00.5Z"),
        ("DATETIME(6)", "%+", "0999-12-31 10:00:00Z"),
        ("TIMESTAMP", "%+", "1970-01-01T00:00:00+01:00"),
    ],
)
def test_what_a_declared_format_would_change_is_rejected(mysql: str, format_text: str, value: str) -> None:
    assert len(proof_of([value], mysql, format_text=format_text).failures) == 1


def test_null_into_a_not_null_column_is_rejected_even_where_its_type_was_inferred() -> None:
    proof = proof_of(["1", None], "INT", declared=False, nullable=False)
    assert codes(proof) == ["type.null"]
    assert not proof.widens


def test_null_tokens_are_null_and_the_quoted_empty_text_only_if_it_is_one() -> None:
    assert proof_of(["", "NA", "1"], "INT", null_tokens=("", "NA")).text["c"].to_list() == [None, None, "1"]
    assert '--null ""' in proof_of([""], "INT").failures[0].message


def test_many_bad_values_leave_the_good_ones_untouched() -> None:
    values = [*map(str, range(1000)), "x", "99999999999", *map(str, range(1000)), ""]
    proof = proof_of(values, "INT")
    assert proof.failed_rows.tolist() == [1000, 1001, 2002]
    assert proof.typed["c"].to_list() == [*range(1000), *range(1000)]


@pytest.mark.parametrize(
    ("mysql", "rule", "value", "code"),
    [
        ("INT", ColumnRule(minimum=0), "-1", "rule.minimum"),
        ("INT", ColumnRule(maximum=9.5), "10", "rule.maximum"),
        ("DECIMAL(10,2)", ColumnRule(minimum="0.005"), "0.00", "rule.minimum"),
        ("DECIMAL(65,30)", ColumnRule(maximum=1), "1.5", "rule.maximum"),
        ("DOUBLE", ColumnRule(maximum=1), "1.5", "rule.maximum"),
        ("DATE", ColumnRule(minimum="2020-01-01"), "2019-12-31", "rule.minimum"),
        ("DATETIME", ColumnRule(maximum="2020-01-01T12:00:00"), "2020-01-01 12:00:01", "rule.maximum"),
        ("TIME", ColumnRule(minimum="08:00:00"), "07:59:59", "rule.minimum"),
        ("VARCHAR(9)", ColumnRule(minimum="b"), "a", "rule.minimum"),
        ("VARCHAR(9)", ColumnRule(pattern="[A-Z]{2}|x"), "ABC", "rule.pattern"),
        ("VARCHAR(9)", ColumnRule(pattern="a"), "a\n", "rule.pattern"),
        ("VARCHAR(9)", ColumnRule(values=("a", "b")), "c", "rule.values"),
        ("VARCHAR(9)", ColumnRule(not_null=True), None, "rule.not_null"),
    ],
)
def test_a_broken_rule_is_a_reject_of_its_own_class(mysql: str, rule: ColumnRule, value: str | None, code: str) -> None:
    (failure,) = proof_of([value], mysql, rule=rule, nullable=not rule.not_null).failures
    assert (failure.code, failure.reject_class, failure.widens) == (code, RejectClass.RULE, False)


def test_null_and_kept_limits_break_no_rule() -> None:
    assert codes(proof_of(["0", "9", None], "INT", rule=ColumnRule(minimum=0, maximum=9, pattern="[0-9]"))) == []
    assert codes(proof_of(["x"], "INT", rule=ColumnRule(minimum=0))) == ["type.not_integer"]


@pytest.mark.parametrize(
    ("mysql", "rule"),
    [
        ("DATE", ColumnRule(minimum=5)),
        ("DATE", ColumnRule(minimum="yesterday")),
        ("INT", ColumnRule(maximum="x")),
        ("VARCHAR(9)", ColumnRule(maximum=5)),
        ("VARCHAR(9)", ColumnRule(pattern="(?=a)")),
    ],
)
def test_a_rule_that_makes_no_sense_for_the_type_is_an_error(mysql: str, rule: ColumnRule) -> None:
    with pytest.raises(SchemaError, match="column c: the feed's rule") as raised:
        proof_of([None], mysql, rule=rule)
    assert raised.value.code == "schema.rule"


def test_messages_hold_no_control_characters_and_stay_short() -> None:
    (failure,) = proof_of(["\x1b[31m" + "x" * 500], "INT").failures
    assert "\x1b" not in failure.message
    assert len(failure.message) < 250
