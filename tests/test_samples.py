"""Every shipped sample: the report, the catalog and MySQL agree on every count, and a second run loads nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine import FileStatus, Settings, ingest_files
from engine.sql import quote_mysql
from engine.summary import run_json
from tests import make_samples
from tests.fix_mysql import Mysql
from tests.fix_postgres import Postgres

SAMPLES = sorted(path.name for path in make_samples.FOLDER.iterdir())
# What each becomes: its table and its rows.
EXPECTED = {
    "customers.csv": ("customers", 300),
    "products.tsv": ("products", 12),
    "sales_2024_01.csv": ("sales_data", 1_000),
    "sales_2024_02.csv": ("sales_data", 1_000),
    "sensor_readings.csv.gz": ("sensor_readings", 2_000),
    "umsatz_de.csv": ("umsatz_de", 240),
}
NUMBERS = {"boolean", "integer", "decimal", "double"}


def mysql_facts(mysql: Mysql, table: str, column: str, kind: str) -> dict[str, object]:
    """What MySQL itself says of a column, with text compared by its bytes as the statistics do."""
    name = quote_mysql(column)
    value = f"HEX({name})" if kind == "text" else name
    ((rows, nulls, empties, distinct, smallest, largest, total),) = mysql.rows(
        f"SELECT COUNT(*), SUM({name} IS NULL), SUM(LENGTH({name}) = 0), COUNT(DISTINCT {value}), "
        f"MIN({value}), MAX({value}), {f'SUM({name})' if kind in NUMBERS else 'NULL'} FROM {quote_mysql(table)}"
    )
    if kind == "text":
        smallest, largest = (bytes.fromhex(str(one)).decode() for one in (smallest, largest))
    return {
        "rows": rows,
        "nulls": number(nulls),
        "empties": number(empties or 0),
        "distinct": distinct,
        "min": plain(smallest),
        "max": plain(largest),
        "sum": plain(total),
    }


def number(value: object) -> int:
    return int(str(value))


def plain(value: object) -> object:
    """A value as the report writes it; doubles to 12 digits, because sums depend on their order."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:.12g}"
    return Decimal(value) if isinstance(value, int) else value


def report_facts(statistics: dict[str, object]) -> dict[str, object]:
    """The same figures from the report's statistics of a column."""
    facts = {name: statistics[name] for name in ("rows", "nulls", "empties", "distinct")}
    for name in ("min", "max", "sum"):
        value = statistics[name]
        is_double = statistics["kind"] == "double" and value is not None
        facts[name] = plain(float(str(value)) if is_double else value)
    return facts


def load(name: str, settings: Settings) -> dict[str, object]:
    """Load one sample and return its entry of the JSON report."""
    report = ingest_files([make_samples.FOLDER / name], settings)
    document = json.loads(run_json(report), parse_float=Decimal)
    assert document["ok"]
    (entry,) = document["files"]
    assert isinstance(entry, dict)
    return entry


def test_the_samples_are_those_that_are_described() -> None:
    assert sorted(EXPECTED) == SAMPLES


@pytest.mark.parametrize("name", SAMPLES)
def test_report_catalog_and_mysql_agree(name: str, settings: Settings, mysql: Mysql, catalog: Postgres) -> None:
    table, rows = EXPECTED[name]
    entry = SimpleNamespace(**load(name, settings))

    assert (entry.table, entry.status, entry.error, entry.rejects_path) == (table, "loaded", None, None)
    assert (entry.rows_read, entry.rows_loaded, entry.rows_rejected) == (rows, rows, 0)
    assert mysql.value(f"SELECT COUNT(*) FROM {quote_mysql(table)}") == rows
    assert entry.receipt["verified"]
    assert entry.receipt["rows"] == {"engine": rows, "mysql": rows}
    assert all(column["equal"] and column["engine"] == column["mysql"] for column in entry.receipt["columns"])
    assert [column["name"] for column in entry.receipt["columns"]] == [column["name"] for column in entry.columns]

    ((file_id, *of_file),) = catalog.rows(
        "SELECT id, file_name, file_size_bytes, row_count, rows_loaded, rows_rejected, column_count, ingestion_status, "
        "target_table, sha256, error_message, receipt -> 'verified', ingest_file_id::text FROM file_metadata"
    )
    size = (make_samples.FOLDER / name).stat().st_size
    columns = len(entry.columns)
    assert of_file == [
        name, size, rows, rows, 0, columns, "success", table, entry.sha256, None, True, entry.file_id
    ]  # fmt: skip

    stored = catalog.rows(
        "SELECT column_name, original_name, column_type, kind, rows, null_count, empties, unique_count, "
        "distinct_error, min_value, max_value, total "
        "FROM column_metadata WHERE file_metadata_id = %s ORDER BY position",
        (file_id,),
    )
    assert len(stored) == columns
    for column, (stored_name, original, mysql_type, kind, *figures) in zip(entry.columns, stored, strict=True):
        statistics = column["statistics"]
        facts = mysql_facts(mysql, table, column["name"], statistics["kind"])
        assert report_facts(statistics) == facts, column["name"]
        assert statistics["distinct_error"] == 0
        assert (stored_name, original, mysql_type, kind) == (
            column["name"], column["original_header"], column["mysql_type"], statistics["kind"]
        )  # fmt: skip
        of_rows, nulls, empties, distinct, error, smallest, largest, total = figures
        in_catalog = {
            **statistics, "rows": of_rows, "nulls": nulls, "empties": empties, "distinct": distinct,
            "min": typed(smallest, kind), "max": typed(largest, kind), "sum": typed(total, kind),
        }  # fmt: skip
        assert report_facts(in_catalog) == facts, column["name"]
        assert error == 0

    metrics = {
        (metric, column): value
        for metric, column, value in catalog.rows(
            "SELECT metric_name, column_name, metric_value FROM data_quality_metrics WHERE file_metadata_id = %s",
            (file_id,),
        )
    }
    assert metrics["row_count", None] == str(rows)
    assert metrics["rejected_rows", None] == "0"
    for column in entry.columns:
        share = Decimal(str(metrics["completeness", column["name"]]))
        assert round(share * rows) == rows - column["statistics"]["nulls"]


def typed(text: object, kind: object) -> object:
    return Decimal(str(text)) if text is not None and kind in NUMBERS else text


def test_no_sample_changes_what_its_cells_say(settings: Settings, mysql: Mysql) -> None:
    for name in ("customers.csv", "umsatz_de.csv", "products.tsv", "sensor_readings.csv.gz"):
        load(name, settings)
    types = {str(row[0]): str(row[1]) for row in mysql.rows("SHOW COLUMNS FROM customers")}
    assert types["zip"].startswith("varchar")
    # Nineteen digits: more than a double holds, and in part more than a signed BIGINT.
    assert types["account"].startswith("bigint")
    assert types["account"].endswith("unsigned")
    assert mysql.value("SELECT COUNT(*) FROM customers WHERE zip LIKE '0%'") != 0
    # An empty note and a missing one are two things.
    assert mysql.rows("SELECT SUM(note IS NULL) > 0, SUM(note = '') > 0 FROM customers") == [(1, 1)]
    assert mysql.value("SELECT COUNT(*) FROM customers WHERE note LIKE 'called twice,\nno answer'") != 0
    assert mysql.rows("SELECT `Straße`, `Umsatz €`, CAST(Datum AS CHAR) FROM umsatz_de LIMIT 1") == [
        ("Domstraße 1", "1.701,32", "2024-01-01")
    ]
    assert mysql.value("SELECT `product name` FROM products WHERE sku = '0003'") == 'Monitor 27"'


def test_a_second_run_loads_nothing_and_says_why(settings: Settings, mysql: Mysql, catalog: Postgres) -> None:
    paths = [make_samples.FOLDER / name for name in SAMPLES]
    assert {file.status for file in ingest_files(paths, settings).files} == {FileStatus.LOADED}
    before = {table: mysql.rows(f"CHECKSUM TABLE {quote_mysql(table)}") for table, _ in EXPECTED.values()}

    again = ingest_files(paths, settings)

    assert again.ok
    assert {file.status for file in again.files} == {FileStatus.DUPLICATE}
    assert (again.rows_read, again.rows_loaded) == (0, 0)
    for file in again.files:
        assert any(f"the same bytes are in {file.table} already" in note for note in file.notes), file.notes
    assert before == {table: mysql.rows(f"CHECKSUM TABLE {quote_mysql(table)}") for table, _ in EXPECTED.values()}
    assert sorted(catalog.rows("SELECT ingestion_status, count(*) FROM file_metadata GROUP BY 1")) == [
        ("duplicate", len(SAMPLES)),
        ("success", len(SAMPLES)),
    ]


def test_a_second_run_is_quick(settings: Settings) -> None:
    assert settings.mysql_url is not None
    assert settings.catalog_url is not None
    environment = {
        **os.environ,
        "INGEST_MYSQL_URL": settings.mysql_url.get_secret_value(),
        "INGEST_CATALOG_URL": settings.catalog_url.get_secret_value(),
        "INGEST_DATA_DIR": str(settings.data_dir),
    }
    command = [
        sys.executable,
        "-m",
        "engine.ingest",
        "--json",
        "-",
        *(str(make_samples.FOLDER / name) for name in SAMPLES),
    ]
    root = Path(__file__).resolve().parent.parent
    runs = [
        json.loads(subprocess.run(command, cwd=root, env=environment, capture_output=True, check=True).stdout)
        for _ in range(2)
    ]
    assert [file["status"] for file in runs[1]["files"]] == ["duplicate"] * len(SAMPLES)
    # A quarter of a second on a quiet machine; a busy one may take its time.
    assert runs[1]["wall_seconds"] < 10
