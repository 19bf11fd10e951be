"""What is read through a form that Polars knows is what the exact reader alone reads."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model import Dialect
from engine.scan import window
from engine.scan.form import polars_form
from tests.scan_reading import Read, scan

DIALECTS = [
    Dialect(delimiter="||"),
    Dialect(delimiter="~|~"),
    Dialect(delimiter="¦"),
    Dialect(delimiter=", ", quote_char="'"),
    Dialect(delimiter="||", quote_char=None),
    Dialect(delimiter="||", line_end="any"),
    Dialect(delimiter="\t", quote_char=None),
    Dialect(delimiter="\t", quote_char=None, line_end="\r"),
    Dialect(delimiter="\t", quote_char=None, escape_char="\\"),
    Dialect(delimiter="\t", quote_char=None, escape_char="\\", null_tokens=("\\N", "\\")),
    Dialect(escape_char="\\", null_tokens=("\\N",)),
    Dialect(delimiter="||", escape_char="\\", line_end="\r"),
    Dialect(delimiter="||", comment="#"),
]
SPARE = ["\x1f", "\x1e", "\x1d", "\x1c", "\x02"]
PIECES = ["D", "D", "D", "\n", "\n", "\r", "x", "é", '"', '"x"', "'", "\\", "\\N", "|", "~", " ", "#", "\n#", *SPARE]


def summary(read: Read) -> tuple[object, ...]:
    return read.rows, read.codes, read.blank_lines, sum(batch.comment_lines for batch in read.batches)


@settings(max_examples=400, deadline=None)
@given(
    pieces=st.lists(st.one_of(st.sampled_from(PIECES), st.just("aDbDc\n"), st.just('"aDa"DbDc\n')), max_size=25),
    dialect=st.sampled_from(DIALECTS),
    batch_bytes=st.sampled_from([1, 10, 40, 1 << 20]),
)
def test_both_ways_read_the_same(pieces: list[str], dialect: Dialect, batch_bytes: int) -> None:
    end = "\r" if dialect.line_end == "\r" else "\n"
    text = f"hDhDh{end}" + "".join(pieces).replace("\n", end if end == "\r" else "\n")
    data = text.replace("D", dialect.delimiter).encode()
    found = scan(data, dialect, batch_bytes=batch_bytes)
    with patch.object(window, "polars_form", return_value=None):
        exact = scan(data, dialect, batch_bytes=batch_bytes)
    null = {None, *dialect.null_tokens}
    plain = [tuple(None if cell in null else cell for cell in row) for row in found.rows]
    assert (plain, *summary(found)[1:]) == (
        [tuple(None if cell in null else cell for cell in row) for row in exact.rows],
        *summary(exact)[1:],
    )


@pytest.mark.parametrize(
    ("dialect", "text", "expected"),
    [
        (Dialect(), b"a", (",", '"')),
        (Dialect(delimiter="||"), b"a", ("\x1f", '"')),
        (Dialect(delimiter="||"), b"a\x1fb\x1e", ("\x1d", '"')),
        (Dialect(quote_char=None, escape_char="\\"), b"a\x1f", (",", "\x1e")),
        (Dialect(delimiter="||", quote_char=None), b"a", ("\x1f", "\x1e")),
        (Dialect(delimiter='|"'), b"a", None),
        (Dialect(quote_char="«"), b"a", None),
        (Dialect(delimiter="||"), bytes(range(32)), None),
    ],
)
def test_bytes_that_a_text_doesn_t_use_stand_in(
    dialect: Dialect, text: bytes, expected: tuple[str, str] | None
) -> None:
    form = polars_form(dialect, text)
    assert (None if form is None else (form.delimiter, form.quote_char)) == expected
