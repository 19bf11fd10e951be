"""Lines that are no rows: comments, a footer, the mark that ends a DOS file, wherever a window ends."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model import Dialect, Irregular
from tests.scan_reading import Read, scan

SIZES = [*range(1, 40), 100, 1 << 20]


def counted(read: Read) -> tuple[int, int]:
    return sum(batch.comment_lines for batch in read.batches), read.blank_lines


@pytest.mark.parametrize("batch_bytes", SIZES)
def test_declared_comments_are_no_rows_whatever_stands_in_them(batch_bytes: int) -> None:
    data = b'# made by "x\na,b\n#\n1,"two\n# lines"\n# don\'t, "worry, 5"\n2,3\n\n # 4,5\n#\xff\n6,#7\n#last'
    read = scan(data, Dialect(comment="#"), batch_bytes=batch_bytes)
    assert read.scanner.header == ("a", "b")
    assert read.rows == [("1", "two\n# lines"), ("2", "3"), (" # 4", "5"), ("6", "#7")]
    assert (counted(read), read.codes) == ((5, 1), [])


@pytest.mark.parametrize("batch_bytes", SIZES)
def test_guessed_comments_are_only_what_can_t_be_a_row(batch_bytes: int) -> None:
    data = b'// of x\n//a,b\n//1,2\n// section\n3,4\n// 5, 6, 7\n"//8,9\n// say "no\n10,11\n'
    dialect = Dialect(comment="//", comment_guessed=True, skip_lines=1)
    read = scan(data, dialect, batch_bytes=batch_bytes)
    assert read.scanner.header == ("//a", "b")
    assert read.rows == [("//1", "2"), ("3", "4"), ("10", "11")]
    assert (counted(read), [line for line, _, _ in read.codes]) == ((4, 0), [7])


@pytest.mark.parametrize("line_end", ["\r", "any"])
def test_comments_behind_other_line_ends(line_end: str) -> None:
    read = scan(b"--x\ra,b\r--\r1,2\r--y\r3,4\r", Dialect(comment="--", line_end=line_end), batch_bytes=5)  # type: ignore[arg-type]  # one of the three
    assert (read.rows, counted(read)) == ([("1", "2"), ("3", "4")], (3, 0))


@settings(max_examples=150, deadline=None)
@given(
    lines=st.lists(st.sampled_from(["1,x", '2,"a\nb"', "#", '# "', "#3,#", "", "#,,,"]), max_size=25),
    batch_bytes=st.sampled_from([1, 5, 20, 100, 1 << 20]),
)
def test_every_line_is_a_row_a_comment_or_blank(lines: list[str], batch_bytes: int) -> None:
    read = scan(
        ("a,b\n" + "".join(f"{line}\n" for line in lines)).encode(), Dialect(comment="#"), batch_bytes=batch_bytes
    )
    rows = {"1,x": ("1", "x"), '2,"a\nb"': ("2", "a\nb")}
    assert read.rows == [rows[line] for line in lines if line in rows]
    assert counted(read) == (sum(line.startswith("#") for line in lines), lines.count(""))


@pytest.mark.parametrize("batch_bytes", SIZES)
@pytest.mark.parametrize(
    ("end", "line_end"), [("\n", "\n"), ("\r\n", "\n"), ("\r", "\r"), ("\r\n", "any"), ("\r", "any")]
)
@pytest.mark.parametrize("tail", ["", "E", "EE", "E\x1a"])
def test_a_footer_is_left_out(batch_bytes: int, end: str, line_end: str, tail: str) -> None:
    text = "a,bE1,2E3,4ETotal,6,E(2 rows)" + tail
    dialect = Dialect(skip_footer=2, line_end=line_end)  # type: ignore[arg-type]  # one of the three
    read = scan(text.replace("E", end).encode(), dialect, batch_bytes=batch_bytes)
    assert (read.rows, read.codes) == ([("1", "2"), ("3", "4")], [])


def test_a_footer_longer_than_the_file_leaves_nothing() -> None:
    assert scan(b"a,b\n1,2\n", Dialect(skip_footer=2)).scanner.header == ()
    assert scan(b"a,b\n1,2\n", Dialect(skip_footer=1)).scanner.header == ("a", "b")


def test_a_footer_of_long_lines_is_found() -> None:
    data = b"a\n1\n" + b"x" * 200_000 + b"\n" + b"\n" * 100_000 + b"y" * 300_000
    assert scan(data, Dialect(skip_footer=2), batch_bytes=1000).rows == [("1",)]


@pytest.mark.parametrize("batch_bytes", [1, 4, 1 << 20])
def test_the_end_mark_of_a_dos_file_is_no_row(batch_bytes: int) -> None:
    assert scan(b"a,b\r\n1,2\r\n\x1a", batch_bytes=batch_bytes).rows == [("1", "2")]
    assert scan(b"a,b\r\n1,2\r\n\x1a\x1a\x1a", batch_bytes=batch_bytes).rows == [("1", "2")]
    # Here it's a value.
    assert scan(b"a,b\r\n1,2\x1a", batch_bytes=batch_bytes).rows == [("1", "2\x1a")]
    assert scan(b"a\n\x1a", batch_bytes=batch_bytes).rows == [("\x1a",)]


def test_without_a_header_the_usual_number_of_fields_counts() -> None:
    read = scan(b"1\n2,3\n4,5\n", Dialect(header=False, width=2))
    assert (read.rows, read.codes) == ([("2", "3"), ("4", "5")], [(1, "short_row", b"1")])


def test_repairs_say_what_was_done() -> None:
    read = scan(b'a,b\n1\n2,x"y,"z"\n3,4\n', irregular=Irregular.REPAIR)
    repairs = [repair for batch in read.batches for repair in batch.repairs]
    assert [(r.line, r.byte_start, r.byte_end, r.code, r.fields, r.expected, r.raw) for r in repairs] == [
        (2, 4, 6, "parse.short_row", 1, 2, b"1"),
        (3, 6, 16, "parse.stray_quote", 3, 2, b'2,x"y,"z"'),
    ]
    assert repairs[1].message == "the quote was taken as it stands; fields 3 to 3 kept in _rescued"
