"""Dialect: what is detected of 300 made files, what the feed switches off, and what is refused."""

from __future__ import annotations

import gzip
import random
import time
import zipfile
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config import ColumnRule, Feed
from engine.dialect import detect
from engine.errors import DialectError
from engine.model import Dialect
from tests.dialect_corpus import LAST, Sample, corpus, grid, lines, sales, written

PARTS = ("delimiter", "quote_char", "escape_char", "line_end", "encoding", "header", "skip_lines")


def detected(content: bytes, feed: Feed | None = None, name: str = "a.csv", size: int = 256 << 10) -> Dialect:
    sample = content[:size]
    return detect(sample, feed or Feed(), name=name, complete=len(sample) == len(content))


@pytest.mark.parametrize("sample", corpus(), ids=lambda sample: sample.name)
def test_each_made_file_is_told_right(sample: Sample) -> None:
    found = detected(sample.content, name=sample.file_name)
    assert {part: getattr(found, part) for part in PARTS} == {part: getattr(sample, part) for part in PARTS}


def test_a_sample_cut_anywhere_gives_the_same_dialect() -> None:
    rng = random.Random(3)
    cuts = [(sample, size) for sample in grid() for size in (rng.randint(600, 1_500), rng.randint(1_500, 9_000))]
    wrong = [
        (sample.name, size)
        for sample, size in cuts
        if size < len(sample.content) and detected(sample.content, size=size) != detected(sample.content)
    ]
    assert wrong == []


def test_a_normal_sample_takes_less_than_a_tenth_of_a_second() -> None:
    content = written(sales(random.Random(1), 5_000)).encode()
    detected(content)
    began = time.process_time()
    detected(content)
    assert time.process_time() - began < 0.1


@pytest.mark.parametrize(
    ("content", "feed", "expected"),
    [
        (b"a,b;c\n1,2;3\n", Feed(delimiter=";"), {"delimiter": ";"}),
        (b"a||b\n1||2\n", Feed(delimiter="||"), {"delimiter": "||", "header": True}),
        (b"a\tb\n", Feed(delimiter="\\t"), {"delimiter": "\t"}),
        (b'a,b\n"x",y\n', Feed(quote_char=""), {"quote_char": None}),
        (b"a,b\n'x,z',y\n", Feed(quote_char="'"), {"quote_char": "'"}),
        (b'a,b\n"x\\"y",z\n', Feed(escape_char=""), {"escape_char": None}),
        (b"a,b\nx^,y,z\n", Feed(escape_char="^"), {"escape_char": "^"}),
        (b"1,2\n3,4\n", Feed(header=True), {"header": True}),
        (b"a,b\nc,d\n", Feed(header=False), {"header": False}),
        (b"a,b\n1,2\n", Feed(null=("NULL", r"\N")), {"null_tokens": ("NULL", r"\N")}),
        (b"Report; of; May\n\na,b\n1,2\n", Feed(skip_lines=2), {"skip_lines": 2, "delimiter": ",", "header": True}),
        (b"Report\r\na,b\r\n1,2\r\n", Feed(skip_lines=1), {"skip_lines": 1, "delimiter": ","}),
        (b"Report\ra;b\r1;2\r", Feed(skip_lines=1), {"skip_lines": 1, "delimiter": ";", "line_end": "\r"}),
        (b"sep=;\na;b\n", Feed(skip_lines=0), {"skip_lines": 0}),
        (b"sep=,\na;b,c\n", Feed(), {"skip_lines": 1, "delimiter": ","}),
        (b"2019,2020\n7,8\n", Feed(columns={"y": ColumnRule(source="2019")}), {"header": True}),
        (b"a\n\xe9\n", Feed(encoding="latin-1"), {"encoding": "iso8859-1"}),
        (b"a\n\x82\n", Feed(encoding="CP850"), {"encoding": "cp850"}),
        (b"\xef\xbb\xbfa\n1\n", Feed(encoding="utf-8"), {"encoding": "utf-8", "bom_bytes": 3}),
        (b"\xef\xbb\xbfa\n1\n", Feed(encoding="utf-8-sig"), {"encoding": "utf-8", "bom_bytes": 3}),
        ("\ufeffa\n".encode("utf-16-be"), Feed(encoding="utf-16"), {"encoding": "utf-16-be", "bom_bytes": 2}),
        ("a,b\n".encode("utf-16-be"), Feed(encoding="utf-16"), {"encoding": "utf-16-be", "bom_bytes": 0}),
        ("\ufeffa\n".encode("utf-16-le"), Feed(encoding="utf-16-le"), {"encoding": "utf-16-le", "bom_bytes": 2}),
    ],
)
def test_what_the_feed_says_is_not_guessed(content: bytes, feed: Feed, expected: dict[str, object]) -> None:
    found = detected(content, feed)
    assert {part: getattr(found, part) for part in expected} == expected


@pytest.mark.parametrize(
    ("mark", "encoding", "bom_bytes"),
    [("utf-8-sig", "utf-8", 3), ("utf-16", "utf-16-le", 2), ("utf-32", "utf-32-le", 4)],
)
def test_a_byte_order_mark_names_the_encoding_and_is_counted(mark: str, encoding: str, bom_bytes: int) -> None:
    found = detected("größe;n\nü;1\n".encode(mark))
    assert (found.encoding, found.bom_bytes, found.delimiter) == (encoding, bom_bytes, ";")


def test_a_character_cut_at_the_end_of_the_sample_is_no_error() -> None:
    content = ("x,größe\n" * 10_000).encode()
    assert [detected(content, size=size).encoding for size in range(1_000, 1_010)] == ["utf-8"] * 10


def test_a_few_bad_bytes_do_not_change_utf_8() -> None:
    content = b"id,name\n" + "1,Müller Łódź\n".encode() * 50 + b"2,caf\xe9\n"
    assert detected(content).encoding == "utf-8"


TEXTS = {
    "cp1252": "Hélène François Noël Café Orléans d\u2019été Müller Größe Straße Peña Muñoz ¿Qué? São Conceição Città Åsa Göteborg "
    "Søren Århus coördinatie Jyväskylä 5°C £20 3€ ©2020 “quoted” \u2013 dash…",
    "cp1250": "Dvořák Příbram Čeněk Žďár Růžena Jiří Plzeň Łódź Kraków Gdańsk Święta Żółw Wójcik Győr Szőke Erdős Kővágó",
    "cp1251": "Москва Санкт-Петербург Иванов Сергей Казань Новосибирск Товар Склад",
    "koi8-r": "Москва Санкт-Петербург Иванов Сергей Казань Новосибирск Товар Склад",
    "cp1253": "Αθήνα Θεσσαλονίκη Πάτρα Γιώργος Παπαδόπουλος",
    "cp1254": "İstanbul Beşiktaş Kad\u0131köy Şişli Çağlar Y\u0131ld\u0131z Gürsoy Öğün Eskişehir Diyarbak\u0131r Muğla "
    "Ağr\u0131 I\u015f\u0131k",
    "shift_jis": "東京 大阪 京都 株式会社 商品 カタカナ ひらがな テスト",
    "gbk": "北京 上海 广州 深圳 产品 价格 张伟 王芳",
    "big5": "台北 高雄 產品 價格 陳先生 林小姐",
    "euc-kr": "서울 부산 인천 김철수 이영희 제품 가격",
}


@pytest.mark.parametrize("encoding", TEXTS)
@pytest.mark.parametrize(("rows", "share"), [(20, 0.1), (40, 0.8), (2_000, 0.05)])
def test_a_file_in_another_encoding_comes_out_unchanged_or_is_refused(encoding: str, rows: int, share: float) -> None:
    rng = random.Random(7)
    words = TEXTS[encoding].split()
    table = [[n, *(rng.choice(words if rng.random() < share else LAST[-2:]) for _ in range(3))] for n in range(rows)]
    text = written([["id", "name", "city", "note"], [0, *words], *table])
    found = detected(text.encode(encoding))
    assert text.encode(encoding).decode(found.encoding) == text


def test_bytes_that_make_sense_in_no_encoding_are_refused_with_their_place_and_an_option() -> None:
    content = b"id,name\n1,Anna\n2,ok \x8f\x9d\x81\xff\xfe\x90\n"
    with pytest.raises(DialectError) as caught:
        detected(content)
    assert caught.value.code == "dialect.encoding"
    assert "line 3, character 6 (byte 0x8f at offset 20)" in str(caught.value)
    assert "--encoding cp1252" in str(caught.value)


def test_dos_text_is_refused_rather_than_loaded_as_something_else() -> None:
    with pytest.raises(DialectError, match="cp850"):
        detected("id;Größe\n1;Müller\n2;Köln\n3;Äpfel\n".encode("cp850"))


@pytest.mark.parametrize("encoding", ["base64", "rot13"])
def test_an_encoding_that_is_none_is_refused(encoding: str) -> None:
    with pytest.raises(DialectError) as caught:
        detected(b"a\n", Feed(encoding=encoding))
    assert caught.value.code == "dialect.encoding"


def workbook() -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>" * 100)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (workbook(), "Excel"),
        (b"PK\x03\x04" + bytes(100), "ZIP"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG"),
        (gzip.compress(b"a,b\n1,2\n"), "gzip"),
        (b"PAR1" + bytes(range(256)), "Parquet"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF"),
        (b"SQLite format 3\x00" + bytes(100), "SQLite"),
        (random.Random(1).randbytes(5_000), "control characters"),
        (bytes(5_000), "control characters"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_binary_file_is_named_and_refused(content: bytes, what: str) -> None:
    with pytest.raises(DialectError, match=what) as caught:
        detected(content)
    assert (caught.value.code, caught.value.retryable) == ("dialect.binary", False)
    assert caught.value.next_step


@pytest.mark.parametrize(
    "content", [b"PAR1,b\n1,2\n", b"ORC;x\n1;2\n", b"a,b\nx\0y,2\nz,3\nw,4\n", b"a\x01b\n1\x012\n"]
)
def test_text_that_looks_a_little_like_a_binary_file_is_text(content: bytes) -> None:
    assert detected(content).encoding == "utf-8"


@pytest.mark.parametrize("start", [b"<!DOCTYPE html>\n", b"\n <html>", b"\xef\xbb\xbf<?xml version='1.0'?>"])
def test_an_error_page_is_not_a_table(start: bytes) -> None:
    with pytest.raises(DialectError) as caught:
        detected(start + b"<body>404, not found</body>")
    assert caught.value.code == "dialect.markup"


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=400), complete=st.booleans())
def test_any_bytes_give_a_dialect_or_a_dialect_error(content: bytes, complete: bool) -> None:
    try:
        found = detect(content, Feed(), name="a.csv", complete=complete)
    except DialectError:
        return
    assert len(found.delimiter) == 1
    assert found.delimiter != found.quote_char


@settings(max_examples=150, deadline=None)
@given(text=st.text(alphabet="ab1;,|\t \"'\\\r\n:é=", max_size=200))
def test_any_text_gives_a_dialect(text: str) -> None:
    assert detect(text.encode(), Feed(), name="a.csv", complete=True).encoding == "utf-8"


def test_quotes_and_backslashes_without_end_take_no_time() -> None:
    began = time.perf_counter()
    for content in (
        b'"' * 200_000,
        b'"a,' * 70_000,
        b'\\"' * 100_000,
        b'x,"\\' * 60_000,
        b"," * 200_000,
        b"\r" * 200_000,
    ):
        detected(content)
    assert time.perf_counter() - began < 3


def test_a_header_of_20_000_columns_is_told() -> None:
    found = detected(lines(";".join(f"column_{n}" for n in range(20_000)), ";".join("1" for _ in range(20_000))))
    assert (found.delimiter, found.header) == (";", True)
