"""What pages ask of the catalog: right, bounded, and by its indexes where it holds very many files."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from engine.catalog import Catalog, IngestionStatus
from engine.catalog.browse import Browser, Wanted, trend_of
from engine.model import (
    ColumnReport,
    ErrorReport,
    FileStatus,
    Histogram,
    Kind,
    QualityCheck,
    Value,
)
from engine.profile import file_html
from engine.sql import statement
from tests.catalog_reports import COLUMNS, PRICE, new_id, report, start, text_column
from tests.fix_postgres import Postgres
from tests.many_files import fill

NOW = datetime.now(UTC).replace(microsecond=0)
MANY = 10_000


@pytest.fixture
def keeper(catalog_url: str) -> Iterator[Catalog]:
    with Catalog.connect(catalog_url, connect_timeout_s=5) as opened:
        yield opened


@pytest.fixture
def browser(keeper: Catalog) -> Browser:
    return Browser(keeper)


@pytest.fixture
def many(browser: Browser, catalog: Postgres) -> Browser:
    fill(catalog, MANY)
    return browser


def typed(kind: Kind, low: Value, high: Value, total: float | Decimal | None = None) -> ColumnReport:
    profile = dataclasses.replace(
        PRICE,
        column=kind.value,
        kind=kind,
        minimum=low,
        maximum=high,
        total=total,
        stddev=0.5,
        quantiles=((0.5, low), (0.99, high)),
        histogram=Histogram(edges=(0.0, 0.1, 0.5), counts=(1, 2), exact=False),
    )
    return ColumnReport(name=kind.value, original=f"The {kind.value}", mysql_type="X(1)", profile=profile)


TYPED = (
    typed(Kind.INTEGER, -(2**63), 2**64 - 1, 12345678901234567890123),
    typed(Kind.DECIMAL, Decimal("1.50"), Decimal("99999999999999999999999999999.10"), Decimal("3.00")),
    typed(Kind.DOUBLE, -1.5, 1e300, 0.1),
    typed(Kind.BOOLEAN, 0, 1, 1),
    typed(Kind.DATE, date(1, 1, 1), date(9999, 12, 31)),
    typed(Kind.DATETIME, datetime(2024, 1, 2, 3, 4, 5, 600_000), datetime(2024, 1, 3)),
    typed(Kind.TIME, timedelta(hours=-838, minutes=-59, seconds=-59.5), timedelta(hours=25)),
    typed(Kind.TEXT, "", 'a "b" \\ ☕'),
    ColumnReport(name="bare", original="", mysql_type="TEXT", profile=None),
)


def stored(browser: Browser, name: str) -> int:
    (found,) = browser.files(Wanted(file_name=name), limit=2)
    return found.id


def test_a_file_is_read_back_as_it_was_written(keeper: Catalog, browser: Browser) -> None:
    written = report(
        new_id(),
        columns=TYPED,
        checks=(
            QualityCheck(name="completeness", column="text", value=0.5, unit="ratio", passed=False, message="low"),
            QualityCheck(name="duplicate_rows", value=3, unit="count", passed=True),
            QualityCheck(name="freshness", value=12.5, unit="seconds"),
            QualityCheck(name="encoding", value="utf-8", unit="text"),
        ),
        error=ErrorReport(code="reject.limit", message="too many", retryable=False),
    )
    keeper.finish(written)

    found = browser.file(stored(browser, "sales_1.csv"), columns=50)

    assert found is not None
    assert found.state == "success"
    assert found.columns_total == len(TYPED)
    # The column of seconds has two decimals, and metrics come with the broken rules first: here they are so already.
    assert dataclasses.replace(found.report, seconds=written.seconds) == written
    assert [type(column.profile.minimum) for column in found.report.columns if column.profile] == [
        type(column.profile.minimum) for column in TYPED if column.profile
    ]


def test_a_page_of_a_stored_file_is_the_page_of_its_report(keeper: Catalog, browser: Browser) -> None:
    written = report(new_id(), columns=COLUMNS, seconds=2.0)
    keeper.finish(written)

    found = browser.file(stored(browser, "sales_1.csv"), columns=50)

    assert found is not None
    # The private path of numbers through JSON is seen best in what people see.
    assert file_html(found.report) == file_html(written)


def test_a_file_on_its_way_has_what_was_known_when_it_began(keeper: Catalog, browser: Browser) -> None:
    file_id = new_id()
    keeper.begin(dataclasses.replace(start(file_id), status=IngestionStatus.QUEUED))
    keeper.mark(file_id, 1, IngestionStatus.RETRY, error=ErrorReport(code="x.y", message="gone", retryable=True))

    found = browser.file(stored(browser, "sales_1.csv"), columns=50)

    assert found is not None
    assert found.state == "retry"
    assert found.report.error == ErrorReport(code="x.y", message="gone", retryable=True)
    assert (found.report.path, found.report.size_bytes) == (Path("/data/input/sales_1.csv"), 2_000_000)
    assert (found.report.columns, found.report.checks, found.report.receipt) == ((), (), None)


def test_there_is_no_file_of_an_unknown_id(browser: Browser) -> None:
    assert browser.file(12345, columns=50) is None
    assert browser.attempts("") == []
    assert browser.attempts(new_id()) == []


def test_a_part_of_the_columns_is_read(keeper: Catalog, browser: Browser) -> None:
    keeper.finish(report(new_id(), columns=tuple(text_column(f"c{at}") for at in range(120)), checks=()))
    row_id = stored(browser, "sales_1.csv")

    found = browser.file(row_id, columns=50, offset=100)

    assert found is not None
    assert found.columns_total == 120
    assert [column.name for column in found.report.columns] == [f"c{at}" for at in range(100, 120)]


def test_only_checks_that_say_something_are_read(keeper: Catalog, browser: Browser) -> None:
    checks = tuple(QualityCheck(name="completeness", column=f"c{at}", value=1.0, unit="ratio") for at in range(4_000))
    broken = QualityCheck(name="completeness", column="c9", value=0.1, unit="ratio", passed=False, message="low")
    whole = QualityCheck(name="row_count", value=4, unit="count")
    keeper.finish(report(new_id(), checks=(*checks, whole, broken)))

    found = browser.file(stored(browser, "sales_1.csv"), columns=0)

    assert found is not None
    assert found.report.checks == (broken, whole)


def test_a_file_is_listed_once_with_its_latest_attempt(keeper: Catalog, browser: Browser) -> None:
    file_id = new_id()
    first = report(file_id, status=FileStatus.FAILED, started_at=NOW - timedelta(minutes=2))
    keeper.finish(dataclasses.replace(first, run_id="run-0"))
    keeper.finish(report(file_id, attempt=2, started_at=NOW - timedelta(minutes=1)))

    assert [(entry.attempt, entry.state) for entry in browser.files(Wanted(), limit=9)] == [(2, "success")]
    # What a run did stays to be seen, whatever later ones did.
    assert [(entry.attempt, entry.state) for entry in browser.files(Wanted(run="run-0"), limit=9)] == [(1, "failed")]
    assert browser.count(Wanted()).by_state == {"success": 1}
    assert browser.count(Wanted(run="run-0")).by_state == {"failed": 1}
    assert [entry.attempt for entry in browser.attempts(file_id)] == [2, 1]


def test_a_file_that_was_corrected_within_its_run_is_listed_once(keeper: Catalog, browser: Browser) -> None:
    # Other bytes are another file to the ledger; to whoever runs it, it's the same file.
    first = report(new_id(), status=FileStatus.HELD, started_at=NOW - timedelta(minutes=2), sha256="ba" * 32)
    other = report(new_id(), status=FileStatus.HELD, path=Path("/elsewhere/sales_1.csv"), started_at=NOW)
    for one in (first, other, report(new_id(), started_at=NOW - timedelta(minutes=1))):
        keeper.finish(one)

    for wanted in (Wanted(), Wanted(run="run-1")):
        assert [entry.state for entry in browser.files(wanted, limit=9)] == ["held", "success"]
        assert browser.count(wanted).by_state == {"success": 1, "held": 1}
    # What was loaded stays, whatever comes under its name.
    keeper.finish(report(new_id(), started_at=NOW, status=FileStatus.HELD))
    assert browser.count(Wanted(run="run-1")).by_state == {"success": 1, "held": 2}


def test_a_file_that_fails_in_run_after_run_is_listed_once(keeper: Catalog, browser: Browser) -> None:
    for number in range(3):
        waiting = report(new_id(), status=FileStatus.FAILED, started_at=NOW - timedelta(minutes=9 - number))
        keeper.finish(dataclasses.replace(waiting, run_id=f"run-{number}"))

    assert [entry.run_id for entry in browser.files(Wanted(), limit=9)] == ["run-2"]
    assert browser.count(Wanted()).by_state == {"failed": 1}
    # Each run shows what it did.
    assert browser.count(Wanted(run="run-0")).by_state == {"failed": 1}
    # Another file of that name is another failure.
    changed = report(new_id(), status=FileStatus.FAILED, started_at=NOW, size_bytes=7)
    keeper.finish(dataclasses.replace(changed, run_id="run-3"))
    assert browser.count(Wanted()).by_state == {"failed": 2}


def test_files_are_found_by_what_is_wanted(keeper: Catalog, browser: Browser) -> None:
    ids = [new_id() for _ in range(3)]
    keeper.finish(report(ids[0], path=Path("/in/Sales_100%.csv"), started_at=NOW - timedelta(hours=1)))
    keeper.finish(report(ids[1], path=Path("/in/stock.csv"), table="stock", started_at=NOW - timedelta(days=3)))
    keeper.finish(
        report(ids[2], path=Path("/in/bad.csv"), status=FileStatus.FAILED, started_at=NOW - timedelta(days=20))
    )

    def names(wanted: Wanted) -> list[str]:
        return [entry.name for entry in browser.files(wanted, limit=9)]

    assert names(Wanted()) == ["Sales_100%.csv", "stock.csv", "bad.csv"]
    assert names(Wanted(days=7)) == ["Sales_100%.csv", "stock.csv"]
    assert names(Wanted(states=("failed", "held"))) == ["bad.csv"]
    assert names(Wanted(table="stock")) == ["stock.csv"]
    assert names(Wanted(feed="sales", days=1)) == ["Sales_100%.csv"]
    # No pattern: what LIKE makes of % and _ is not wanted.
    assert names(Wanted(name="sales_100%")) == ["Sales_100%.csv"]
    assert names(Wanted(name="s%s")) == []
    assert names(Wanted(file_ids=(ids[1], ids[2]))) == ["stock.csv", "bad.csv"]
    assert [entry.name for entry in browser.files(Wanted(), limit=1, offset=1)] == ["stock.csv"]


def test_days_and_tables_are_summed_up(keeper: Catalog, browser: Browser) -> None:
    for hours, rows in ((1, 10), (2, 20), (3, 30)):
        began = NOW - timedelta(hours=hours)
        keeper.finish(report(new_id(), started_at=began, rows_read=rows, rows_rejected=0, seconds=float(hours)))
    keeper.finish(report(new_id(), started_at=NOW, status=FileStatus.HELD))

    days = browser.days(3)
    (target,) = browser.targets(7)
    trends = browser.trends([(target.table, target.feed), ("unknown", None)])

    assert (sum(day.loaded for day in days), sum(day.failed for day in days)) == (3, 1)
    assert sum(day.rows_loaded for day in days) == 60
    assert (target.table, target.feed, target.files, target.failed) == ("sales_data", "sales", 4, 1)
    assert trends["sales_data", "sales"].rows == (30.0, 20.0, 10.0)
    assert trends["sales_data", "sales"].seconds == (3.0, 2.0, 1.0)
    assert trends["unknown", None].rows == ()


def test_a_load_stands_beside_those_before_it(keeper: Catalog, browser: Browser) -> None:
    for number in range(1, 5):
        columns = (text_column("id", rows=100), text_column("region", rows=100, nulls=10 * number))
        keeper.finish(
            report(
                new_id(),
                path=Path(f"/in/sales_{number}.csv"),
                started_at=NOW - timedelta(days=5 - number),
                rows_read=100 * number,
                rows_rejected=0,
                columns=columns,
                checks=(QualityCheck(name="duplicate_rows", value=number, unit="count"),),
            )
        )
    keeper.finish(report(new_id(), path=Path("/in/other.csv"), table="other", started_at=NOW - timedelta(days=2)))

    found = browser.file(stored(browser, "sales_3.csv"), columns=50)
    assert found is not None
    loads = browser.history(found, first=0, last=49)

    assert [(load.name, load.rows_loaded) for load in loads] == [("sales_1.csv", 100), ("sales_2.csv", 200)]
    duplicates = QualityCheck(name="duplicate_rows", value=3, unit="count")
    region = QualityCheck(name="completeness", column="region", value=0.7, unit="ratio")
    assert trend_of(duplicates, loads) == (1.0, 2.0)
    assert trend_of(region, loads) == (0.9, 0.8)


def test_pages_of_10000_files_are_full_and_do_not_overlap(many: Browser) -> None:
    first = many.files(Wanted(days=30), limit=50)
    second = many.files(Wanted(days=30), limit=50, offset=50)
    last = many.files(Wanted(days=30), limit=50, offset=MANY - 50)

    assert many.count(Wanted(days=30)).files == MANY
    assert [len(page) for page in (first, second, last)] == [50, 50, 50]
    assert len({entry.id for entry in (*first, *second, *last)}) == 150
    assert first == sorted(first, key=lambda entry: entry.began, reverse=True)
    assert len(many.files(Wanted(run="many_17"), limit=50)) == 40


def test_a_list_of_10000_files_costs_one_query_each(many: Browser, keeper: Catalog) -> None:
    asked = []
    look = keeper.look
    keeper.look = lambda name, parameters: asked.append(name) or look(name, parameters)  # type: ignore[method-assign,func-returns-value]  # listens in

    found = many.files(Wanted(days=7), limit=50)
    many.trends({(entry.table, entry.feed) for entry in found})
    many.targets(7)
    many.count(Wanted(days=7))
    many.days(14)
    file = many.file(found[0].id, columns=50)
    assert file is not None
    assert len(many.history(file, first=0, last=49)) == 20
    many.attempts(file.report.file_id)

    assert asked == [
        *("files", "trends", "targets", "count", "days", "file", "file_columns", "file_checks"),
        *("history", "history_checks", "history_columns", "attempts"),
    ]


@pytest.mark.parametrize(
    ("query", "parameters", "rows_seen"),
    [
        ("files", {"days": 7}, 200),
        ("files", {"run": "many_17"}, 200),
        ("files", {"file_name": "orders_000055.csv", "run": "many_1"}, 200),
        ("trends", {"tables": ["orders_data", "clicks_data"], "feeds": ["orders", "clicks"], "limit": 20}, 400),
        ("file", {"id": 500}, 10),
        ("file_columns", {"id": 500, "offset": 0, "limit": 50}, 50),
        ("file_checks", {"id": 500, "limit": 300}, 50),
        ("attempts", {"file_id": "00000000-0000-0000-0000-000000000000", "limit": 20}, 10),
        (
            "history",
            {"id": 500, "table": "orders_data", "feed": "orders", "before": NOW.replace(tzinfo=None), "limit": 20},
            200,
        ),
        ("history_checks", {"ids": list(range(500, 520))}, 200),
        ("history_columns", {"ids": list(range(500, 520)), "first": 0, "last": 49}, 300),
    ],
)
def test_a_query_reads_only_what_it_shows(
    many: Browser, catalog_url: str, query: str, parameters: dict[str, object], rows_seen: int
) -> None:
    del many
    text = statement(f"postgres/pages/{query}.sql")
    names = dict.fromkeys(re.findall(r"%\((\w+)\)s", text))
    bound = {"limit": 50, "offset": 0} | parameters
    values = {name: bound.get(name) for name in names}

    with psycopg.connect(catalog_url) as connection:
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {text}"
        row = connection.execute(explain.encode(), values).fetchone()
    assert row is not None

    assert _rows_read(row[0][0]["Plan"]) <= rows_seen


def _rows_read(plan: dict[str, object]) -> float:
    """Return how many rows the scans of a plan brought up and threw away, all loops together."""
    below = plan.get("Plans", [])
    assert isinstance(below, list)
    own = 0.0
    if "Scan" in str(plan["Node Type"]) and "Relation Name" in plan:
        thrown = float(str(plan.get("Rows Removed by Filter", 0))) + float(
            str(plan.get("Rows Removed by Index Recheck", 0))
        )
        own = (float(str(plan["Actual Rows"])) + thrown) * float(str(plan["Actual Loops"]))
    return own + sum(map(_rows_read, below))
