"""The catalog rebuilt from the ledger: lost, emptied, incomplete, or stuck at what died."""

from __future__ import annotations

import json
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import pytest
from pydantic import SecretStr

from engine import FileStatus, Settings, ingest_files
from engine.model import Reconciliation
from engine.pipeline import reconcile
from tests.crashing import Crasher, Job
from tests.fix_mysql import Mysql
from tests.fix_postgres import Postgres
from tests.test_exactly_once import plain, put_file
from tests.test_pipeline_modes import SALES_HEADER, only, write
from tests.test_rejects_replay import program

FILES = (
    "SELECT ingest_file_id, attempt, run_id, file_name, file_path, file_size_bytes, mtime, target_table, mode, feed, "
    "started_at, ingestion_status, row_count, rows_loaded, rows_rejected, rejects_by_class, rejects_path, archived_to, "
    "batches, columns_info, sha256, error_code, error_message, receipt, replays FROM file_metadata ORDER BY 1, 2"
)
COLUMNS = (
    "SELECT f.ingest_file_id, to_jsonb(c) - 'id' - 'file_metadata_id' - 'created_at' FROM column_metadata c "
    "JOIN file_metadata f ON f.id = c.file_metadata_id ORDER BY 1, c.position"
)
METRICS = (
    "SELECT f.ingest_file_id, to_jsonb(q) - 'id' - 'file_metadata_id' - 'created_at' FROM data_quality_metrics q "
    "JOIN file_metadata f ON f.id = q.file_metadata_id ORDER BY 1, q.position"
)


def contents(catalog: Postgres) -> list[list[tuple[object, ...]]]:
    return [catalog.rows(FILES), catalog.rows(COLUMNS), catalog.rows(METRICS)]


def counts(done: Reconciliation) -> tuple[int, ...]:
    return done.entries, done.agreed, done.written, done.interrupted, done.busy, done.unreadable


@pytest.fixture
def loads(settings: Settings, tmp_path: Path) -> Settings:
    """Load four files: two whole, one with a reject, one that is held."""
    write(settings.input_dir / "sales_1.csv", SALES_HEADER + "T1,C1,Lamp,3,19.90,2024-02-29,North\n")
    write(settings.input_dir / "t.csv", "id,name,ratio\n1,x,1.5e-3\n2,é,2.5\n")
    write(tmp_path / "u.csv", "id,name\n1,x\n2\n")
    write(tmp_path / "v.csv", "id,name\n1,x\n2\n")
    ingest_files(None, settings)
    ingest_files([tmp_path / "u.csv"], settings, overrides={"max_rejects": 1})
    assert only(ingest_files([tmp_path / "v.csv"], settings)).status is FileStatus.HELD
    return settings


def test_what_agrees_is_left_as_it_is(loads: Settings, catalog: Postgres) -> None:
    before = catalog.rows("SELECT id, updated_at FROM file_metadata ORDER BY id")
    for _ in range(2):
        assert counts(reconcile(loads)) == (4, 4, 0, 0, 0, 0)
    assert catalog.rows("SELECT id, updated_at FROM file_metadata ORDER BY id") == before


def test_a_lost_catalog_is_written_again_whole(loads: Settings, catalog: Postgres) -> None:
    before = contents(catalog)
    catalog.rows("DROP VIEW file_latest CASCADE")
    catalog.rows("DROP TABLE column_metadata, data_quality_metrics, file_metadata, schema_migration CASCADE")
    assert counts(reconcile(loads)) == (4, 0, 4, 0, 0, 0)
    assert contents(catalog) == before
    assert counts(reconcile(loads)) == (4, 4, 0, 0, 0, 0)


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM column_metadata WHERE file_metadata_id = (SELECT max(id) FROM file_metadata WHERE target_table = 't')",
        "DELETE FROM data_quality_metrics WHERE file_metadata_id = (SELECT id FROM file_metadata WHERE target_table = 't')",
        "UPDATE file_metadata SET ingestion_status = 'running' WHERE target_table = 't'",
        "UPDATE file_metadata SET rows_loaded = NULL WHERE target_table = 't'",
        "UPDATE file_metadata SET archived_to = 'elsewhere' WHERE target_table = 't'",
        "UPDATE file_metadata SET ingestion_status = 'success' WHERE ingestion_status = 'held'",
    ],
)
def test_what_the_catalog_lacks_or_has_otherwise_is_put_right(
    loads: Settings, catalog: Postgres, damage: LiteralString
) -> None:
    before = contents(catalog)
    catalog.rows(damage)
    assert contents(catalog) != before
    dry = reconcile(loads, dry_run=True)
    assert counts(dry) == (4, 3, 1, 0, 0, 0)
    assert contents(catalog) != before
    assert counts(reconcile(loads)) == (4, 3, 1, 0, 0, 0)
    assert contents(catalog) == before


def test_a_report_that_the_ledger_lost_is_replaced_by_what_its_columns_say(
    loads: Settings, mysql: Mysql, catalog: Postgres
) -> None:
    mysql.rows("UPDATE _ingest_file SET report = '{' WHERE target = 't'")
    mysql.rows("UPDATE _ingest_file SET report = NULL WHERE target = 'v'")
    done = reconcile(loads)
    # What the catalog has is more than that.
    assert counts(done) == (4, 4, 0, 0, 0, 1)
    catalog.rows("TRUNCATE file_metadata, column_metadata, data_quality_metrics")
    assert counts(reconcile(loads)) == (4, 0, 4, 0, 0, 1)
    assert catalog.rows(
        "SELECT target_table, ingestion_status, row_count, rows_loaded, length(sha256), error_code "
        "FROM file_metadata WHERE target_table IN ('t', 'v') ORDER BY 1"
    ) == [("t", "success", 2, 2, 64, None), ("v", "held", 0, 0, None, "run.interrupted")]
    assert counts(reconcile(loads)) == (4, 4, 0, 0, 0, 1)


def test_an_attempt_that_died_before_the_ledger_knew_it_is_closed(loads: Settings, catalog: Postgres) -> None:
    catalog.rows(
        "INSERT INTO file_metadata (ingest_file_id, attempt, file_name, file_path, target_table, ingestion_status) "
        "VALUES (gen_random_uuid(), 1, 'w.csv', '/in/w.csv', 'w', 'running'), "
        "(gen_random_uuid(), 1, 'q.csv', '/in/q.csv', 'q', 'queued')"
    )
    assert counts(reconcile(loads)) == (4, 4, 0, 1, 0, 0)
    assert catalog.rows(
        "SELECT ingestion_status, error_code FROM file_metadata WHERE target_table IN ('q', 'w') ORDER BY target_table"
    ) == [("queued", None), ("failed", "run.interrupted")]
    assert counts(reconcile(loads)) == (4, 4, 0, 0, 0, 0)


@pytest.fixture(scope="module")
def crasher() -> Iterator[Crasher]:
    with Crasher() as made:
        yield made


@pytest.mark.parametrize("point", ["after a LOAD", "before RENAME", "after RENAME"])
@pytest.mark.parametrize("lost", [False, True])
def test_what_a_killed_worker_left_is_said_to_be_interrupted_and_goes_on(
    crasher: Crasher, settings: Settings, mysql: Mysql, catalog: Postgres, point: str, *, lost: bool
) -> None:
    small = settings.model_copy(update={"batch_rows": 5, "loaders": 1})
    query, expected = put_file(small, "new")
    assert crasher.run(Job(settings=plain(small), overrides={}, point=point)) == -signal.SIGKILL
    assert catalog.rows("SELECT ingestion_status FROM file_metadata") == [("running",)]
    if lost:
        catalog.rows("TRUNCATE file_metadata, column_metadata, data_quality_metrics")
    done = reconcile(small)
    assert counts(done) == ((1, 0, 1, 0, 0, 0) if lost else (1, 0, 0, 1, 0, 0))
    assert catalog.rows("SELECT ingestion_status, error_code FROM file_metadata") == [("failed", "run.interrupted")]
    assert counts(reconcile(small)) == (1, 1, 0, 0, 0, 0)
    ingest_files(None, small)
    assert mysql.rows(query) == expected
    assert mysql.value("SELECT state FROM _ingest_file") == "published"
    assert counts(reconcile(small)) == (1, 1, 0, 0, 0, 0)


def test_a_load_that_runs_just_now_is_left_alone(loads: Settings, mysql: Mysql, catalog: Postgres) -> None:
    """A worker that holds the lock of its target, has told the catalog that it begins, and is in the ledger."""
    seen: list[tuple[int, ...]] = []
    states: list[object] = []

    def look(_progress: object) -> None:
        seen.append(counts(reconcile(loads)))
        states.append(catalog.value("SELECT ingestion_status FROM file_metadata WHERE target_table = 'w'"))

    write(loads.input_dir / "w.csv", "id\n1\n2\n")
    assert only(ingest_files(None, loads, on_progress=look)).status is FileStatus.LOADED
    assert seen[0] == (5, 4, 0, 0, 1, 0)
    assert states[0] == "running"
    assert counts(reconcile(loads)) == (5, 5, 0, 0, 0, 0)


def test_a_long_ledger_is_read_page_by_page(
    loads: Settings, mysql: Mysql, catalog: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.load.history._AT_A_TIME", 7)
    (row,) = mysql.rows("SELECT LOWER(HEX(file_id)), report FROM _ingest_file WHERE target = 't'")
    old = str(uuid.UUID(str(row[0])))
    for _ in range(40):
        new = uuid.uuid4()
        mysql.rows(
            "INSERT INTO _ingest_file (file_id, target, mode, path, size_bytes, quick_hash, content_hash, contract_hash, "
            "generation, batch_rows, batch_bytes, state, owner, rows_read, rows_loaded, rows_rejected, report, cataloged) "
            "SELECT %s, target, mode, path, size_bytes, quick_hash, content_hash, contract_hash, generation, batch_rows, "
            "batch_bytes, 'superseded', owner, rows_read, rows_loaded, rows_rejected, REPLACE(report, %s, %s), 1 "
            "FROM _ingest_file WHERE file_id = UNHEX(%s)",
            (new.bytes, old, str(new), row[0]),
        )
    assert counts(reconcile(loads)) == (44, 4, 40, 0, 0, 0)
    assert catalog.value("SELECT count(DISTINCT ingest_file_id) FROM file_metadata") == 44
    assert counts(reconcile(loads)) == (44, 44, 0, 0, 0, 0)


def test_without_a_ledger_there_is_nothing_to_do(settings: Settings) -> None:
    assert counts(reconcile(settings)) == (0, 0, 0, 0, 0, 0)


def test_the_command_says_what_it_found_and_wrote(loads: Settings, catalog: Postgres, root: Path) -> None:
    catalog.rows("TRUNCATE file_metadata, column_metadata, data_quality_metrics")
    dry = program(loads, root, "engine.reconcile", "--dry-run")
    assert dry.status == 0
    assert dry.out.splitlines()[2].split() == ["would", "be", "written", "4"]
    assert catalog.value("SELECT count(*) FROM file_metadata") == 0
    ran = program(loads, root, "engine.reconcile")
    assert ran.status == 0
    assert [line.rsplit(maxsplit=1) for line in ran.out.splitlines()[:6]] == [
        ["loads in the ledger", "4"],
        ["agreed already", "0"],
        ["written", "4"],
        ["closed as interrupted", "0"],
        ["being loaded now, left alone", "0"],
        ["unreadable in the ledger", "0"],
    ]
    assert "earlier attempts" in ran.out
    again = program(loads, root, "engine.reconcile", "--json", "-", "--quiet")
    document = json.loads(again.out)
    assert (again.status, document["ok"], document["agreed"], document["written"]) == (0, True, 4, 0)


def test_a_catalog_that_can_t_be_reached_is_a_failure(loads: Settings, root: Path) -> None:
    away = loads.model_copy(update={"catalog_url": SecretStr("postgresql://nobody@127.0.0.1:1/none")})
    ran = program(away, root, "engine.reconcile")
    assert ran.status == 1
    assert "can't be reached" in ran.err
    assert program(loads, root, "engine.reconcile", "extra").status == 2
