"""Five million rows with a hundred broken lines among them: these are rejected, by their numbers, and no other."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl
import pytest

from engine import FileStatus, Settings, ingest_files
from tests.fix_mysql import Mysql

ROWS = 5_000_000
BROKEN = 100
# One for each kind in turn: what is left of a line, and what is said of it.
KINDS = {
    "parse.short_row": b"%d",
    "parse.long_row": b"%d,x,5,too much",
    "parse.stray_quote": b'%d,6" pipe,5',
    "parse.unclosed_quote": b'%d,"never closed,5',
    "parse.encoding": b"%d,caf\xe9,5",
}


def put(path: Path) -> dict[int, tuple[str, bytes]]:
    """Write the file; return the broken lines by number, each with its code and its bytes."""
    frame = pl.select(pl.int_range(ROWS, eager=True).alias("id")).with_columns(
        pl.format("text {}, of {}", pl.col("id") % 1000, pl.col("id")).alias("words"),
        (pl.col("id") * 7919 % 100_003).alias("n"),
    )
    lines = frame.write_csv().encode().splitlines()
    chosen = sorted(random.Random(20).sample(range(1, ROWS + 1), BROKEN))
    # Two neighbours, the first row and the last one too.
    chosen[0], chosen[1], chosen[-1] = 1, 2, ROWS
    broken = {}
    for place, index in enumerate(chosen):
        code, shape = list(KINDS.items())[place % len(KINDS)]
        lines[index] = shape % (index - 1)
        broken[index + 1] = (code, lines[index])
    path.write_bytes(b"\n".join(lines) + b"\n")
    return broken


@pytest.mark.slow
def test_a_hundred_broken_lines_in_five_million(settings: Settings, mysql: Mysql) -> None:
    broken = put(settings.input_dir / "large.csv")
    assert len(broken) == BROKEN
    (file,) = ingest_files(None, settings, overrides={"max_rejects": BROKEN}).files
    assert (file.status, file.error) == (FileStatus.LOADED, None)
    assert (file.rows_read, file.rows_loaded, file.rows_rejected) == (ROWS, ROWS - BROKEN, BROKEN)
    assert file.rejects_path is not None
    _, *entries = [json.loads(line) for line in file.rejects_path.with_suffix(".errors.jsonl").read_text().splitlines()]
    assert {entry["line"]: entry["code"] for entry in entries} == {line: code for line, (code, _) in broken.items()}
    header, *rejected = file.rejects_path.read_bytes().splitlines()
    assert header == b"id,words,n"
    assert rejected == [raw for _, raw in broken.values()]
    missing = {line - 2 for line in broken}
    total = ROWS * (ROWS - 1) // 2 - sum(missing)
    assert mysql.rows("SELECT CAST(SUM(id) AS UNSIGNED), COUNT(*) FROM large") == [(total, ROWS - BROKEN)]
    numbers = ", ".join(map(str, missing))
    assert mysql.value(f"SELECT COUNT(*) FROM large WHERE id IN ({numbers})") == 0
    wrong = "words <> CONCAT('text ', id % 1000, ', of ', id) OR n <> id * 7919 % 100003"
    assert mysql.value(f"SELECT COUNT(*) FROM large WHERE {wrong}") == 0
