"""The named questions, each asked of a catalog with a known story in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from engine.catalog import Catalog
from engine.errors import CatalogError
from engine.model import ColumnReceipt, ErrorReport, FileStatus, QualityCheck, Receipt
from tests.catalog_reports import new_id, report, start, text_column

# Whole seconds, as the answers show times.
NOW = datetime.now(UTC).replace(microsecond=0)
HASH = "cd" * 32

PASSED = QualityCheck(name="duplicate_rows", value=0, unit="count", passed=True)
BROKEN = QualityCheck(
    name="completeness", column="region", value=0.25, unit="ratio", passed=False, message="below the rule's 0.9"
)


def utc(ago: timedelta) -> str:
    return f"{NOW - ago:%Y-%m-%d %H:%M:%S}"


@pytest.fixture
def keeper(catalog_url: str) -> Iterator[Catalog]:
    with Catalog.connect(catalog_url, connect_timeout_s=5) as opened:
        yield opened


@pytest.fixture
def story(keeper: Catalog) -> Catalog:
    """Three loads of sales, one of stock, and one file each that failed twice, is held, is a duplicate, still runs."""
    for number, days, nulls, seconds in ((1, 3, 0, 1.0), (2, 2, 20, 2.0), (3, 1, 60, 9.0)):
        columns = (text_column("id", rows=100), text_column("region", rows=100, nulls=nulls))
        keeper.finish(
            report(
                new_id(),
                path=Path(f"/in/sales_{number}.csv"),
                started_at=NOW - timedelta(days=days),
                seconds=seconds,
                rows_read=100,
                rows_rejected=10 if number == 3 else 0,
                columns=columns if number == 3 else (*columns, text_column("note", rows=100)),
                checks=(PASSED, BROKEN) if number == 3 else (PASSED,),
                sha256=HASH if number == 3 else "ab" * 32,
            )
        )
    different = Receipt(
        verified=True,
        rows_engine=4,
        rows_mysql=4,
        columns=(
            ColumnReceipt(column="id", engine={"sum": "1"}, mysql={"sum": "1"}, equal=True),
            ColumnReceipt(column="qty", engine={"sum": "1"}, mysql={"sum": "2"}, equal=False),
        ),
    )
    keeper.finish(
        report(
            new_id(),
            path=Path("/in/stock.csv"),
            table="stock",
            started_at=NOW - timedelta(days=1),
            rows_rejected=0,
            receipt=different,
            checks=(),
        )
    )
    broken, gone = new_id(), ErrorReport(code="load.gone", message="MySQL went away", retryable=True)
    for attempt, ago in ((1, timedelta(days=2)), (2, timedelta(days=1, minutes=1))):
        keeper.finish(
            report(
                broken,
                attempt=attempt,
                path=Path("/in/broken.csv"),
                status=FileStatus.FAILED,
                started_at=NOW - ago,
                rows_rejected=0,
                error=dataclasses.replace(gone, message=f"{gone.message} at attempt {attempt}"),
            )
        )
    keeper.finish(
        report(
            new_id(),
            path=Path("/in/held.csv"),
            status=FileStatus.HELD,
            started_at=NOW - timedelta(days=1, minutes=2),
            rows_rejected=2,
            error=ErrorReport(code="reject.limit", message="2 rejects, 0 allowed", retryable=False),
            checks=(),
        )
    )
    keeper.finish(
        report(
            new_id(),
            path=Path("/in/copy.csv"),
            status=FileStatus.DUPLICATE,
            started_at=NOW - timedelta(days=1, minutes=3),
            rows_rejected=0,
            sha256=HASH,
        )
    )
    keeper.begin(
        dataclasses.replace(start(new_id(), path=Path("/in/long.csv")), started_at=NOW - timedelta(days=1, minutes=4))
    )
    return keeper


def test_every_question_says_what_it_asks_and_answers_without_parameters(story: Catalog) -> None:
    asked = Catalog.questions()

    assert sorted(asked) == [
        "arrived",
        "broken_rules",
        "completeness_drops",
        "durations",
        "failure_reasons",
        "failures",
        "not_loaded",
        "rejects",
        "unfinished",
        "unproved",
        "volume_by_day",
    ]
    assert [text for text in asked.values() if "?" not in text] == []
    for name in asked:
        story.ask(name)


def test_an_empty_catalog_answers_every_question_with_no_rows(keeper: Catalog) -> None:
    assert {name: keeper.ask(name) for name in Catalog.questions()} == {name: [] for name in Catalog.questions()}


def test_what_came_today(keeper: Catalog) -> None:
    keeper.finish(report(new_id(), started_at=NOW))
    keeper.finish(report(new_id(), started_at=NOW - timedelta(days=1), path=Path("/in/yesterday.csv")))

    assert keeper.ask("arrived") == [
        {
            "arrived_utc": utc(timedelta(0)),
            "file_name": "sales_1.csv",
            "target_table": "sales_data",
            "status": "success",
            "rows_read": 4,
            "rows_loaded": 3,
            "rows_rejected": 1,
            "size_mb": Decimal("2.000"),
            "seconds": Decimal("2.01"),
        }
    ]


def test_what_came_since_a_time(story: Catalog) -> None:
    since = {"since": NOW - timedelta(days=1, minutes=2)}

    assert [(row["file_name"], row["status"]) for row in story.ask("arrived", since)] == [
        ("stock.csv", "success"),
        ("sales_3.csv", "success"),
        ("broken.csv", "failed"),
        ("held.csv", "held"),
    ]


def test_what_failed_and_why(story: Catalog) -> None:
    assert story.ask("failures") == [
        {
            "failed_utc": utc(timedelta(days=1, minutes=1)),
            "file_name": "broken.csv",
            "target_table": "sales_data",
            "status": "failed",
            "attempt": 2,
            "error_code": "load.gone",
            "error_message": "MySQL went away at attempt 2",
            "retryable": True,
            "file_path": "/in/broken.csv",
        }
    ]
    assert story.ask("failures", {"days": 1}) == []


def test_which_errors_come_most_often(story: Catalog) -> None:
    assert story.ask("failure_reasons") == [
        {
            "error_code": "load.gone",
            "attempts": 2,
            "files": 1,
            "latest_utc": utc(timedelta(days=1, minutes=1)),
            "latest_message": "MySQL went away at attempt 2",
        }
    ]


def test_what_has_not_ended(story: Catalog) -> None:
    rows = story.ask("unfinished", {"minutes": 5})

    assert [(row["began_utc"], row["file_name"], row["status"], row["run_id"]) for row in rows] == [
        (utc(timedelta(days=1, minutes=4)), "long.csv", "running", "run-1")
    ]
    assert story.ask("unfinished", {"minutes": 2000}) == []


def test_which_columns_lose_completeness(story: Catalog) -> None:
    # Before: 180 of 200 rows had a region; now 40 of 100 have one, and the column `note` is gone.
    note = {
        "target_table": "sales_data",
        "column_name": "note",
        "before": Decimal("1.0000"),
        "now": Decimal("0.0000"),
        "missing": True,
        "loads_compared": 2,
        "latest_file": "sales_3.csv",
    }
    region = {
        "target_table": "sales_data",
        "column_name": "region",
        "before": Decimal("0.9000"),
        "now": Decimal("0.4000"),
        "missing": False,
        "loads_compared": 2,
        "latest_file": "sales_3.csv",
    }

    assert story.ask("completeness_drops") == [note, region]
    assert story.ask("completeness_drops", {"least_drop": 0.6}) == [note]
    assert story.ask("completeness_drops", {"loads": 1}) == [
        note | {"loads_compared": 1},
        region | {"before": Decimal("0.8000"), "loads_compared": 1},
    ]


def test_how_long_loads_take(story: Catalog) -> None:
    assert story.ask("durations") == [
        {
            "target_table": "sales_data",
            "loads": 3,
            "median_seconds": Decimal("2.00"),
            "p95_seconds": Decimal("8.30"),
            "longest_seconds": Decimal("9.00"),
            "mb_per_second": Decimal("0.50"),
            "rows_per_second": Decimal(24),
        },
        {
            "target_table": "stock",
            "loads": 1,
            "median_seconds": Decimal("2.01"),
            "p95_seconds": Decimal("2.01"),
            "longest_seconds": Decimal("2.01"),
            "mb_per_second": Decimal("1.00"),
            "rows_per_second": Decimal(2),
        },
    ]


def test_which_files_had_rejects_and_where_they_are(story: Catalog) -> None:
    common = {"target_table": "sales_data", "rejects_path": "/data/rejects/sales_1.csv"}
    assert story.ask("rejects") == [
        common
        | {
            "arrived_utc": utc(timedelta(days=1)),
            "file_name": "sales_3.csv",
            "status": "success",
            "rows_read": 100,
            "rows_rejected": 10,
            "percent": Decimal("10.000"),
            "rejects_by_class": {"type": 10},
        },
        common
        | {
            "arrived_utc": utc(timedelta(days=1, minutes=2)),
            "file_name": "held.csv",
            "status": "held",
            "rows_read": 4,
            "rows_rejected": 2,
            "percent": Decimal("50.000"),
            "rejects_by_class": {"type": 2},
        },
    ]


def test_which_files_were_not_loaded(story: Catalog) -> None:
    assert story.ask("not_loaded") == [
        {
            "arrived_utc": utc(timedelta(days=1, minutes=2)),
            "file_name": "held.csv",
            "target_table": "sales_data",
            "status": "held",
            "error_code": "reject.limit",
            "error_message": "2 rejects, 0 allowed",
            "loaded_before_as": None,
            "file_path": "/in/held.csv",
        },
        {
            "arrived_utc": utc(timedelta(days=1, minutes=3)),
            "file_name": "copy.csv",
            "target_table": "sales_data",
            "status": "duplicate",
            "error_code": None,
            "error_message": None,
            "loaded_before_as": "sales_3.csv",
            "file_path": "/in/copy.csv",
        },
    ]


def test_how_much_came_into_each_table_by_day(story: Catalog) -> None:
    day = {days: f"{NOW - timedelta(days=days):%Y-%m-%d}" for days in (1, 2, 3)}
    names = ("day", "target_table", "files", "rows_loaded", "size_mb", "rows_so_far")
    rows = [
        (day[1], "sales_data", 1, 90, Decimal("2.000"), 290),
        (day[1], "stock", 1, 4, Decimal("2.000"), 4),
        (day[2], "sales_data", 1, 100, Decimal("2.000"), 200),
        (day[3], "sales_data", 1, 100, Decimal("2.000"), 100),
    ]

    assert story.ask("volume_by_day") == [dict(zip(names, row, strict=True)) for row in rows]


def test_which_rules_were_broken(story: Catalog) -> None:
    (row,) = (row for row in story.ask("broken_rules") if row["file_name"] == "sales_3.csv")

    assert row == {
        "arrived_utc": utc(timedelta(days=1)),
        "file_name": "sales_3.csv",
        "target_table": "sales_data",
        "status": "success",
        "metric_name": "completeness",
        "column_name": "region",
        "metric_value": "0.25",
        "unit": "ratio",
        "message": "below the rule's 0.9",
    }


def test_which_loads_were_not_confirmed(story: Catalog) -> None:
    story.finish(report(new_id(), started_at=NOW, receipt=None))
    off = Receipt(verified=False, rows_engine=3, rows_mysql=3, columns=(), note="switched off")
    story.finish(report(new_id(), started_at=NOW - timedelta(minutes=1), receipt=off))

    names = ("file_name", "rows_loaded", "rows_mysql", "note", "different_columns")
    assert [tuple(row[name] for name in names) for row in story.ask("unproved")] == [
        ("sales_1.csv", 3, None, "no receipt", []),
        ("sales_1.csv", 3, 3, "switched off", []),
        ("stock.csv", 4, 4, "", ["qty"]),
    ]


def test_a_question_that_is_not_there_is_answered_with_the_nearest(keeper: Catalog) -> None:
    with pytest.raises(CatalogError, match=r"no question 'failure'; did you mean failures\?") as caught:
        keeper.ask("failure")
    assert caught.value.code == "catalog.question"


def test_a_parameter_that_a_question_does_not_have_is_refused(keeper: Catalog) -> None:
    with pytest.raises(CatalogError, match="the question failures has no parameter day; it takes days"):
        keeper.ask("failures", {"day": 1})
