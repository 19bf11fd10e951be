"""Columns of every kind, loaded with the types that are proved for them: MySQL gives each value back as it was.

Nothing of the engine decides here what a text means: numbers are compared as Decimal, dates and instants as Python's own
parsers read them, in every format that could be meant.
"""

from __future__ import annotations

import csv
import io
import itertools
import random
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from engine import FileStatus, Settings, ingest_files
from engine.sql import quote_mysql
from tests.fix_mysql import Mysql
from tests.test_pipeline_modes import only, write

Random = random.Random

ODD = ["", "NULL", "\\N", "NA", "null", "None", "-", "+", ".", "-.", "0", "-0", "00", "007", "+5", "5.", ".5", "-.5", "1e5",
       "1E+5", "1.5e-3", "NaN", "inf", "-0.0", "0.0", "1_000", "1,234", "$5", "12%", "(5)", "1-", "0x1F", " 1", "1 ", "\xa05",
       "\uff11\uff12", "٣", "true", "True", "FALSE", "t", "yes", "2024-02-30", "0000-01-01", "0999-12-31", "2024-01-05 24:00:00",
       "2016-12-31 23:59:60", "2024-01-05 10:00:00.1234567", "2024-01-05 10", "2024-01-05 10:00:00,5", "24:00:00", "10:00",
       "-10:00:00", "2024-W05-3", "20240105", "01/02/2013", "31/12/20", "9" * 19, "9" * 20, "9" * 39, "9" * 66, "1e400",
       "0." + "3" * 31, "a\tb", "😀", "é", "e\u0301", "\ufeff", "\0", "x ", "2024-01-05T10:00:00Z"]  # fmt: skip


def moment(r: Random) -> datetime:
    base = datetime(r.choice([1000, 1900, 2024, 2024, 9998]), 1, 1)
    made = base + timedelta(
        seconds=r.randrange(366 * 86_400), microseconds=r.choice([0, 0, 500_000, r.randrange(10**6)])
    )
    return made.replace(day=min(made.day, r.choice([12, 31])))


def zone(r: Random) -> str:
    return r.choice(["Z", "+00:00", "-00:00", "+0200", "-0330", "+14:00", "-05", " UTC", " +0100"])


def clock(r: Random) -> str:
    return moment(r).time().isoformat()


def digits(r: Random) -> str:
    return str(r.randrange(-(10 ** r.randrange(1, 70)), 10 ** r.randrange(1, 70)))


def number(r: Random) -> str:
    return f"{r.choice(['', '-'])}{r.randrange(10 ** r.randrange(1, 20))}.{r.randrange(10**9):0{r.randrange(1, 12)}d}"


KINDS: dict[str, Callable[[Random], str]] = {
    "odd": lambda r: r.choice(ODD),
    "boolean": lambda r: r.choice(["true", "false"]),
    "title boolean": lambda r: r.choice(["True", "False"]),
    "small integer": lambda r: str(r.randrange(-300, 300)),
    "integer": lambda r: str(r.choice([0, 1, 2**31, 2**63, 2**64, 10**18]) * r.choice([1, -1]) + r.randrange(-3, 3)),
    "digits": digits,
    "number": number,
    "money": lambda r: f"{r.randrange(10**6) / 100:.2f}",
    "double": lambda r: repr(r.uniform(-1, 1) * 10.0 ** r.randrange(-300, 300)),
    "double as text": lambda r: f"{r.uniform(1, 10):.{r.randrange(1, 19)}f}e{r.choice('+-')}{r.randrange(310):02d}",
    "date": lambda r: moment(r).date().isoformat(),
    "short date": lambda r: f"{(m := moment(r)).year}-{m.month}-{m.day}",
    "slashes": lambda r: moment(r).strftime("%d/%m/%Y"),
    "slashes, month first": lambda r: moment(r).strftime("%m/%d/%Y"),
    "dots with time": lambda r: moment(r).strftime("%d.%m.%Y %H:%M:%S"),
    "twelve hours": lambda r: moment(r).strftime("%m-%d-%Y %I:%M %p"),
    "month names": lambda r: moment(r).strftime(r.choice(["%d-%b-%Y", "%d-%B-%Y"])),
    "month first": lambda r: moment(r).strftime("%b %d, %Y"),
    "two digits": lambda r: moment(r).strftime("%d/%m/%y"),
    "datetime": lambda r: moment(r).isoformat(sep=r.choice("T ")),
    "minutes": lambda r: moment(r).isoformat(sep=" ", timespec="minutes"),
    "milliseconds": lambda r: moment(r).isoformat(timespec="milliseconds"),
    "zoned": lambda r: moment(r).isoformat(sep=r.choice("T ")) + zone(r),
    "seven digits": lambda r: moment(r).isoformat(timespec="microseconds") + r.choice(["0", "0", "0", "5"]),
    "seven digits, zoned": lambda r: moment(r).isoformat(sep=" ", timespec="microseconds") + "0 +02:00",
    "utc": lambda r: moment(r).isoformat() + "Z",
    "time": clock,
    "text": lambda r: "".join(r.choices("0123456789+-.eE: /TZabc€😀\"',;\\\n", k=r.randrange(12))),
}

# Every way to write a date that a column may be read in; two-digit years never are.
FORMATS = [
    f"{day}{time}"
    for day in [
        *(mark.join(order) for mark in "/-." for order in (("%d", "%m", "%Y"), ("%m", "%d", "%Y"), ("%Y", "%m", "%d"))),
        *("%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%b %d %Y"),
    ]
    for time in ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p")
]

_numbers = itertools.count(1)
Cell = str | None


def instant(text: str) -> datetime:
    """Read ISO 8601 with a zone as the instant in UTC."""
    plain = re.sub(r" ?(?:Z|UTC)$", "+00:00", text).replace(" +", "+").replace(" -", "-")
    return datetime.fromisoformat(plain).astimezone(UTC).replace(tzinfo=None)


def iso(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is not None or text[10:11] not in ("", "T", " "):
        raise ValueError(text)
    return found


def formatted(text: str, format_text: str) -> datetime:
    """Read a date in a format, with the month's name in short or in full."""
    try:
        return datetime.strptime(text, format_text)
    except ValueError:
        return datetime.strptime(text, format_text.replace("%b", "%B"))


def readings(values: list[str]) -> list[list[datetime]]:
    """Return each different way in which all of the values are dates or datetimes."""
    found: list[list[datetime]] = []
    readers: list[Callable[[str], datetime]] = [instant, iso, *(partial(formatted, format_text=one) for one in FORMATS)]
    for reader in readers:
        try:
            read = [reader(value) for value in values]
        except ValueError:
            continue
        if read not in found:
            found.append(read)
    return found


def assert_same(source: list[Cell], stored: list[Cell], mysql_type: str) -> None:
    """Assert that a column holds what its text says."""
    assert [value is None for value in source] == [value is None for value in stored]
    pairs = [(a, b) for a, b in zip(source, stored, strict=True) if a is not None and b is not None]
    values = [a for a, _ in pairs]
    match re.split(r"[( ]", mysql_type.lower())[0]:
        case "tinyint":
            spellings = [("true", "false"), ("True", "False"), ("TRUE", "FALSE")]
            assert any(set(values) <= set(words) for words in spellings)
            assert [b == "1" for _, b in pairs] == [a.lower() == "true" for a, _ in pairs]
        case "int" | "bigint" | "decimal":
            assert [Decimal(a) for a, _ in pairs] == [Decimal(b) for _, b in pairs]
        case "double":
            # What a client gets is the double that the server has.
            assert [Decimal(a) for a, _ in pairs] == [Decimal(repr(float(b))) for _, b in pairs]
        case "date":
            assert readings(values) == [
                [datetime.combine(date.fromisoformat(b), datetime.min.time()) for _, b in pairs]
            ]
        case "datetime":
            assert readings(values) == [[datetime.fromisoformat(b) for _, b in pairs]]
        case "time":
            assert [iso(f"2000-01-01 {a}") for a, _ in pairs] == [iso(f"2000-01-01 {b}") for _, b in pairs]
        case "varchar" | "text" | "mediumtext" | "longtext":
            assert source == stored
        case other:
            raise AssertionError(f"a type that was never to be chosen: {other}")


@st.composite
def tables(draw: st.DrawFn) -> list[list[Cell]]:
    """Draw the columns of a file; each is of one kind or of two, with or without NULLs."""
    rows = draw(st.integers(1, 12))
    columns: list[list[Cell]] = []
    mixtures = st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=2)
    for kinds in draw(st.lists(mixtures, min_size=40, max_size=80)):
        r = Random(draw(st.integers(0, 2**32)))
        rare = r.choice([0.0, 0.1, 0.5])
        columns.append(
            [
                None if r.random() < rare / 2 else KINDS[kinds[-1] if r.random() < rare else kinds[0]](r)
                for _ in range(rows)
            ]
        )
    return columns


def written(columns: list[list[Cell]]) -> str:
    """Write a file in which only what is text is quoted, so that an empty text isn't NULL."""
    out = io.StringIO()
    rows = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    rows.writerow([f"c{number}" for number in range(len(columns))])
    for cells in zip(*columns, strict=True):
        out.write(",".join("" if cell is None else '"' + cell.replace('"', '""') + '"' for cell in cells))
        out.write("\n")
    return out.getvalue()


@examples(
    max_examples=25,
    deadline=None,
    # The server and its database are the same for every example; each has a table of its own.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(columns=tables(), batch_rows=st.sampled_from([1, 3, 1000]))
def test_types_that_were_proved_change_no_value(
    settings: Settings, mysql: Mysql, tmp_path: Path, columns: list[list[Cell]], batch_rows: int
) -> None:
    # A row that has only one field and it NULL would be a blank line.
    columns = [*columns, [str(number) for number in range(len(columns[0]))]]
    name = f"t{next(_numbers)}"
    path = write(tmp_path / f"{name}.csv", written(columns))
    own = settings.model_copy(update={"loaders": 1, "batch_rows": batch_rows})
    # What the file's dialect is, isn't this test's matter.
    feed = {
        "delimiter": ",",
        "quote_char": '"',
        "escape_char": "",
        "encoding": "utf-8",
        "header": True,
        "skip_lines": 0,
    }
    file = only(ingest_files([path], own, table=name, overrides={"on_duplicate": "load", **feed}))
    assert (file.error, file.status, file.rows_rejected) == (None, FileStatus.LOADED, 0)
    wanted = ", ".join(f"CAST({quote_mysql(column.name)} AS CHAR)" for column in file.columns)
    rows = mysql.rows(f"SELECT {wanted} FROM {name} ORDER BY _row_id")
    for column, source, stored in zip(file.columns, columns, zip(*rows, strict=True), strict=True):
        assert_same(source, [None if value is None else str(value) for value in stored], column.mysql_type)
    mysql.rows(f"DROP TABLE {name}")
