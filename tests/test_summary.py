"""The summary: what is shown of a run, and the JSON report, whose every digit comes back."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from engine import FileReport, FileStatus, Mode, RunReport, Settings, ingest_files
from engine.log import Stopwatch, logger, step
from engine.model import (
    ColumnProfile,
    ColumnReceipt,
    ColumnReport,
    ErrorReport,
    Histogram,
    Kind,
    QualityCheck,
    Receipt,
    Value,
)
from engine.summary import (
    LogLines,
    ProgressBar,
    file_document,
    file_from_json,
    print_summary,
    run_error_json,
    run_json,
    to_json,
)
from engine.text import clean, duration, size

AT = datetime(2024, 2, 29, 12, 30, 0, 123456, tzinfo=UTC)


def profile(kind: Kind, low: Value | None, high: Value | None, **figures: object) -> ColumnProfile:
    made = ColumnProfile(
        column="c",
        kind=kind,
        rows=3,
        nulls=1,
        empties=0,
        distinct=2,
        distinct_error=0.0,
        minimum=low,
        maximum=high,
        total=None,
        mean=None,
        stddev=None,
        min_chars=1,
        max_chars=2,
        quantiles=() if low is None or high is None else ((0.25, low), (0.5, high)),
        quantiles_error=0.0,
        top_values=(("a", 2), ("é\n", 1)),
        top_error=0.01,
        histogram=Histogram(edges=(0.0, 0.5, 1.0), counts=(1, 1), exact=True),
        samples=("a", "é\n"),
    )
    return replace(made, **figures)  # type: ignore[arg-type]  # fields of a report


def file_report(name: str = "sales.csv", **words: object) -> FileReport:
    made = FileReport(
        file_id="f" * 32,
        run_id="r" * 32,
        attempt=1,
        path=Path("/data") / name,
        sha256="ab" * 32,
        size_bytes=1234,
        mtime=AT,
        feed=None,
        table="sales_data",
        mode=Mode.APPEND,
        status=FileStatus.LOADED,
        started_at=AT,
        seconds=1.5,
        seconds_by_step={"scan": 0.25, "load": 1.0},
        rows_read=10,
        rows_loaded=10,
    )
    return replace(made, **words)  # type: ignore[arg-type]  # fields of a report


def run_report(*files: FileReport, **words: object) -> RunReport:
    return replace(RunReport(run_id="r", started_at=AT, wall_seconds=2.0, files=files), **words)  # type: ignore[arg-type]  # fields of a report


def shown(report: RunReport, columns: int | None = None, looked_in: Path | None = None) -> list[str]:
    """What is printed, on a terminal of so many columns or into a file."""
    file = io.StringIO()
    terminal = columns is not None
    print_summary(
        report,
        Console(file=file, width=columns, force_terminal=terminal, color_system=None, legacy_windows=False),
        looked_in=looked_in,
    )
    return file.getvalue().splitlines()


# ---- Text ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (9_994, "9.99 kB"),
        (9_996, "10.0 kB"),
        (99_949, "99.9 kB"),
        (99_951, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (660_123_456, "660 MB"),
        (123_456_789_012, "123 GB"),
        (1_234_567_890_123_456, "1,235 TB"),
    ],
)
def test_a_size_has_three_figures(size_bytes: int, text: str) -> None:
    assert size(size_bytes) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.00 s"), (9.994, "9.99 s"), (9.996, "10.0 s"), (59.94, "59.9 s"), (59.96, "1m00s"), (3599.6, "1h00m")],
)
def test_a_duration_says_its_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@given(st.text())
def test_cleaned_text_is_printable_and_plain_text_stays(text: str) -> None:
    assert clean(text).isprintable()
    assert (clean(text) == text) is text.isprintable()


# ---- The table -----------------------------------------------------------------------------------------------------


def test_figures_are_added_up_below_the_files() -> None:
    lines = shown(
        run_report(
            file_report("a.csv", rows_read=1_000_000, rows_loaded=999_998, rows_rejected=2, size_bytes=60_000_000),
            file_report("b.csv", status=FileStatus.DUPLICATE, rows_read=0, rows_loaded=0),
        )
    )
    assert lines == [
        "file   table       status          read   loaded  rejected     size    time",
        "a.csv  sales_data  loaded     1,000,000  999,998         2  60.0 MB  1.50 s",
        "b.csv  sales_data  duplicate          0        0         0  1.23 kB  1.50 s",
        "total                         1,000,000  999,998         2  60.0 MB  2.00 s",
    ]


@given(
    name=st.text(min_size=1, max_size=90).filter(lambda name: "/" not in name and name not in {".", ".."}),
    table=st.text(min_size=1, max_size=64),
    rows=st.integers(0, 99_999_999_999),
    columns=st.integers(40, 200),
)
def test_no_line_is_wider_than_a_terminal_that_can_hold_the_figures(
    name: str, table: str, rows: int, columns: int
) -> None:
    file = file_report(table=table, rows_read=rows, rows_loaded=rows, path=Path("/data") / name.replace("\x00", "0"))
    figures = f"{rows:,}"
    # Status, three counts, size and time with their gaps, and eight cells of a name.
    needed = 8 + 2 * len("sales ") + 2 * max(6, len(figures)) + len("rejected") + 7 + 7 + 6 * 2
    for line in shown(run_report(file), columns)[1:2]:
        assert line.count(figures) >= 1 + (rows > 9)
        assert line.endswith("1.23 kB  1.50 s")
        assert cell_len(line) <= max(columns, needed)


def test_a_name_is_cut_in_its_middle() -> None:
    line = shown(run_report(file_report(f"sales_{'x' * 90}_2024_01.csv")), 80)[1]
    assert line.startswith("sales_x")
    assert "…" in line
    assert "24_01.csv  sales_data  loaded" in line
    assert len(line) == 80


def test_in_a_file_names_are_whole() -> None:
    name = f"sales_{'x' * 90}.csv"
    assert shown(run_report(file_report(name)))[1].startswith(f"{name}  sales_data  loaded")


def test_a_problem_is_told_once_with_its_file_and_next_step() -> None:
    failed = replace(
        file_report("b.csv", status=FileStatus.FAILED),
        error=ErrorReport(code="x.y", message="/data/b.csv: 7 is no date; correct it", retryable=False),
    )
    unnamed = replace(failed, error=ErrorReport(code="x.y", message="disk full; make room", retryable=True))
    assert shown(run_report(failed, unnamed))[4:] == [
        "",
        "/data/b.csv: 7 is no date; correct it",
        "b.csv: disk full; make room",
    ]


def test_a_long_problem_is_wrapped_at_blanks_and_its_paths_stay_whole() -> None:
    path = "/data/rejects/" + "x" * 90 + ".csv"
    error = ErrorReport(code="x.y", message=f"/data/b.csv: {'word ' * 20}all are in {path}", retryable=False)
    lines = shown(run_report(file_report("b.csv", status=FileStatus.HELD, error=error)), 80)[3:]
    assert [line for line in lines if len(line) > 80] == [f"  {path}"]


def test_rejects_that_were_allowed_are_pointed_at() -> None:
    file = file_report(
        rows_rejected=3, rejects_by_class={"type": 1, "parse": 2}, rejects_path=Path("/data/rejects/sales.1.csv")
    )
    assert shown(run_report(file))[-1] == (
        "sales.csv: 3 rows rejected (2 parse, 1 type), kept in /data/rejects/sales.1.csv with the reasons beside it"
    )


def test_files_with_problems_are_shown_before_others_where_there_are_many() -> None:
    files = [file_report(f"{number}.csv") for number in range(1000)]
    error = ErrorReport(code="x.y", message="no", retryable=False)
    files[900] = file_report("900.csv", status=FileStatus.FAILED, error=error)
    lines = shown(run_report(*files, notes=("a note",)))
    assert len(lines) == 1 + 40 + 1 + 1 + 3
    assert lines[40].startswith("900.csv ")
    assert lines[41] == "… and 960 more files: 960 loaded"
    assert lines[42].split()[:4] == ["total", "10,000", "10,000", "0"]
    assert lines[43:] == ["", "900.csv: no", "a note"]


def test_a_thousand_failures_are_not_a_thousand_lines() -> None:
    error = ErrorReport(code="x.y", message="no", retryable=False)
    files = [file_report(f"{number}.csv", status=FileStatus.FAILED, error=error) for number in range(1000)]
    lines = shown(run_report(*files))
    assert lines[-1] == "… and 980 more problems; the JSON report (--json) has all"
    assert len(lines) == 65


def test_nothing_to_load_names_the_folder_that_was_searched() -> None:
    assert shown(run_report(notes=("x.csv is not complete yet",)), looked_in=Path("/data/input")) == [
        "nothing to load in /data/input",
        "x.csv is not complete yet",
    ]


# ---- The JSON report -----------------------------------------------------------------------------------------------


def test_the_report_of_a_real_load_has_every_key_with_its_type(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("Größe,price,day,at,name\n1,2.50,2024-01-31,2024-01-31 10:00:00,x\n-7,10.25,,,\n")
    report = ingest_files([tmp_path / "t.csv"], settings)
    document = json.loads(run_json(report), parse_float=Decimal)
    file = document.pop("files")[0]
    assert {key: type(value) for key, value in document.items()} == {
        "version": int,
        "run_id": str,
        "started_at": str,
        "ok": bool,
        "error": type(None),
        "dry_run": bool,
        "wall_seconds": Decimal,
        "rows_read": int,
        "rows_loaded": int,
        "rows_rejected": int,
        "notes": list,
    }
    needed = {
        "path": str,
        "sha256": str,
        "table": str,
        "mode": str,
        "status": str,
        "size_bytes": int,
        "rows_read": int,
        "rows_loaded": int,
        "rows_rejected": int,
        "seconds": Decimal,
        "seconds_by_step": dict,
        "rejects_path": type(None),
        "archived_to": type(None),
        "error": type(None),
        "receipt": dict,
        "columns": list,
    }
    assert {key: type(file[key]) for key in needed} == needed
    assert file["receipt"]["verified"] is True
    assert file["receipt"]["rows"] == {"engine": 2, "mysql": 2}
    assert all(column["engine"] == column["mysql"] for column in file["receipt"]["columns"])
    columns = {column["original_header"]: column for column in file["columns"]}
    assert list(columns) == ["Größe", "price", "day", "at", "name"]
    bounds = {name: (c["statistics"]["min"], c["statistics"]["max"]) for name, c in columns.items()}
    assert bounds == {
        "Größe": (-7, 1),
        "price": (Decimal("2.50"), Decimal("10.25")),
        "day": ("2024-01-31", "2024-01-31"),
        "at": ("2024-01-31T10:00:00", "2024-01-31T10:00:00"),
        "name": ("x", "x"),
    }
    assert columns["price"]["statistics"]["sum"] == Decimal("12.75")
    assert file_from_json(to_json(file_document(report.files[0]))) == rounded(report.files[0])


def rounded(file: FileReport) -> FileReport:
    """The report as the document keeps it: seconds to the millisecond."""
    return replace(
        file,
        seconds=round(file.seconds, 3),
        seconds_by_step={name: round(seconds, 3) for name, seconds in file.seconds_by_step.items()},
    )


PROFILES = [
    profile(Kind.INTEGER, -(2**63), 2**64 - 1, total=10**40, mean=0.1, stddev=1e300),
    profile(Kind.DECIMAL, Decimal("-0.10"), Decimal("9" * 65), total=Decimal("9" * 70 + ".10"), mean=1.0, stddev=0.0),
    profile(Kind.DOUBLE, -1e-308, 1.7976931348623157e308, total=0.1, mean=1 / 3, stddev=2 / 3),
    profile(Kind.DATE, date(1000, 1, 1), date(9999, 12, 31)),
    profile(Kind.DATETIME, datetime(1000, 1, 1), datetime(2024, 2, 29, 1, 2, 3, 4)),
    profile(Kind.TIME, timedelta(hours=-838, minutes=-59, seconds=-59), timedelta(hours=1, microseconds=1)),
    profile(Kind.TEXT, "", '"\u2028\x00😀'),
    profile(Kind.TEXT, None, None, histogram=None, top_values=(), samples=(), min_chars=None, max_chars=None),
]


@pytest.mark.parametrize("of", PROFILES, ids=lambda of: of.kind.value)
def test_a_file_of_the_report_comes_back_as_it_was(of: ColumnProfile) -> None:
    file = file_report(
        feed="sales",
        status=FileStatus.HELD,
        rejects_by_class={"type": 2},
        rejects_path=Path("/data/rejects/x.csv"),
        archived_to=Path("/data/archive/x.csv"),
        error=ErrorReport(code="reject.limit", message="2 of 3 …", retryable=False),
        receipt=Receipt(
            verified=True,
            rows_engine=3,
            rows_mysql=3,
            columns=(ColumnReceipt(column="c", engine={"minimum": None}, mysql={"minimum": None}, equal=True),),
        ),
        columns=(
            ColumnReport(name="c", original="C ", mysql_type="X", profile=of),
            ColumnReport(name="d", original="", mysql_type="Y", profile=None),
        ),
        checks=(
            QualityCheck(name="completeness", value=1.0, unit="ratio", column="c", passed=True),
            QualityCheck(name="duplicate_rows", value=2**40, unit="count"),
            QualityCheck(name="freshness", value="new", unit="text", passed=False, message="late"),
        ),
        notes=("a", "b"),
    )
    assert file_from_json(to_json(file_document(file))) == file


def test_a_number_that_json_can_t_write_is_null() -> None:
    file = file_report(
        columns=(
            ColumnReport(
                name="c",
                original="c",
                mysql_type="DOUBLE",
                profile=profile(
                    Kind.DOUBLE,
                    -1.7e308,
                    1.7e308,
                    mean=float("nan"),
                    stddev=float("inf"),
                    histogram=Histogram(edges=(-1.7e308, float("inf"), 1.7e308), counts=(1, 1), exact=True),
                ),
            ),
        )
    )
    text = to_json(file_document(file))
    statistics = json.loads(text)["columns"][0]["statistics"]
    assert [statistics[key] for key in ("mean", "stddev", "histogram", "max")] == [None, None, None, 1.7e308]
    assert file_from_json(text).columns[0].profile is not None


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_keeps_every_digit(value: Decimal) -> None:
    column = ColumnReport(name="c", original="c", mysql_type="X", profile=profile(Kind.DECIMAL, value, value))
    read = file_from_json(to_json(file_document(file_report(columns=(column,)))))
    assert read.columns[0].profile is not None
    assert str(read.columns[0].profile.minimum) == str(value)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"file_id": 1}', '{"file_id": "x", "status": "lost"}'])
def test_what_is_no_report_is_a_value_error(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        file_from_json(text)


def test_a_run_that_came_to_no_file_has_a_report_that_says_why() -> None:
    assert json.loads(run_error_json("server.start", "no disk", retryable=True)) == {
        "version": 1,
        "ok": False,
        "error": {"code": "server.start", "message": "no disk", "retryable": True},
        "files": [],
    }


# ---- While it runs -------------------------------------------------------------------------------------------------


def test_a_step_s_line_says_what_it_was_done_to() -> None:
    file = io.StringIO()
    lines = LogLines(Console(file=file), 20)
    before = logger.level
    logger.addHandler(lines)
    logger.setLevel(20)
    try:
        with step("load", Stopwatch("evil\x1b[2J.csv"), "sales_data"):
            pass
        logger.warning("catalog: %s", "gone\n")
    finally:
        logger.removeHandler(lines)
        logger.setLevel(before)
    first, second = file.getvalue().splitlines()
    assert first.endswith("evil\\x1b[2J.csv → sales_data")
    assert second == "warning: catalog: gone\\n"


def test_the_bar_takes_whatever_is_logged() -> None:
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=True)
    with ProgressBar(console) as bar:
        logger.addHandler(bar)
        try:
            with step("lock", Stopwatch("a.csv"), "t"):
                logger.info("waiting for another load into %s", "t")
        finally:
            logger.removeHandler(bar)
    assert "0 rows" in file.getvalue()
