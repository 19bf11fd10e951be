"""Whatever a correct writer wrote comes back equal, however the file is cut into windows and batches."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ScanError
from engine.model import Dialect, Irregular, RejectClass
from engine.scan import RESCUED, Scanner
from tests.scan_reading import Rows, Trickle, scan, written

NASTY = ["\n", "\r", "\r\n", '"', '""', "'", ",", ";", "\t", "|", " ", "\\", "\\N", "\x00", "\x1a", "\ufeff", "é", "😀"]
CELL = st.lists(st.one_of(st.sampled_from([*NASTY, "a", "b", "NULL", "1"]), st.characters(codec="utf-8")), max_size=5)
TABLE = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELL.map("".join), min_size=width, max_size=width), max_size=25)
)
BATCH_BYTES = st.sampled_from([1, 2, 3, 7, 16, 50, 300, 1 << 20])
BATCH_ROWS = st.sampled_from([1, 2, 5, 1000])


def expected(rows: list[list[str]], *, quoting: int) -> Rows:
    """What an empty field is tells only its quoting; csv quotes the empty field of a single column always."""
    always = quoting != csv.QUOTE_MINIMAL or (bool(rows) and len(rows[0]) == 1)
    return [tuple(cell if always else cell or None for cell in row) for row in rows]


@settings(max_examples=120, deadline=None)
@given(
    table=TABLE,
    delimiter=st.sampled_from(list(",;\t| ")),
    quote=st.sampled_from(["'", '"']),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    last_line_ended=st.booleans(),
    batch_bytes=BATCH_BYTES,
    batch_rows=BATCH_ROWS,
)
def test_what_python_writes_comes_back(
    table: list[list[str]],
    delimiter: str,
    quote: str,
    quoting: int,
    line_end: str,
    last_line_ended: bool,
    batch_bytes: int,
    batch_rows: int,
) -> None:
    if line_end == "\n" and quoting == csv.QUOTE_MINIMAL:
        # Such a writer leaves a CR bare, which in front of an LF can't be told from CRLF.
        table = [[*row[:-1], row[-1].rstrip("\r")] for row in table]
    dialect = Dialect(delimiter=delimiter, quote_char=quote)
    width = len(table[0]) if table else 2
    text = written([[f"h{n}" for n in range(width)], *table], dialect, quoting=quoting, line_end=line_end)
    if not last_line_ended:
        text = text.removesuffix(line_end)
    read = scan(text.encode(), dialect, batch_bytes=batch_bytes, batch_rows=batch_rows)
    assert read.scanner.header == tuple(f"h{n}" for n in range(width))
    assert (read.rows, read.rejects, read.blank_lines) == (expected(table, quoting=quoting), [], 0)


@settings(max_examples=50, deadline=None)
@given(
    table=TABLE,
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    batch_bytes=BATCH_BYTES,
    encoding=st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "gb18030"]),
    marked=st.booleans(),
)
def test_files_with_cr_line_ends_and_other_encodings_come_back(
    table: list[list[str]], quoting: int, batch_bytes: int, encoding: str, marked: bool
) -> None:
    mark = "\ufeff".encode(encoding) if marked else b""
    dialect = Dialect(line_end="\r", encoding=encoding, bom_bytes=len(mark))
    width = len(table[0]) if table else 2
    text = written([["h"] * width, *table], dialect, quoting=quoting, line_end="\r")
    read = scan(mark + text.encode(encoding), dialect, batch_bytes=batch_bytes)
    assert (read.rows, read.rejects) == (expected(table, quoting=quoting), [])


@settings(max_examples=50, deadline=None)
@given(
    table=TABLE,
    ends=st.lists(st.sampled_from(["\n", "\r", "\r\n"]), min_size=1, max_size=5),
    batch_bytes=BATCH_BYTES,
    batch_rows=BATCH_ROWS,
)
def test_files_with_mixed_line_ends_come_back(
    table: list[list[str]], ends: list[str], batch_bytes: int, batch_rows: int
) -> None:
    dialect = Dialect(line_end="any")
    lines = [
        written([row], dialect, quoting=csv.QUOTE_ALL, line_end="")
        for row in [["h"] * len(table[0] if table else "h"), *table]
    ]
    # A CR and a blank line's LF would be one CRLF: no line here is blank.
    text = "".join(line + ends[index % len(ends)] for index, line in enumerate(lines))
    read = scan(text.encode(), dialect, batch_bytes=batch_bytes, batch_rows=batch_rows)
    assert (read.rows, read.rejects) == (expected(table, quoting=csv.QUOTE_ALL), [])


@settings(max_examples=60, deadline=None)
@given(
    table=TABLE,
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONE]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    delimiter=st.sampled_from(list(",\t")),
    batch_bytes=BATCH_BYTES,
)
def test_files_with_an_escape_character_come_back(
    table: list[list[str]], quoting: int, line_end: str, delimiter: str, batch_bytes: int
) -> None:
    width = len(table[0]) if table else 2
    if quoting != csv.QUOTE_ALL:
        table = [[cell.replace("\r", "") for cell in row] for row in table]
        table = [[cell or "x" for cell in row] for row in table] if width == 1 else table
    dialect = Dialect(delimiter=delimiter, escape_char="\\", quote_char=None if quoting == csv.QUOTE_NONE else '"')
    text = written([["h"] * width, *table], replace(dialect, quote_char='"'), quoting=quoting, line_end=line_end)
    read = scan(text.encode(), dialect, batch_bytes=batch_bytes)
    plain = quoting != csv.QUOTE_ALL
    assert read.rows == [tuple((cell or None) if plain else cell for cell in row) for row in table]
    assert read.rejects == []


@settings(max_examples=40, deadline=None)
@given(table=TABLE, most=st.integers(1, 9), batch_bytes=BATCH_BYTES, batch_rows=BATCH_ROWS)
def test_batches_don_t_depend_on_how_the_stream_gives_its_bytes(
    table: list[list[str]], most: int, batch_bytes: int, batch_rows: int
) -> None:
    width = len(table[0]) if table else 2
    data = written([["h"] * width, *table], Dialect(), quoting=csv.QUOTE_ALL, line_end="\n").encode()
    first = scan(data, batch_bytes=batch_bytes, batch_rows=batch_rows)
    scanner = Scanner(
        Trickle(data, most), Dialect(), irregular=Irregular.REJECT, batch_bytes=batch_bytes, batch_rows=batch_rows
    )
    second = list(scanner.batches([f"c{n}" for n in range(width)]))
    cuts = [(batch.number, batch.byte_start, batch.byte_end, batch.first_line, batch.crc32) for batch in second]
    assert cuts == [
        (batch.number, batch.byte_start, batch.byte_end, batch.first_line, batch.crc32) for batch in first.batches
    ]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_multi_line_cell_at_every_place_of_a_window(line_end: str) -> None:
    rows = [(str(n), "x" * (n % 5) + line_end + '"y,', "z") for n in range(40)]
    dialect = Dialect(line_end="\r" if line_end == "\r" else "\n")
    data = written([["a", "b", "c"], *rows], dialect, quoting=csv.QUOTE_MINIMAL, line_end=line_end).encode()
    for batch_bytes in range(1, 200, 3):
        assert scan(data, dialect, batch_bytes=batch_bytes).rows == rows


def test_an_empty_field_is_null_and_a_quoted_one_is_empty() -> None:
    assert scan(b'a,b,c\n,"",x\n"",,\n').rows == [(None, "", "x"), ("", None, None)]


def test_blank_lines_are_counted_and_are_no_rows() -> None:
    read = scan(b"\n\na,b\n\n1,2\n\n\r\n3,4\n\n\n")
    assert (read.rows, read.blank_lines, read.rejects) == ([("1", "2"), ("3", "4")], 7, [])


@pytest.mark.parametrize("batch_bytes", [1, 2, 3, 4, 5, 6, 8, 100])
def test_a_blank_line_of_a_single_column_is_null_unless_nothing_follows(batch_bytes: int) -> None:
    read = scan(b"a\n1\n\n\n2\n\n\r\n\n", batch_bytes=batch_bytes)
    assert (read.rows, read.scanner.trailing_blank_lines) == ([("1",), (None,), (None,), ("2",)], 3)
    read = scan(b"a\n\n\n\n", batch_bytes=batch_bytes)
    assert (read.rows, read.scanner.trailing_blank_lines) == ([], 3)


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (b"", []),
        (b"a,b", []),
        (b"a,b\n", []),
        (b"a,b\n1,2", [("1", "2")]),
        (b"a,b\n1,", [("1", None)]),
        (b'a,b\n1,""', [("1", "")]),
        (b"a,b\n1,2\r", [("1", "2")]),
        (b'a,b\n1,"2"\r', [("1", "2")]),
        (b'a,b\n1,"2\r"\r', [("1", "2\r")]),
        (b"a,b\n1,2\r\r", [("1", "2\r")]),
        (b"a,b\n1,2\r\r\n", [("1", "2\r")]),
        (b"a,b\r\n1,2\n3,4\r\n", [("1", "2"), ("3", "4")]),
        (b"a,b\n1\r2,3\n", [("1\r2", "3")]),
        (b'a,b\n1\r,2\n3,"4\r,5"\n"\r",\r\r\n', [("1\r", "2"), ("3", "4\r,5"), ("\r", "\r")]),
        (b"a,b\n\xef\xbb\xbf1,2\n", [("\ufeff1", "2")]),
        (b'a\n\xef\xbb\xbf"1"\n', []),
        (b'a,b\n1,"2""3"""\n', [("1", '2"3"')]),
        (b"a,b\n\x00,\x1a\n", [("\x00", "\x1a")]),
    ],
)
def test_ends_of_files_and_odd_bytes(data: bytes, rows: Rows) -> None:
    for batch_bytes in (1, 5, 1000):
        assert scan(data, batch_bytes=batch_bytes).rows == rows


def test_the_bare_lf_of_a_cr_file_is_data() -> None:
    read = scan(b'a,b\r1\n2,3\r"4",5\n6\r\n7,8\r', Dialect(line_end="\r"))
    assert read.rows == [("1\n2", "3"), ("4", "5\n6"), ("\n7", "8")]


def test_a_quote_behind_the_lf_of_a_cr_file_is_stray() -> None:
    assert scan(b'a,b\r1\n"2",3\r4,5\r', Dialect(line_end="\r")).codes == [(2, "stray_quote", b'1\n"2",3')]


@pytest.mark.parametrize("delimiter", ["||", "¦", "<->", "→"])
def test_delimiters_of_several_bytes(delimiter: str) -> None:
    data = f'a{delimiter}b\n1|{delimiter}2-,\n"x{delimiter}y"{delimiter}""\n,{delimiter}\n'.encode()
    rows = [("1|", "2-,"), (f"x{delimiter}y", ""), (",", None)]
    if delimiter == "||":
        # The first two of three are the delimiter, for every reader.
        rows[0] = ("1", "|2-,")
    for batch_bytes in (1, 4, 9, 1000):
        assert scan(data, Dialect(delimiter=delimiter), batch_bytes=batch_bytes).rows == rows


def test_a_quote_character_beyond_ascii() -> None:
    data = "a,b\n«x,«« y«,2\n".encode()
    assert scan(data, Dialect(quote_char="«")).rows == [("x,« y", "2")]


def test_without_a_quote_character_quotes_are_data() -> None:
    read = scan(b'a,b\n"1,2"\n""",x"\n', Dialect(quote_char=None))
    assert read.rows == [('"1', '2"'), ('"""', 'x"')]


def test_an_escape_character_beside_doubled_quotes() -> None:
    data = b'a,b\n"say ""hi"" and \\"ho\\"","x\\\\"\n1\\,2,\\N\n"\\N",\\"q\\"\n'
    dialect = Dialect(escape_char="\\", null_tokens=("\\N",))
    assert scan(data, dialect).rows == [('say "hi" and "ho"', "x\\"), ("1,2", None), ("N", '"q"')]


def test_a_bare_quote_is_stray_beside_an_escape_character_too() -> None:
    assert scan(b'a,b\n1\\"2,3\n1"2,3\n', Dialect(escape_char="\\")).codes == [(3, "stray_quote", b'1"2,3')]


def test_a_quote_that_escapes_quotes_is_a_doubled_quote() -> None:
    assert scan(b'a,b\n"x""y",""\n', Dialect(escape_char='"')).rows == [('x"y', "")]


def test_rejects_have_the_byte_offsets_of_the_source() -> None:
    text = "a;b\nä;ö\nkürz\n€;x\nü;ß;ñ\n"
    read = scan(text.encode("cp1252"), Dialect(encoding="cp1252", delimiter=";"))
    assert [(r.line, r.byte_start, r.byte_end, r.raw.decode()) for r in read.rejects] == [
        (3, 8, 13, "kürz"),
        (5, 17, 23, "ü;ß;ñ"),
    ]
    data = ("\ufeff" + text).encode("utf-16-le")
    read = scan(data, Dialect(encoding="utf-16-le", delimiter=";", bom_bytes=2), batch_bytes=3)
    assert [data[r.byte_start : r.byte_end].decode("utf-16-le") for r in read.rejects] == ["kürz\n", "ü;ß;ñ\n"]


@pytest.mark.parametrize(
    ("encoding", "before", "bad", "byte", "place"),
    [
        ("cp1252", "a,b\nx,é\n", b"x,y\x81z\n", 0x81, "line 3, byte 4; offset 11"),
        ("shift_jis", "a,b\nx,東京\n", b"x,\x81\n", 0x81, "line 3, byte 3; offset 13"),
        ("utf-16-le", "a,b\n", b"x\0,\0\0\xd8y\0\n\0", 0x00, "line 2, byte 5; offset 12"),
        ("utf-16-be", "a,b\n", b"\0x\0,\xdc\0\0y\0\n", 0xDC, "line 2, byte 5; offset 12"),
        ("utf-8", "a,b\nx,é\n", b'x,"\n\xe9"\n', 0xE9, "line 4, byte 1; offset 13"),
    ],
)
@pytest.mark.parametrize("batch_bytes", [1, 7, 1 << 20])
def test_a_byte_that_is_no_text_costs_its_row_alone(
    encoding: str, before: str, bad: bytes, byte: int, place: str, batch_bytes: int
) -> None:
    start, end = before.encode(encoding), "last,ü\n".replace("ü", "u").encode(encoding)
    read = scan(start + bad + end, Dialect(encoding=encoding), batch_bytes=batch_bytes)
    (reject,) = read.rejects
    terminator = "\n".encode(encoding)
    assert (reject.code, reject.column) == ("parse.encoding", "c1")
    assert (reject.byte_start, reject.byte_end) == (len(start), len(start + bad))
    assert reject.raw == bad.removesuffix(terminator)
    assert reject.undecodable == (encoding != "utf-8")
    assert f"byte 0x{byte:02x} in field 2 " in reject.message
    assert place in reject.message
    assert read.rows[-1] == ("last", "u")
    assert len(read.rows) == before.count("\n")


def test_half_a_character_at_the_end_costs_the_last_row() -> None:
    data = "a\nbc\n".encode("utf-16-le") + b"d"
    read = scan(data, Dialect(encoding="utf-16-le"), batch_bytes=1)
    assert (read.rows, [reject.raw for reject in read.rejects]) == ([("bc",)], [b"d"])


def test_lines_above_the_header_are_skipped_kept_and_counted() -> None:
    data = b'sep=;\r\n"report, 1\r\n\r\na;b\r\n1\r\n2;3\r\n'
    read = scan(data, Dialect(delimiter=";", skip_lines=2))
    assert read.scanner.header == ("a", "b")
    assert read.scanner.header_bytes == b'sep=;\r\n"report, 1\r\n\r\na;b\r\n'
    assert (read.codes, read.rows, read.blank_lines) == ([(5, "short_row", b"1")], [("2", "3")], 1)


def test_without_a_header_the_first_row_is_data() -> None:
    read = scan(b"\n1,2\n3,4\n", Dialect(header=False))
    assert (read.scanner.header, read.rows) == (("", ""), [("1", "2"), ("3", "4")])


def test_a_broken_first_row_without_a_header_is_a_reject_like_any_other() -> None:
    read = scan(b'1,2"x,3\n\xff,4,5\n6,7,8\n', Dialect(header=False))
    assert [code for _, code, _ in read.codes] == ["stray_quote", "encoding"]
    assert read.rows == [("6", "7", "8")]


@pytest.mark.parametrize("data", [b'a,b"c,d\n1,2,3\n', b'a,"b\n1,2\n', b'a,"b"c\n1,2\n'])
def test_a_broken_header_is_an_error_with_its_place(data: bytes) -> None:
    with pytest.raises(ScanError, match="line 1: the header is broken") as caught:
        scan(data)
    assert caught.value.code == "scan.header"


def test_a_header_that_is_not_utf_8_is_an_error() -> None:
    with pytest.raises(ScanError, match="0xe9"):
        scan(b"a,\xe9\n1,2\n")


def test_repair_fills_cuts_and_keeps_what_was_cut() -> None:
    read = scan(b'a,b,c\n1\n2,3,4,5,"6,",\n7,8"9,10\n"11 "x" y",12,13\n14,15,16\n', irregular=Irregular.REPAIR)
    assert read.batches[0].frame.columns[-1] == RESCUED
    assert read.rows == [
        ("1", None, None, None),
        ("2", "3", "4", '["5", "6,", null]'),
        ("7", '8"9', "10", None),
        ('11 "x" y', "12", "13", None),
        ("14", "15", "16", None),
    ]
    assert (read.repaired_lines, read.rejects) == ([2, 3, 4, 5], [])


def test_repair_can_t_make_text_of_bytes() -> None:
    read = scan(b"a,b\n1,\xff\n2,3\n4\n", irregular=Irregular.REPAIR)
    assert ([code for _, code, _ in read.codes], read.repaired_lines) == (["encoding"], [4])


def test_error_stops_at_the_first_irregular_line_before_any_row() -> None:
    scanner = Scanner(
        io.BytesIO(b"a,b\n1,2\n3\n4,5,6\n"), Dialect(), irregular=Irregular.ERROR, batch_bytes=100, batch_rows=1
    )
    with pytest.raises(ScanError, match="line 3: 1 field where the header has 2") as caught:
        next(scanner.batches(["a", "b"]))
    assert caught.value.code == "parse.short_row"


def test_a_row_of_a_batch_can_be_rejected_later() -> None:
    data = b'a,b\n1,"x\ny"\nshort\n\n2,z\r\n'
    (batch,) = scan(data).batches
    reject = batch.reject(1, RejectClass.TYPE, "type.integer", "no number", "b")
    assert (reject.line, data[reject.byte_start : reject.byte_end], reject.raw, reject.column) == (
        6,
        b"2,z\r\n",
        b"2,z",
        "b",
    )


def test_thousands_of_columns() -> None:
    width = 2000
    row = ",".join(map(str, range(width)))
    data = f"{row}\n{row}\n{row},\n{row}\n".encode()
    read = scan(data, batch_bytes=3000)
    assert [len(row) for row in read.rows] == [width, width]
    assert [code for _, code, _ in read.codes] == ["long_row"]


def test_a_record_longer_than_a_batch_is_a_batch_alone() -> None:
    long = "x\n" * 3_000_000
    rows = [("1", "a"), ("2", long), ("3", "b")]
    data = written([("n", "t"), *rows], Dialect(), quoting=csv.QUOTE_MINIMAL, line_end="\n").encode()
    read = scan(data, batch_bytes=100_000)
    assert read.rows == rows
    assert [batch.rows_read for batch in read.batches] == [1, 1, 1]
