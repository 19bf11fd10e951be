"""Line, byte range and text of every reject are those of the file, however it is written, cut and packed."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.model import Dialect, Irregular, Reject
from engine.scan import Scanner
from engine.source import fingerprint, open_source

PACKED: dict[str, Callable[[bytes], bytes]] = {
    "csv": bytes,
    "csv.gz": gzip.compress,
    "csv.bz2": bz2.compress,
    "csv.xz": lzma.compress,
    "csv.zst": zstandard.ZstdCompressor().compress,
}
GOOD = ["1,x,y", '2,"a, b",ü', '"3","two\nlines","say ""hi"""', "4,,", '5,"\n\n",z']
BROKEN = ["short", "a,b,c,d", '6,st"ray,y', '"a"b,c,d', '7,"two\nlines",ä,surplus']


def places(path: Path, dialect: Dialect, batch_bytes: int) -> list[Reject]:
    """Read a file as the engine does and return its rejects."""
    with open_source(fingerprint(path)) as opened:
        scanner = Scanner(
            opened.stream, dialect, irregular=Irregular.REJECT, batch_bytes=batch_bytes, batch_rows=1_000_000
        )
        names = [f"c{number}" for number in range(len(scanner.header))]
        return [reject for batch in scanner.batches(names) for reject in batch.rejects]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    records=st.lists(st.one_of(st.sampled_from(GOOD), st.sampled_from(BROKEN), st.just("")), max_size=30),
    encoding=st.sampled_from(["utf-8", "cp1252", "utf-16-le", "utf-16-be", "utf-32-le"]),
    marked=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    ended=st.booleans(),
    packed=st.sampled_from(list(PACKED)),
    members=st.integers(1, 3),
    batch_bytes=st.sampled_from([1, 30, 200, 1 << 20]),
)
def test_a_reject_is_where_it_was_written(
    tmp_path: Path,
    records: list[str],
    encoding: str,
    marked: bool,
    end: str,
    ended: bool,
    packed: str,
    members: int,
    batch_bytes: int,
) -> None:
    mark = "\ufeff".encode(encoding) if marked and encoding != "cp1252" else b""
    data, line, expected = mark + f"a,b,c{end}".encode(encoding), 2, []
    # A last line that is empty and unended is no line.
    if not ended and records and not records[-1]:
        records = [*records, GOOD[0]]
    for number, record in enumerate(records):
        text = record.replace("\n", end)
        stored = text.encode(encoding)
        terminator = "" if not ended and number == len(records) - 1 else end
        behind = len(data) + len(stored) + len(terminator.encode(encoding))
        if record in BROKEN:
            expected.append((line, len(data), behind, text.encode()))
        data += stored + terminator.encode(encoding)
        line += text.count(end) + 1
    path = tmp_path / f"a.{packed}"
    size = len(data) // members + 1
    parts = [data] if packed == "csv" else [data[at : at + size] for at in range(0, len(data), size)]
    path.write_bytes(b"".join(PACKED[packed](part) for part in parts))
    dialect = Dialect(encoding=encoding, bom_bytes=len(mark), line_end="\r" if end == "\r" else "\n")
    found = [
        (reject.line, reject.byte_start, reject.byte_end, reject.raw) for reject in places(path, dialect, batch_bytes)
    ]
    assert found == expected
