"""Getting to the catalog: migrations, refusals that say what to do, and connections that die."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from engine.catalog import Catalog
from engine.errors import CatalogError
from tests.catalog_reports import new_id, report, start, text_column
from tests.fix_postgres import Postgres

MIGRATIONS = [
    (1, "0001_catalog"),
    (2, "0002_engine_columns"),
    (3, "0003_views"),
    (4, "0004_replays"),
    (5, "0005_pages"),
    (6, "0006_came_again"),
]

# The three tables as agreed, as somebody may have made them before.
AGREED = """
CREATE TABLE file_metadata (id SERIAL PRIMARY KEY, file_name VARCHAR(500) NOT NULL, file_path VARCHAR(1000) NOT NULL,
    file_size_bytes BIGINT, row_count INTEGER, column_count INTEGER, columns_info JSONB,
    ingestion_timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP, ingestion_status VARCHAR(50), target_table VARCHAR(255),
    error_message TEXT, processing_duration_seconds DECIMAL(10,2), created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE column_metadata (id SERIAL PRIMARY KEY, file_metadata_id INTEGER REFERENCES file_metadata(id),
    column_name VARCHAR(255) NOT NULL, column_type VARCHAR(100), null_count INTEGER, unique_count INTEGER,
    min_value TEXT, max_value TEXT, sample_values JSONB, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE data_quality_metrics (id SERIAL PRIMARY KEY, file_metadata_id INTEGER REFERENCES file_metadata(id),
    metric_name VARCHAR(255) NOT NULL, metric_value TEXT, metric_type VARCHAR(100),
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
INSERT INTO file_metadata (file_name, file_path, row_count, ingestion_status) VALUES ('old.csv', '/old.csv', 7, 'success');
"""


def connect(url: str) -> Catalog:
    return Catalog.connect(url, connect_timeout_s=5)


def failure_of(url: str) -> CatalogError:
    with pytest.raises(CatalogError) as caught:
        connect(url)
    return caught.value


def changed(url: str, *, user: str | None = None, password: str | None = None, port: int | None = None) -> str:
    """Return a URL with some parts of it replaced."""
    parts = urlsplit(url)
    netloc = f"{user or parts.username}:{password or parts.password}@127.0.0.1:{port or parts.port}"
    return urlunsplit(parts._replace(netloc=netloc))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_migrations_are_applied_once_and_recorded(catalog_url: str, catalog: Postgres) -> None:
    for _ in range(2):
        connect(catalog_url).close()

    assert catalog.rows("SELECT number, name FROM schema_migration ORDER BY number") == MIGRATIONS


def test_processes_that_start_at_once_all_succeed(catalog_url: str, catalog: Postgres) -> None:
    script = (
        "import sys; from engine.catalog import Catalog; sys.stdin.readline();"
        "Catalog.connect(sys.argv[1], connect_timeout_s=5).close()"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, catalog_url],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parent.parent,
        )
        for _ in range(3)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ends = [(process.communicate(timeout=60)[1], process.returncode) for process in started]

    assert ends == [("", 0)] * 3
    assert catalog.rows("SELECT number, name FROM schema_migration ORDER BY number") == MIGRATIONS


def test_the_agreed_columns_stay_as_they_are(catalog_url: str, catalog: Postgres) -> None:
    connect(catalog_url).close()

    agreed = catalog.rows(
        "SELECT table_name || '.' || column_name || ' ' || data_type"
        " || COALESCE('(' || character_maximum_length || ')', '') || CASE is_nullable WHEN 'NO' THEN ' !' ELSE '' END"
        " FROM information_schema.columns WHERE table_name IN ('file_metadata', 'column_metadata',"
        " 'data_quality_metrics') AND ordinal_position <= CASE table_name WHEN 'file_metadata' THEN 13"
        " WHEN 'column_metadata' THEN 10 ELSE 6 END ORDER BY table_name DESC, ordinal_position"
    )
    assert "\n".join(str(row[0]) for row in agreed) == (
        "file_metadata.id integer !\n"
        "file_metadata.file_name character varying(500) !\n"
        "file_metadata.file_path character varying(1000) !\n"
        "file_metadata.file_size_bytes bigint\n"
        "file_metadata.row_count bigint\n"
        "file_metadata.column_count integer\n"
        "file_metadata.columns_info jsonb\n"
        "file_metadata.ingestion_timestamp timestamp without time zone\n"
        "file_metadata.ingestion_status character varying(50)\n"
        "file_metadata.target_table character varying(255)\n"
        "file_metadata.error_message text\n"
        "file_metadata.processing_duration_seconds numeric\n"
        "file_metadata.created_at timestamp without time zone\n"
        "data_quality_metrics.id integer !\n"
        "data_quality_metrics.file_metadata_id integer\n"
        "data_quality_metrics.metric_name character varying(255) !\n"
        "data_quality_metrics.metric_value text\n"
        "data_quality_metrics.metric_type character varying(100)\n"
        "data_quality_metrics.created_at timestamp without time zone\n"
        "column_metadata.id integer !\n"
        "column_metadata.file_metadata_id integer\n"
        "column_metadata.column_name character varying(255) !\n"
        "column_metadata.column_type character varying(100)\n"
        "column_metadata.null_count bigint\n"
        "column_metadata.unique_count bigint\n"
        "column_metadata.min_value text\n"
        "column_metadata.max_value text\n"
        "column_metadata.sample_values jsonb\n"
        "column_metadata.created_at timestamp without time zone"
    )


def test_tables_that_are_already_there_are_kept_and_completed(catalog_url: str, catalog: Postgres) -> None:
    for statement in AGREED.split(";\n"):
        catalog.rows(sql.SQL(statement))  # type: ignore[arg-type]  # no literal

    with connect(catalog_url) as keeper:
        keeper.finish(report(new_id(), rows_read=3_000_000_000))

    assert catalog.rows("SELECT file_name, row_count FROM file_metadata ORDER BY id") == [
        ("old.csv", 7),
        ("sales_1.csv", 3_000_000_000),
    ]


def test_something_in_the_way_of_a_migration_is_said_and_nothing_is_changed(
    catalog_url: str, catalog: Postgres
) -> None:
    catalog.rows("CREATE TABLE file_latest (a INTEGER)")

    error = failure_of(catalog_url)

    assert (error.code, error.retryable) == ("catalog.schema", False)
    assert 'relation "file_latest" already exists' in str(error)
    assert "give the catalog a database of its own" in str(error)
    assert catalog.value("SELECT to_regclass('file_metadata')") is None


def test_a_user_who_may_not_create_tables_is_told_so(
    catalog_url: str, catalog: Postgres, postgres_server: Postgres
) -> None:
    postgres_server.rows("DROP ROLE IF EXISTS headrace_reader")
    postgres_server.rows("CREATE ROLE headrace_reader LOGIN PASSWORD 'reader-secret'")
    # As administrator: up to PostgreSQL 14 everybody may create tables, and a database's owner can't change that.
    administrator = Postgres(urlunsplit(urlsplit(postgres_server.url)._replace(path=urlsplit(catalog_url).path)))
    administrator.rows("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    reader = changed(catalog_url, user="headrace_reader", password="reader-secret")

    error = failure_of(reader)

    assert (error.code, error.retryable) == ("catalog.privilege", False)
    assert "user headrace_reader lacks a privilege" in str(error)
    assert "permission denied for schema public" in str(error)

    connect(catalog_url).close()
    catalog.rows("GRANT SELECT ON ALL TABLES IN SCHEMA public TO headrace_reader")
    with connect(reader) as keeper:
        assert keeper.ask("arrived") == []
        with pytest.raises(CatalogError, match="permission denied for table file_metadata") as caught:
            keeper.begin(start(new_id()))
    assert caught.value.code == "catalog.privilege"
    catalog.rows("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM headrace_reader")
    postgres_server.rows("DROP ROLE headrace_reader")


@pytest.mark.parametrize("user", ["headrace", "nobody_such"])
def test_a_wrong_password_is_denied_and_never_shown(catalog_url: str, user: str) -> None:
    error = failure_of(changed(catalog_url, user=user, password="hunter2-secret"))

    assert (error.code, error.retryable) == ("catalog.denied", False)
    assert f"does not let user {user} in" in str(error)
    assert "hunter2" not in "".join(traceback.format_exception(error))
    assert "hunter2" not in repr((error.__cause__, error.__context__))


def test_a_server_that_is_not_there_is_worth_another_try() -> None:
    port = free_port()

    error = failure_of(f"postgresql://headrace:hunter2-secret@127.0.0.1:{port}/catalog")

    assert (error.code, error.retryable) == ("catalog.unreachable", True)
    assert f"the catalog can't be reached at 127.0.0.1:{port}/catalog: " in str(error)
    assert "Connection refused" in str(error)


def test_a_database_that_is_not_there_is_named(catalog_url: str) -> None:
    error = failure_of(catalog_url + "_missing")

    assert (error.code, error.retryable) == ("catalog.refused", False)
    assert "create it (createdb)" in str(error)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://headrace:hunter2-secret@127.0.0.1:5432/catalog",
        "postgresql://headrace:hunter2%secret@127.0.0.1:5432/catalog",
        "mysql://headrace:hunter2-secret@127.0.0.1:3306/catalog",
        "postgresql://headrace:hunter2-secret@127.0.0.1:5432/catalog?nonsense=1",
    ],
)
def test_a_url_that_makes_no_sense_is_refused_without_quoting_it(url: str) -> None:
    error = failure_of(url)

    assert error.code == "catalog.url"
    assert (error.__cause__, error.__context__) == (None, None)
    assert "hunter2" not in str(error)


def test_a_database_that_cannot_hold_every_character_is_refused(catalog_url: str, postgres_server: Postgres) -> None:
    postgres_server.rows(
        "CREATE DATABASE headrace_latin1 OWNER headrace ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
    )
    try:
        error = failure_of(catalog_url.rpartition("/")[0] + "/headrace_latin1")
    finally:
        postgres_server.rows("DROP DATABASE headrace_latin1")

    assert error.code == "catalog.schema"
    assert "has the encoding LATIN1" in str(error)


def test_times_are_utc_whatever_the_server_thinks(catalog_url: str, catalog: Postgres) -> None:
    catalog.rows("ALTER ROLE CURRENT_USER SET timezone = 'Pacific/Auckland'")
    try:
        with connect(catalog_url) as keeper:
            keeper.finish(report(new_id()))
        late = catalog.rows(
            "SELECT count(*) FROM (SELECT created_at FROM file_metadata UNION SELECT created_at FROM column_metadata"
            " UNION SELECT created_at FROM data_quality_metrics) t"
            " WHERE abs(extract(epoch FROM created_at - (now() AT TIME ZONE 'UTC'))) > 600"
        )
    finally:
        catalog.rows("ALTER ROLE CURRENT_USER RESET timezone")

    assert late == [(0,)]


@pytest.mark.parametrize(("width", "connections"), [(2, 1), (600, 2)])
def test_a_connection_that_died_while_idle_is_replaced(
    catalog_url: str, catalog: Postgres, width: int, connections: int
) -> None:
    """Many columns go over a connection of their own."""
    file_id, columns = new_id(), tuple(text_column(f"c{at}") for at in range(width))
    with connect(catalog_url) as keeper:
        keeper.finish(report(file_id, columns=columns))
        ended = catalog.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'headrace' AND datname = current_database()"
        )
        keeper.finish(report(file_id, attempt=2, columns=columns))

    assert ended == [(True,)] * connections
    assert catalog.rows("SELECT attempt, ingestion_status FROM file_metadata ORDER BY attempt") == [
        (1, "success"),
        (2, "success"),
    ]


class Cable:
    """A way to a server that can be cut and mended."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._ends: list[socket.socket] = []
        self._whole = True
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def cut(self) -> None:
        self._whole = False
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._whole = True

    def close(self) -> None:
        self.cut()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for end in (self._listener, *self._ends):
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                self._ends.append(client)
                if not self._whole:
                    client.shutdown(socket.SHUT_RDWR)
                    continue
                server = socket.create_connection(("127.0.0.1", self._to))
                self._ends.append(server)
                for pair in ((client, server), (server, client)):
                    self._threads.append(threading.Thread(target=self._pump, args=pair))
                    self._threads[-1].start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def cable(catalog_url: str) -> Iterator[Cable]:
    made = Cable(urlsplit(catalog_url).port or 5432)
    yield made
    made.close()


def test_a_server_that_goes_away_is_worth_another_try_and_the_next_call_reconnects(
    catalog_url: str, catalog: Postgres, cable: Cable
) -> None:
    file_id = new_id()
    with connect(changed(catalog_url, port=cable.port)) as keeper:
        keeper.finish(report(file_id))

        cable.cut()
        with pytest.raises(CatalogError, match="can't be reached") as caught:
            keeper.finish(report(file_id, attempt=2))
        assert (caught.value.code, caught.value.retryable) == ("catalog.unreachable", True)
        with pytest.raises(CatalogError, match="can't be reached"):
            keeper.begin(start(new_id()))

        cable.mend()
        keeper.finish(report(file_id, attempt=2))

    assert catalog.rows("SELECT attempt, ingestion_status FROM file_metadata ORDER BY attempt") == [
        (1, "success"),
        (2, "success"),
    ]


def test_a_file_whose_columns_cannot_be_written_has_not_ended_yet(catalog_url: str, catalog: Postgres) -> None:
    file_id = new_id()
    with connect(catalog_url) as keeper:
        keeper.begin(start(file_id))
        catalog.rows("ALTER TABLE data_quality_metrics RENAME TO away")
        with pytest.raises(CatalogError, match='relation "data_quality_metrics" does not exist') as caught:
            keeper.finish(report(file_id))
        before = catalog.rows("SELECT ingestion_status, (SELECT count(*) FROM column_metadata) FROM file_metadata")

        catalog.rows("ALTER TABLE away RENAME TO data_quality_metrics")
        keeper.finish(report(file_id))

    assert (caught.value.code, caught.value.retryable) == ("catalog.schema", False)
    assert before == [("running", 0)]
    assert catalog.rows("SELECT ingestion_status, (SELECT count(*) FROM column_metadata) FROM file_metadata") == [
        ("success", 2)
    ]


def test_a_statement_that_is_cancelled_while_it_waits_is_worth_another_try(catalog_url: str, catalog: Postgres) -> None:
    file_id = new_id()
    with connect(catalog_url) as keeper, psycopg.connect(catalog_url) as other:
        keeper.begin(start(file_id))
        other.execute("SELECT 1 FROM file_metadata FOR UPDATE")
        waiting = threading.Timer(
            1.0,
            catalog.rows,
            ["SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"],
        )
        waiting.start()
        with pytest.raises(CatalogError) as caught:
            keeper.finish(report(file_id))
        waiting.join()

        other.rollback()
        keeper.finish(report(file_id))

    assert (caught.value.code, caught.value.retryable) == ("catalog.refused", True)
    assert catalog.rows("SELECT ingestion_status FROM file_metadata") == [("success",)]


def test_a_catalog_shows_where_it_is_and_not_its_password(catalog_url: str) -> None:
    parts = urlsplit(catalog_url)
    with connect(catalog_url) as keeper:
        shown = repr(keeper)

    assert shown == f"Catalog(127.0.0.1:{parts.port}{parts.path})"


def test_closing_twice_is_harmless(catalog_url: str) -> None:
    keeper = connect(catalog_url)
    keeper.close()
    keeper.close()
