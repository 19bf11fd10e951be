"""Names: what MySQL can hold stays, the rest becomes legal, unique and stable."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import MySQLdb
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine import Settings, ingest_files
from engine.schema import column_names, table_name
from engine.schema.names import identity
from engine.sql import quote_mysql
from tests.fix_mysql import Mysql
from tests.test_pipeline_modes import only


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
        (["a\0b", "😀", "😁"], ("aU+0000b", "U+1F600", "U+1F601")),
        (["Ж", "ж", "İ", "i"], ("Ж_2", "ж", "İ_2", "i")),
        (["é", "e\u0301", "e", "ß", "ss"], ("é", "e\u0301", "e", "ß", "ss")),
        (["2013", "1e3", "-1"], ("2013", "1e3", "-1")),
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


# Letters whose cases MySQL and Python might fold differently, blanks, and what is none of MySQL's.
NASTY = st.text(
    st.sampled_from(
        " \t\n\0\x01\x7f\xa0\u3000aAbB_2éÉe\u0301İi\u0131Ißẞ\u017fSKkΣ\u03c3ςǅǆᲐა\ufb01`%s{}'\"\\;.\uffff😀𐐀𐐨"
    ),
    max_size=6,
)
HEADERS = st.lists(NASTY | st.text(max_size=80) | st.sampled_from(["_row_id", "_ROW_ID", "x" * 65]), max_size=30)


@given(HEADERS.flatmap(lambda header: st.tuples(st.just(header), st.permutations(range(len(header))))))
def test_a_name_depends_on_the_text_and_not_on_its_place(made: tuple[list[str], list[int]]) -> None:
    header, order = made
    names, turned = column_names(header), column_names([header[at] for at in order])
    unique = Counter(header)
    assert [(header[at], names[at]) for at in order if header[at].strip() and unique[header[at]] == 1] == [
        (header[at], name)
        for at, name in zip(order, turned, strict=True)
        if header[at].strip() and unique[header[at]] == 1
    ]
    texts = [text for text in header if text.strip()]
    assert sorted(column_names(texts)) == sorted(column_names([header[at] for at in order if header[at].strip()]))


@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(HEADERS.filter(bool))
def test_the_server_takes_every_name(mysql: Mysql, header: list[str]) -> None:
    names = column_names(header)
    columns = ", ".join(f"{quote_mysql(name)} INT" for name in names)
    mysql.rows("DROP TABLE IF EXISTS t")
    mysql.rows(f"CREATE TABLE t ({columns})")
    assert [row[0] for row in mysql.rows("SHOW COLUMNS FROM t")] == list(names)


def test_each_character_of_a_name_is_as_the_server_says(mysql: Mysql) -> None:
    characters = [chr(code) for code in range(0x10000) if not 0xD800 <= code <= 0xDFFF]
    names = column_names([f"{char}{code}{char}" for code, char in enumerate(characters)])
    assert (
        sum(name == f"{char}{code}{char}" for code, (name, char) in enumerate(zip(names, characters, strict=True)))
        > 63_000
    )
    for start in range(0, len(names), 1_000):
        part = names[start : start + 1_000]
        mysql.rows("DROP TABLE IF EXISTS t")
        mysql.rows(f"CREATE TABLE t ({', '.join(f'{quote_mysql(name)} INT' for name in part)})")
        assert [row[0] for row in mysql.rows("SHOW COLUMNS FROM t")] == list(part)


def test_letters_that_the_server_takes_as_equal_are_equal(mysql: Mysql) -> None:
    characters = [chr(code) for code in range(1, 0x10000) if not 0xD800 <= code <= 0xDFFF]
    folded: dict[str, set[str]] = {}
    for start in range(0, len(characters), 2_000):
        part = tuple(characters[start : start + 2_000])
        lower = "LOWER(CONVERT(%s USING utf8mb3) COLLATE utf8mb3_general_ci)"
        (row,) = mysql.rows(f"SELECT {', '.join([lower] * len(part))}", part)
        for char, found in zip(part, row, strict=True):
            folded.setdefault(str(found), set()).add(identity(char))
    assert [group for group in folded.values() if len(group) > 1] == []
    with pytest.raises(MySQLdb.OperationalError, match="Duplicate column name"):
        mysql.rows("CREATE TABLE t (`Ж` INT, `ж` INT)")
    mysql.rows("CREATE TABLE t (`é` INT, `e` INT, `e\u0301` INT)")


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 0, 3, 2)])
def test_a_file_with_its_columns_in_another_order_finds_them(
    settings: Settings, mysql: Mysql, tmp_path: Path, order: tuple[int, ...]
) -> None:
    header = ["id", "ID", "%s `{table}`", "😀 " + "x" * 70]
    for number, places in enumerate(((0, 1, 2, 3), order)):
        rows = [[f"{header[at]} {number}" for at in places]]
        path = tmp_path / f"{number}.csv"
        path.write_text(
            "\n".join(",".join(f'"{cell}"' for cell in row) for row in ([header[at] for at in places], *rows))
        )
        file = only(ingest_files([path], settings, table="t"))
        assert file.error is None
        assert {column.name: column.original for column in file.columns}["ID_2"] == "ID"
        if number == 0:
            assert any("'ID' is ID_2" in note for note in file.notes)
    names = ", ".join(quote_mysql(name) for name in column_names(header))
    rows_found = mysql.rows(f"SELECT {names} FROM t ORDER BY id")
    assert [list(row) for row in rows_found] == [[f"{text} {number}" for text in header] for number in (0, 1)]


@pytest.mark.parametrize("irregular", ["reject", "repair"])
def test_a_file_may_have_columns_named_like_the_engines_own(
    settings: Settings, mysql: Mysql, tmp_path: Path, irregular: str
) -> None:
    for number in (1, 2):
        path = tmp_path / f"{number}.csv"
        path.write_text(f"_row_id,_rescued,_wide\n{number},r{number},w{number}\n")
        overrides = {"wide": "json", "irregular": irregular}
        file = only(ingest_files([path], settings, table="t", overrides=overrides))
        assert file.error is None
    kept = [column.name for column in file.columns][:3]
    assert mysql.rows(f"SELECT {', '.join(kept)} FROM t ORDER BY 1") == [
        (1, "r1", "w1"),
        (2, "r2", "w2"),
    ]


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
