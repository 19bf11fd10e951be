"""The vectorised structure scan sees what a reader sees that goes from byte to byte."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ScanError
from engine.model import Dialect
from engine.scan import window
from engine.scan.polars_reader import read_text
from engine.scan.structure import Structure, structure
from tests.scan_reading import scan

LineEnd = Literal["\n", "\r", "any"]


@dataclass
class Reference:
    """The same, from one byte to the next."""

    records: list[tuple[int, int, int, int]] = field(default_factory=list)
    irregular: bool = False


def reference(data: bytes, line_end: LineEnd) -> Reference:
    """Read whole text (nothing follows): start, end, fields and terminator of each record up to an irregular quote."""
    found, at, start, fields = Reference(), 0, 0, 1
    quoted, fresh = False, True
    while at < len(data):
        char = data[at : at + 1]
        ended = terminator(data, at, line_end)
        if quoted:
            if char == b'"' and data[at + 1 : at + 2] == b'"':
                at += 1
            elif char == b'"':
                behind = at + 1
                if behind < len(data) and data[behind : behind + 1] != b"," and not terminator(data, behind, line_end):
                    found.irregular = True
                    return found
                quoted = False
            at += 1
        elif char == b'"':
            if not fresh:
                found.irregular = True
                return found
            quoted, fresh = True, False
            at += 1
        elif ended:
            found.records.append((start, at + ended, fields, ended))
            at += ended
            start, fields, fresh = at, 1, True
        else:
            if unlike(data, at, line_end):
                found.irregular = True
                return found
            fields += char == b","
            fresh = char == b","
            at += 1
    if quoted:
        found.irregular = True
    elif start < len(data):
        found.records.append((start, len(data), fields, 0))
    return found


def terminator(data: bytes, at: int, line_end: LineEnd) -> int:
    """Length of the line terminator at a place, 0 for none."""
    if data[at : at + 2] == b"\r\n":
        return {"\n": 2, "any": 2, "\r": 1}[line_end]
    if data[at : at + 1] == b"\n":
        return int(line_end != "\r")
    if data[at : at + 1] == b"\r":
        return int(line_end != "\n" or at + 1 == len(data))
    return 0


def unlike(data: bytes, at: int, line_end: LineEnd) -> bool:
    """A byte that Polars would take for something else."""
    return data[at : at + 1] == b"\n" if line_end == "\r" else data[at : at + 2] == b"\r,"


def seen(found: Structure) -> list[tuple[int, int, int, int]]:
    columns = (found.starts, found.ends, found.fields, found.terminator_bytes)
    return list(zip(*(column.tolist() for column in columns), strict=True))


TEXT = st.lists(
    st.sampled_from([b'"', b'"', b'""', b",", b"\n", b"\r", b"\r\n", b"x", b'"x"', b'"a,\n"', b"\xc3\xa9", b"1,2\n"]),
    max_size=30,
).map(b"".join)


@settings(max_examples=1000, deadline=None)
@given(data=TEXT, line_end=st.sampled_from(["\n", "\r", "any"]))
def test_structure_equals_the_reference(data: bytes, line_end: LineEnd) -> None:
    found = structure(data, Dialect(line_end=line_end), final=True)
    expected = reference(data, line_end)
    assert (seen(found), found.irregular) == (expected.records, expected.irregular)


@settings(max_examples=500, deadline=None)
@given(data=TEXT, line_end=st.sampled_from(["\n", "\r", "any"]), cut=st.integers(0, 60))
def test_a_piece_shows_only_records_that_the_whole_shows(data: bytes, line_end: LineEnd, cut: int) -> None:
    whole = structure(data, Dialect(line_end=line_end), final=True)
    piece = structure(data[:cut], Dialect(line_end=line_end), final=False)
    assert seen(piece) == seen(whole)[: len(piece.ends)]


def test_quotes_and_the_second_of_each_pair() -> None:
    found = structure(b'"a""b",""\n"""",x\n', Dialect(), final=True)
    assert found.quotes.tolist() == [0, 2, 3, 5, 7, 8, 10, 11, 12, 13]
    assert found.doubled.tolist() == [3, 12]
    assert found.consumed == 17


def test_the_two_readers_must_agree_on_rows_and_bytes() -> None:
    frame = read_text(b'1,"x"\n2,y\n', ["a", "b"], Dialect(), rows=2, payload_bytes=4)
    assert frame.rows() == [("1", "x"), ("2", "y")]
    for rows, payload_bytes in ((3, 4), (2, 5)):
        with pytest.raises(ScanError, match="two readers disagree") as caught:
            read_text(b'1,"x"\n2,y\n', ["a", "b"], Dialect(), rows=rows, payload_bytes=payload_bytes)
        assert caught.value.code == "scan.readers_differ"


def test_a_record_that_the_structure_misses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(piece: bytes, dialect: Dialect, *, final: bool, stand_in: bool) -> Structure:
        found = structure(piece, dialect, final=final, stand_in=stand_in)
        keep = np.arange(len(found.ends)) != 1
        return Structure(
            starts=np.concatenate(([0], found.ends[keep][:-1])),
            ends=found.ends[keep],
            fields=found.fields[keep],
            terminator_bytes=found.terminator_bytes[keep],
            quotes=found.quotes,
            doubled=found.doubled,
            irregular=found.irregular,
        )

    monkeypatch.setattr(window, "structure", blind)
    with pytest.raises(ScanError, match="the structure scan sees 2 rows of 8 bytes, Polars 3 rows of 6 bytes"):
        scan(b"a,b\n1,2\n3,4\n5,6\n")


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.head(1),
        lambda frame: frame.with_columns(pl.col("c1") + "0"),
        lambda frame: frame.with_columns(pl.lit(None, pl.String).alias("c0")),
    ],
)
def test_a_row_or_value_that_polars_changes_is_an_error(monkeypatch: pytest.MonkeyPatch, change: object) -> None:
    class Changing:
        """Polars with a fault in it."""

        def __init__(self, frame: pl.LazyFrame) -> None:
            self._frame = frame

        def collect(self) -> pl.DataFrame:
            assert callable(change)
            changed = change(self._frame.collect())
            assert isinstance(changed, pl.DataFrame)
            return changed

    real = pl.scan_csv
    monkeypatch.setattr(pl, "scan_csv", lambda *args, **options: Changing(real(*args, **options)))
    with pytest.raises(ScanError, match="two readers disagree"):
        scan(b"a,b\n1,2\n3,4\n")


def test_a_fault_anywhere_stops_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    real = window.WindowReader.read

    def one_too_many(self: window.WindowReader, text: bytes, *, final: bool, alone: bool = False) -> window.Window:
        found = real(self, text, final=final, alone=alone)
        found.terminators[-1] += 1
        return found

    monkeypatch.setattr(window.WindowReader, "read", one_too_many)
    with pytest.raises(ScanError, match="two readers disagree"):
        scan(b"a,b\n1,2\n3,4\n")
