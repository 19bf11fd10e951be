"""The catalog on a real PostgreSQL: the rows of a file over its life, and the same rows when written again."""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from psycopg import sql

from engine.catalog import Catalog, IngestionStatus
from engine.errors import CatalogError
from engine.model import ColumnReport, ErrorReport, FileStatus, QualityCheck
from tests.catalog_reports import CHECKS, COLUMNS, new_id, report, start, text_column
from tests.fix_postgres import Postgres


@pytest.fixture
def keeper(catalog_url: str) -> Iterator[Catalog]:
    with Catalog.connect(catalog_url, connect_timeout_s=5) as opened:
        yield opened


TABLES = {
    "file_metadata": ("id", "created_at", "updated_at"),
    "column_metadata": ("id", "created_at"),
    "data_quality_metrics": ("id", "created_at"),
}


def contents(catalog: Postgres) -> dict[str, object]:
    """Return every row of the catalog, without what differs between two writings of the same thing."""
    return {
        table: catalog.rows(
            sql.SQL("SELECT to_jsonb(t) - {}::text[] FROM {} AS t ORDER BY 1").format(
                sql.Literal(list(own)), sql.Identifier(table)
            )
        )
        for table, own in TABLES.items()
    }


def counts(catalog: Postgres) -> tuple[object, ...]:
    (row,) = catalog.rows(
        "SELECT (SELECT count(*) FROM file_metadata), (SELECT count(*) FROM column_metadata),"
        " (SELECT count(*) FROM data_quality_metrics)"
    )
    return row


def test_a_file_that_begins_is_running(keeper: Catalog, catalog: Postgres) -> None:
    file_id = new_id()

    keeper.begin(start(file_id))

    assert catalog.rows(
        "SELECT ingest_file_id::text, attempt, run_id, file_name, file_path, file_size_bytes, target_table, mode, feed,"
        " ingestion_status, ingestion_timestamp, started_at, mtime, row_count FROM file_metadata"
    ) == [
        (
            file_id,
            1,
            "run-1",
            "sales_1.csv",
            "/data/input/sales_1.csv",
            2_000_000,
            "sales_data",
            "append",
            "sales",
            "running",
            datetime(2026, 3, 1, 12, 30),
            datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
            datetime(2026, 3, 1, 11, 30, tzinfo=UTC),
            None,
        )
    ]


def test_a_file_can_be_described_while_it_loads(keeper: Catalog, catalog: Postgres) -> None:
    file_id = new_id()
    keeper.begin(start(file_id))

    keeper.describe(file_id, 1, COLUMNS, CHECKS, rows_read=4)

    assert catalog.rows("SELECT ingestion_status, row_count, column_count, columns_info FROM file_metadata") == [
        (
            "running",
            4,
            2,
            [
                {"position": 0, "name": "price", "original": "Price (€)", "type": "DECIMAL(45,10)"},
                {"position": 1, "name": "region", "original": "region", "type": "VARCHAR(10)"},
            ],
        )
    ]
    assert counts(catalog) == (1, 2, 3)


def test_a_finished_file_has_its_whole_report(keeper: Catalog, catalog: Postgres) -> None:
    keeper.finish(report(new_id()))

    assert catalog.rows(
        "SELECT ingestion_status, row_count, rows_loaded, rows_rejected, rejects_by_class, rejects_path, archived_to,"
        " processing_duration_seconds, finished_at, batches, blank_lines, repaired_rows, restarts, seconds_by_step,"
        " error_code, error_message, receipt ->> 'verified', report -> 'notes', report ->> 'path' FROM file_metadata"
    ) == [
        (
            "success",
            4,
            3,
            1,
            {"type": 1},
            "/data/rejects/sales_1.csv",
            "/data/archive/sales_1.csv",
            Decimal("2.01"),
            datetime(2026, 3, 1, 12, 30, 2, 5000, tzinfo=UTC),
            3,
            2,
            1,
            1,
            {"scan": 0.5, "load": 1.25},
            None,
            None,
            "true",
            ["read as CP1252"],
            "/data/input/sales_1.csv",
        )
    ]


def test_a_column_has_its_exact_statistics(keeper: Catalog, catalog: Postgres) -> None:
    keeper.finish(report(new_id()))

    (row,) = catalog.rows(
        "SELECT position, column_name, original_name, column_type, kind, rows, null_count, empties, unique_count,"
        " distinct_error, min_value, max_value, total, mean, stddev::text, min_chars, max_chars, sample_values,"
        " quantiles::text, top_values, histogram FROM column_metadata WHERE column_name = 'price'"
    )
    assert row == (
        0,
        "price",
        "Price (€)",
        "DECIMAL(45,10)",
        "decimal",
        4,
        1,
        0,
        3,
        0.0,
        "-0.10",
        "99999999999999999999999999999999999.1234567890",
        "99999999999999999999999999999999999.0234567890",
        3.5,
        "NaN",
        5,
        46,
        ["1.50", "-0.10"],
        '[{"p": 0.5, "value": 1.50}]',
        [{"value": "1.50", "count": 2}, {"value": "-0.10", "count": 1}],
        {"edges": [-0.1, 1.0, 2.0], "counts": [1, 2], "exact": True},
    )


def test_quality_metrics_keep_unit_verdict_and_message(keeper: Catalog, catalog: Postgres) -> None:
    keeper.finish(report(new_id()))

    assert catalog.rows(
        "SELECT metric_name, column_name, metric_value, metric_type, passed, message"
        " FROM data_quality_metrics ORDER BY position"
    ) == [
        ("completeness", "price", "0.75", "ratio", False, "below 0.9"),
        ("duplicate_rows", None, "0", "count", True, ""),
        ("encoding", None, "utf-8", "text", None, ""),
    ]


def test_dates_are_iso_text(keeper: Catalog, catalog: Postgres) -> None:
    dated = text_column("day")
    assert dated.profile is not None
    profile = dataclasses.replace(
        dated.profile, minimum=date(2026, 1, 2), maximum=date(9999, 12, 31), quantiles=((0.5, date(2026, 2, 3)),)
    )

    keeper.finish(report(new_id(), columns=(dataclasses.replace(dated, profile=profile),)))

    assert catalog.rows("SELECT min_value, max_value, quantiles FROM column_metadata") == [
        ("2026-01-02", "9999-12-31", [{"p": 0.5, "value": "2026-02-03"}])
    ]


def test_writing_the_same_again_gives_the_same_rows(keeper: Catalog, catalog: Postgres) -> None:
    file_id = new_id()
    keeper.finish(report(file_id))
    expected = contents(catalog)

    keeper.finish(report(file_id))
    keeper.begin(start(file_id))
    keeper.begin(start(file_id))
    keeper.describe(file_id, 1, COLUMNS, CHECKS, rows_read=4)
    keeper.describe(file_id, 1, COLUMNS, CHECKS, rows_read=4)
    keeper.finish(report(file_id))

    assert contents(catalog) == expected


def test_finishing_replaces_the_columns_and_metrics(keeper: Catalog, catalog: Postgres) -> None:
    file_id = new_id()
    keeper.finish(report(file_id))

    keeper.finish(report(file_id, columns=(text_column("only"),), checks=()))

    assert catalog.rows("SELECT column_name FROM column_metadata") == [("only",)]
    assert catalog.rows("SELECT metric_name FROM data_quality_metrics") == []


def test_each_attempt_has_a_row_of_its_own(keeper: Catalog, catalog: Postgres) -> None:
    file_id = new_id()
    error = ErrorReport(code="load.gone", message="the server went away", retryable=True)

    keeper.finish(report(file_id, status=FileStatus.FAILED, error=error))
    keeper.finish(report(file_id, attempt=2))

    assert catalog.rows(
        "SELECT attempt, ingestion_status, error_code, error_message, error_retryable FROM file_metadata ORDER BY attempt"
    ) == [(1, "failed", "load.gone", "the server went away", True), (2, "success", None, None, None)]
    assert catalog.rows("SELECT attempt, ingestion_status FROM file_latest") == [(2, "success")]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (FileStatus.LOADED, "success"),
        (FileStatus.DUPLICATE, "duplicate"),
        (FileStatus.HELD, "held"),
        (FileStatus.FAILED, "failed"),
    ],
)
def test_every_end_has_its_status(keeper: Catalog, catalog: Postgres, status: FileStatus, expected: str) -> None:
    keeper.finish(report(new_id(), status=status))

    assert catalog.value("SELECT ingestion_status FROM file_metadata") == expected


def test_a_scheduler_can_queue_a_file_and_mark_it_for_a_retry(keeper: Catalog, catalog: Postgres) -> None:
    file_id, seen = new_id(), []
    error = ErrorReport(code="load.gone", message="the server went away", retryable=True)

    def look() -> None:
        seen.append(catalog.rows("SELECT ingestion_status, error_message FROM file_metadata"))

    keeper.begin(dataclasses.replace(start(file_id), status=IngestionStatus.QUEUED))
    look()
    keeper.begin(start(file_id))
    look()
    keeper.mark(file_id, 1, IngestionStatus.RETRY, error=error)
    look()
    keeper.begin(start(file_id))
    look()

    assert seen == [[("queued", None)], [("running", None)], [("retry", "the server went away")], [("running", None)]]


def test_a_file_that_was_not_begun_cannot_be_described_or_marked(keeper: Catalog) -> None:
    with pytest.raises(CatalogError, match="no attempt 1 at file") as caught:
        keeper.describe(new_id(), 1, COLUMNS, CHECKS, rows_read=4)
    assert caught.value.code == "catalog.unknown_file"
    with pytest.raises(CatalogError, match="no attempt 1 at file"):
        keeper.mark(new_id(), 1, IngestionStatus.RETRY)


def test_a_file_id_that_is_no_uuid_is_refused(keeper: Catalog) -> None:
    with pytest.raises(
        CatalogError, match=r"refused: invalid input syntax for type uuid.*the file's id must be a UUID"
    ):
        keeper.begin(start("sales_1"))


def test_names_and_values_that_do_not_fit_are_cut_and_never_fail_the_load(keeper: Catalog, catalog: Postgres) -> None:
    path = Path("/data") / ("d" * 1200) / (os.fsdecode(b"caf\xe9\x80") + "n" * 600 + ".csv")
    column = ColumnReport(
        name="c" * 300,
        original="nul\x00 and \ud800" + "o" * 300,
        mysql_type="ENUM(" + "x" * 200 + ")",
        profile=dataclasses.replace(COLUMNS[0].profile, samples=("\x00", "y" * 2000), top_values=(("\ud800", 3),)),  # type: ignore[type-var]  # it has a profile
    )
    check = QualityCheck(name="m" * 300, column="c" * 300, value="v\x00", unit="text", message="\x00")

    error = ErrorReport(code="load.refused", message="value a\x00b", retryable=False)
    keeper.finish(report(new_id(), path=path, table="t" * 300, columns=(column,), checks=(check,), error=error))

    assert catalog.rows(
        "SELECT left(file_name, 12), length(file_name), length(file_path), length(target_table), error_message,"
        " length(report ->> 'path'), columns_info -> 0 ->> 'name' FROM file_metadata"
    ) == [("caf\\xe9\\x80n", 500, 1000, 255, "value a␀b", len(str(path)) + 6, "c" * 300)]
    assert catalog.rows(
        "SELECT column_name, left(original_name, 15), length(column_type), sample_values, top_values FROM column_metadata"
    ) == [
        (
            "c" * 254 + "…",
            "nul␀ and \\ud800",
            100,
            ["␀", "y" * 999 + "…"],
            [{"value": "\\ud800", "count": 3}],
        )
    ]
    assert catalog.rows("SELECT right(metric_name, 2), metric_value, message FROM data_quality_metrics") == [
        ("m…", "v␀", "␀")
    ]


def test_more_rows_than_32_bits_count(keeper: Catalog, catalog: Postgres) -> None:
    rows = 5_000_000_000

    keeper.finish(report(new_id(), rows_read=rows, rows_rejected=0, columns=(text_column("a", rows=rows, nulls=rows),)))

    assert catalog.rows("SELECT row_count, rows_loaded FROM file_metadata") == [(rows, rows)]
    assert catalog.rows("SELECT rows, null_count FROM column_metadata") == [(rows, rows)]


def test_two_thousand_columns_take_less_than_a_second(keeper: Catalog, catalog: Postgres) -> None:
    keeper.finish(report(new_id()))  # connections and imports
    wide = tuple(dataclasses.replace(COLUMNS[0], name=f"c{number}") for number in range(2000))
    checks = tuple(dataclasses.replace(CHECKS[0], column=column.name) for column in wide)

    seconds = []
    for _ in range(2):  # the other one may share the machine with somebody
        began = time.perf_counter()
        keeper.finish(report(new_id(), columns=wide, checks=checks))
        seconds.append(time.perf_counter() - began)

    assert counts(catalog) == (3, 4002, 4003)
    assert min(seconds) < 1.0


def test_two_catalogs_write_at_once_without_doubling(catalog_url: str, catalog: Postgres) -> None:
    shared, own = new_id(), [new_id(), new_id()]

    def write(mine: str, barrier: threading.Barrier) -> None:
        with Catalog.connect(catalog_url, connect_timeout_s=5) as keeper:
            barrier.wait(timeout=20)
            for _ in range(5):
                keeper.finish(report(shared))
                keeper.finish(report(mine))

    in_threads(write, own)

    assert counts(catalog) == (3, 6, 9)


def test_threads_may_share_a_catalog(keeper: Catalog, catalog: Postgres) -> None:
    def write(mine: str, barrier: threading.Barrier) -> None:
        barrier.wait(timeout=20)
        for attempt in range(1, 6):
            keeper.begin(start(mine, attempt=attempt))
            keeper.finish(report(mine, attempt=attempt))

    in_threads(write, [new_id(), new_id(), new_id()])

    assert counts(catalog) == (15, 30, 45)


def in_threads(write: Callable[[str, threading.Barrier], None], files: list[str]) -> None:
    """Run `write(file_id, barrier)` for each file in a thread of its own; let its error come out."""
    barrier = threading.Barrier(len(files))
    errors: list[BaseException] = []

    def run(mine: str) -> None:
        try:
            write(mine, barrier)
        except BaseException as error:  # noqa: BLE001 - carried to the test
            errors.append(error)

    threads = [threading.Thread(target=run, args=(mine,)) for mine in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
