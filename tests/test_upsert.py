"""An upsert into a table that refuses rows: as if they were put in one after the other, and the others are in."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine import FileReport, FileStatus, Settings, ingest_files
from engine.errors import LoadError
from engine.load import Address, Connection
from tests.fix_mysql import Mysql
from tests.test_pipeline_modes import left_overs, only, write

_TABLE = "CREATE TABLE t (id INT PRIMARY KEY, u INT, v VARCHAR(20), UNIQUE KEY by_u (u))"


@pytest.fixture
def small(settings: Settings) -> Settings:
    return settings.model_copy(update={"batch_rows": 3})


@pytest.fixture
def admin(mysql_server: Mysql, mysql: Mysql) -> Mysql:
    """Return SQL on the test's database as the server's administrator."""
    return Mysql(mysql_server.url.rpartition("/")[0] + "/" + mysql.url.rpartition("/")[2])


def upsert(settings: Settings, path: Path, limit: int = 0, **overrides: object) -> FileReport:
    return only(ingest_files([path], settings, table="t", mode="upsert", overrides={"max_rejects": limit, **overrides}))


def test_a_row_that_another_unique_key_leads_to_another_row_is_a_reject(
    small: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    mysql.rows(_TABLE)
    mysql.rows("INSERT INTO t VALUES (1, 10, 'a'), (2, 20, 'b')")
    path = write(
        tmp_path / "a.csv", "id,u,v\n1,11,A\n3,20,wrong row\n4,40,d\n2,11,taken\n5,10,free now\n6,60,f\n6,20,taken\n"
    )
    held = upsert(small, path)
    assert held.error is not None
    assert (held.status, held.error.code) == (FileStatus.HELD, "reject.limit")
    assert "line 3" in held.error.message
    assert mysql.rows("SELECT id, u, v FROM t ORDER BY id") == [(1, 10, "a"), (2, 20, "b")]
    assert left_overs(mysql) == []

    file = upsert(small, path, 3)
    assert (file.error, file.rows_read, file.rows_loaded, file.rows_rejected) == (None, 7, 4, 3)
    assert dict(file.rejects_by_class) == {"key": 3}
    assert mysql.rows("SELECT id, u, v FROM t ORDER BY id") == [
        (1, 11, "A"),
        (2, 20, "b"),
        (4, 40, "d"),
        (5, 10, "free now"),
        (6, 60, "f"),
    ]
    assert file.rejects_path is not None
    assert file.rejects_path.read_text().splitlines()[1:] == ["3,20,wrong row", "2,11,taken", "6,20,taken"]
    assert file.receipt is not None
    assert (file.receipt.verified, file.receipt.rows_engine, file.receipt.rows_mysql) == (True, 4, 4)
    assert mysql.rows("SELECT rows_read, rows_loaded, rows_rejected FROM _ingest_file WHERE state = 'published'") == [
        (7, 4, 3)
    ]
    assert mysql.value("SELECT SUM(rows_loaded) FROM _ingest_batch") == 4
    assert left_overs(mysql) == []


def test_rows_that_the_server_refuses_are_rejects_and_the_last_row_of_a_key_that_it_takes_wins(
    small: Settings, mysql: Mysql, admin: Mysql, tmp_path: Path
) -> None:
    mysql.rows("CREATE TABLE parent (p INT PRIMARY KEY)")
    mysql.rows("INSERT INTO parent VALUES (1)")
    admin.rows(
        "CREATE TABLE t (id INT PRIMARY KEY, n INT CHECK (n > 0), p INT, v VARCHAR(20), "
        "CONSTRAINT up FOREIGN KEY (p) REFERENCES parent (p))"
    )
    admin.rows(
        "CREATE TRIGGER no BEFORE UPDATE ON t FOR EACH ROW BEGIN IF NEW.v = 'no' THEN "
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF; END"
    )
    mysql.rows("INSERT INTO t VALUES (1, 1, 1, 'old')")
    path = write(
        tmp_path / "a.csv",
        "id,n,p,v\n1,2,1,first\n1,0,1,check\n2,1,9,orphan\n1,3,1,no\n2,1,1,no\n3,1,,x\n,1,1,no key\n",
    )
    file = upsert(small, path, 4)
    assert file.error is None
    assert dict(file.rejects_by_class) == {"server": 2, "key": 1, "type": 1}
    assert mysql.rows("SELECT id, n, p, v FROM t ORDER BY id") == [
        (1, 2, 1, "first"),
        (2, 1, 1, "no"),
        (3, 1, None, "x"),
    ]
    assert file.rejects_path is not None
    assert sorted(file.rejects_path.read_text().splitlines()[1:]) == [
        ",1,1,no key",
        "1,0,1,check",
        "1,3,1,no",
        "2,1,9,orphan",
    ]


def test_a_row_with_an_empty_key_is_a_reject(small: Settings, mysql: Mysql, tmp_path: Path) -> None:
    mysql.rows("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, k INT UNIQUE, v VARCHAR(20))")
    path = write(tmp_path / "a.csv", "k,v\n1,a\n,b\n1,c\n")
    file = upsert(small, path, 1)
    assert (file.error, dict(file.rejects_by_class), file.rows_loaded) == (None, {"key": 1}, 2)
    assert mysql.rows("SELECT k, v FROM t") == [(1, "c")]


@pytest.mark.parametrize("event", ["INSERT", "UPDATE"])
def test_a_trigger_that_changes_a_value_is_never_silent(
    small: Settings, mysql: Mysql, admin: Mysql, tmp_path: Path, event: str
) -> None:
    mysql.rows("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))")
    mysql.rows("INSERT INTO t VALUES (1, 'old')")
    admin.rows(f"CREATE TRIGGER clip BEFORE {event} ON t FOR EACH ROW SET NEW.v = UPPER(NEW.v)")
    path = write(tmp_path / "a.csv", "id,v\n1,new\n2,new\n1,newer\n")
    file = upsert(small, path)
    assert file.error is not None
    assert (file.status, file.error.code) == (FileStatus.FAILED, "load.receipt")
    assert mysql.rows("SELECT id, v FROM t") == [(1, "old")]


def test_a_held_upsert_leaves_no_table_that_it_made(small: Settings, mysql: Mysql, tmp_path: Path) -> None:
    sql = small.data_dir / "t.sql"
    sql.write_text("CREATE TABLE {table} (id INT PRIMARY KEY, n INT CHECK (n > 0)) ENGINE = InnoDB")
    path = write(tmp_path / "a.csv", "id,n\n1,1\n2,0\n")
    file = upsert(small, path, create_table="t.sql", key=["id"])
    assert file.error is not None
    assert (file.status, file.error.code) == (FileStatus.HELD, "reject.limit")
    assert mysql.rows("SHOW TABLES LIKE 't'") == []
    assert left_overs(mysql) == []
    assert upsert(small, path, 1, create_table="t.sql", key=["id"]).rows_loaded == 1
    assert mysql.rows("SELECT id, n FROM t") == [(1, 1)]


_NAMES = "key with ` and %s and t.x"


def test_names_that_look_like_something_else(small: Settings, mysql: Mysql, tmp_path: Path) -> None:
    quoted = "`" + _NAMES.replace("`", "``") + "`"
    sql = f"CREATE TABLE `t.` (`t.id` INT, {quoted} VARCHAR(5), PRIMARY KEY (`t.id`), UNIQUE KEY (`s.u`), `s.u` INT)"
    mysql.rows(sql.replace("%", "%%"), ())
    path = write(tmp_path / "a.csv", f't.id,"{_NAMES}",s.u\n1,a,1\n1,b,2\n2,c,2\n')
    file = only(ingest_files([path], small, table="t.", mode="upsert", overrides={"max_rejects": 1, "delimiter": ","}))
    assert (file.error, file.rows_loaded) == (None, 2)
    assert mysql.rows("SELECT * FROM `t.`") == [(1, "b", 2)]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("DATE", ("2024-01-01", "2024-01-02")),
        ("DATETIME(3)", ("2024-01-01 00:00:00.125", "2024-01-01 00:00:00.250")),
        ("DECIMAL(20,5)", ("-1.50000", "99999999999999.12345")),
        ("BIGINT UNSIGNED", ("18446744073709551615", "0")),
        ("BIGINT", ("-9223372036854775808", "9223372036854775807")),
        ("VARCHAR(10) CHARACTER SET latin1", ("é", "ü")),
        ("VARCHAR(10) COLLATE utf8mb4_bin", ("a", "A")),
        ("TIME", ("-100:00:00", "23:59:59")),
        ("DOUBLE", ("1.5e300", "-0.1")),
    ],
)
def test_keys_of_every_type_keep_their_value(
    small: Settings, mysql: Mysql, tmp_path: Path, kind: str, values: tuple[str, str]
) -> None:
    mysql.rows(f"CREATE TABLE t (k {kind} NOT NULL PRIMARY KEY, u INT UNIQUE)")
    first = write(tmp_path / "a.csv", f"k,u\n{values[0]},1\n{values[1]},2\n")
    assert upsert(small, first).error is None
    before = mysql.rows("SELECT CAST(k AS CHAR), u FROM t ORDER BY u")
    again = write(tmp_path / "b.csv", f"k,u\n{values[0]},3\n{values[1]},4\n")
    assert upsert(small, again).error is None
    assert mysql.rows("SELECT CAST(k AS CHAR), u - 2 FROM t ORDER BY u") == before
    assert len(before) == 2


_rows = st.lists(
    st.tuples(st.integers(1, 4), st.none() | st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=10
)


@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=_rows, rows=_rows)
def test_the_table_is_as_single_upserts_in_the_file_s_order_would_leave_it(
    settings: Settings,
    mysql: Mysql,
    tmp_path: Path,
    before: list[tuple[int, int | None, int]],
    rows: list[tuple[int, int | None, int]],
) -> None:
    connection = Connection(Address.parse(mysql.url), connect_timeout_s=5)
    connection.execute("DROP TABLE IF EXISTS t, expected")
    for table in ("t", "expected"):
        connection.execute(
            f"CREATE TABLE {table} (id INT PRIMARY KEY, u INT, n INT CHECK (n < 3), UNIQUE KEY by_u (u))"
        )
        for row in before:
            _single(connection, table, row)
    taken = [row for row in rows if _single(connection, "expected", row)]
    text = "id,u,n\n" + "".join(f"{i},{'' if u is None else u},{n}\n" for i, u, n in rows)
    path = write(tmp_path / "a.csv", text)
    small = settings.model_copy(update={"batch_rows": 4})
    overrides = {"on_duplicate": "load", "delimiter": ",", "header": True}
    file = upsert(small, path, len(rows), **overrides)
    assert (file.error, file.rows_loaded, file.rows_rejected) == (None, len(taken), len(rows) - len(taken))
    query = "SELECT id, u, n FROM {} ORDER BY id"
    assert connection.query(query.format("t")) == connection.query(query.format("expected"))
    connection.close()


def _single(connection: Connection, table: str, row: tuple[int, int | None, int]) -> bool:
    """Update the row that has the key, else insert one: what an upsert means, in two statements."""
    try:
        if connection.query(f"SELECT 1 FROM {table} WHERE id = %s", (row[0],)):
            connection.execute(f"UPDATE {table} SET u = %s, n = %s WHERE id = %s", (row[1], row[2], row[0]))
        else:
            connection.execute(f"INSERT INTO {table} VALUES (%s, %s, %s)", row)
    except LoadError:
        return False
    return True
