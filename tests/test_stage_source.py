"""A source's own text, sent as it is: what the server reads of it is what Polars read."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import FileReport, Settings, ingest_files
from engine.model import Dialect, Irregular
from engine.scan import ScannedBatch, Scanner
from engine.stage import source_format, stage_source
from tests.fix_mysql import Mysql
from tests.test_pipeline_modes import only, write

FIELD = st.one_of(st.just(""), st.just("NULL"), st.text(alphabet='aé"\n ,;NUL\\', max_size=4))


def scanned(text: str, **dialect: object) -> ScannedBatch:
    told = Dialect(**{"delimiter": ",", "quote_char": '"', "header": False, **dialect})  # type: ignore[arg-type]  # of the right types
    scanner = Scanner(
        io.BytesIO(text.encode()), told, irregular=Irregular.REJECT, batch_bytes=1 << 20, batch_rows=1 << 20
    )
    (batch,) = scanner.batches([str(at) for at in range(len(scanner.header))])
    return batch


def staged(text: str, **dialect: object) -> bytes | None:
    source = scanned(text, **dialect).source_text()
    return None if source is None else stage_source(source)


def has_format(text: str, **dialect: object) -> bool:
    source = scanned(text, **dialect).source_text()
    return source is not None and source_format(source) is not None


@given(st.lists(st.tuples(FIELD, FIELD, FIELD), min_size=1, max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_empty_fields_become_null_and_nothing_else_changes(rows: list[tuple[str, str, str]], line_end: str) -> None:
    text = "".join(
        ",".join(field if field in ("", "NULL") else '"' + field.replace('"', '""') + '"' for field in row) + line_end
        for row in rows
    )
    found = staged(text, line_end="any")
    if any("NULL" in row for row in rows):
        assert found is None
    else:
        filled = [["NULL" if field == "" else field for field in row] for row in rows]
        assert found is not None
        assert list(csv.reader(io.StringIO(found.decode(), newline=""))) == filled


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,b\n1,2\n", b"a,b\n1,2\n"),
        ("a,b\n,\n1,\n", b"a,b\nNULL,NULL\n1,NULL\n"),
        ('a,b\n"",",,"\n', b'a,b\n"",",,"\n'),
        ("a,b\n1,", b"a,b\n1,NULL\n"),
        ("a,b\r\n,\r\n1,", b"a,b\r\nNULL,NULL\r\n1,NULL\r\n"),
        ("a\r\n\r\n1\r\n\r\nb\r\n", b"a\r\nNULL\r\n1\r\nNULL\r\nb\r\n"),
        ("1\n\n2\n", b"1\nNULL\n2\n"),
        (",a\n,b\n", b"NULL,a\nNULL,b\n"),
        ("a,b\nNULLS,xNULL\n", b"a,b\nNULLS,xNULL\n"),
        ('a,b\n"NULL",1\n', b'a,b\n"NULL",1\n'),
    ],
)
def test_what_the_server_is_sent(text: str, found: bytes) -> None:
    assert staged(text, line_end="any") == found


@pytest.mark.parametrize(
    "text",
    [
        "a,b\nNULL,1\n",  # the word would be taken for NULL
        "a,b\n1,NULL",
        "a,b\n1,2\r\n",  # two line ends
        "a,b\n1\n",  # a record that is rejected
        "a,b\n\n1,2\n",  # a line that is none
        'a,b\n1,"2" \n',
    ],
)
def test_what_the_server_would_not_read_so_is_written_anew(text: str) -> None:
    assert staged(text, line_end="any") is None


@pytest.mark.parametrize("delimiter", ["||", "\x01", " "])
def test_delimiters_that_load_data_is_not_told_are_written_anew(delimiter: str) -> None:
    assert not has_format(f"a{delimiter}b\n1{delimiter}2\n", delimiter=delimiter)


def test_empty_fields_are_found_wherever_the_text_is_cut_to_be_searched() -> None:
    row = "abc,def,\n"
    text = row * 70_000
    assert staged(text) == (row[:-1] + "NULL\n").encode() * 70_000


def test_many_empty_fields_are_written_anew() -> None:
    assert not has_format("a,b\n" + ",1\n" * 100)
    assert has_format("a,b\n,1\n" + "a longer text,1\n" * 100)


LONG = "a text that is long enough for the few empty fields among all of this"


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ":"])
@pytest.mark.parametrize("quote", ['"', "'"])
def test_each_dialect_that_is_sent_as_it_is_arrives_unchanged(
    settings: Settings, mysql: Mysql, tmp_path: Path, line_end: str, delimiter: str, quote: str
) -> None:
    def quoted(text: str) -> str:
        return quote + text.replace(quote, quote * 2) + quote

    values = ["plain", "", "é😀", delimiter, f"{quote}{quote}x", "two\nlines", "back\\slash\\", "\\N", "NULL", " pad "]
    lines = [delimiter.join(("n", "price", "text", "more"))]
    for number, value in enumerate(values):
        lines.append(delimiter.join((str(number), f"{number}.50", quoted(value), LONG if number else "")))
    path = write(tmp_path / "a.csv", line_end.join(lines) + line_end)
    file = load(settings, path, delimiter=delimiter, quote_char=quote)
    assert (file.error, file.rows_loaded) == (None, len(values))
    assert mysql.rows("SELECT n, price, text, more FROM t ORDER BY n") == [
        (number, Decimal(f"{number}.50"), value, LONG if number else None) for number, value in enumerate(values)
    ]


def load(settings: Settings, path: Path, **dialect: str) -> FileReport:
    return only(ingest_files([path], settings, table="t", overrides={"header": True, **dialect}))
