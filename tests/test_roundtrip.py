"""Tables of any text, written by Python's csv in any dialect, come back equal from MySQL."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from engine import FileStatus, Settings, ingest_files
from engine.model import Dialect
from tests.fix_mysql import Mysql
from tests.scan_reading import written
from tests.test_cases import table_text
from tests.test_pipeline_modes import only, write

NASTY = [
    "\n",
    "\r",
    "\r\n",
    '"',
    "'",
    ",",
    ";",
    "\t",
    "|",
    " ",
    "\\",
    "\\N",
    "NULL",
    "\x00",
    "\x1a",
    "\ufeff",
    "é",
    "😀",
    "%s",
]
CELL = st.lists(st.one_of(st.sampled_from([*NASTY, "a", "1", "00"]), st.characters(codec="utf-8")), max_size=6)
WIDTHS = st.shared(st.integers(1, 4), key="width")
ROW = WIDTHS.flatmap(lambda width: st.lists(CELL.map("".join), min_size=width, max_size=width))
_numbers = itertools.count(1)


@examples(
    max_examples=40,
    deadline=None,
    # The server and its database are the same for every example; each has a table of its own.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    table=st.lists(ROW, min_size=1, max_size=20),
    delimiter=st.sampled_from(list(",;\t|")),
    quote=st.sampled_from(["'", '"']),
    escaped=st.booleans(),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    batch_rows=st.sampled_from([1, 3, 1000]),
)
def test_what_python_writes_comes_back_from_mysql(
    settings: Settings,
    mysql: Mysql,
    tmp_path: Path,
    table: list[list[str]],
    delimiter: str,
    quote: str,
    escaped: bool,
    quoting: int,
    line_end: str,
    encoding: str,
    batch_rows: int,
) -> None:
    width = len(table[0])
    plain = quoting == csv.QUOTE_MINIMAL
    if plain:
        # Left bare, a CR in front of a line end or an empty only field can't be told from something else.
        table = [[cell.replace("\r", "") for cell in row] for row in table]
        table = [[cell or "x" for cell in row] for row in table] if width == 1 else table
    dialect = Dialect(delimiter=delimiter, quote_char=quote, escape_char="\\" if escaped else None)
    header = [f"h{number}" for number in range(width)]
    text = written([header, *table], dialect, quoting=quoting, line_end=line_end)
    name = f"t{next(_numbers)}"
    path = write(tmp_path / f"{name}.csv", text.encode(encoding))
    feed: dict[str, object] = {
        "delimiter": delimiter,
        "quote_char": quote,
        "encoding": encoding,
        "header": True,
        "skip_lines": 0,
        "all_text": True,
        "on_duplicate": "load",
        **({"escape_char": "\\"} if escaped else {}),
    }
    own = settings.model_copy(update={"loaders": 1, "batch_rows": batch_rows})
    file = only(ingest_files([path], own, table=name, overrides=feed))
    assert (file.error, file.status, file.rows_rejected) == (None, FileStatus.LOADED, 0)
    assert table_text(mysql, name, header) == [[(cell or None) if plain else cell for cell in row] for row in table]
    mysql.rows(f"DROP TABLE {name}")


def test_a_thousand_and_three_rows_in_batches_of_ten(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    rows = [[str(number), f"name {number}"] for number in range(1003)]
    text = written([["n", "t"], *rows], Dialect(), quoting=csv.QUOTE_MINIMAL, line_end="\n")
    small = settings.model_copy(update={"batch_rows": 10})
    file = only(ingest_files([write(tmp_path / "a.csv", text)], small, table="t"))
    assert (file.rows_read, file.rows_loaded) == (1003, 1003)
    assert mysql.rows("SELECT CAST(n AS CHAR), t FROM t ORDER BY n") == [tuple(row) for row in rows]
