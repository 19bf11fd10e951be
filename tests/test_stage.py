"""Staged text comes back unchanged from the server that reads it."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import ScanError
from engine.load import Address, Connection
from engine.stage import FORMAT, remove_batches, stage, write_batch

# What other loaders change: escapes, words for NULL, quotes, delimiters, line ends, controls, blanks, wide characters.
NASTY = [
    None, "", " ", "  trailing  ", "\\N", "NULL", "null", '"NULL"', "\\", "ends with \\", 'quote"inside', '"', '""', '","',
    '\\"', "'", "`", ",", ";", "\t", "\n", "\r", "\r\n", "a\nb\r\nc\rd", "\x00", "a\x00b", "\x1a", "\x1aafter", "\x7f", "%s",
    "%", "{}", "--", "/* */", "\\0", "\\n", "\\t", "\\Z", "é", "Île", "日本語", "😀", "👩‍👩‍👧", "\ufeff", "\ufeffx", "\u2028",
    "a" * 70_000,
]  # fmt: skip


@pytest.fixture
def connection(mysql_url: str) -> Connection:
    connection = Connection(Address.parse(mysql_url), connect_timeout_s=10)
    connection.execute("CREATE TABLE t (n INT, a LONGTEXT, b LONGTEXT) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    return connection


def through(connection: Connection, rows: list[tuple[str | None, str | None]]) -> list[tuple[object, ...]]:
    """Load rows from staged text and read them again."""
    frame = pl.DataFrame(
        {
            "n": [str(number) for number in range(len(rows))],
            "a": [first for first, _ in rows],
            "b": [second for _, second in rows],
        },
        schema=dict.fromkeys("nab", pl.String),
    )
    connection.execute("TRUNCATE TABLE t")
    info = connection.load(
        f"LOAD DATA LOCAL INFILE 'staged' REPLACE INTO TABLE t CHARACTER SET utf8mb4 {FORMAT} (n, a, b)",
        "staged",
        stage(frame),
    )
    assert info == f"Records: {len(rows)}  Deleted: 0  Skipped: 0  Warnings: 0"
    return connection.query("SELECT a, b FROM t ORDER BY n")


def test_nasty_strings_come_back(connection: Connection) -> None:
    rows = [(left, right) for left, right in zip(NASTY, [*NASTY[1:], NASTY[0]], strict=True)]
    assert through(connection, rows) == rows
    connection.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(*[st.one_of(st.none(), st.sampled_from(NASTY[:-1]), st.text(max_size=8))] * 2),
        min_size=1,
        max_size=20,
    )
)
def test_any_text_comes_back(connection: Connection, rows: list[tuple[str | None, str | None]]) -> None:
    assert through(connection, rows) == rows


def test_null_is_the_bare_word_and_everything_else_is_quoted() -> None:
    frame = pl.DataFrame({"a": ["1", None, "NULL"], "b": ["", 'x"y', None]}, schema=dict.fromkeys("ab", pl.String))
    assert stage(frame) == b'"1",""\nNULL,"x""y"\n"NULL",NULL\n'


def test_no_rows_are_no_text() -> None:
    assert stage(pl.DataFrame(schema={"a": pl.String})) == b""


def test_a_batch_on_disk_is_whole_and_goes_again(tmp_path: Path) -> None:
    folder = tmp_path / "staging" / "file"
    path = write_batch(b'"1"\n', folder, 7)
    assert (path.name, path.read_bytes()) == ("batch-000007.csv", b'"1"\n')
    write_batch(b'"2"\n', folder, 7)
    assert [(entry.name, entry.read_bytes()) for entry in folder.iterdir()] == [("batch-000007.csv", b'"2"\n')]
    remove_batches(folder)
    remove_batches(folder)
    assert not folder.exists()


def test_a_batch_that_can_t_be_written_is_an_error_that_may_pass(tmp_path: Path) -> None:
    (tmp_path / f"batch-000001.csv.{os.getpid()}.partial").symlink_to("/dev/full")
    with pytest.raises(ScanError, match="can't stage 100000 bytes") as caught:
        write_batch(b"x" * 100_000, tmp_path, 1)
    assert (caught.value.code, caught.value.retryable) == ("stage.write", True)
    assert list(tmp_path.iterdir()) == []
