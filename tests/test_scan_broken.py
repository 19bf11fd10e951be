"""Exactly the broken lines of a file are rejected, wherever a window ends, and in seconds however many they are."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model import Dialect
from tests.scan_reading import Read, scan, written

WORDS = ["", "", "a", "1", "2024-01-01", "Lamp, large", 'say "hi"', "é😀", "x,", '"', "a b c"]


def clean_lines(table: list[list[str]]) -> list[bytes]:
    return [written([row], Dialect(), quoting=csv.QUOTE_MINIMAL, line_end="\n").encode() for row in table]


def drop_field(line: bytes) -> bytes:
    return line[: line.rindex(b",")] + b"\n"


def add_field(line: bytes) -> bytes:
    return line[:-1] + b",x\n"


def stray_quote(line: bytes) -> bytes:
    return b'st"ray,' + line.split(b",", 1)[1]


def unclosed_quote(line: bytes) -> bytes:
    return b'"unclosed,' + line.split(b",", 1)[1]


def unclosed_later(line: bytes) -> bytes:
    return line[:-1].rsplit(b",", 1)[0] + b',"unclosed\n'


def invalid_byte(line: bytes) -> bytes:
    return b"caf\xe9" + line


BREAKAGES: list[Callable[[bytes], bytes]] = [
    drop_field,
    add_field,
    stray_quote,
    unclosed_quote,
    unclosed_later,
    invalid_byte,
]


@settings(max_examples=100, deadline=None)
@given(
    table=st.integers(3, 6).flatmap(
        lambda width: st.lists(
            # The first cell has no quotes, and the last neither a delimiter nor quotes, so that a line can be cut there.
            st.tuples(
                st.sampled_from(["a", "1", "xyz"]),
                *[st.sampled_from(WORDS)] * (width - 2),
                st.sampled_from(["a", "", "z"]),
            ).map(list),
            min_size=1,
            max_size=40,
        )
    ),
    broken=st.dictionaries(st.integers(0, 39), st.sampled_from(BREAKAGES), max_size=12),
    batch_bytes=st.sampled_from([1, 16, 64, 200, 700, 1 << 20]),
)
def test_exactly_the_broken_lines_are_rejected(
    table: list[list[str]], broken: dict[int, Callable[[bytes], bytes]], batch_bytes: int
) -> None:
    lines = clean_lines(table)
    for number in [number for number in broken if number >= len(lines)]:
        del broken[number]
    for number, breakage in broken.items():
        lines[number] = breakage(lines[number])
    data = b",".join([b"h"] * len(table[0])) + b"\n" + b"".join(lines)
    read = scan(data, batch_bytes=batch_bytes)
    assert [(reject.line, reject.raw + b"\n") for reject in read.rejects] == [
        (number + 2, lines[number]) for number in sorted(broken)
    ]
    assert read.rows == [
        tuple(cell or None for cell in row) for number, row in enumerate(table) if number not in broken
    ]


@settings(max_examples=80, deadline=None)
@given(
    table=st.lists(
        st.lists(st.sampled_from([*WORDS, "two\nlines", "three, \n\n lines", "\n"]), min_size=3, max_size=3),
        max_size=25,
    ),
    broken=st.dictionaries(st.integers(0, 24), st.sampled_from([add_field, invalid_byte, b"1,2\n"])),
    batch_bytes=st.sampled_from([1, 16, 64, 200, 1 << 20]),
)
def test_broken_records_among_multi_line_cells_are_rejected_whole(
    table: list[list[str]], broken: dict[int, Callable[[bytes], bytes] | bytes], batch_bytes: int
) -> None:
    records = clean_lines([["k", *row] for row in table])
    broken = {number: breakage for number, breakage in broken.items() if number < len(records)}
    for number, breakage in broken.items():
        records[number] = breakage if isinstance(breakage, bytes) else breakage(records[number])
    read = scan(b"a,b,c,d\n" + b"".join(records), batch_bytes=batch_bytes)
    assert [reject.raw + b"\n" for reject in read.rejects] == [records[number] for number in sorted(broken)]
    assert len(read.rows) == len(records) - len(broken)


CASES: dict[str, tuple[bytes, list[tuple[int, str, bytes]], int]] = {
    "short and long": (b"1,2,3\n4,5\n6,7,8,9\n1,2,3\n", [(3, "short_row", b"4,5"), (4, "long_row", b"6,7,8,9")], 2),
    "two that would merge into one of the right width": (
        b'a,5",c\nd,6",f\n1,2,3\n',
        [(2, "stray_quote", b'a,5",c'), (3, "stray_quote", b'd,6",f')],
        1,
    ),
    "an unclosed quote in front of quoted cells": (
        b'1,"abc,x\n2,"def",y\n3,"",w\n',
        [(2, "unclosed_quote", b'1,"abc,x')],
        2,
    ),
    "an unclosed quote on the last line": (b'1,2,3\n4,"5,6\n', [(3, "unclosed_quote", b'4,"5,6')], 1),
    "an unclosed quote on the last line, unended": (b'1,2,3\n4,5,"6', [(3, "unclosed_quote", b'4,5,"6')], 1),
    "an unclosed quote that a cell closes which begins with a comma": (
        b'1,"abc,x\n2,2,2\n3,", def",y\n4,5,6\n',
        [(2, "unclosed_quote", b'1,"abc,x')],
        3,
    ),
    "an unclosed quote that a cell closes which begins with a line end": (
        b'1,"abc,x\n2,"\ndef",y\n4,5,6\n',
        [(2, "unclosed_quote", b'1,"abc,x')],
        2,
    ),
    "an unclosed quote that a stray one closes thousands of lines later": (
        b'1,2,"abc\n' + b"2,2,2\n" * 5000 + b'9,de",y\n' + b"4,5,6\n",
        [(2, "unclosed_quote", b'1,2,"abc'), (5003, "stray_quote", b'9,de",y')],
        5001,
    ),
    "several unclosed quotes in a row": (
        b'1,"a,x\n2,"b,x\n3,"c,x\n4,"d",x\n5,"e,x\n',
        [(line, "unclosed_quote", b'%d,"%c,x' % (line - 1, 95 + line)) for line in (2, 3, 4, 6)],
        1,
    ),
    "several stray quotes in a row, and a good one behind": (
        b'1,"a"b,x\n2,"b"c,x\n3,"c,x\n4,"d",x\n',
        [(2, "stray_quote", b'1,"a"b,x'), (3, "stray_quote", b'2,"b"c,x'), (4, "unclosed_quote", b'3,"c,x')],
        1,
    ),
    "a broken record of several lines stays one": (
        b'1,"x\ny",3,4\n2,2,2\n',
        [(2, "long_row", b'1,"x\ny",3,4')],
        1,
    ),
    "lines of text in a broken record are no rows": (
        b'1,"Dear Sir,\nwe, you, they\nbest",3,4\n2,2,2\n',
        [(2, "long_row", b'1,"Dear Sir,\nwe, you, they\nbest",3,4')],
        1,
    ),
    "a stray quote in a cell of several lines": (
        b'1,"x\nsay "hi", y\nz",3\n2,"a",2\n',
        [(2, "stray_quote", b'1,"x\nsay "hi", y'), (4, "stray_quote", b'z",3')],
        1,
    ),
    "a blank line behind an unclosed quote": (b'1,"a,x\n\n2,2,2\n', [(2, "unclosed_quote", b'1,"a,x')], 1),
    "bytes that are no text": (b"1,\xff,3\n4,\xc3\xa9,6\n", [(2, "encoding", b"1,\xff,3")], 1),
    "a character cut by the end of the file": (b"1,2,3\n4,5,\xc3", [(3, "encoding", b"4,5,\xc3")], 1),
    "a whitespace in front of a quote": (b'1, "2",3\n4,5,6\n', [(2, "stray_quote", b'1, "2",3')], 1),
    "a CR between quote and delimiter": (b'1,"2"\r,3\n4,5,6\n', [(2, "stray_quote", b'1,"2"\r,3')], 1),
    "a CR behind a quote at the end of a window": (b'1,2,"3"\r4\n4,5,6\n', [(2, "stray_quote", b'1,2,"3"\r4')], 1),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_rejected_doesn_t_depend_on_windows(name: str) -> None:
    data, codes, rows = CASES[name]
    sizes = [*range(1, 60), 100, 1000, 1 << 20] if len(data) < 1000 else [100, 40_000, 1 << 20]
    for batch_bytes in sizes:
        read = scan(b"a,b,c\n" + data, batch_bytes=batch_bytes)
        assert (read.codes, len(read.rows)) == (codes, rows)


def test_83_lines_with_a_missing_delimiter_come_back_but_one() -> None:
    rows = [f'{n},"name, {n}",x' for n in range(83)]
    rows[40] = '40,"name, 40"x'
    read = scan(("a,b,c\n" + "\n".join(rows) + "\n").encode())
    assert (len(read.rows), read.codes) == (82, [(42, "stray_quote", b'40,"name, 40"x')])


ROW = b"12345,abcdefghij,2024-01-01\n"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'12345,abcd"efghij,2024-01-01\n', "stray_quote"),
        (b'12345,"abcd"efghij",2024-01-01\n', "stray_quote"),
        (b'12345,"abcdefghij,2024-01-01\n', "unclosed_quote"),
        (b'12345,abcdefghij",2024-01-01\n', "stray_quote"),
        (b"12345,abcdefghij\n", "short_row"),
        (b'12345,"abcdefghij"\n', "short_row"),
        (b"1,2,3,4\n", "long_row"),
        (b"12345,abcd\xffefghij,2024-01-01\n", "encoding"),
        (ROW * 9 + b'12345,abcd"efghij,2024-01-01\n', "stray_quote"),
        (ROW + b'12345,"abcdefghij,2024-01-01\n', "unclosed_quote"),
        (b'"x\n', "unclosed_quote"),
        (b'"\n', "short_row"),
    ],
)
def test_a_file_of_nothing_but_broken_lines_costs_time_in_proportion(line: bytes, code: str) -> None:
    # Quadratic readings of 300 KB took minutes; these take well under a second.
    begin = time.process_time()
    count = 300_000 // len(line)
    read = Read.of(b"a,b,c\n" + line * count)
    assert {reject.code for reject in read.rejects} == {f"parse.{code}"}
    assert time.process_time() - begin < 20


@pytest.mark.parametrize("times", [1, 5])
def test_an_unclosed_quote_at_the_start_of_a_large_file_takes_one_line_and_little_memory(times: int) -> None:
    data = b"a,b,c\n" + b'12345,"abc,x\n' * times + ROW * (40_000_000 // len(ROW))
    begin = time.process_time()
    read = Read.of(data, batch_bytes=4 << 20)
    assert [reject.line for reject in read.rejects] == list(range(2, 2 + times))
    assert sum(batch.rows_read for batch in read.batches) == times + 40_000_000 // len(ROW)
    assert time.process_time() - begin < 20


def test_rows_of_20_mb_of_quoted_lines() -> None:
    cell = b'x""\n' * 5_000_000
    read = Read.of(b"a,b\n" + b'1,"' + cell + b'"\n2,3\n', batch_bytes=1 << 20)
    assert [batch.frame["c1"].str.len_bytes().to_list() for batch in read.batches] == [[15_000_000], [1]]
