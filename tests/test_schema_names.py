"""Names: what MySQL can hold stays, the rest becomes legal, unique and stable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.schema import column_names, table_name
from engine.schema.names import identity


def test_a_name_that_mysql_can_hold_is_kept_as_it_is() -> None:
    header = ("id", "Order", "total (€)", "a b", "`x`", "select", "naïve", "名前", "{x}", "x" * 64, "%s", "a;b--")
    assert header == column_names(header)


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (["a", "", "c"], ("a", "column_2", "c")),
        (["", "", ""], ("column_1", "column_2", "column_3")),
        (["  a ", "\tb\n"], ("a", "b")),
        (["a", "A", "a"], ("a", "A_2", "a_3")),
        (["a", "a", "a_2"], ("a", "a_3", "a_2")),
        (["", "column_1"], ("column_1_2", "column_1")),
        ([" a", "a"], ("a_2", "a")),
        (["_row_id", "_ROW_ID"], ("_row_id_2", "_ROW_ID_3")),
        (["a\0b", "😀"], ("a_b", "_")),
        (["Ж", "ж", "İ", "i"], ("Ж", "ж_2", "İ", "i_2")),
        (["é", "e", "ß", "ss"], ("é", "e", "ß", "ss")),
        ([], ()),
    ],
)
def test_other_names_become_legal_and_unique(header: list[str], names: tuple[str, ...]) -> None:
    assert names == column_names(header)


def test_a_long_name_is_cut_and_told_apart_by_its_end() -> None:
    first, second = column_names(["x" * 70 + "1", "x" * 70 + "2"])
    assert first.startswith("x" * 55 + "_")
    assert len(first) == len(second) == 64
    assert first != second
    assert (second,) == column_names(["x" * 70 + "2"])


@given(st.lists(st.text(max_size=80), max_size=30))
def test_any_header_gets_legal_names(header: list[str]) -> None:
    names = column_names(header)
    assert len(header) == len(names)
    assert len(names) == len({identity(name) for name in names})
    for name in names:
        assert 1 <= len(name) <= 64
        assert name == name.strip()
        assert all(0 < ord(char) <= 0xFFFF for char in name)
        name.encode()
    assert names == column_names(header)


@pytest.mark.parametrize(
    ("file", "table"),
    [
        ("Sales Report (March).csv.gz", "sales_report_march"),
        ("/data/input/sales.csv", "sales"),
        ("2024-01-05 orders.tsv.zst", "2024_01_05_orders"),
        ("_ingest_file.csv", "ingest_file"),
        (".csv", "file"),
        ("???.csv", "file"),
        ("Île-de-France.CSV", "ile_de_france"),
        ("売上.csv", "売上"),
        ("v1.2.csv", "v1_2"),
        ("한국.txt", "한국"),
        ("a😀b.csv", "a_b"),
    ],
)
def test_a_table_is_named_after_its_file(file: str, table: str) -> None:
    assert table == table_name(file)


@given(st.text(max_size=300))
def test_any_file_name_gives_a_legal_table_name(file: str) -> None:
    name = table_name(file.replace("/", "_"))
    assert 1 <= len(name) <= 50
    assert not name.startswith("_")
    assert sum(1 if char.isascii() else 5 for char in name) <= 180
    assert name == table_name(file.replace("/", "_"))


def test_two_long_file_names_give_two_tables() -> None:
    assert table_name("x" * 60 + "1.csv") != table_name("x" * 60 + "2.csv")
