"""How a file reaches its table: new, append, replace and upsert, each whole, unchanged and once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from engine import FileReport, FileStatus, Mode, Settings, ingest_files
from tests.fix_mysql import Mysql

SALES_HEADER = "transaction_id,customer_id,product_name,quantity,price,transaction_date,region\n"


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def only(report: object) -> FileReport:
    from engine import RunReport

    assert isinstance(report, RunReport)
    (file,) = report.files
    return file


def left_overs(mysql: Mysql) -> list[tuple[object, ...]]:
    """Tables of the engine other than the ledger."""
    return [
        row
        for row in mysql.rows("SHOW TABLES")
        if str(row[0]).startswith("_ingest_") and row[0] not in ("_ingest_file", "_ingest_batch")
    ]


def test_sales_files_go_to_sales_data_with_its_indexes(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    first = write(
        tmp_path / "sales_1.csv",
        SALES_HEADER + 'T1,C1,"Lamp, ""large""",3,19.90,2024-02-29,North\nT2,C2,Île,-1,0.05,2024-03-01,\n',
    )
    file = only(ingest_files([first], settings))
    assert (file.status, file.table, file.rows_read, file.rows_loaded) == (FileStatus.LOADED, "sales_data", 2, 2)
    assert mysql.rows(
        "SELECT id, transaction_id, product_name, quantity, price, CAST(transaction_date AS CHAR), region FROM sales_data"
    ) == [
        (1, "T1", 'Lamp, "large"', 3, Decimal("19.90"), "2024-02-29", "North"),
        (2, "T2", "Île", -1, Decimal("0.05"), "2024-03-01", None),
    ]
    indexes = {row[2] for row in mysql.rows("SHOW INDEX FROM sales_data")}
    assert indexes == {"PRIMARY", "idx_transaction_date", "idx_customer_id"}
    assert left_overs(mysql) == []

    second = write(tmp_path / "sales_2.csv", SALES_HEADER + "T3,C3,Desk,1,100.00,2024-03-02,South\n")
    assert only(ingest_files([second], settings)).rows_loaded == 1
    assert mysql.value("SELECT COUNT(*) FROM sales_data") == 3


def test_a_file_without_a_feed_gets_a_table_of_its_own(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    path = write(
        tmp_path / "Customers (March).csv",
        'id,zip,balance,since,note,big\n1,00501,12.50,2020-01-02,,9223372036854775808\n2,10001,-3,2021-12-31,"",1\n',
    )
    file = only(ingest_files([path], settings))
    assert file.table == "customers_march"
    types = {column.name: column.mysql_type for column in file.columns}
    assert types["id"] == "INT"
    assert types["zip"].startswith("VARCHAR")
    assert types["since"] == "DATE"
    assert mysql.rows("SELECT id, zip, balance, CAST(since AS CHAR), note, big FROM customers_march ORDER BY id") == [
        (1, "00501", Decimal("12.50"), "2020-01-02", None, 9223372036854775808),
        (2, "10001", Decimal("-3.00"), "2021-12-31", "", 1),
    ]
    assert len(mysql.rows("SELECT * FROM customers_march")[0]) == 6


def test_the_receipt_holds_both_sides_of_every_column(settings: Settings, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b,c\n1,x,1.5\n2,,2.25\n,yy,\n")
    receipt = only(ingest_files([path], settings)).receipt
    assert receipt is not None
    assert receipt.verified
    assert (receipt.rows_engine, receipt.rows_mysql) == (3, 3)
    by_name = {column.column: column for column in receipt.columns}
    assert by_name["a"].engine == by_name["a"].mysql
    assert by_name["a"].mysql == {"filled": "2", "total": "3", "minimum": "1", "maximum": "2"}
    assert by_name["b"].mysql == {"filled": "2", "minimum": "x", "maximum": "yy", "bytes": "3"}
    assert by_name["c"].mysql["total"] == "3.75"


def test_a_receipt_can_be_switched_off(settings: Settings, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a\n1\n")
    off = settings.model_copy(update={"receipt": False})
    file = only(ingest_files([path], off))
    assert file.status is FileStatus.LOADED
    assert file.receipt is not None
    assert (file.receipt.verified, file.receipt.note) == (False, "switched off")


def test_append_adds_to_what_is_there(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    ingest_files([write(tmp_path / "a.csv", "n,t\n1,x\n")], settings, table="t")
    ingest_files([write(tmp_path / "b.csv", "n,t\n2,y\n")], settings, table="t")
    assert mysql.rows("SELECT n, t FROM t ORDER BY n") == [(1, "x"), (2, "y")]


def test_replace_shows_only_the_new_rows_and_lets_the_old_file_come_again(
    settings: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    old = write(tmp_path / "a.csv", "n\n1\n2\n")
    new = write(tmp_path / "b.csv", "n\n3\n")
    ingest_files([old], settings, table="t")
    assert only(ingest_files([new], settings, table="t", mode="replace")).mode is Mode.REPLACE
    assert mysql.rows("SELECT n FROM t") == [(3,)]
    assert only(ingest_files([old], settings, table="t", mode="replace")).status is FileStatus.LOADED
    assert mysql.rows("SELECT n FROM t ORDER BY n") == [(1,), (2,)]
    assert left_overs(mysql) == []


def test_replace_keeps_the_table_s_indexes(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    mysql.rows(
        "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT, s VARCHAR(20), KEY by_n (n), UNIQUE KEY by_s (s))"
    )
    path = write(tmp_path / "a.csv", "n,s\n1,a\n2,b\n")
    assert only(ingest_files([path], settings, table="t", mode="replace")).status is FileStatus.LOADED
    assert {row[2] for row in mysql.rows("SHOW INDEX FROM t")} == {"PRIMARY", "by_n", "by_s"}


def test_replace_refuses_a_table_whose_triggers_would_be_lost(
    settings: Settings, mysql: Mysql, mysql_server: Mysql, tmp_path: Path
) -> None:
    mysql.rows("CREATE TABLE t (n INT)")
    database = settings.mysql_url.get_secret_value().rpartition("/")[2] if settings.mysql_url else ""
    mysql_server.rows(f"CREATE TRIGGER {database}.keep BEFORE INSERT ON {database}.t FOR EACH ROW SET NEW.n = NEW.n")
    path = write(tmp_path / "a.csv", "n\n1\n")
    file = only(ingest_files([path], settings, table="t", mode="replace"))
    assert file.error is not None
    assert file.error.code == "schema.replace"


def test_upsert_updates_by_key_and_the_last_row_of_a_key_wins(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    ingest_files([write(tmp_path / "a.csv", "id,v\n1,a\n2,b\n")], settings, table="t", mode="upsert", key=["id"])
    small = settings.model_copy(update={"batch_rows": 1})
    path = write(tmp_path / "b.csv", "id,v\n2,B\n3,c\n3,C\n")
    file = only(ingest_files([path], small, table="t", mode="upsert", key=["id"]))
    assert (file.status, file.rows_loaded) == (FileStatus.LOADED, 3)
    assert mysql.rows("SELECT id, v FROM t ORDER BY id") == [(1, "a"), (2, "B"), (3, "C")]
    assert left_overs(mysql) == []


def test_a_known_table_has_its_dates_read_as_the_rows_far_below_tell(
    settings: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    mysql.rows("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, day DATE, v VARCHAR(40))")
    # What tells stands behind more than a first look takes.
    rows = 40_000
    text = "day,v\n" + f"04/05/2024,{'x' * 30}\n" * rows + "25/05/2024,y\n"
    assert len(text) > 1 << 20
    file = only(ingest_files([write(tmp_path / "a.csv", text)], settings, table="t"))
    assert (file.status, file.rows_loaded) == (FileStatus.LOADED, rows + 1)
    assert mysql.rows("SELECT CAST(day AS CHAR), COUNT(*) FROM t GROUP BY day ORDER BY day") == [
        ("2024-05-04", rows),
        ("2024-05-25", 1),
    ]


def test_upsert_into_a_new_table_needs_a_key(settings: Settings, tmp_path: Path) -> None:
    file = only(ingest_files([write(tmp_path / "a.csv", "id,v\n1,a\n")], settings, table="t", mode="upsert"))
    assert file.error is not None
    assert file.error.code == "settings.key"


@pytest.mark.parametrize("loaders", [1, 3])
def test_ten_row_batches_all_arrive(settings: Settings, mysql: Mysql, tmp_path: Path, loaders: int) -> None:
    small = settings.model_copy(update={"batch_rows": 10, "loaders": loaders})
    text = "n,s\n" + "".join(f"{n},row {n}\n" for n in range(1003))
    file = only(ingest_files([write(tmp_path / "a.csv", text)], small, table="t"))
    assert (file.batches, file.rows_loaded) == (101, 1003)
    assert mysql.rows("SELECT COUNT(*), SUM(n), COUNT(DISTINCT s) FROM t") == [(1003, Decimal(502503), 1003)]
    file = only(ingest_files([write(tmp_path / "b.csv", text + "1003,x\n")], small, table="t"))
    assert file.rows_loaded == 1004
    assert mysql.value("SELECT COUNT(*) FROM t") == 2007


def test_a_table_without_an_automatic_key_is_proved_all_the_same(
    settings: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    mysql.rows("CREATE TABLE t (code VARCHAR(10) PRIMARY KEY, n INT)")
    small = settings.model_copy(update={"batch_rows": 2})
    file = only(ingest_files([write(tmp_path / "a.csv", "code,n\na,1\nb,2\nc,3\n")], small, table="t"))
    assert (file.status, file.rows_loaded) == (FileStatus.LOADED, 3)
    assert file.receipt is not None
    assert file.receipt.verified
    assert mysql.rows("SELECT code, n FROM t ORDER BY code") == [("a", 1), ("b", 2), ("c", 3)]


def test_a_key_that_is_there_already_leaves_the_table_as_it_was(
    settings: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    mysql.rows("CREATE TABLE t (code VARCHAR(10) PRIMARY KEY, n INT)")
    mysql.rows("INSERT INTO t VALUES ('c', 0)")
    small = settings.model_copy(update={"batch_rows": 1})
    path = write(tmp_path / "a.csv", "code,n\na,1\nb,2\nc,3\n")
    file = only(ingest_files([path], small, table="t"))
    assert file.status is FileStatus.HELD
    assert file.error is not None
    assert file.error.code == "reject.limit"
    assert "line 4" in file.error.message
    assert mysql.rows("SELECT code, n FROM t") == [("c", 0)]


@pytest.mark.parametrize("automatic", [True, False])
def test_with_rejects_allowed_a_known_key_is_a_reject_by_line_and_the_rest_loads(
    settings: Settings, mysql: Mysql, tmp_path: Path, automatic: bool
) -> None:
    own = "id INT AUTO_INCREMENT PRIMARY KEY, code VARCHAR(10) UNIQUE" if automatic else "code VARCHAR(10) PRIMARY KEY"
    mysql.rows(f"CREATE TABLE t ({own}, n INT)")
    mysql.rows("INSERT INTO t (code, n) VALUES ('c', 0)")
    small = settings.model_copy(update={"batch_rows": 3})
    path = write(tmp_path / "a.csv", "code,n\na,1\nx,wrong\nb,2\nc,3\na,4\nd,5\n")
    file = only(ingest_files([path], small, table="t", overrides={"max_rejects": 3}))
    assert (file.status, file.rows_read, file.rows_loaded, file.rows_rejected) == (FileStatus.LOADED, 6, 3, 3)
    assert dict(file.rejects_by_class) == {"type": 1, "key": 2}
    assert mysql.rows("SELECT code, n FROM t ORDER BY code") == [("a", 1), ("b", 2), ("c", 0), ("d", 5)]
    assert file.receipt is not None
    assert (file.receipt.verified, file.receipt.rows_mysql) == (True, 3)
    assert file.rejects_path is not None
    assert sorted(file.rejects_path.read_text().splitlines()[1:]) == ["a,4", "c,3", "x,wrong"]


def test_a_row_that_a_check_refuses_is_a_reject_of_the_server_s(
    settings: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    mysql.rows("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT, CONSTRAINT positive CHECK (n > 0))")
    path = write(tmp_path / "a.csv", "n\n1\n-2\n3\n")
    held = only(ingest_files([path], settings, table="t"))
    assert held.error is not None
    assert (held.status, held.error.code) == (FileStatus.HELD, "reject.limit")
    assert "positive" in held.error.message
    assert mysql.rows("SELECT n FROM t") == []
    file = only(ingest_files([path], settings, table="t", overrides={"max_rejects": 1}))
    assert (file.status, dict(file.rejects_by_class)) == (FileStatus.LOADED, {"server": 1})
    assert mysql.rows("SELECT n FROM t ORDER BY n") == [(1,), (3,)]


def test_a_key_that_repeats_in_a_new_table_is_a_reject(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    small = settings.model_copy(update={"batch_rows": 2})
    path = write(tmp_path / "a.csv", "k,n\n1,a\n2,b\n1,c\n3,d\n")
    file = only(ingest_files([path], small, table="t", key=["k"], overrides={"max_rejects": 1}))
    assert (file.status, file.rows_loaded, file.rows_rejected) == (FileStatus.LOADED, 3, 1)
    assert mysql.rows("SELECT k, n FROM t ORDER BY k") == [(1, "a"), (2, "b"), (3, "d")]


def test_a_file_that_is_staged_on_disk_leaves_nothing_there(
    settings: Settings, mysql: Mysql, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.pipeline.publishing._IN_MEMORY_BYTES", 100)
    ingest_files([write(tmp_path / "a.csv", "n\n1\n")], settings, table="t")
    text = "n\n" + "".join(f"{n}\n" for n in range(500))
    small = settings.model_copy(update={"batch_rows": 10})
    assert only(ingest_files([write(tmp_path / "b.csv", text)], small, table="t")).rows_loaded == 500
    assert mysql.value("SELECT COUNT(*) FROM t") == 501
    assert list(settings.staging_dir.glob("**/*")) == []


def test_a_late_value_widens_an_inferred_type_and_the_pass_starts_again(
    settings: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    small = settings.model_copy(update={"batch_rows": 100})
    text = "n,m\n" + "".join(f"{n},1\n" for n in range(1000)) + "8011-N,99999999999\n"
    file = only(ingest_files([write(tmp_path / "a.csv", text)], small, table="t"))
    assert (file.status, file.restarts, file.rows_loaded) == (FileStatus.LOADED, 1, 1001)
    assert mysql.value("SELECT m FROM t WHERE n = '8011-N'") == 99999999999
    assert mysql.value("SELECT COUNT(*) FROM t") == 1001
    assert left_overs(mysql) == []


def test_the_same_bytes_are_loaded_once_whatever_their_name(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", "n\n1\n2\n")
    again = write(tmp_path / "b.csv", "n\n1\n2\n")
    ingest_files([first], settings, table="t")
    file = only(ingest_files([again], settings, table="t"))
    assert (file.status, file.rows_loaded) == (FileStatus.DUPLICATE, 0)
    assert "--on-duplicate load" in file.notes[0]
    assert only(ingest_files([again], settings, table="t", overrides={"on_duplicate": "load"})).rows_loaded == 2
    assert mysql.value("SELECT COUNT(*) FROM t") == 4


def test_a_dropped_table_may_be_loaded_again(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "n\n1\n")
    ingest_files([path], settings, table="t")
    mysql.rows("DROP TABLE t")
    assert only(ingest_files([path], settings, table="t")).status is FileStatus.LOADED
    assert mysql.value("SELECT COUNT(*) FROM t") == 1


def test_a_dry_run_writes_nothing(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    path = write(settings.input_dir / "sales_1.csv", SALES_HEADER + "T1,C1,x,3,19.90,2024-02-29,North\n")
    report = ingest_files(None, settings, dry_run=True)
    file = only(report)
    assert (report.ok, report.dry_run, file.rows_read, file.rows_loaded) == (True, True, 1, 0)
    assert mysql.rows("SHOW TABLES") == []
    assert path.exists()
    assert [p for p in settings.data_dir.rglob("*") if p.is_file()] == [path]


def test_repair_fills_short_rows_and_rescues_the_surplus_of_long_ones(
    settings: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.csv", 'a,b,c\n1,2,"3"\n4,5\n6,7,8,9,10\nx,y"z,w\n')
    file = only(ingest_files([path], settings, table="t", overrides={"irregular": "repair"}))
    assert (file.status, file.rows_loaded, file.repaired_rows) == (FileStatus.LOADED, 4, 3)
    assert mysql.rows("SELECT a, b, c, _rescued FROM t ORDER BY _row_id") == [
        ("1", "2", "3", None),
        ("4", "5", None, None),
        ("6", "7", "8", '["9", "10"]'),
        ("x", 'y"z', "w", None),
    ]
