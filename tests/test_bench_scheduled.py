"""What the bench of schedulers holds against each other: it sees a row that is missing, changed or twice there."""

from __future__ import annotations

from pathlib import Path

from bench.files.sales import sales_file
from bench.scheduled.same import rows_of_file, rows_of_table, statistics_of
from engine import Settings, ingest_files
from tests.fix_mysql import Mysql

_ROWS = 3_000


def test_a_table_is_held_against_its_file(settings: Settings, tmp_path: Path) -> None:
    assert settings.mysql_url is not None
    assert settings.catalog_url is not None
    path = sales_file(_ROWS, tmp_path)
    for table in ("one", "other"):
        assert ingest_files([path], settings, table=table).ok
    url, expected = settings.mysql_url.get_secret_value(), rows_of_file(path)
    assert expected[0] == _ROWS
    assert rows_of_table(url, "one", path) == expected == rows_of_table(url, "other", path)
    catalog = settings.catalog_url.get_secret_value()
    assert len(statistics_of(catalog, "one")) == 7
    assert statistics_of(catalog, "one") == statistics_of(catalog, "other")
    assert statistics_of(catalog, "none") == []


def test_rows_that_differ_are_seen(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    assert settings.mysql_url is not None
    path = sales_file(_ROWS, tmp_path)
    assert ingest_files([path], settings, table="sales").ok
    url, expected = settings.mysql_url.get_secret_value(), rows_of_file(path)
    for spoilt in (
        "UPDATE sales SET region = NULL WHERE region = 'North' LIMIT 1",
        # Columns alone would be the same: two rows swap what they have in one of them.
        "UPDATE sales a JOIN sales b ON (a.id, b.id) IN ((1, 2), (2, 1)) SET a.customer_id = b.customer_id",
        "DELETE FROM sales LIMIT 1",
        "INSERT INTO sales (region) SELECT region FROM sales LIMIT 1",
    ):
        before = rows_of_table(url, "sales", path)
        mysql.rows(spoilt)
        assert rows_of_table(url, "sales", path) not in (before, expected), spoilt
