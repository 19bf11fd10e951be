"""What a server does with a batch is held against what was sent, each check by itself, with the others silent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.errors import LoadError
from engine.load import Connection, Destination, UnexpectedResult, load_batch
from engine.load.refusal import Refused
from engine.model import Column, ColumnType, Kind, StagedBatch
from tests.fix_mysql import Mysql
from tests.test_load import batch_of, claimed

N = Column(name="n", original="n", position=0, type=ColumnType(kind=Kind.DECIMAL, mysql="DECIMAL(10,2)"))


@pytest.fixture
def to(connection: Connection, mysql: Mysql) -> Destination:
    """Return a table whose batches are sent without a receipt."""
    mysql.rows("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n DECIMAL(10,2), UNIQUE KEY (n))")
    return Destination(
        file_id=claimed(mysql),
        attempt=1,
        table="t",
        columns=(N,),
        order_column="id",
        receipt=False,
    )


def batch(data: bytes, rows: int) -> StagedBatch:
    return replace(batch_of([1]), data=data, rows=rows, rows_read=rows, size_bytes=len(data))


def refused(connection: Connection, to: Destination, sent: StagedBatch, mysql: Mysql) -> LoadError:
    """Load a batch that has to fail, see that nothing of it stays, and return the error."""
    with pytest.raises(LoadError) as caught:
        load_batch(connection, to, sent)
    assert mysql.value("SELECT COUNT(*) FROM t") == 0
    assert mysql.value("SELECT COUNT(*) FROM _ingest_batch") == 0
    return caught.value


def test_a_value_that_the_column_can_not_hold_is_an_error_and_no_warning(
    connection: Connection, to: Destination, mysql: Mysql
) -> None:
    """Without REPLACE, LOCAL would take 0 or 99999999.99 for it."""
    for value in (b"x", b"123456789012"):
        error = refused(connection, to, batch(b"1\n" + value + b"\n", 2), mysql)
        assert isinstance(error, Refused)
        assert (error.code, error.row) == ("load.value", 2)


def test_a_row_that_is_taken_with_a_note_alone_is_not_taken(
    connection: Connection, to: Destination, mysql: Mysql
) -> None:
    """The server rounds, in strict mode as well, and says so in nothing but the count of warnings."""
    error = refused(connection, to, batch(b"1\n1.999\n", 2), mysql)
    assert isinstance(error, UnexpectedResult)
    assert error.code == "load.count"
    assert "Warnings: 1" in error.message


@pytest.mark.parametrize("rows", [1, 3])
def test_another_number_of_rows_than_was_sent_is_not_taken(
    connection: Connection, to: Destination, mysql: Mysql, rows: int
) -> None:
    error = refused(connection, to, batch(b"1\n2\n", rows), mysql)
    assert isinstance(error, UnexpectedResult)
    assert error.code == "load.count"
    assert "Records: 2" in error.message


def test_a_row_that_replaces_another_is_not_taken(connection: Connection, to: Destination, mysql: Mysql) -> None:
    error = refused(connection, to, batch(b"1\n2\n1\n", 3), mysql)
    assert error.code == "load.duplicate_key"


def test_a_value_that_is_changed_without_a_word_is_found_by_the_receipt(
    connection: Connection, to: Destination, mysql: Mysql, mysql_server: Mysql
) -> None:
    name = mysql.value("SELECT DATABASE()")
    mysql_server.rows(f"CREATE TRIGGER {name}.doubles BEFORE INSERT ON {name}.t FOR EACH ROW SET NEW.n = 2 * NEW.n")
    error = refused(connection, replace(to, receipt=True), batch_of([3, 4]), mysql)
    assert error.code == "load.receipt"
    assert "sent" in error.message
