"""Tables of any text under any header, written by Python's csv in any dialect, come back equal from MySQL."""

from __future__ import annotations

import csv
import io
import itertools
from dataclasses import dataclass
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

NASTY = ["\n", "\r", "\r\n", '"', "'", "`", ",", ";", "\t", "|", ":", " ", "\\", "^", "#", "\\N", "NULL", "\x00", "\x1a",
         "\x1b", "\x1f", "\x7f", "\x85", "\u2028", "\ufeff", "é", "e\u0301", "😀", "%s", "{table}"]  # fmt: skip
CELL = st.lists(st.one_of(st.sampled_from([*NASTY, "a", "1", "00"]), st.characters(codec="utf-8")), max_size=6)
WIDTHS = st.shared(st.integers(1, 4), key="width")
ROW = WIDTHS.flatmap(lambda width: st.lists(CELL.map("".join), min_size=width, max_size=width))
_numbers = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Written:
    """How Python's csv module writes a file."""

    delimiter: str
    quote: str | None
    escape: str | None
    quoting: int
    line_end: str

    @property
    def tells_empty_from_null(self) -> bool:
        return self.quoting in (csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)

    def text(self, rows: list[list[str]]) -> str:
        buffer = io.StringIO(newline="")
        writer = csv.writer(
            buffer,
            delimiter=self.delimiter,
            quotechar=self.quote,
            escapechar=self.escape,
            doublequote=self.escape is None,
            quoting=self.quoting,  # type: ignore[arg-type]  # csv's own numbers
            lineterminator=self.line_end,
        )
        writer.writerows(rows)
        return buffer.getvalue()

    def writable(self, rows: list[list[str]]) -> list[list[str]]:
        """Return the rows without what this dialect doesn't tell apart, in Python's own reader either."""
        if self.tells_empty_from_null:
            return rows
        # Left bare: the line end that isn't the file's, and an empty only field.
        other = "" if self.line_end == "\r\n" else {"\n": "\r", "\r": "\n"}[self.line_end]
        rows = [[cell.replace(other, "") for cell in row] for row in rows] if other else rows
        return [[cell or "x" for cell in row] if len(row) == 1 else row for row in rows]


@st.composite
def dialects(draw: st.DrawFn) -> Written:
    delimiter = draw(st.sampled_from(list(",;\t|: ^\x1f§")))
    escape = draw(st.sampled_from([None, "\\", "~"]))
    plain = [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]
    quoting = draw(st.sampled_from(plain if escape is None else [*plain, csv.QUOTE_NONE]))
    quote = None if quoting == csv.QUOTE_NONE else draw(st.sampled_from(['"', "'", "`"]))
    line_end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    return Written(delimiter=delimiter, quote=quote, escape=escape, quoting=quoting, line_end=line_end)


@examples(
    max_examples=60,
    deadline=None,
    # The server and its database are the same for every example; each has a table of its own.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    names=ROW,
    table=st.lists(ROW, min_size=1, max_size=20),
    dialect=dialects(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"]),
    batch_rows=st.sampled_from([1, 3, 1000]),
)
def test_what_python_writes_comes_back_from_mysql(
    settings: Settings,
    mysql: Mysql,
    tmp_path: Path,
    names: list[str],
    table: list[list[str]],
    dialect: Written,
    encoding: str,
    batch_rows: int,
) -> None:
    # Without any name it would be a file without a header.
    header, *table = dialect.writable([[f"h{names[0]}", *names[1:]], *table])
    name = f"t{next(_numbers)}"
    path = write(tmp_path / f"{name}.csv", dialect.text([header, *table]).encode(encoding))
    feed: dict[str, object] = {
        "delimiter": dialect.delimiter,
        "quote_char": dialect.quote or "",
        "escape_char": dialect.escape or "",
        "comment": "",
        "encoding": encoding,
        "header": True,
        "skip_lines": 0,
        "all_text": True,
        "on_duplicate": "load",
    }
    own = settings.model_copy(update={"loaders": 1, "batch_rows": batch_rows})
    file = only(ingest_files([path], own, table=name, overrides=feed))
    assert (file.error, file.status, file.rows_rejected) == (None, FileStatus.LOADED, 0)
    assert [column.original for column in file.columns] == header
    stored = table_text(mysql, name, [column.name for column in file.columns])
    assert stored == [[cell if dialect.tells_empty_from_null else cell or None for cell in row] for row in table]
    mysql.rows(f"DROP TABLE {name}")


def test_a_thousand_and_three_rows_in_batches_of_ten(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    rows = [[str(number), f"name {number}"] for number in range(1003)]
    text = written([["n", "t"], *rows], Dialect(), quoting=csv.QUOTE_MINIMAL, line_end="\n")
    small = settings.model_copy(update={"batch_rows": 10})
    file = only(ingest_files([write(tmp_path / "a.csv", text)], small, table="t"))
    assert (file.rows_read, file.rows_loaded) == (1003, 1003)
    assert mysql.rows("SELECT CAST(n AS CHAR), t FROM t ORDER BY n") == [tuple(row) for row in rows]
