"""Bad input gets a clear error that says what, where and what next, and nothing is lost or half done."""

from __future__ import annotations

import os
import socket
import zlib
from pathlib import Path

import pytest
from pydantic import SecretStr

from engine import FileReport, FileStatus, Settings, ingest_files
from engine.errors import SettingsError
from tests.fix_mysql import Mysql
from tests.fix_postgres import Postgres
from tests.test_pipeline_modes import SALES_HEADER, left_overs, only, write


def fails(file: FileReport, code: str) -> str:
    """Check a failed file's code and return its message."""
    assert file.status in (FileStatus.FAILED, FileStatus.HELD)
    assert file.error is not None
    assert (file.error.code, file.rows_loaded) == (code, 0)
    return file.error.message


def test_no_such_file_doesn_t_stop_the_others(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    good = write(tmp_path / "a.csv", "n\n1\n")
    report = ingest_files([tmp_path / "missing.csv", good], settings, table="t")
    by_name = {file.path.name: file for file in report.files}
    assert "missing.csv" in fails(by_name["missing.csv"], "source.not_found")
    assert by_name["a.csv"].status is FileStatus.LOADED
    assert not report.ok
    assert mysql.value("SELECT COUNT(*) FROM t") == 1


def test_a_folder_is_no_file(settings: Settings, tmp_path: Path) -> None:
    fails(only(ingest_files([tmp_path], settings)), "source.folder")


@pytest.mark.parametrize("content", ["", "\n\n\r\n"])
def test_an_empty_file(settings: Settings, tmp_path: Path, content: str) -> None:
    fails(only(ingest_files([write(tmp_path / "a.csv", content)], settings)), "source.empty")


def test_a_file_of_which_an_option_leaves_nothing_names_the_option(settings: Settings, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "n\n1\n")
    for option, name in (("skip_lines", "--skip-lines 9"), ("skip_footer", "--skip-footer 9")):
        file = only(ingest_files([path], settings, overrides={option: 9}))
        assert f"{name} leaves nothing of the file" in fails(file, "source.empty")


def test_a_header_without_rows_fails_unless_that_is_meant(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    path = write(tmp_path / "sales_1.csv", SALES_HEADER)
    assert "--empty load" in fails(only(ingest_files([path], settings)), "scan.no_rows")
    file = only(ingest_files([path], settings, overrides={"empty": "load"}))
    assert (file.status, file.rows_read) == (FileStatus.LOADED, 0)
    assert mysql.value("SELECT COUNT(*) FROM sales_data") == 0


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8,
        b"PK\x03\x04" + zlib.compress(bytes(range(256)) * 20),
        os.urandom(5000),
    ],
)
def test_a_binary_file(settings: Settings, tmp_path: Path, content: bytes) -> None:
    file = only(ingest_files([write(tmp_path / "a.csv", content)], settings))
    assert fails(file, "dialect.binary")


def test_values_that_do_not_fit_are_rejects_with_line_column_and_value(
    settings: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    rows = [
        f"T1,C1,{'x' * 300},1,1.00,2024-01-01,N",
        "T2,C1,ok,x,1.00,2024-01-01,N",
        "T3,C1,ok,99999999999,1.00,2024-01-01,N",
        "T4,C1,ok,1,1.00,2024-02-30,N",
        "T5,C1,ok,1",
        "T6,C1,ok,1,1.005,2024-01-01,N",
        "T7,C1,fine,7,7.70,2024-01-07,N",
    ]
    path = write(tmp_path / "sales_1.csv", SALES_HEADER + "\n".join(rows) + "\n")
    file = only(ingest_files([path], settings))
    message = fails(file, "reject.limit")
    assert "6 of 7 rows" in message
    assert (file.status, file.rows_read, file.rows_rejected) == (FileStatus.HELD, 7, 6)
    assert dict(file.rejects_by_class) == {"type": 5, "parse": 1}
    assert mysql.rows("SHOW TABLES LIKE 'sales_data'") == []
    assert left_overs(mysql) == []
    assert file.rejects_path is not None
    assert file.rejects_path.read_text() == SALES_HEADER + "\n".join(rows[:6]) + "\n"

    file = only(ingest_files([path], settings, overrides={"max_rejects": 6}))
    assert (file.status, file.rows_loaded, file.rows_rejected) == (FileStatus.LOADED, 1, 6)
    assert mysql.rows("SELECT transaction_id, quantity FROM sales_data") == [("T7", 7)]


def test_a_share_of_rejects_can_be_allowed(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "a,b\n" + "1,2\n" * 99 + "3\n")
    fails(only(ingest_files([path], settings, table="t", overrides={"max_rejects": "0.5%"})), "reject.limit")
    assert only(ingest_files([path], settings, table="t", overrides={"max_rejects": "1%"})).rows_loaded == 99
    assert mysql.value("SELECT COUNT(*) FROM t") == 99


def test_irregular_rows_can_stop_the_file(settings: Settings, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "a,b\n1,2\n3\n")
    message = fails(only(ingest_files([path], settings, overrides={"irregular": "error"})), "parse.short_row")
    assert "line 3" in message


def test_nothing_listens_where_mysql_should_be(settings: Settings, catalog: Postgres, tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        lost = settings.model_copy(update={"mysql_url": SecretStr(f"mysql://u:hush@127.0.0.1:{port}/db")})
        file = only(ingest_files([write(tmp_path / "a.csv", "n\n1\n")], lost))
    message = fails(file, "load.unreachable")
    assert f"127.0.0.1:{port}" in message
    assert "hush" not in message
    assert catalog.rows("SELECT ingestion_status, error_code FROM file_metadata") == [("failed", "load.unreachable")]


def test_a_wrong_password_names_the_user_and_not_the_password(settings: Settings, tmp_path: Path) -> None:
    assert settings.mysql_url is not None
    place = settings.mysql_url.get_secret_value().rpartition("@")[2]
    wrong = settings.model_copy(update={"mysql_url": SecretStr(f"mysql://headrace:hush@{place}")})
    message = fails(only(ingest_files([write(tmp_path / "a.csv", "n\n1\n")], wrong)), "load.denied")
    assert "headrace" in message
    assert "hush" not in message


def test_a_database_that_is_not_there(settings: Settings, mysql_server: Mysql, tmp_path: Path) -> None:
    base = mysql_server.url.rpartition("/")[0]
    lost = settings.model_copy(update={"mysql_url": SecretStr(base + "/no_such_database")})
    fails(only(ingest_files([write(tmp_path / "a.csv", "n\n1\n")], lost)), "load.no_database")


def test_local_infile_off_says_which_side_and_the_fix(
    settings: Settings, mysql_server: Mysql, mysql: Mysql, tmp_path: Path
) -> None:
    mysql_server.rows("SET GLOBAL local_infile = 0")
    try:
        file = only(ingest_files([write(tmp_path / "a.csv", "n\n1\n")], settings, table="t"))
    finally:
        mysql_server.rows("SET GLOBAL local_infile = 1")
    message = fails(file, "load.local_infile_off")
    assert "SET GLOBAL local_infile = 1" in message
    assert left_overs(mysql) == []


def test_a_missing_privilege_points_to_the_grants(settings: Settings, mysql_server: Mysql, tmp_path: Path) -> None:
    assert settings.mysql_url is not None
    place = settings.mysql_url.get_secret_value().rpartition("@")[2]
    database = place.rpartition("/")[2]
    mysql_server.rows("CREATE USER IF NOT EXISTS 'reader'@'127.0.0.1' IDENTIFIED BY 'pw'")
    mysql_server.rows(f"GRANT SELECT ON {database}.* TO 'reader'@'127.0.0.1'")
    poor = settings.model_copy(update={"mysql_url": SecretStr(f"mysql://reader:pw@{place}")})
    message = fails(only(ingest_files([write(tmp_path / "a.csv", "n\n1\n")], poor)), "load.privilege")
    assert "sql/mysql/grants.sql" in message
    mysql_server.rows("DROP USER 'reader'@'127.0.0.1'")


def test_a_table_with_other_columns_shows_the_difference(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    mysql.rows("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a INT, b INT)")
    message = fails(only(ingest_files([write(tmp_path / "a.csv", "a,c\n1,2\n")], settings, table="t")), "schema.drift")
    assert "'c'" in message
    assert "b" in message
    assert mysql.value("SELECT COUNT(*) FROM t") == 0


def test_a_catalog_that_is_down_loses_nothing_and_is_told_at_the_next_run(
    settings: Settings, mysql: Mysql, catalog: Postgres, tmp_path: Path
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        lost = settings.model_copy(update={"catalog_url": SecretStr(f"postgresql://u:hush@127.0.0.1:{port}/db")})
        report = ingest_files([write(tmp_path / "a.csv", "n,d,t\n1,2024-01-01,x\n")], lost, table="t")
    assert report.ok
    assert "next run" in report.notes[0]
    assert "hush" not in report.notes[0]
    ingest_files([write(tmp_path / "b.csv", "n,d,t\n2,2024-01-02,y\n")], settings, table="t")
    assert catalog.rows("SELECT file_name, ingestion_status, row_count FROM file_metadata ORDER BY file_name") == [
        ("a.csv", "success", 1),
        ("b.csv", "success", 1),
    ]
    assert catalog.rows(
        "SELECT column_name, min_value FROM column_metadata c JOIN file_metadata f ON f.id = c.file_metadata_id "
        "WHERE f.file_name = 'a.csv' ORDER BY c.id"
    ) == [("n", "1"), ("d", "2024-01-01"), ("t", "x")]
    assert mysql.value("SELECT COUNT(*) FROM _ingest_file WHERE cataloged = 0") == 0


def test_a_file_that_changes_while_it_is_read_is_not_published(
    settings: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.csv", "n\n" + "1\n" * 1000)
    small = settings.model_copy(update={"batch_rows": 100})
    grown: list[int] = []

    def grow(_progress: object) -> None:
        if not grown:
            grown.append(1)
            with path.open("a") as handle:
                handle.write("2\n")

    file = only(ingest_files([path], small, table="t", on_progress=grow))
    fails(file, "source.changed")
    assert file.error is not None
    assert file.error.retryable
    assert mysql.rows("SHOW TABLES LIKE 't'") == []
    assert only(ingest_files([path], small, table="t")).rows_loaded == 1001
    assert left_overs(mysql) == []


def test_a_full_disk_under_the_staging_folder(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    ingest_files([write(tmp_path / "a.csv", "n,t\n1,x\n")], settings, table="t")
    full = tmp_path / "full"
    full.mkdir()
    # /dev/full answers every write as a full disk does.
    (full / "rejects").symlink_to("/dev/full")
    path = write(tmp_path / "b.csv", "n,t\n2,y\n3\n")
    blocked = settings.model_copy(update={"data_dir": full})
    file = only(ingest_files([path], blocked, table="t", overrides={"max_rejects": 1}))
    assert file.status is FileStatus.FAILED
    assert file.error is not None
    assert file.error.code == "reject.write"
    assert mysql.value("SELECT COUNT(*) FROM t") == 1


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"delimiter": '"', "quote_char": '"'}, "delimiter"),
        ({"max_rejects": "many"}, "many"),
        ({"mode": "upsert", "visibility": "file"}, "visibility"),
        ({"quote_char": "''"}, "quote_char"),
        ({"encoding": "klingon"}, "klingon"),
    ],
)
def test_options_that_make_no_sense(settings: Settings, tmp_path: Path, fields: dict[str, object], word: str) -> None:
    with pytest.raises(SettingsError, match=word):
        ingest_files([write(tmp_path / "a.csv", "n\n1\n")], settings, overrides=fields)


@pytest.mark.parametrize("setting", ["mysql_url", "catalog_url"])
def test_a_url_that_is_none_stops_before_anything_is_touched(settings: Settings, tmp_path: Path, setting: str) -> None:
    wrong = settings.model_copy(update={setting: SecretStr("hush@nowhere")})
    with pytest.raises(SettingsError, match=f"INGEST_{setting.upper()}") as caught:
        ingest_files([write(tmp_path / "a.csv", "n\n1\n")], wrong)
    assert "hush" not in str(caught.value)


def test_a_senseless_environment_is_named_when_settings_are_read_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGEST_BATCH_ROWS", "many")
    with pytest.raises(SettingsError, match="INGEST_BATCH_ROWS"):
        ingest_files(["a.csv"])


def test_a_feeds_file_that_is_no_toml(settings: Settings, tmp_path: Path) -> None:
    write(settings.feeds_path, "[sales\n")
    with pytest.raises(SettingsError, match=r"feeds\.toml"):
        ingest_files([write(tmp_path / "a.csv", "n\n1\n")], settings)


def test_20000_columns_are_refused_with_the_limit(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ",".join(f"c{n}" for n in range(20_000)) + "\n" + ",".join("1" * 20_000) + "\n")
    message = fails(only(ingest_files([path], settings)), "schema.too_wide")
    assert "1,016" in message
    assert left_overs(mysql) == []
