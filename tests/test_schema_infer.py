"""Inference: every kind of text gets the narrowest type that changes nothing, and evidence adds up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from importlib import import_module

import polars as pl
import pytest

from engine.errors import SchemaError
from engine.schema import Evidence, decide, gather, temporal


def frame(*columns: Sequence[str | None]) -> pl.DataFrame:
    return pl.DataFrame({f"c{index}": pl.Series(values, dtype=pl.String) for index, values in enumerate(columns)})


def inferred(values: Sequence[str | None], null_tokens: tuple[str, ...] = ()) -> str:
    (column,) = decide(gather(frame(values), null_tokens))
    return column.mysql


@pytest.mark.parametrize(
    ("values", "mysql"),
    [
        (["0", "-5", "7", None], "INT"),
        ([str(2**31 - 1), str(-(2**31))], "INT"),
        ([str(2**31)], "BIGINT"),
        ([str(2**63 - 1), str(-(2**63))], "BIGINT"),
        ([str(2**63)], "BIGINT UNSIGNED"),
        ([str(2**64 - 1), "0"], "BIGINT UNSIGNED"),
        ([str(2**64 - 1), "-1"], "DECIMAL(38,0)"),
        ([str(2**64)], "DECIMAL(38,0)"),
        (["9" * 38], "DECIMAL(65,0)"),
        (["9" * 65, "1"], "DECIMAL(65,0)"),
        (["9" * 66], "VARCHAR(255)"),
        (["1" + "0" * 70], "VARCHAR(255)"),
        (["007"], "VARCHAR(64)"),
        (["7", "007"], "VARCHAR(64)"),
        (["+5"], "VARCHAR(64)"),
        (["-0"], "VARCHAR(64)"),
        ([" 5"], "VARCHAR(64)"),
        (["1_000"], "VARCHAR(64)"),
        (["1,234"], "VARCHAR(64)"),
        (["$5"], "VARCHAR(64)"),
        (["12%"], "VARCHAR(64)"),
        (["٣"], "VARCHAR(64)"),
        (["1.5", "10", "-0.25"], "DECIMAL(10,2)"),
        (["1.5", "1.50"], "DECIMAL(10,2)"),
        ([".5", "1"], "DECIMAL(10,1)"),
        (["5."], "VARCHAR(64)"),
        (["-0.00"], "VARCHAR(64)"),
        (["01.5"], "VARCHAR(64)"),
        (["1234567.12"], "DECIMAL(18,2)"),
        (["0." + "1" * 30], "DECIMAL(38,30)"),
        (["1" * 35 + "." + "1" * 30], "DECIMAL(65,30)"),
        (["0." + "1" * 31], "VARCHAR(128)"),
        (["1e-05", "2.5", "1.5E+10"], "DOUBLE"),
        (["7.0E+17", "123456789012345678"], "VARCHAR(64)"),
        (["1E5"], "VARCHAR(64)"),
        (["12E03"], "VARCHAR(64)"),
        (["1e+400"], "VARCHAR(64)"),
        (["1e-400"], "VARCHAR(64)"),
        (["1.5", "NaN"], "VARCHAR(64)"),
        (["inf"], "VARCHAR(64)"),
        (["true", "false", None], "TINYINT(1)"),
        (["True"], "TINYINT(1)"),
        (["FALSE", "TRUE"], "TINYINT(1)"),
        (["true", "False"], "VARCHAR(64)"),
        (["true", "1"], "VARCHAR(64)"),
        (["tRUE"], "VARCHAR(64)"),
        (["t", "f"], "VARCHAR(64)"),
        (["yes", "no"], "VARCHAR(64)"),
        (["Y", "N"], "VARCHAR(64)"),
        (["1", "0"], "INT"),
        (["2024-01-05", "1999-12-31", None], "DATE"),
        (["2024-02-30"], "VARCHAR(64)"),
        (["0999-01-01"], "VARCHAR(64)"),
        (["2024-1-5", "2024-01-06"], "DATE"),
        (["2024-01-05 10:00:00"], "DATETIME"),
        (["2024-01-05T10:00:00.5", "2024-01-05 10:00:00.125"], "DATETIME(3)"),
        (["2024-01-05 10:00:00.1234567"], "VARCHAR(64)"),
        (["2024-01-05 24:00:00"], "VARCHAR(64)"),
        (["2024-01-05 10:00:00", "2024-01-05"], "VARCHAR(64)"),
        (["2024-01-05T10:00", "2024-01-05 10:00:30"], "DATETIME"),
        (["2024-01-05T10:00:00Z", None], "DATETIME"),
        (["2024-01-05T10:00:00+02:00", "2024-01-05 10:00:00.25-0330", "2024-01-05 10:00+14"], "DATETIME(2)"),
        (["2024-01-05 10:00:00 UTC", "2024-01-05 10:00:00 +0000"], "DATETIME"),
        (["2024-01-05T10:00:00Z", "2024-01-05T10:00:00"], "VARCHAR(64)"),
        (["2024-01-05T10:00:00z"], "VARCHAR(64)"),
        (["2024-01-05T10:00:00+2"], "VARCHAR(64)"),
        (["2024-01-05T10:00:00+15:00"], "VARCHAR(64)"),
        (["2024-01-05T10:00:00 CET"], "VARCHAR(64)"),
        (["2024-01-05T10:00:00.1234567Z"], "VARCHAR(64)"),
        (["2024-01-05T10:00:00.1234560Z", "2024-01-05T10:00:00Z"], "DATETIME(6)"),
        (["2024-01-05 10:00:00.0000000 +02:00"], "DATETIME(6)"),
        (["2024-01-05 10:00:00.1230000", "2024-01-05 10:00:00.1"], "DATETIME(6)"),
        (["10:00:00.1234560"], "TIME(6)"),
        (["10:00:00.1234567"], "VARCHAR(64)"),
        (["2024-02-30T10:00:00Z"], "VARCHAR(64)"),
        (["9999-12-31T23:59:59-01:00"], "VARCHAR(64)"),
        (["2016-12-31 23:59:60"], "VARCHAR(64)"),
        (["2024-01-05 10:00:00,5"], "VARCHAR(64)"),
        (["20240105T100000"], "VARCHAR(64)"),
        (["20240105"], "INT"),
        (["2024-W05-3"], "VARCHAR(64)"),
        (["2024-01-05 10"], "VARCHAR(64)"),
        (["10:00:00", "23:59:59.25"], "TIME(2)"),
        (["24:00:00"], "VARCHAR(64)"),
        (["10:00"], "VARCHAR(64)"),
        (["31/12/2020", "5/6/2020"], "DATE"),
        (["12/31/2020", "05/06/2020"], "DATE"),
        (["12/31/2020 2:30 PM"], "DATETIME"),
        (["May 5, 2020", "December 31, 2020"], "DATE"),
        (["05-Jan-2024"], "DATE"),
        (["2020/12/31"], "DATE"),
        (["01/02/2013", "03/04/2013"], "VARCHAR(64)"),
        (["31/12/2020", "12/31/2020"], "VARCHAR(64)"),
        (["31/12/20"], "VARCHAR(64)"),
        ([None, None], "VARCHAR(255)"),
        ([], "VARCHAR(255)"),
        (["", ""], "VARCHAR(64)"),
        (["1", ""], "VARCHAR(64)"),
        (["1", "NA"], "VARCHAR(64)"),
        (["x" * 32], "VARCHAR(64)"),
        (["x" * 33], "VARCHAR(128)"),
        (["😀" * 128], "VARCHAR(512)"),
        (["x" * 2048], "VARCHAR(4096)"),
        (["x" * 2049], "TEXT"),
        (["x" * 33_000], "MEDIUMTEXT"),
        (["é" * 5_000_000], "LONGTEXT"),
    ],
)
def test_a_column_gets_the_narrowest_type_that_changes_nothing(values: list[str | None], mysql: str) -> None:
    assert mysql == inferred(values)


def test_null_tokens_are_no_values() -> None:
    assert inferred(["1", "NA", "-", None], ("NA", "-")) == "INT"
    assert inferred(["1", ""], ("",)) == "INT"
    assert inferred(["NA"], ("NA",)) == "VARCHAR(255)"


def test_one_value_far_down_counts() -> None:
    assert inferred([*["1"] * 100_000, "8011-N"]) == "VARCHAR(64)"
    assert inferred([*[None] * 100_000, "2024-01-05"]) == "DATE"
    assert inferred([*["2024-10-10"] * 1000, "2024-1-5"]) == "DATE"


def test_ambiguous_dates_are_named() -> None:
    columns = gather(frame(["01/02/2013"], ["13/02/2013"], ["01/02/13"], ["31-Dec-20"], ["x"], ["2013-01-02"])).columns
    assert [column.ambiguous for column in columns] == [True, False, True, True, False, False]
    assert [column.undecided for column in columns] == [True, False, False, False, False, False]


def test_all_text_leaves_no_number() -> None:
    evidence = gather(frame(["1"], ["2024-01-05"]))
    assert [column.mysql for column in decide(evidence, all_text=True)] == ["VARCHAR(64)", "VARCHAR(64)"]


def test_evidence_of_parts_adds_up_to_that_of_the_whole() -> None:
    whole = frame(
        ["1", "2", "99999999999", None],
        ["1.5", "2", "3.25", "4"],
        ["31/12/2020", "1/2/2020", None, "3/4/2020"],
        ["2024-01-05", "2024-1-6", "2024-01-07", None],
        [None, None, "9" * 40, "1"],
    )
    parts = [gather(whole[index : index + 1]) for index in range(whole.height)]
    total = sum(parts[1:], parts[0])
    assert gather(whole) == total
    assert [column.mysql for column in decide(total)] == ["BIGINT", "DECIMAL(10,2)", "DATE", "DATE", "DECIMAL(65,0)"]


def test_what_earlier_evidence_ruled_out_stays_ruled_out() -> None:
    first = gather(frame(["x"], ["1"]))
    second = gather(frame(["1"], ["2"]), known=first)
    assert [column.mysql for column in decide(first + second)] == ["VARCHAR(64)", "INT"]


def test_evidence_about_other_columns_is_no_part_of_it() -> None:
    with pytest.raises(ValueError, match="other columns"):
        gather(frame(["1"])) + gather(frame(["1"], ["2"]))


def test_wide_tables_are_made_possible_by_moving_the_widest_to_text() -> None:
    evidence = gather(frame(*[["x" * 60]] * 130, ["x" * 2000]))
    types = [column.mysql for column in decide(evidence)]
    assert types[-1] == "TEXT"
    assert types.count("VARCHAR(128)") == 127
    assert types.count("TEXT") == 4


def test_many_short_columns_are_made_possible_without_room() -> None:
    types = [column.mysql for column in decide(gather(frame(*[["ab"]] * 300, ["1"])))]
    assert types.count("VARCHAR(2)") == 133
    assert types.count("VARCHAR(64)") == 167
    assert types[-1] == "INT"


@pytest.mark.parametrize(("columns", "value"), [(197, "x" * 20), (1017, "1"), (2000, "x")])
def test_beyond_what_a_table_can_hold_is_an_error(columns: int, value: str) -> None:
    with pytest.raises(SchemaError, match="no table can hold this file") as raised:
        decide(gather(frame(*[[value]] * columns)))
    assert raised.value.code == "schema.too_wide"


def test_a_frame_without_rows_or_columns_is_no_problem() -> None:
    assert gather(pl.DataFrame()) == Evidence(names=(), columns=(), rows=0)
    assert gather(frame([])).rows == 0


@pytest.mark.parametrize("name", sorted(temporal.FORMATS))
def test_every_date_has_two_numbers(name: str) -> None:
    written = "2024-03-05T14:07:09Z" if name == temporal.ZONED else datetime(2024, 3, 5, 14, 7, 9).strftime(name)
    assert re.fullmatch(temporal.FORMATS[name].pattern, written)
    assert import_module("engine.schema.gather").TWO_NUMBERS.search(written)
