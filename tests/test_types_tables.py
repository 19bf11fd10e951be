"""Values into the columns of tables that are there: exact, or refused with the reason, or taken in a stated way."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import FileReport, FileStatus, Settings, ingest_files
from engine.summary import file_from_json, ledger_json
from tests.fix_mysql import Mysql
from tests.test_cases import rejects_of
from tests.test_pipeline_modes import left_overs, only, write

ZONED = "at,n\n2024-03-31T01:59:59.5+01:00,1\n2024-03-31T03:00:00.25+02:00,2\n"
IN_UTC = [("2024-03-31 00:59:59.50", 1), ("2024-03-31 01:00:00.25", 2)]
DIALECT = {"delimiter": ",", "quote_char": '"', "escape_char": "", "header": True}


def load(settings: Settings, path: Path, **options: object) -> FileReport:
    own = settings.model_copy(update={"loaders": 1, "batch_rows": options.pop("batch_rows", settings.batch_rows)})
    return only(ingest_files([path], own, table="t", overrides={"on_duplicate": "load", **DIALECT, **options}))


def _as_the_server_shows(mysql: Mysql, query: str) -> object:
    connection = mysql.connect()
    try:
        cursor = connection.cursor()
        # The tests' own connections are in UTC, as the engine's are; a user's is where the server is.
        cursor.execute("SET time_zone = @@global.time_zone")
        cursor.execute(query)
        return cursor.fetchone()
    finally:
        connection.close()


def test_a_file_with_zones_makes_a_table_in_utc_that_takes_the_next_one(
    settings: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.csv", ZONED)
    for _ in range(2):
        file = load(settings, path)
        assert (file.error, file.rows_loaded) == (None, 2)
        assert "times with a zone are stored in UTC: at" in file.notes
    assert mysql.rows("SELECT CAST(at AS CHAR), n FROM t ORDER BY _row_id") == IN_UTC * 2


def test_a_timestamp_holds_the_instant_whatever_the_zone_of_the_server(
    settings: Settings, mysql: Mysql, mysql_server: Mysql, tmp_path: Path
) -> None:
    mysql.rows("CREATE TABLE t (at TIMESTAMP(2) NULL, n INT)")
    mysql_server.rows("SET GLOBAL time_zone = '-07:00'")
    try:
        file = load(settings, write(tmp_path / "a.csv", ZONED))
        seen_there = _as_the_server_shows(mysql, "SELECT CAST(at AS CHAR) FROM t WHERE n = 2")
    finally:
        mysql_server.rows("SET GLOBAL time_zone = 'SYSTEM'")
    assert (file.error, file.rows_loaded) == (None, 2)
    assert file.receipt is not None
    assert file.receipt.verified
    assert seen_there == ("2024-03-30 18:00:00.25",)
    # CONVERT_TZ would need no table of zones for offsets, but UNIX_TIMESTAMP is the instant itself.
    assert [str(row[0]) for row in mysql.rows("SELECT UNIX_TIMESTAMP(at) FROM t ORDER BY n")] == [
        "1711846799.50",
        "1711846800.25",
    ]


def test_times_without_a_zone_are_utc_in_a_timestamp_and_the_report_says_so(
    settings: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    mysql.rows("CREATE TABLE t (at TIMESTAMP NULL, n INT)")
    file = load(settings, write(tmp_path / "a.csv", "at,n\n2024-03-31 02:30:00,1\n"))
    assert (file.error, [note for note in file.notes if "taken as UTC" in note and note.endswith(": at")] != []) == (
        None,
        True,
    )
    assert mysql.value("SELECT UNIX_TIMESTAMP(at) FROM t") == 1711852200


@pytest.mark.parametrize(
    ("rows", "bad_line"),
    [
        (["2024-01-31T10:00:00Z", "2024-01-31T10:00:00"], 3),
        (["2024-01-31T10:00:00", "2024-01-31T10:00:00+02:00"], 3),
    ],
)
def test_a_mix_of_times_with_and_without_a_zone_is_rejected_and_never_shifted(
    settings: Settings, mysql: Mysql, tmp_path: Path, rows: list[str], bad_line: int
) -> None:
    mysql.rows("CREATE TABLE t (at DATETIME NULL, n INT)")
    text = "at,n\n" + "".join(f"{row},1\n" for row in rows)
    file = load(settings, write(tmp_path / "a.csv", text), batch_rows=1, max_rejects=1)
    assert file.rows_loaded == 1
    assert rejects_of(file.rejects_path) == [{"line": bad_line, "code": "type.not_datetime"}]
    assert mysql.rows("SELECT CAST(at AS CHAR) FROM t") == [("2024-01-31 10:00:00",)]


def test_a_plan_that_was_void_leaves_no_note(settings: Settings, tmp_path: Path) -> None:
    text = "at,n\n2024-01-31T10:00:00Z,1\n2024-01-31T10:00:00,2\n"
    file = load(settings, write(tmp_path / "a.csv", text), batch_rows=1)
    assert (file.status, file.restarts) == (FileStatus.LOADED, 1)
    assert [note for note in file.notes if "zone" in note] == ["times with and without a zone, kept as text: at"]


def test_booleans_are_1_and_0_and_the_report_survives_being_stored(
    settings: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.csv", "ok,n\ntrue,1\nfalse,2\n,3\ntrue,4\n")
    file = load(settings, path)
    assert (file.error, file.restarts) == (None, 0)
    assert "true and false are stored as 1 and 0: ok" in file.notes
    profile = file.columns[0].profile
    assert profile is not None
    assert (profile.kind, profile.minimum, profile.maximum, profile.total, profile.nulls) == ("boolean", 0, 1, 2, 1)
    assert file_from_json(ledger_json(file)).columns == file.columns
    # The table that this made takes any spelling, and numbers.
    again = load(settings, write(tmp_path / "b.csv", "ok,n\nTRUE,5\nFalse,6\n1,7\n0,8\nyes,9\n"), max_rejects=1)
    assert rejects_of(again.rejects_path) == [{"line": 6, "code": "type.not_boolean"}]
    assert mysql.rows("SELECT ok FROM t ORDER BY n") == [(one,) for one in (1, 0, None, 1, 1, 0, 1, 0)]


@pytest.mark.parametrize(
    ("charset", "held", "lacking"),
    [("latin1", "€ ÿ", "Ω"), ("ascii", "plain", "é"), ("utf8mb3", "Ω 中", "😀"), ("cp1251", "Ж", "é")],
)
def test_a_character_that_the_column_lacks_is_a_reject_and_no_question_mark(
    settings: Settings, mysql: Mysql, tmp_path: Path, charset: str, held: str, lacking: str
) -> None:
    mysql.rows(f"CREATE TABLE t (name VARCHAR(20) CHARACTER SET {charset}, n INT)")
    file = load(settings, write(tmp_path / "a.csv", f"name,n\n{held},1\n{lacking},2\n?,3\n"), max_rejects=1)
    assert (file.error, file.rows_loaded) == (None, 2)
    assert rejects_of(file.rejects_path) == [{"line": 3, "code": "type.not_in_charset"}]
    assert mysql.rows("SELECT name, n FROM t ORDER BY n") == [(held, 1), ("?", 3)]


@pytest.mark.parametrize(
    "column_type", ["BINARY(4)", "VARBINARY(9)", "BLOB", "BIT(8)", "POINT", "INT GENERATED ALWAYS AS (n + 1) STORED"]
)
def test_columns_that_text_would_not_fill_unchanged_are_refused_before_anything_is_written(
    settings: Settings, mysql: Mysql, tmp_path: Path, column_type: str
) -> None:
    mysql.rows(f"CREATE TABLE t (n INT, x {column_type})")
    file = load(settings, write(tmp_path / "a.csv", "n,x\n1,2\n"))
    assert file.error is not None
    assert (file.error.code, file.rows_loaded) in {("schema.type_unsupported", 0), ("schema.generated", 0)}
    assert (mysql.value("SELECT COUNT(*) FROM t"), left_overs(mysql)) == (0, [])


@pytest.mark.parametrize(
    ("column_type", "values", "stored", "bad"),
    [
        (
            "TIME(2)",
            ["10:00:00.25", "-100:00:00.5", "24:00:00.255"],
            ["10:00:00.25", "-100:00:00.50"],
            "type.too_precise",
        ),
        ("YEAR", ["1999", "99"], ["1999"], "type.out_of_range"),
        ("CHAR(3)", ["ab", "ab "], ["ab"], "type.trailing_blank"),
        ("ENUM('a','b')", ["a", "A"], ["a"], "type.not_allowed"),
        ("SET('a','b')", ["a,b", "b,a"], ["a,b"], "type.not_allowed"),
        ("DATE NOT NULL", ["2024-02-29", "0000-00-00"], ["2024-02-29"], "type.not_date"),
        ("INT NOT NULL", ["1", "\\N"], ["1"], "type.not_integer"),
        ("DECIMAL(65,30)", ["0." + "3" * 30, "0." + "3" * 31], ["0." + "3" * 30], "type.too_precise"),
        ("DOUBLE", ["1.5e300", "9007199254740993"], ["1.5e300"], "type.too_precise"),
        ("VARCHAR(3)", ["a  ", "abcd"], ["a  "], "type.too_long"),
    ],
)
def test_what_a_column_would_change_is_rejected(
    settings: Settings, mysql: Mysql, tmp_path: Path, column_type: str, values: list[str], stored: list[str], bad: str
) -> None:
    mysql.rows(f"CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, x {column_type})")
    text = "x\n" + "".join(f'"{value}"\n' for value in values)
    file = load(settings, write(tmp_path / "a.csv", text), max_rejects=1)
    assert (file.error, rejects_of(file.rejects_path)) == (None, [{"line": len(values) + 1, "code": bad}])
    assert mysql.rows("SELECT CAST(x AS CHAR) FROM t ORDER BY id") == [(one,) for one in stored]


def test_json_takes_what_it_keeps(settings: Settings, mysql: Mysql, is_mariadb: bool, tmp_path: Path) -> None:
    mysql.rows("CREATE TABLE t (n INT, x JSON)")
    text = (
        'n,x\n1,"{""a"": [1.10, null, 18446744073709551615]}"\n2,"{""a"": 1, ""a"": 2}"\n3,[12345678901234567890123]\n'
    )
    file = load(settings, write(tmp_path / "a.csv", text), max_rejects=2)
    assert file.error is None
    if is_mariadb:
        # There a JSON column is text that was looked at.
        assert mysql.value("SELECT x FROM t WHERE n = 3") == "[12345678901234567890123]"
    else:
        assert [one["line"] for one in rejects_of(file.rejects_path)] == [3, 4]
        assert mysql.rows("SELECT x FROM t") == [('{"a": [1.1, null, 18446744073709551615]}',)]
