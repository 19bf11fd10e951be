"""The way to MySQL: addresses, TLS, what errors mean, and transient failures that nobody notices."""

from __future__ import annotations

import threading
import time
import uuid
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from bench.faults.proxy import LossyProxy
from engine.errors import LoadError, SettingsError
from engine.load import Address, Connection, Destination, Loaders, load_batch, repeat, tables
from engine.load.refusal import Refused
from engine.model import Column, ColumnTotals, ColumnType, Index, Kind, StagedBatch
from engine.stage import FORMAT
from tests.fix_mysql import Mysql

N = Column(name="n", original="n", position=0, type=ColumnType(kind=Kind.INTEGER, mysql="INT"))


def claimed(mysql: Mysql) -> uuid.UUID:
    """Enter a load into the ledger, as a worker does before its first batch."""
    file_id = uuid.uuid4()
    mysql.rows(
        "INSERT INTO _ingest_file (file_id, target, mode, path, size_bytes, quick_hash, contract_hash, batch_rows, batch_bytes, "
        "state, owner) VALUES (%s, 't', 'append', '', 0, '', '', 0, 0, 'loading', '')",
        (file_id.bytes,),
    )
    return file_id


@pytest.fixture
def to(connection: Connection, mysql: Mysql) -> Destination:
    mysql.rows("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT)")
    return Destination(file_id=claimed(mysql), attempt=1, table="t", columns=(N,), order_column="id")


def batch_of(values: list[int], number: int = 0) -> StagedBatch:
    data = "".join(f"{value}\n" for value in values).encode()
    return StagedBatch(
        format=FORMAT,
        number=number,
        byte_start=number * 100,
        byte_end=number * 100 + len(data),
        first_line=2,
        rows_read=len(values),
        rows=len(values),
        rows_rejected=0,
        crc32=number,
        size_bytes=len(data),
        totals=(
            ColumnTotals(
                column="n", filled=len(values), total=sum(values), minimum=min(values), maximum=max(values), bytes=None
            ),
        ),
        data=data,
    )


def test_an_address_is_read_from_a_url() -> None:
    parsed = Address.parse("mysql://us%40er:p%2Fw%3A@db.example:3307/my%20db?ssl_mode=required&ssl_ca=/a/ca.pem")
    assert parsed == Address(
        host="db.example",
        port=3307,
        user="us@er",
        password="p/w:",
        database="my db",
        ssl_mode="REQUIRED",
        ssl_ca="/a/ca.pem",
    )
    assert str(parsed) == "us@er@db.example:3307/my db"


@pytest.mark.parametrize(
    ("host", "mode"),
    [
        ("localhost", "DISABLED"),
        ("127.0.0.1", "DISABLED"),
        ("127.9.9.9", "DISABLED"),
        ("[::1]", "DISABLED"),
        ("db.example", "VERIFY_IDENTITY"),
        ("192.168.0.7", "VERIFY_IDENTITY"),
        ("localhost.example", "VERIFY_IDENTITY"),
    ],
)
def test_a_server_elsewhere_has_to_prove_who_it_is(host: str, mode: str) -> None:
    assert Address.parse(f"mysql://u:p@{host}/d").ssl_mode == mode


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@h/d",
        "mysql://u:p@h",
        "mysql://u:p@h/",
        "mysql://h/d",
        "mysql://u:p@/d",
        "mysql://u:p@h:x/d",
        "mysql://u:p@h:99999/d",
        "mysql://u:p@[::1/d",
        "mysql://u:p@h/d/e",
        "mysql://u:p@h/d?ssl_mode=MAYBE",
        "mysql://u:p@h/d?compress=1",
        "",
    ],
)
def test_a_url_that_is_no_address(url: str) -> None:
    with pytest.raises(SettingsError, match="INGEST_MYSQL_URL"):
        Address.parse(url)


@pytest.fixture
def authorities(mysql_server: Mysql, *, is_mariadb: bool) -> str:
    if is_mariadb:
        pytest.skip("this server has no certificate")
    return str(Path(str(mysql_server.value("SELECT @@datadir"))) / "ca.pem")


@pytest.mark.parametrize(
    ("mode", "with_ca", "encrypted"),
    [
        ("DISABLED", False, False),
        ("DISABLED", True, False),
        ("PREFERRED", False, True),
        ("REQUIRED", False, True),
        ("REQUIRED", True, True),
    ],
)
def test_tls_as_the_mode_says(address: Address, authorities: str, mode: str, *, with_ca: bool, encrypted: bool) -> None:
    asked = replace(address, ssl_mode=mode, ssl_ca=authorities if with_ca else None)
    connection = Connection(asked, connect_timeout_s=5)
    cipher = str(connection.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'")[0][1])
    assert bool(cipher) is encrypted
    assert (connection.tls or "") == cipher
    connection.close()


def test_a_certificate_for_another_name_is_refused(address: Address, authorities: str) -> None:
    with pytest.raises(LoadError) as caught:
        Connection(replace(address, ssl_mode="VERIFY_IDENTITY", ssl_ca=authorities), connect_timeout_s=5)
    assert caught.value.code == "load.tls"
    assert "name" in str(caught.value)


@pytest.mark.parametrize("mode", ["VERIFY_CA", "VERIFY_IDENTITY"])
def test_a_certificate_of_an_unknown_authority_is_refused(address: Address, authorities: str, mode: str) -> None:
    with pytest.raises(LoadError) as caught:
        Connection(replace(address, ssl_mode=mode), connect_timeout_s=5)
    assert caught.value.code == "load.tls"
    assert "ssl_ca" in str(caught.value)


@pytest.mark.parametrize("mode", ["REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"])
def test_a_server_without_tls_is_refused_where_tls_is_asked_for(
    address: Address, mode: str, *, is_mariadb: bool
) -> None:
    if not is_mariadb:
        pytest.skip("this server has TLS")
    with pytest.raises(LoadError) as caught:
        Connection(replace(address, ssl_mode=mode), connect_timeout_s=5)
    assert caught.value.code == "load.tls"


def test_tls_is_not_insisted_on_where_it_is_only_preferred(address: Address) -> None:
    Connection(replace(address, ssl_mode="PREFERRED"), connect_timeout_s=5).close()


def test_a_file_of_authorities_that_is_not_there(address: Address) -> None:
    with pytest.raises(LoadError, match=r"/no/such\.pem") as caught:
        Connection(replace(address, ssl_mode="REQUIRED", ssl_ca="/no/such.pem"), connect_timeout_s=5)
    assert caught.value.code == "load.tls"


def test_an_error_says_what_it_means(connection: Connection, mysql: Mysql) -> None:
    mysql.rows("CREATE TABLE t (n INT PRIMARY KEY)")
    mysql.rows("INSERT INTO t VALUES (1)")
    with pytest.raises(Refused) as caught:
        connection.execute("INSERT INTO t VALUES (1)")
    error = caught.value
    assert (error.code, error.number, error.retryable, error.blames_a_row) == ("load.duplicate_key", 1062, False, True)
    assert str(connection.address) in str(error)
    with pytest.raises(Refused) as caught:
        connection.execute("INSERT INTO t VALUES ('x')")
    assert caught.value.row == 1
    with pytest.raises(Refused) as caught:
        connection.query("SELECT * FROM mysql.user")
    assert (caught.value.code, caught.value.blames_a_row) == ("load.privilege", False)


def test_a_connection_that_was_closed_is_lost(address: Address) -> None:
    connection = Connection(address, connect_timeout_s=5)
    connection.close()
    with pytest.raises(LoadError) as caught:
        connection.query("SELECT 1")
    assert (caught.value.code, caught.value.retryable) == ("load.connection_lost", True)
    assert connection.lost
    connection.reconnect()
    assert connection.query("SELECT 1") == [(1,)]
    connection.close()


@pytest.mark.parametrize(
    ("word", "reply_lost"),
    [
        (b"COMMIT", True),
        (b"COMMIT", False),
        (b"LOAD DATA", False),
        (b"INSERT INTO _ingest_batch", True),
        (b"START TRANSACTION", False),
        (b"COUNT(*)", True),
    ],
)
def test_a_connection_lost_at_any_moment_costs_nothing(
    address: Address, connection: Connection, to: Destination, mysql: Mysql, word: bytes, *, reply_lost: bool
) -> None:
    del connection
    with LossyProxy(address.port, word, reply_lost=reply_lost) as proxy:
        through = Connection(replace(address, port=proxy.port), connect_timeout_s=5)
        result = load_batch(through, to, batch_of([1, 2, 3]))
        through.close()
        assert proxy.connections == 2
    assert (result.rows, result.resumed) == (3, False)
    assert result.totals is not None
    assert result.totals[0].total == 6
    assert mysql.rows("SELECT n FROM t ORDER BY id") == [(1,), (2,), (3,)]
    assert mysql.value("SELECT COUNT(*) FROM _ingest_batch") == 1


def test_a_killed_session_is_replaced(
    connection: Connection, mysql: Mysql, mysql_server: Mysql, to: Destination
) -> None:
    mysql_server.rows(f"KILL {connection.query('SELECT CONNECTION_ID()')[0][0]}")
    assert load_batch(connection, to, batch_of([1])).rows == 1
    assert mysql.value("SELECT COUNT(*) FROM t") == 1


def test_a_lock_wait_is_waited_out(connection: Connection, address: Address, mysql: Mysql, to: Destination) -> None:
    connection.execute("SET SESSION innodb_lock_wait_timeout = 1")
    other = Connection(address, connect_timeout_s=5)
    batch = batch_of([1, 2])
    other.execute("START TRANSACTION")
    other.execute(
        "INSERT INTO _ingest_batch VALUES (%s, 0, 0, 0, 0, 0, 0, 0, NULL, CURRENT_TIMESTAMP)", (to.file_id.bytes,)
    )
    timer = threading.Timer(1.3, other.rollback)
    timer.start()
    result = load_batch(connection, to, batch)
    timer.join()
    other.close()
    assert (result.rows, result.resumed) == (2, False)
    assert mysql.value("SELECT COUNT(*) FROM t") == 2


def test_a_deadlock_is_met_with_the_same_work_again(connection: Connection, address: Address, mysql: Mysql) -> None:
    mysql.rows("CREATE TABLE d (n INT PRIMARY KEY, v INT)")
    mysql.rows("INSERT INTO d VALUES (1, 0), (2, 0)")
    other = Connection(address, connect_timeout_s=5)
    both = threading.Barrier(2)

    def work(session: Connection, first: int, second: int) -> None:
        met: list[int] = []

        def once() -> None:
            try:
                session.execute("START TRANSACTION")
                session.execute("UPDATE d SET v = v + 1 WHERE n = %s", (first,))
                if not met:
                    met.append(1)
                    both.wait(10)
                session.execute("UPDATE d SET v = v + 1 WHERE n = %s", (second,))
                session.commit()
            except LoadError:
                session.rollback()
                raise

        repeat(session, once, what="work")

    thread = threading.Thread(target=work, args=(other, 2, 1))
    thread.start()
    work(connection, 1, 2)
    thread.join(20)
    other.close()
    assert mysql.rows("SELECT n, v FROM d ORDER BY n") == [(1, 2), (2, 2)]


def test_a_refusal_is_not_tried_again(connection: Connection, to: Destination, mysql: Mysql) -> None:
    mysql.rows("ALTER TABLE t ADD UNIQUE KEY (n)")
    began = time.perf_counter()
    with pytest.raises(LoadError) as caught:
        load_batch(connection, to, batch_of([1, 1]))
    assert caught.value.code == "load.duplicate_key"
    assert time.perf_counter() - began < 2
    assert mysql.value("SELECT COUNT(*) FROM _ingest_batch") == 0


def test_a_batch_of_other_bytes_is_not_taken_for_the_one_that_is_in(connection: Connection, to: Destination) -> None:
    load_batch(connection, to, batch_of([1, 2]))
    with pytest.raises(LoadError) as caught:
        load_batch(connection, to, replace(batch_of([1, 2]), crc32=77))
    assert caught.value.code == "load.resume"


def test_two_workers_on_one_batch_load_it_once(address: Address, connection: Connection, to: Destination) -> None:
    batches = [batch_of([number], number) for number in range(20)]
    pools = [Loaders(lambda: Connection(address, connect_timeout_s=5), to, 2) for _ in range(2)]
    with pools[0], pools[1]:
        for batch in batches:
            for pool in pools:
                pool.submit(batch)
        results = [pool.finish() for pool in pools]
    assert [sum(result.rows for result in those) for those in results] == [20, 20]
    assert sum(not result.resumed for those in results for result in those) == 20
    assert connection.query("SELECT COUNT(*), COUNT(DISTINCT n) FROM t") == [(20, 20)]


def text_batch(data: bytes) -> StagedBatch:
    value = data.decode("utf-8", "surrogateescape").rstrip("\n")
    totals = ColumnTotals(column="v", filled=1, total=None, minimum=value, maximum=value, bytes=len(data) - 1)
    return replace(batch_of([1]), data=data, size_bytes=len(data), totals=(totals,))


@pytest.mark.parametrize("told", ["binary", "utf8mb4"])
def test_the_server_looks_at_texts_itself(
    connection: Connection, mysql: Mysql, monkeypatch: pytest.MonkeyPatch, told: str, *, is_mariadb: bool
) -> None:
    mysql.rows("CREATE TABLE w (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(5)) CHARACTER SET utf8mb4")
    column = Column(name="v", original="v", position=0, type=ColumnType(kind=Kind.TEXT, mysql="VARCHAR(5)"))
    # Without a receipt nobody else looks.
    to = Destination(file_id=claimed(mysql), attempt=1, table="w", columns=(column,), order_column="id", receipt=False)
    assert to.charset == "binary"
    monkeypatch.setattr(Destination, "charset", told)
    # MariaDB takes a surrogate for a character, whatever it is told.
    refused = {b"Z\xfcr\n": True, b"a\xed\xa0\x80\n": not is_mariadb, "Zürich\n".encode(): True}
    assert load_batch(connection, to, text_batch("Zürié\n".encode())).rows == 1
    for number, (text, wanted) in enumerate(refused.items(), 1):
        with pytest.raises(LoadError) if wanted else nullcontext():
            load_batch(connection, to, replace(text_batch(text), number=number))
    assert mysql.value("SELECT COUNT(*) FROM w") == 1 + list(refused.values()).count(False)


def test_a_text_that_is_converted_is_told_as_what_it_is(to: Destination) -> None:
    document = replace(N, name="d", type=ColumnType(kind=Kind.TEXT, mysql="JSON"))
    assert replace(to, charsets={"n": "utf8mb4"}).charset == "binary"
    assert replace(to, charsets={"n": "latin1"}).charset == "utf8mb4"
    assert replace(to, columns=(N, document)).charset == "utf8mb4"


def hand_over(pool: Loaders, batches: int) -> None:
    for number in range(batches):
        pool.submit(batch_of([number], number))


@pytest.mark.parametrize(
    ("bare", "batches", "on_mysql", "on_mariadb"),
    [
        # More than the loaders and their queue hold: whoever reads the file waits, so the cores are free.
        (True, 5, 2, 1),
        (True, 2, 1, 1),
        (False, 2, 2, 2),
    ],
)
def test_loaders_take_turns_where_they_would_be_in_each_others_way(
    address: Address,
    to: Destination,
    mysql: Mysql,
    mysql_server: Mysql,
    monkeypatch: pytest.MonkeyPatch,
    *,
    bare: bool,
    batches: int,
    on_mysql: int,
    on_mariadb: int,
    is_mariadb: bool,
) -> None:
    monkeypatch.setattr(Address, "shared_cores", 2)
    sending = "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'LOAD DATA%'"
    holder = mysql_server.connect()
    try:
        holder.cursor().execute(f"LOCK TABLES {address.database}.t READ")
        with Loaders(lambda: Connection(address, connect_timeout_s=5), replace(to, bare=bare), 2) as pool:
            reader = threading.Thread(target=hand_over, args=(pool, batches))
            reader.start()
            while not mysql.value(sending):
                time.sleep(0.05)
            # The other one has had its batch for as long.
            time.sleep(0.5)
            at_once = mysql.value(sending)
            holder.cursor().execute("UNLOCK TABLES")
            reader.join()
            results = pool.finish()
    finally:
        holder.close()
    assert at_once == (on_mariadb if is_mariadb else on_mysql)
    assert [(result.number, result.rows) for result in results] == [(number, 1) for number in range(batches)]


def test_indexes_are_built_as_it_suits_the_machine(
    connection: Connection, to: Destination, *, is_mariadb: bool
) -> None:
    tables.build_indexes(connection, to.table, (Index(name="by_n", columns=("n",), unique=False),))
    (index,) = connection.query("SHOW INDEX FROM t WHERE Key_name = 'by_n'")
    assert index[4] == "n"
    found = connection.query("SHOW SESSION VARIABLES WHERE Variable_name RLIKE 'innodb_(ddl_buffer|parallel_read)'")
    told = {str(name): int(str(value)) for name, value in found}
    if is_mariadb:
        assert told == {}
        return
    shared = connection.address.shared_cores
    assert shared is not None
    ((usual,),) = connection.query("SELECT @@GLOBAL.innodb_parallel_read_threads")
    assert told["innodb_ddl_buffer_size"] == 16 * 1024 * 1024
    assert told["innodb_parallel_read_threads"] == min(int(str(usual)), shared)
