"""Feeds: what is agreed about a kind of file decides where it goes, what it may hold and what happens to it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from engine import FileStatus, Settings, ingest_files
from tests.fix_mysql import Mysql
from tests.test_bad_input import fails
from tests.test_pipeline_modes import SALES_HEADER, left_overs, only, write

FEEDS = """
[orders]
pattern = "orders_*.csv"
table = "orders"
mode = "upsert"
key = ["order_id"]
delimiter = ";"
null = ["-"]
max_rejects = "50%"
archive_days = 30

[orders.columns.order_id]
type = "INT"

[orders.columns.placed]
type = "DATE"
format = "%d.%m.%Y"
not_null = true

[orders.columns.amount]
type = "DECIMAL(8,2)"
minimum = 0

[orders.columns.state]
values = ["new", "paid"]

[orders.columns.reference]
pattern = "R[0-9]+"
source = "Ref. No"
"""


def test_a_declared_feed_names_types_rules_and_table(settings: Settings, mysql: Mysql) -> None:
    write(settings.feeds_path, FEEDS)
    text = (
        "order_id;placed;amount;state;Ref. No\n"
        "1;31.12.2020;10.50;new;R1\n"
        "2;05.06.2020;-;paid;R2\n"
        "3;05.06.2020;-1;paid;R3\n"
        "4;2020-06-05;1;paid;R4\n"
        "5;05.06.2020;1;lost;R5\n"
        "6;-;1;new;R6\n"
    )
    path = write(settings.input_dir / "orders_1.csv", text)
    report = ingest_files(None, settings, overrides={"max_rejects": 4})
    file = only(report)
    assert (file.status, file.table, file.rows_loaded, file.rows_rejected) == (FileStatus.LOADED, "orders", 2, 4)
    assert dict(file.rejects_by_class) == {"rule": 3, "type": 1}
    assert mysql.rows(
        "SELECT order_id, CAST(placed AS CHAR), amount, state, reference FROM orders ORDER BY order_id"
    ) == [
        (1, "2020-12-31", Decimal("10.50"), "new", "R1"),
        (2, "2020-06-05", None, "paid", "R2"),
    ]
    assert not path.exists()
    assert file.archived_to is not None
    assert file.archived_to.read_text() == text
    assert file.archived_to.parts[-5] == "orders"


def test_more_than_the_feed_s_share_of_rejects_holds_the_file_where_it_is(settings: Settings, mysql: Mysql) -> None:
    write(settings.feeds_path, FEEDS)
    path = write(settings.input_dir / "orders_1.csv", "order_id;placed;amount;state;Ref. No\nx;y;z;new;R1\n")
    fails(only(ingest_files(None, settings)), "reject.limit")
    assert path.exists()
    assert mysql.rows("SHOW TABLES LIKE 'orders'") == []
    assert left_overs(mysql) == []


def test_a_rule_on_the_whole_file_holds_it(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    rules = [{"check": "completeness", "column": "b", "minimum": 0.9}, {"check": "row_count", "minimum": 3}]
    path = write(tmp_path / "a.csv", "a,b\n1,\n2,x\n")
    message = fails(only(ingest_files([path], settings, table="t", overrides={"rules": rules})), "quality.rule")
    assert "completeness" in message
    assert "row_count" in message
    assert mysql.rows("SHOW TABLES LIKE 't'") == []


@pytest.mark.parametrize("columns", ["evolve", "discard"])
def test_a_new_column_follows_the_feed_s_policy(settings: Settings, mysql: Mysql, tmp_path: Path, columns: str) -> None:
    ingest_files([write(tmp_path / "a.csv", "a\n1\n")], settings, table="t")
    path = write(tmp_path / "b.csv", "a,b\n2,x\n")
    file = only(ingest_files([path], settings, table="t", overrides={"new_columns": columns}))
    assert (file.status, file.rows_loaded) == (FileStatus.LOADED, 1)
    names = [row[0] for row in mysql.rows("SHOW COLUMNS FROM t")]
    assert ("b" in names) == (columns == "evolve")
    if columns == "evolve":
        assert mysql.rows("SELECT a, b FROM t ORDER BY a") == [(1, None), (2, "x")]


def test_types_evolve_where_the_feed_says_so(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    small = settings.model_copy(update={"batch_rows": 2})
    ingest_files([write(tmp_path / "a.csv", "a\n1\n")], small, table="t")
    path = write(tmp_path / "b.csv", "a\n2\n3\n4\n99999999999\n")
    fails(only(ingest_files([path], small, table="t")), "reject.limit")
    assert only(ingest_files([path], small, table="t", overrides={"types": "evolve"})).rows_loaded == 4
    assert mysql.rows("SELECT a FROM t ORDER BY a") == [(1,), (2,), (3,), (4,), (99999999999,)]


def test_a_widened_column_keeps_all_else_that_it_has(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    comment = 'it\'s 100% {of} \\n "that"; --'
    written = comment.replace("\\", "\\\\").replace("'", "''").replace("%", "%%")
    mysql.rows(
        f"CREATE TABLE t (n SMALLINT NULL INVISIBLE COMMENT '{written}', "
        "s VARCHAR(3) CHARACTER SET latin1 COLLATE latin1_swedish_ci NOT NULL COMMENT 'short', x INT)",
        (),
    )
    path = write(tmp_path / "t.csv", "n,s,x\n70000,longer,1\n")
    file = only(ingest_files([path], settings, table="t", overrides={"types": "evolve"}))
    assert (file.error, file.rows_loaded) == (None, 1)
    assert mysql.rows("SELECT n, s, x FROM t") == [(70000, "longer", 1)]
    columns = mysql.rows(
        "SELECT COLUMN_NAME, DATA_TYPE, IS_NULLABLE, COLUMN_COMMENT, COLLATION_NAME, EXTRA LIKE '%%INVISIBLE%%' "
        "FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 't' ORDER BY ORDINAL_POSITION",
        (),
    )
    assert columns == [
        ("n", "int", "YES", comment, None, 1),
        ("s", "varchar", "NO", "short", "latin1_swedish_ci", 0),
        ("x", "int", "YES", "", None, 0),
    ]


def test_a_missing_column_is_null_where_the_feed_says_so(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    ingest_files([write(tmp_path / "a.csv", "a,b\n1,x\n")], settings, table="t")
    path = write(tmp_path / "b.csv", "a\n2\n")
    fails(only(ingest_files([path], settings, table="t")), "schema.drift")
    assert only(ingest_files([path], settings, table="t", overrides={"missing_columns": "evolve"})).rows_loaded == 1
    assert mysql.rows("SELECT a, b FROM t ORDER BY a") == [(1, "x"), (2, None)]


def test_a_feed_may_bring_its_own_table(settings: Settings, mysql: Mysql) -> None:
    write(settings.data_dir / "t.sql", "CREATE TABLE {table} (id INT AUTO_INCREMENT PRIMARY KEY, a INT, KEY by_a (a))")
    write(settings.feeds_path, '[x]\npattern = "x*.csv"\ntable = "t"\ncreate_table = "t.sql"\n')
    write(settings.input_dir / "x1.csv", "a\n1\n2\n")
    assert only(ingest_files(None, settings)).status is FileStatus.LOADED
    assert {row[2] for row in mysql.rows("SHOW INDEX FROM t")} == {"PRIMARY", "by_a"}
    assert left_overs(mysql) == []


def test_an_append_with_file_visibility_is_one_transaction(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    small = settings.model_copy(update={"batch_rows": 2})
    ingest_files([write(tmp_path / "a.csv", "a\n0\n")], small, table="t")
    path = write(tmp_path / "b.csv", "a\n" + "".join(f"{n}\n" for n in range(1, 10)))
    file = only(ingest_files([path], small, table="t", overrides={"visibility": "file"}))
    assert (file.rows_loaded, file.batches) == (9, 5)
    assert mysql.value("SELECT SUM(a) FROM t") == 45


def test_files_from_the_input_folder_are_archived_and_others_stay(settings: Settings, tmp_path: Path) -> None:
    inside = write(settings.input_dir / "sales_1.csv", SALES_HEADER + "T1,C1,x,1,1.00,2024-01-01,N\n")
    outside = write(tmp_path / "sales_2.csv", SALES_HEADER + "T2,C1,x,1,1.00,2024-01-01,N\n")
    ingest_files(None, settings)
    ingest_files([outside], settings)
    assert not inside.exists()
    assert outside.exists()
    (archived,) = [path for path in settings.archive_dir.rglob("*") if path.is_file()]
    assert archived.name.startswith("sales_1.2")
    # The same again: the file is known, and the input folder doesn't keep it.
    inside.write_bytes(archived.read_bytes())
    assert only(ingest_files(None, settings)).status is FileStatus.DUPLICATE
    assert not inside.exists()
    assert len([path for path in settings.archive_dir.rglob("*") if path.is_file()]) == 2


def test_a_file_waits_for_its_done_marker(settings: Settings, mysql: Mysql) -> None:
    write(settings.feeds_path, '[x]\npattern = "x*.csv"\ntable = "t"\ndone_marker = ".done"\n')
    path = write(settings.input_dir / "x1.csv", "a\n1\n")
    report = ingest_files(None, settings)
    assert report.files == ()
    assert "x1.csv" in report.notes[0]
    write(settings.input_dir / "x1.csv.done", "")
    assert only(ingest_files(None, settings)).status is FileStatus.LOADED
    assert list(settings.input_dir.iterdir()) == []
    assert not path.exists()
    assert mysql.value("SELECT COUNT(*) FROM t") == 1


def test_a_growing_file_is_left_alone_until_it_settles(settings: Settings, mysql: Mysql) -> None:
    patient = settings.model_copy(update={"settle_s": 0.5})
    path = write(settings.input_dir / "a.csv", "a\n1\n")
    done = threading.Event()

    def grow() -> None:
        while not done.wait(0.05):
            with path.open("a") as handle:
                handle.write("1\n")

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        report = ingest_files(None, patient)
    finally:
        done.set()
        writer.join()
    assert report.files == ()
    assert "a.csv" in report.notes[0]
    rows = path.read_text().count("1")
    assert only(ingest_files(None, patient)).rows_loaded == rows
    assert mysql.value("SELECT COUNT(*) FROM a") == rows


def test_retention_removes_what_is_older_than_the_feed_says(settings: Settings) -> None:
    write(settings.feeds_path, '["my feed"]\npattern = "x*.csv"\ntable = "t"\narchive_days = 10\n')
    folder = settings.archive_dir / "my_feed" / "2020" / "01" / "01"
    folder.mkdir(parents=True)
    old_time = datetime.now(UTC) - timedelta(days=11)
    stamp = old_time.strftime("%Y%m%dT%H%M%S.%fZ")
    old = write(folder / f"x0.{stamp}.0123456789ab.csv", "a\n0\n")
    write(settings.input_dir / "x1.csv", "a\n1\n")
    ingest_files(None, settings)
    assert not old.exists()
    assert [path.name.split(".")[0] for path in settings.archive_dir.rglob("*.csv")] == ["x1"]
