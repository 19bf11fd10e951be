"""The exact reader: what it makes of a record depends on the text behind it, never on how much of that it was given."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model import Dialect
from engine.scan import exact
from engine.scan.exact import ExactReader, Incomplete, Record
from tests.scan_reading import scan

TEXT = st.lists(
    st.sampled_from(
        [b'"', b'""', b",", b",", b"\n", b"\n", b"\r", b"\r\n", b"x", b'"x"', b'\n1,"a', b"\n1,2,3", b"\\"]
    ),
    max_size=25,
).map(b"".join)
DIALECTS = [
    Dialect(),
    Dialect(line_end="\r"),
    Dialect(line_end="any"),
    Dialect(escape_char="\\"),
    Dialect(delimiter=",,"),
    Dialect(quote_char=None, escape_char="\\"),
    Dialect(quote_char="«"),
]


def read_at(piece: bytes, at: int, dialect: Dialect, *, final: bool) -> Record | None:
    try:
        return ExactReader(dialect, 3).read(piece, at, final=final)
    except Incomplete:
        return None


@settings(max_examples=400, deadline=None)
@given(data=TEXT, dialect=st.sampled_from(DIALECTS), cut=st.integers(0, 60))
def test_a_record_is_the_same_however_much_follows(data: bytes, dialect: Dialect, cut: int) -> None:
    at = 0
    while at < len(data):
        whole = read_at(data, at, dialect, final=True)
        assert whole is not None
        assert at < whole.end <= len(data)
        assert at == whole.start <= whole.content_end <= whole.end
        assert read_at(data[:cut], at, dialect, final=False) in (None, whole)
        at = whole.end


def fields(data: bytes, dialect: Dialect) -> tuple[bytes | None, ...]:
    return ExactReader(dialect, None).read(data, 0, final=True).fields


@pytest.mark.parametrize(
    ("data", "dialect", "expected"),
    [
        (b'a,"b""c",,""\n', Dialect(), (b"a", b'b"c', None, b"")),
        (b'"a\r\nb"\r\nc', Dialect(), (b"a\r\nb",)),
        (b"a\\,b,\\\\,\\\nc\n", Dialect(escape_char="\\"), (b"a,b", b"\\", b"\nc")),
        (b'"a\\"b""c\\\\"\n', Dialect(escape_char="\\"), (b'a"b"c\\',)),
        (b'"a\\', Dialect(escape_char="\\"), (b'"a\\',)),
        (b"a\\", Dialect(escape_char="\\"), (b"a\\",)),
        (b"\\N,\\NN,N\n", Dialect(escape_char="\\", null_tokens=("\\N",)), (None, b"NN", b"N")),
        ("«a««b«,c\n".encode(), Dialect(quote_char="«"), ("a«b".encode(), b"c")),
        (b"a->>b->c", Dialect(delimiter="->"), (b"a", b">b", b"c")),
        (b'"a\n"b', Dialect(quote_char=None), (b'"a',)),
    ],
)
def test_fields(data: bytes, dialect: Dialect, expected: tuple[bytes | None, ...]) -> None:
    assert fields(data, dialect) == expected


def test_a_cell_that_holds_rows_is_a_cell() -> None:
    inner = b"x,y\n" * 200
    data = b"name,content\n" + b'1,"' + inner + b'"\n2,z\n'
    for batch_bytes in (1, 50, 500, 5000):
        assert scan(data, batch_bytes=batch_bytes).rows == [("1", inner.decode()), ("2", "z")]


def test_a_quote_that_stays_open_too_long_over_rows_is_unclosed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "LOOK_AHEAD_BYTES", 1000)
    rows = b"1,2,3\n" * 1000
    assert scan(b'a,b,c\n1,"x,y\n' + rows, batch_bytes=100).codes == [(2, "unclosed_quote", b'1,"x,y')]
    prose = b"dear all\n\nbest, me\n" * 200
    assert scan(b'a,b,c\n1,"' + prose + b'",y\n' + rows, batch_bytes=100).rejects == []


def test_a_record_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "LOOK_AHEAD_BYTES", 500)
    monkeypatch.setattr(exact, "MOST_RECORD_BYTES", 1000)
    read = scan(b'a,b\n1,"' + b"dear all\n" * 300 + b"2,3\n", batch_bytes=100)
    assert read.codes[0] == (2, "unclosed_quote", b'1,"dear all')
    assert read.rows == [("2", "3")]
    read = scan(b"a,b\n1," + b"x" * 5000 + b"\n2,3\n", batch_bytes=100)
    assert read.codes[0][1] == "too_long"
    assert read.rows == [("2", "3")]
