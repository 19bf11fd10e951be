"""Odd tables and odd servers: every row is in as the file has it, or a clear word says why not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import FileReport, FileStatus, Settings, ingest_files
from tests.fix_mysql import Mysql
from tests.fix_own import OwnMysql
from tests.test_pipeline_modes import left_overs, only, write

_FILE = "n,s\n1,a\n2,Île\n3,\n"
_ROWS = [(1, "a"), (2, "Île"), (3, None)]
_FILL = "id INT AUTO_INCREMENT PRIMARY KEY"
_N_S = "n INT, s VARCHAR(20)"

# What the table is, and in which modes; the file brings n and s.
_EXACT: dict[str, tuple[str, tuple[str, ...]]] = {
    "no primary key": (f"CREATE TABLE t ({_N_S})", ("append", "replace")),
    "automatic column in the middle": (
        "CREATE TABLE t (n INT, id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT, s VARCHAR(20), KEY (id))",
        ("append", "replace"),
    ),
    "invisible column": (f"CREATE TABLE t ({_FILL}, {_N_S}, hidden INT INVISIBLE DEFAULT 7)", ("append", "replace")),
    "generated columns": (
        f"CREATE TABLE t ({_FILL}, {_N_S}, twice INT AS (n * 2) STORED, thrice INT AS (n * 3) VIRTUAL, KEY (twice))",
        ("append", "replace"),
    ),
    "defaults": (
        (
            f"CREATE TABLE t ({_FILL}, {_N_S}, d DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) "
            "ON UPDATE CURRENT_TIMESTAMP(6), e VARCHAR(40) DEFAULT (UUID()), f TEXT DEFAULT ('x'), g DATE DEFAULT '2000-01-01')"
        ),
        ("append", "replace"),
    ),
    "partitions": (
        "CREATE TABLE t (n INT PRIMARY KEY, s VARCHAR(20)) PARTITION BY HASH (n) PARTITIONS 3",
        ("append", "replace", "upsert"),
    ),
    "full text": (f"CREATE TABLE t ({_FILL}, {_N_S}, FULLTEXT KEY (s))", ("append", "replace")),
    "compressed rows": (f"CREATE TABLE t ({_FILL}, {_N_S}) ROW_FORMAT = COMPRESSED", ("append", "replace")),
    "latin1": (f"CREATE TABLE t ({_FILL}, {_N_S}) CHARSET latin1", ("append", "replace")),
    "utf8mb3": (f"CREATE TABLE t ({_FILL}, {_N_S}) CHARSET utf8mb3", ("append", "replace")),
    "binary collation": (f"CREATE TABLE t ({_FILL}, {_N_S}) COLLATE utf8mb4_bin", ("append", "replace")),
    "self reference": (
        "CREATE TABLE t (n INT PRIMARY KEY, s VARCHAR(20), up INT, FOREIGN KEY (up) REFERENCES t (n))",
        ("append", "upsert"),
    ),
    "descending and prefix indexes": (
        f"CREATE TABLE t ({_FILL}, {_N_S}, KEY (n DESC), KEY (s(3)), UNIQUE KEY (s(5), n))",
        ("append", "replace"),
    ),
    "names in capitals": ("CREATE TABLE t (N INT, S VARCHAR(20))", ("append", "replace")),
}
_CASES = [pytest.param(sql, mode, id=f"{name}: {mode}") for name, (sql, modes) in _EXACT.items() for mode in modes]


@pytest.fixture
def small(settings: Settings) -> Settings:
    return settings.model_copy(update={"batch_rows": 2})


@pytest.fixture
def admin(mysql_server: Mysql, mysql: Mysql) -> Mysql:
    """Return SQL on the test's database as the server's administrator."""
    return Mysql(mysql_server.url.rpartition("/")[0] + "/" + mysql.url.rpartition("/")[2])


def load(settings: Settings, path: Path, **overrides: object) -> FileReport:
    return only(ingest_files([path], settings, table="t", overrides={"missing_columns": "evolve", **overrides}))


def exact(file: FileReport, mysql: Mysql) -> None:
    assert file.error is None, file.error
    assert file.receipt is not None
    assert (file.rows_loaded, file.receipt.verified) == (3, True)
    assert mysql.rows("SELECT n, s FROM t ORDER BY n") == _ROWS
    assert left_overs(mysql) == []


@pytest.mark.parametrize(("sql", "mode"), _CASES)
def test_an_odd_table_holds_what_the_file_has(
    small: Settings, mysql: Mysql, admin: Mysql, tmp_path: Path, sql: str, mode: str
) -> None:
    admin.rows(sql)
    described = admin.rows("SHOW CREATE TABLE t")
    exact(load(small, write(tmp_path / "a.csv", _FILE), mode=mode), mysql)
    if "AUTO_INCREMENT" not in sql:
        assert admin.rows("SHOW CREATE TABLE t") == described


@pytest.mark.parametrize(
    ("sql", "code", "words"),
    [
        (f"CREATE TABLE t ({_N_S}) ENGINE = MyISAM", "load.engine", "InnoDB"),
        ("CREATE VIEW t AS SELECT 1 AS n, 'a' AS s", "load.not_a_table", "view"),
        ("CREATE TABLE t (n INT, s VARCHAR(20) AS ('x') STORED)", "schema.generated", "generated"),
        (f"CREATE TABLE t ({_N_S}, must INT NOT NULL)", "schema.drift", "must"),
    ],
)
def test_a_table_that_can_t_be_loaded_exactly_is_refused(
    small: Settings, mysql: Mysql, admin: Mysql, tmp_path: Path, sql: str, code: str, words: str
) -> None:
    admin.rows(sql)
    file = load(small, write(tmp_path / "a.csv", _FILE))
    assert file.error is not None
    assert file.error.code == code
    assert words in file.error.message
    assert left_overs(mysql) == []


def test_aria_is_refused(small: Settings, admin: Mysql, tmp_path: Path, *, is_mariadb: bool) -> None:
    if not is_mariadb:
        pytest.skip("MariaDB's own")
    admin.rows(f"CREATE TABLE t ({_N_S}) ENGINE = Aria")
    file = load(small, write(tmp_path / "a.csv", _FILE))
    assert file.error is not None
    assert file.error.code == "load.engine"


@pytest.mark.parametrize("mode", ["append", "upsert", "replace"])
def test_a_system_versioned_table(
    small: Settings, mysql: Mysql, admin: Mysql, tmp_path: Path, mode: str, *, is_mariadb: bool
) -> None:
    if not is_mariadb:
        pytest.skip("MariaDB's own")
    admin.rows("CREATE TABLE t (n INT PRIMARY KEY, s VARCHAR(20)) WITH SYSTEM VERSIONING")
    file = load(small, write(tmp_path / "a.csv", _FILE), mode=mode)
    if mode == "replace":
        assert file.error is not None
        assert file.error.code == "schema.replace"
        return
    exact(file, mysql)


@pytest.mark.parametrize("key", ["", ", UNIQUE KEY (n)"])
@pytest.mark.parametrize("visibility", ["batch", "file"])
def test_a_trigger_that_changes_a_value_is_never_silent(
    small: Settings, mysql: Mysql, admin: Mysql, tmp_path: Path, key: str, visibility: str
) -> None:
    mysql.rows(f"CREATE TABLE t ({_FILL}, {_N_S}{key})")
    admin.rows("CREATE TRIGGER upper BEFORE INSERT ON t FOR EACH ROW SET NEW.s = UPPER(NEW.s)")
    file = load(small, write(tmp_path / "a.csv", _FILE), visibility=visibility)
    assert file.error is not None
    assert (file.status, file.error.code) == (FileStatus.FAILED, "load.receipt")
    # Batch by batch, one that has nothing to change is in; never a changed value.
    assert mysql.rows("SELECT n, s FROM t") in ([], [(3, None)] if visibility == "batch" else [])


def test_a_trigger_that_changes_a_value_of_a_table_without_an_order(
    small: Settings, mysql: Mysql, admin: Mysql, tmp_path: Path
) -> None:
    """Its rows are proved in a temporary table, which has no triggers: what the table makes of them must show too."""
    mysql.rows("CREATE TABLE t (n INT PRIMARY KEY, s VARCHAR(20))")
    admin.rows("CREATE TRIGGER upper BEFORE INSERT ON t FOR EACH ROW SET NEW.s = UPPER(NEW.s)")
    mysql.rows("INSERT INTO t VALUES (7, NULL)")
    for text in (_FILE, _FILE + "7,taken\n"):
        file = load(small, write(tmp_path / "a.csv", text), max_rejects=1)
        assert file.error is not None
        assert file.error.code == "load.receipt"
    assert mysql.rows("SELECT n FROM t") == [(7,)]
    mysql.rows("ALTER TABLE t DROP PRIMARY KEY")
    file = load(small, write(tmp_path / "a.csv", _FILE))
    assert file.error is not None
    assert file.error.code == "load.receipt"
    assert mysql.rows("SELECT n FROM t") == [(7,)]


@pytest.mark.parametrize("visibility", ["batch", "file"])
def test_a_trigger_of_a_table_without_any_key_may_refuse_rows(
    small: Settings, mysql: Mysql, admin: Mysql, tmp_path: Path, visibility: str
) -> None:
    mysql.rows("CREATE TABLE t (n INT, s VARCHAR(20), d DECIMAL(9,2), j JSON, f DOUBLE, at DATETIME(3))")
    mysql.rows("INSERT INTO t (n, s) VALUES (7, NULL), (7, NULL)")
    admin.rows(
        "CREATE TRIGGER no_bad BEFORE INSERT ON t FOR EACH ROW IF NEW.s = 'bad' THEN "
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'bad'; END IF"
    )
    rows = [
        f'{n},{"bad" if n in (3, 9) else "é"},{n}.50,"[{n}]",{n}.25,2024-01-0{n} 10:00:00.125' for n in range(1, 10)
    ]
    text = "n,s,d,j,f,at\n" + "".join(f"{row}\n" for row in rows) + rows[0] + "\n"
    file = load(small, write(tmp_path / "a.csv", text), max_rejects=2, visibility=visibility)
    assert (file.error, file.rows_loaded, dict(file.rejects_by_class)) == (None, 8, {"server": 2})
    assert mysql.rows("SELECT n FROM t ORDER BY n") == [(n,) for n in (1, 1, 2, 4, 5, 6, 7, 7, 7, 8)]


def test_a_trigger_that_writes_elsewhere_does_so_once_a_row(
    small: Settings, mysql: Mysql, admin: Mysql, tmp_path: Path
) -> None:
    mysql.rows(f"CREATE TABLE t ({_FILL}, {_N_S})")
    mysql.rows(f"CREATE TABLE log ({_FILL}, n INT)")
    admin.rows("CREATE TRIGGER note AFTER INSERT ON t FOR EACH ROW INSERT INTO log (n) VALUES (NEW.n)")
    exact(load(small, write(tmp_path / "a.csv", _FILE)), mysql)
    assert mysql.rows("SELECT n FROM log ORDER BY n") == [(1,), (2,), (3,)]


def test_a_child_before_its_parent_in_the_same_file(
    small: Settings, mysql: Mysql, admin: Mysql, tmp_path: Path
) -> None:
    admin.rows("CREATE TABLE t (n INT PRIMARY KEY, up INT, CONSTRAINT tree FOREIGN KEY (up) REFERENCES t (n))")
    path = write(tmp_path / "a.csv", "n,up\n1,\n2,1\n3,9\n4,2\n")
    file = load(small, path, max_rejects=1)
    assert (file.error, file.rows_loaded, dict(file.rejects_by_class)) == (None, 3, {"key": 1})
    assert mysql.rows("SELECT n, up FROM t ORDER BY n") == [(1, None), (2, 1), (4, 2)]


# Defaults that a server hands to every session.
_GLOBALS = {
    "sql_mode": "'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,PIPES_AS_CONCAT,IGNORE_SPACE,HIGH_NOT_PRECEDENCE'",
    "autocommit": "0",
    "completion_type": "'RELEASE'",
    "foreign_key_checks": "0",
    "unique_checks": "0",
    "sql_safe_updates": "1",
    "sql_select_limit": "1",
    "sql_big_selects": "0",
    "max_join_size": "2",
    "sql_notes": "0",
    "max_error_count": "0",
    "time_zone": "'+05:45'",
    "auto_increment_increment": "2",
    "character_set_server": "'latin1'",
    "character_set_connection": "'latin1'",
    "character_set_results": "'latin1'",
    "collation_connection": "'latin1_german2_ci'",
    "transaction_isolation": "'SERIALIZABLE'",
    "transaction_read_only": "1",
    "innodb_strict_mode": "0",
    "init_connect": "'SET @before = 1'",
    "lock_wait_timeout": "1",
    "max_sort_length": "8",
    "group_concat_max_len": "4",
    "default_storage_engine": "'MyISAM'",
    "default_week_format": "6",
    "sql_auto_is_null": "1",
    "div_precision_increment": "0",
    "net_read_timeout": "1",
}
_MYSQL_GLOBALS = {
    "max_execution_time": "1",
    "sql_generate_invisible_primary_key": "1",
    "sql_require_primary_key": "1",
    "explicit_defaults_for_timestamp": "0",
}
_MARIADB_GLOBALS = {
    "max_statement_time": "0.001",
    "check_constraint_checks": "0",
    "idle_transaction_timeout": "1",
    "explicit_defaults_for_timestamp": "0",
    "innodb_snapshot_isolation": "1",
    "system_versioning_alter_history": "'KEEP'",
    "old_mode": "'NO_DUP_KEY_WARNINGS_WITH_IGNORE,ZERO_DATE_TIME_CAST'",
}


@pytest.fixture
def odd(own_mysql: OwnMysql, settings: Settings) -> Iterator[tuple[Settings, Mysql]]:
    """Make every default of the server's odd; yield settings and SQL for a fresh database there."""
    admin = own_mysql.admin
    chosen = {**_GLOBALS, **(_MARIADB_GLOBALS if own_mysql.mariadb else _MYSQL_GLOBALS)}
    if own_mysql.mariadb:
        for name in ("transaction_isolation", "transaction_read_only"):
            chosen[name.replace("transaction", "tx")] = chosen.pop(name)
    before = {name: admin.value(f"SELECT @@GLOBAL.{name}") for name in chosen}
    admin.rows("CREATE DATABASE odd CHARACTER SET latin1")
    admin.rows("GRANT ALL ON odd.* TO 'headrace'@'127.0.0.1'")
    connection = admin.connect()
    cursor = connection.cursor()
    for name, value in chosen.items():
        cursor.execute(f"SET GLOBAL {name} = {value}")
    url = own_mysql.url.rpartition("/")[0] + "/odd"
    own = Settings.model_validate({**settings.model_dump(), "mysql_url": url, "batch_rows": 2})
    yield own, Mysql(admin.url.rpartition("/")[0] + "/odd")
    for name, usual in before.items():
        cursor.execute(f"SET GLOBAL {name} = %s", (usual,))
    cursor.execute("DROP DATABASE odd")
    connection.close()


@pytest.mark.parametrize("mode", ["append", "replace", "upsert"])
@pytest.mark.parametrize(
    "sql",
    [
        None,
        (
            "CREATE TABLE T (id INT AUTO_INCREMENT PRIMARY KEY, n INT CHECK (n < 9), s VARCHAR(20) CHARSET utf8mb4, "
            "UNIQUE KEY (n)) ENGINE = InnoDB"
        ),
        "CREATE TABLE T (n INT PRIMARY KEY CHECK (n < 9), s VARCHAR(20) CHARSET utf8mb4) ENGINE = InnoDB",
    ],
)
def test_nothing_is_different_on_a_server_whose_defaults_are_odd(
    odd: tuple[Settings, Mysql], tmp_path: Path, mode: str, sql: str | None
) -> None:
    settings, mysql = odd
    text = 'n,s\n1,"back\\slash, ""quoted"""\n2,Île\n3,\n' + ("9,refused\n" if sql else "")
    path = write(tmp_path / "a.csv", text)
    if sql is not None:
        run(mysql, sql)
    overrides: dict[str, object] = (
        {"mode": mode, "key": ["n"], "max_rejects": 1} if mode == "upsert" else {"mode": mode, "max_rejects": 1}
    )
    file = only(ingest_files([path], settings, table="T", overrides=overrides))
    assert file.error is None, file.error
    assert file.receipt is not None
    assert (file.rows_loaded, file.rows_rejected, file.receipt.verified) == (3, 1 if sql else 0, True)
    expected = [(1, 'back\\slash, "quoted"'), (2, "Île"), (3, None)]
    assert run(mysql, "SELECT n, s FROM T ORDER BY n") == expected
    again = only(ingest_files([path], settings, table="t", overrides=overrides))
    assert again.status is FileStatus.DUPLICATE


def run(mysql: Mysql, sql: str) -> list[tuple[object, ...]]:
    """Run a statement in a session whose defaults are usual."""
    connection = mysql.connect()
    try:
        cursor = connection.cursor()
        cursor.execute(
            "SET SESSION sql_mode = '', sql_select_limit = DEFAULT, sql_select_limit = 1000, completion_type = 0"
        )
        cursor.execute("SET SESSION TRANSACTION READ WRITE")
        cursor.execute("SET SESSION autocommit = 1, sql_big_selects = 1")
        if "MariaDB" in connection.get_server_info():
            cursor.execute("SET SESSION max_statement_time = 0")
        else:
            cursor.execute("SET SESSION max_execution_time = 0")
        cursor.execute(sql)
        return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()
