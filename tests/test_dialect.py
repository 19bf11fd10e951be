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

PARTS = ("delimiter", "quote_char", "escape_char", "line_end", "encoding", "header", "skip_lines", "comment")


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
        (b'"h"\r"a\nb"\r"\n"\r', Feed(quote_char='"', skip_lines=0), {"line_end": "\r", "quote_char": '"'}),
        (b"sep=;\na;b\n", Feed(skip_lines=0), {"skip_lines": 0}),
        (b"Report\n\na,b\n1,2\n", Feed(skip_lines=0), {"skip_lines": 0}),
        (b"# x\na,b\n1,2\n3,4\n", Feed(comment=""), {"comment": None, "skip_lines": 1}),
        (b"a,b\n1,2\n", Feed(comment="#"), {"comment": "#", "comment_guessed": False, "skip_lines": 0}),
        (b"# x\na,b\n1,2\n", Feed(), {"comment": "#", "comment_guessed": True, "skip_lines": 1}),
        (b"a,b\n1,2\n3\n", Feed(skip_footer=1), {"skip_footer": 1, "width": 2}),
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


def people(delimiter: str, *, quoted: bool = False) -> str:
    """Return a table of names and values with its header; some cells are empty, and quoted ones hold the delimiter."""
    rows = [["id", "name", "amount", "city", "remark"]]
    for n in range(12):
        rows.append([str(n), ("Zoë", "O-Neil", "x")[n % 3], f"{n * 7}.50", ("", "Linz", "42")[n % 3], "a-b"])
        if quoted and n % 4 == 0:
            rows[-1][4] = f'"a{delimiter}b"'
    return "".join(delimiter.join(row) + "\n" for row in rows)


SEVERAL = (
    "<|>",
    "[|]",
    "{|}",
    "$|$",
    "%|%",
    "-|-",
    "|;|",
    "|,|",
    "|\t|",
    "##",
    "$$",
    "%%",
    "=>",
    "<>",
    "@@",
    "&&",
    "!!",
    "++",
)


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("delimiter", [*SEVERAL, "¬", "•", " "])
def test_a_delimiter_that_no_list_names_is_found_where_it_parts_every_line_alike(delimiter: str, quoted: bool) -> None:
    found = detected(people(delimiter, quoted=quoted).encode())
    assert (found.delimiter, found.header, found.width) == (delimiter, True, 5)


@pytest.mark.parametrize(
    "text",
    [
        "link\nhttp://a.example/x--y\nhttp://b.example/z--w\n",
        "note\nwell -- said\nnot -- so\nyes -- but\n",
        "code\nA--1--x\nB--2--y\nC--3--z\n",
        "street and number\nMain Road 12\nOld Lane 7\nHigh Street 5\nLong Way 9\nMill Lane 1\n",
        "full name\nAnna Smith\nEva Lee\nIan Null\nNils Müller\nOlga Lee\n",
    ],
)
def test_one_column_of_texts_is_not_parted_by_what_stands_in_them(text: str) -> None:
    assert detected(text.encode()).width == 1


@pytest.mark.parametrize("text", ["(a)|(b)\n(c)|(d)\n", "$1|$2\n$3|$4\n", "-1|-2\n-3|-4\n", "<a>|<b>\n<c>|<d>\n"])
def test_what_every_cell_begins_or_ends_with_is_no_part_of_the_delimiter(text: str) -> None:
    assert detected(text.encode()).delimiter == "|"


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


LATIN = ["Müller", "Köln", "Äpfel", "Größe", "François", "Málaga", "Hélène", "élève", "Città", "Muñoz"]


@pytest.mark.parametrize("encoding", ["cp1252", "cp850", "mac_roman"])
@pytest.mark.parametrize("rows", [3, 30])
def test_short_files_of_dos_the_mac_and_windows_are_told_apart(encoding: str, rows: int) -> None:
    text = "id;name\n" + "".join(f"{n};{LATIN[n % len(LATIN)]} Smith\n" for n in range(rows))
    assert text.encode(encoding).decode(detected(text.encode(encoding)).encoding) == text


@pytest.mark.parametrize("word", ["Gda\xf1sk", "Kazimierz \xb9", "\xe4\xe0"])
def test_words_that_several_encodings_explain_are_refused(word: str) -> None:
    with pytest.raises(DialectError, match="no other encoding is certain"):
        detected(f"id;name\n1;{word}\n".encode("latin-1"))


def test_a_few_bytes_that_no_encoding_explains_are_broken_rows() -> None:
    rows = b"".join(b"%d,Anna\n" % n for n in range(300))
    assert detected(b"id,name\n" + rows + b"1,x\xff\xfe\x90\n").encoding == "utf-8"
    western = "".join(f"{n},Müller,Café\n" for n in range(300)).encode("cp1252")
    assert detected(b"id,name,at\n" + western + b"1,x\x81y,z\n").encoding == "cp1252"


def test_utf_16_without_a_mark_is_told_in_other_scripts() -> None:
    text = "id;имя\n" + "".join(f"{n};Москва\n" for n in range(9))
    for encoding in ("utf-16-le", "utf-16-be"):
        assert detected(text.encode(encoding)).encoding == encoding


def test_columns_aligned_with_blanks_are_refused_and_can_be_read_as_lines() -> None:
    content = b"id   name    n\n1    ann     5\n12   bob    16\n"
    with pytest.raises(DialectError, match="3 columns aligned with blanks") as caught:
        detected(content)
    assert caught.value.code == "dialect.aligned"
    assert detected(content, Feed(delimiter=",")).delimiter == ","


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
    assert 1 <= len(found.delimiter) <= 5
    assert found.delimiter != found.quote_char


@settings(max_examples=150, deadline=None)
@given(text=st.text(alphabet="ab1;,|\t \"'\\\r\n:é=", max_size=200))
def test_any_text_gives_a_dialect(text: str) -> None:
    assert detect(text.encode(), Feed(), name="a.csv", complete=True).encoding == "utf-8"


def test_quotes_and_backslashes_without_end_take_no_time() -> None:
    began = time.process_time()
    for content in (
        b'"' * 200_000,
        b'"a,' * 70_000,
        b'\\"' * 100_000,
        b'x,"\\' * 60_000,
        b"," * 200_000,
        b"\r" * 200_000,
    ):
        detected(content)
    assert time.process_time() - began < 3


def test_a_header_of_20_000_columns_is_told() -> None:
    found = detected(lines(";".join(f"column_{n}" for n in range(20_000)), ";".join("1" for _ in range(20_000))))
    assert (found.delimiter, found.header) == (";", True)


@pytest.mark.parametrize(
    ("text", "escape"),
    [
        # Cells that end with a backslash, in a file where one record is broken.
        ('a\tb\n1\tends with \\\n2\t"ends so \\"\n3\tC:\\temp\\\t4\tD:\\new\n5\tx\n', None),
        ('a,b,c\n1,"C:\\new\\",x\n2,"D:\\temp",y\n3,plain,z\n', None),
        # The escape that Python's csv writes in cells without other need of quotes, and in quoted ones.
        ('a,b\n1,he said \\"yes\\"\n2,C:\\\\temp\n3,"x, y"\n', "\\"),
        ('a,b\n1,"he said \\"yes\\", twice"\n2,x\n', "\\"),
        ("a,b\n1,one\\, two\n2,\\N\n3,x\n", "\\"),
        # Two delimiters are escaped and three backslashes escape nothing: rejects are better than changed paths.
        ("a,b\n1,one\\, two\n2,three\\, four\n3,C:\\temp\\new\\x\n4,y\n", None),
    ],
)
def test_a_backslash_escapes_only_where_that_puts_more_right_than_it_changes(text: str, escape: str | None) -> None:
    assert detected(text.encode()).escape_char == escape


def test_a_cell_longer_than_the_sample_is_quoted() -> None:
    text = "a,b\n1,x\n2,y\n3," + '"' + 'said ""so"", ' * 30_000 + '"\n4,z\n'
    assert detected(text.encode()).quote_char == '"'
