"""Rows that a table doesn't take are found and named, whatever it has against them, and the others are loaded."""

from __future__ import annotations

import time
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import LoadError
from engine.load import (
    Connection,
    Destination,
    add_totals,
    compare,
    load_batch,
    subtract_totals,
)
from engine.model import Column, ColumnTotals, ColumnType, Kind, LoadResult, RejectClass, StagedBatch
from engine.stage import FORMAT, stage
from engine.stats import TableStats
from tests.fix_mysql import Mysql
from tests.test_load import claimed

N = Column(name="n", original="n", position=0, type=ColumnType(kind=Kind.INTEGER, mysql="INT"))
M = Column(name="m", original="m", position=1, type=ColumnType(kind=Kind.INTEGER, mysql="INT"))
S = Column(name="s", original="s", position=2, type=ColumnType(kind=Kind.TEXT, mysql="VARCHAR(20)", max_chars=20))
COLUMNS = (N, M, S)

Row = tuple[int | None, int | None, str | None]


@pytest.fixture
def admin(mysql_server: Mysql, mysql: Mysql) -> Mysql:
    """Return SQL on the test's database as the server's administrator."""
    return Mysql(mysql_server.url.rpartition("/")[0] + "/" + mysql.url.rpartition("/")[2])


def staged(rows: list[Row], number: int = 0) -> StagedBatch:
    """Stage rows as the pipeline does."""
    typed = pl.DataFrame(rows, schema={"n": pl.Int64, "m": pl.Int64, "s": pl.String}, orient="row")
    data = stage(typed.select(pl.all().cast(pl.String)))
    return StagedBatch(
        format=FORMAT,
        number=number,
        byte_start=0,
        byte_end=len(data),
        first_line=2,
        rows_read=len(rows),
        rows=len(rows),
        rows_rejected=0,
        crc32=hash(data) & 0xFFFFFFFF,
        size_bytes=len(data),
        totals=TableStats.measure(typed, COLUMNS, batch_number=number).totals(),
        data=data,
    )


def into(mysql: Mysql, table: str, order: str | None = "id") -> Destination:
    return Destination(
        file_id=claimed(mysql),
        attempt=1,
        table=table,
        columns=COLUMNS,
        order_column=order,
        isolate=True,
    )


def refusals(result: LoadResult) -> list[tuple[int, RejectClass, str]]:
    return [(row.row, row.reject_class, row.code) for row in result.refused]


def adds_up(batch: StagedBatch, result: LoadResult) -> None:
    """Check that loaded and refused rows are those of the batch, column by column."""
    assert result.rows + len(result.refused) == batch.rows
    assert result.totals is not None
    if result.refused_totals is None:
        assert compare(batch.totals, result.totals, batch.rows, result.rows).verified
        return
    both: tuple[ColumnTotals, ...] = add_totals(result.totals, result.refused_totals)
    assert compare(batch.totals, both, batch.rows, result.rows + len(result.refused)).verified
    left = subtract_totals(batch.totals, result.refused_totals, result.totals)
    assert compare(left, result.totals, result.rows, result.rows).verified


def test_rows_whose_key_is_taken_are_named_and_the_others_are_in(connection: Connection, mysql: Mysql) -> None:
    mysql.rows(
        "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT, m INT, s VARCHAR(20), UNIQUE KEY by_n (n), UNIQUE KEY by_ms (m, s))"
    )
    mysql.rows("INSERT INTO t (n, m, s) VALUES (1, 1, 'old'), (2, NULL, 'old')")
    batch = staged(
        [(1, 5, "a"), (3, 1, "OLD"), (4, None, "old"), (None, 6, "b"), (None, 7, "c"), (8, 8, 'q"\n'), (8, 9, "e")]
    )
    to = into(mysql, "t")
    result = load_batch(connection, to, batch)
    assert refusals(result) == [
        (0, RejectClass.KEY, "key.in_table"),
        (1, RejectClass.KEY, "key.in_table"),
        (6, RejectClass.KEY, "key.in_file"),
    ]
    assert "(m, s)" in result.refused[1].message
    adds_up(batch, result)
    assert mysql.rows("SELECT n, m, s FROM t WHERE id > 2 ORDER BY id") == [
        (4, None, "old"),
        (None, 6, "b"),
        (None, 7, "c"),
        (8, 8, 'q"\n'),
    ]
    assert mysql.rows("SELECT rows_read, rows_loaded FROM _ingest_batch") == [(7, 4)]
    assert connection.query("SELECT n, m, s FROM t WHERE n = 1") == [(1, 1, "old")]


def test_a_batch_that_is_in_tells_the_same_refusals_again(connection: Connection, mysql: Mysql) -> None:
    mysql.rows("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT, m INT, s VARCHAR(20), UNIQUE KEY (n))")
    batch, to = staged([(1, 1, "a"), (1, 2, "bb"), (2, 3, None)]), into(mysql, "t")
    first = load_batch(connection, to, batch)
    again = load_batch(connection, to, batch)
    assert again.resumed
    assert (again.rows, again.refused, again.totals, again.refused_totals) == (
        first.rows,
        first.refused,
        first.totals,
        first.refused_totals,
    )
    assert mysql.value("SELECT COUNT(*) FROM t") == 2


def test_a_table_whose_only_key_the_file_fills(connection: Connection, mysql: Mysql) -> None:
    mysql.rows("CREATE TABLE t (n INT, m INT, s VARCHAR(20), PRIMARY KEY (s, n))")
    mysql.rows("INSERT INTO t VALUES (1, 0, 'a')")
    batch = staged([(1, 1, "A"), (1, 2, "b"), (2, 3, "b"), (1, 4, "b")])
    result = load_batch(connection, into(mysql, "t", order=None), batch)
    assert refusals(result) == [(0, RejectClass.KEY, "key.in_table"), (3, RejectClass.KEY, "key.in_file")]
    adds_up(batch, result)
    assert mysql.rows("SELECT n, m, s FROM t ORDER BY m") == [(1, 0, "a"), (1, 2, "b"), (2, 3, "b")]


def test_rows_without_a_parent(connection: Connection, mysql: Mysql, admin: Mysql) -> None:
    mysql.rows("CREATE TABLE parent (a INT, b VARCHAR(20), PRIMARY KEY (a, b))")
    mysql.rows("INSERT INTO parent VALUES (1, 'x'), (2, 'y')")
    # A user without the right REFERENCES can't make one.
    admin.rows(
        "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT, m INT, s VARCHAR(20), "
        "CONSTRAINT up FOREIGN KEY (n, s) REFERENCES parent (a, b))",
    )
    batch = staged([(1, 0, "x"), (1, 1, "y"), (None, 2, "z"), (2, 3, "y"), (3, 4, None), (9, 5, "x")])
    result = load_batch(connection, into(mysql, "t"), batch)
    assert refusals(result) == [(1, RejectClass.KEY, "key.no_parent"), (5, RejectClass.KEY, "key.no_parent")]
    adds_up(batch, result)
    assert mysql.rows("SELECT m FROM t ORDER BY m") == [(0,), (2,), (3,), (4,)]


def test_rows_that_a_check_or_a_trigger_refuses(connection: Connection, mysql: Mysql, admin: Mysql) -> None:
    mysql.rows(
        "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT, m INT, s VARCHAR(20), CONSTRAINT positive CHECK (m > 0))"
    )
    admin.rows(
        "CREATE TRIGGER strict_s BEFORE INSERT ON t FOR EACH ROW BEGIN IF NEW.s = 'no' THEN "
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF; END",
    )
    rows: list[Row] = [(number, number + 1, "yes") for number in range(500)]
    rows[17] = (17, 0, "yes")
    rows[18] = (18, 1, "no")
    rows[499] = (499, -1, "yes")
    batch = staged(rows)
    result = load_batch(connection, into(mysql, "t"), batch)
    assert refusals(result) == [
        (17, RejectClass.SERVER, "server.check"),
        (18, RejectClass.SERVER, "server.trigger"),
        (499, RejectClass.SERVER, "server.check"),
    ]
    assert "positive" in result.refused[0].message
    assert "not this one" in result.refused[1].message
    adds_up(batch, result)
    assert mysql.rows("SELECT n FROM t WHERE n IN (16, 17, 18, 19, 499)") == [(16,), (19,)]


def test_a_key_on_the_beginning_of_a_text(connection: Connection, mysql: Mysql) -> None:
    mysql.rows("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT, m INT, s VARCHAR(20), UNIQUE KEY (s(3)))")
    batch = staged([(1, 1, "abcd"), (2, 2, "abce"), (3, 3, "xyz")])
    result = load_batch(connection, into(mysql, "t"), batch)
    assert refusals(result) == [(1, RejectClass.KEY, "key.duplicate_key")]
    adds_up(batch, result)


def test_a_key_that_a_refused_row_had_goes_to_the_next(connection: Connection, mysql: Mysql) -> None:
    mysql.rows(
        "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT, m INT CHECK (m > 0), s VARCHAR(20), UNIQUE KEY (n))"
    )
    batch = staged([(1, 0, "refused"), (1, 1, "takes the key"), (1, 2, "too late"), (2, 3, "fine")])
    result = load_batch(connection, into(mysql, "t"), batch)
    assert [row for row, _, _ in refusals(result)] == [0, 2]
    adds_up(batch, result)
    assert mysql.rows("SELECT s FROM t ORDER BY m") == [("takes the key",), ("fine",)]


def test_every_row_may_be_refused(connection: Connection, mysql: Mysql) -> None:
    mysql.rows("CREATE TABLE t (n INT, m INT PRIMARY KEY, s VARCHAR(20))")
    mysql.rows("INSERT INTO t VALUES (0, 1, 'a'), (0, 2, 'b')")
    batch = staged([(1, 1, "x"), (2, 2, "y")])
    result = load_batch(connection, into(mysql, "t", order=None), batch)
    assert (result.rows, len(result.refused)) == (0, 2)
    adds_up(batch, result)
    assert mysql.rows("SELECT n, m, s FROM t ORDER BY m") == [(0, 1, "a"), (0, 2, "b")]


def test_ten_thousand_duplicate_keys_take_seconds(connection: Connection, mysql: Mysql) -> None:
    mysql.rows("CREATE TABLE t (n INT PRIMARY KEY, m INT, s VARCHAR(20))")
    rows: list[Row] = [(number % 20_000, number, "x") for number in range(31_258)]
    batch = staged(rows)
    began = time.perf_counter()
    result = load_batch(connection, into(mysql, "t", order=None), batch)
    assert time.perf_counter() - began < 30
    assert (result.rows, len(result.refused)) == (20_000, 11_258)
    adds_up(batch, result)
    assert mysql.rows("SELECT COUNT(*), MAX(m) FROM t") == [(20_000, 19_999)]


def test_a_trigger_that_changes_values_is_not_taken_for_a_refusal(
    connection: Connection, mysql: Mysql, admin: Mysql
) -> None:
    mysql.rows("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT, m INT, s VARCHAR(20), UNIQUE KEY (n))")
    admin.rows("CREATE TRIGGER clip BEFORE INSERT ON t FOR EACH ROW SET NEW.s = LEFT(NEW.s, 3)")
    batch = staged([(1, 1, "longer"), (1, 2, "b")])
    with pytest.raises(LoadError) as caught:
        load_batch(connection, into(mysql, "t"), batch)
    assert caught.value.code == "load.receipt"
    assert mysql.value("SELECT COUNT(*) FROM t") == 0
    assert mysql.value("SELECT COUNT(*) FROM _ingest_batch") == 0


def test_without_isolation_a_refused_row_fails_its_batch(connection: Connection, mysql: Mysql) -> None:
    mysql.rows("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT, m INT, s VARCHAR(20), UNIQUE KEY (n))")
    with pytest.raises(LoadError) as caught:
        load_batch(connection, replace(into(mysql, "t"), isolate=False), staged([(1, 1, "a"), (1, 2, "b")]))
    assert caught.value.code == "load.duplicate_key"
    assert mysql.value("SELECT COUNT(*) FROM t") == 0


def test_a_reason_that_is_not_in_the_rows_fails_the_batch(connection: Connection, mysql: Mysql) -> None:
    with pytest.raises(LoadError) as caught:
        load_batch(connection, into(mysql, "missing"), staged([(1, 1, "a")]))
    assert caught.value.code == "load.table_changed"
    assert mysql.value("SELECT COUNT(*) FROM _ingest_batch") == 0


_values = st.none() | st.integers(0, 4)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.lists(st.tuples(_values, _values), max_size=4),
    rows=st.lists(st.tuples(_values, _values, st.sampled_from([None, "a", "A", "b"])), min_size=1, max_size=12),
)
def test_the_rows_that_are_in_are_those_that_single_inserts_would_leave(
    connection: Connection, mysql: Mysql, before: list[tuple[int | None, int | None]], rows: list[Row]
) -> None:
    """One row after the other, each tried alone, is what the table's rules mean."""
    connection.execute("DROP TABLE IF EXISTS t, expected")
    for table in ("t", "expected"):
        connection.execute(
            f"CREATE TABLE {table} (id INT AUTO_INCREMENT PRIMARY KEY, n INT, m INT CHECK (m <> 3), s VARCHAR(20), "
            "UNIQUE KEY by_n (n), UNIQUE KEY by_ms (m, s))"
        )
        for n, m in before:
            _try_insert(connection, table, (n, m, "b"))
    taken = [row for row in rows if _try_insert(connection, "expected", row)]
    batch = staged(rows)
    result = load_batch(connection, into(mysql, "t"), batch)
    adds_up(batch, result)
    kept = sorted(set(range(len(rows))) - {row.row for row in result.refused})
    assert [rows[row] for row in kept] == taken
    query = "SELECT n, m, s FROM {} ORDER BY id"
    assert mysql.rows(query.format("t")) == mysql.rows(query.format("expected"))


def _try_insert(connection: Connection, table: str, row: Row) -> bool:
    try:
        connection.execute(f"INSERT INTO {table} (n, m, s) VALUES (%s, %s, %s)", row)
    except LoadError:
        return False
    return True
