"""A load that was cut short: by whom and how it may be gone on with, and what becomes of it where the file is another."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from engine import Settings, ingest_files
from tests.crashing import Crasher, Job
from tests.fix_mysql import Mysql
from tests.test_pipeline_modes import SALES_HEADER, left_overs, only, write

ROWS = 23


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """A way into the table: the table before, and the options."""

    before: tuple[str, ...]
    overrides: dict[str, object]


_TABLE = "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT, s VARCHAR(20), KEY by_s (s))"
_KEYED = "CREATE TABLE t (n INT PRIMARY KEY, s VARCHAR(20))"
_OLD = "INSERT INTO t (n, s) VALUES (1, 'old'), (1000, 'old')"

WAYS = {
    "new": Way(before=(), overrides={}),
    "append": Way(before=(_TABLE, _OLD), overrides={"table": "t"}),
    "replace": Way(before=(_TABLE, _OLD), overrides={"table": "t", "mode": "replace"}),
    "upsert": Way(before=(_KEYED, _OLD), overrides={"table": "t", "mode": "upsert"}),
}


@pytest.fixture(scope="module")
def crasher() -> Iterator[Crasher]:
    with Crasher() as made:
        yield made


@pytest.fixture
def small(settings: Settings) -> Settings:
    """Return settings that make five batches of the file, loaded one after the other."""
    return settings.model_copy(update={"batch_rows": 5, "loaders": 1})


def plain(settings: Settings) -> dict[str, object]:
    """Write settings down for another process."""
    assert settings.mysql_url is not None
    assert settings.catalog_url is not None
    return {
        **settings.model_dump(mode="json", exclude_none=True),
        "mysql_url": settings.mysql_url.get_secret_value(),
        "catalog_url": settings.catalog_url.get_secret_value(),
    }


def put_file(settings: Settings, way: str) -> tuple[str, list[tuple[object, ...]]]:
    """Put the file into the input folder and return a query of the table and what it has to answer."""
    if way == "new":
        lines = [f'T{n},C{n % 3},"x, ""{n}""",{n},{n}.50,2024-01-{n + 1:02},' for n in range(ROWS)]
        write(settings.input_dir / "sales_1.csv", SALES_HEADER + "\n".join(lines) + "\n")
        rows: list[tuple[object, ...]] = [(f"T{n}", f'x, "{n}"', n) for n in range(ROWS)]
        return "SELECT transaction_id, product_name, quantity FROM sales_data ORDER BY quantity", rows
    write(settings.input_dir / "t.csv", "n,s\n" + "".join(f'{n},"row ""{n}"""\n' for n in range(ROWS)))
    rows = [(n, f'row "{n}"') for n in range(ROWS)]
    if way.startswith("append"):
        rows += [(1, "old"), (1000, "old")]
    if way == "upsert":
        rows += [(1000, "old")]
    return "SELECT n, s FROM t ORDER BY n, s DESC", sorted(rows, key=lambda row: (row[0], -ord(str(row[1])[0])))


def test_an_unfinished_load_may_go_on_under_another_visibility(crasher: Crasher, small: Settings, mysql: Mysql) -> None:
    for statement in WAYS["append"].before:
        mysql.rows(statement)
    query, expected = put_file(small, "append")
    job = Job(settings=plain(small), overrides={"table": "t", "visibility": "batch"}, point="after COMMIT")
    assert crasher.run(job) == -signal.SIGKILL
    assert mysql.value("SELECT COUNT(*) FROM _ingest_batch") == 2
    file = only(ingest_files(None, small, overrides={"table": "t", "visibility": "file"}))
    assert (file.error, file.rows_loaded) == (None, ROWS)
    assert mysql.rows(query) == expected
    assert mysql.value("SELECT SUM(rows_loaded) FROM _ingest_batch") == ROWS


@pytest.mark.parametrize("way", ["new", "replace", "upsert"])
def test_nothing_stays_of_an_unfinished_load_whose_file_was_replaced(
    crasher: Crasher, small: Settings, mysql: Mysql, way: str
) -> None:
    for statement in WAYS[way].before:
        mysql.rows(statement)
    put_file(small, way)
    overrides = WAYS[way].overrides
    job = Job(settings=plain(small), overrides=overrides, point="after COMMIT")
    assert crasher.run(job) == -signal.SIGKILL
    assert left_overs(mysql) != []
    (path,) = small.input_dir.iterdir()
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:4]))
    assert only(ingest_files(None, small, overrides=overrides)).rows_loaded == 3
    assert left_overs(mysql) == []
    assert mysql.rows("SELECT state, rows_loaded FROM _ingest_file") == [("published", 3)]
    assert mysql.value("SELECT SUM(rows_loaded) FROM _ingest_batch") == 3


def test_an_append_whose_file_was_replaced_half_way_says_what_is_in(
    crasher: Crasher, small: Settings, mysql: Mysql
) -> None:
    """The rows that are visible already can't be taken back: the new file is another one, and the ledger has both."""
    for statement in WAYS["append"].before:
        mysql.rows(statement)
    put_file(small, "append")
    job = Job(settings=plain(small), overrides=WAYS["append"].overrides, point="after COMMIT")
    assert crasher.run(job) == -signal.SIGKILL
    write(small.input_dir / "t.csv", "n,s\n500,x\n")
    assert only(ingest_files(None, small, overrides=WAYS["append"].overrides)).rows_loaded == 1
    assert mysql.rows("SELECT state, rows_loaded FROM _ingest_file ORDER BY state") == [
        ("loading", None),
        ("published", 1),
    ]
    assert [path for path in small.staging_dir.rglob("*") if path.is_file()] == []


def test_a_file_that_changed_while_it_was_read_leaves_no_shadow(small: Settings, mysql: Mysql) -> None:
    put_file(small, "new")
    (path,) = small.input_dir.iterdir()
    grown: list[int] = []

    def grow(_progress: object) -> None:
        if not grown:
            grown.append(1)
            with path.open("a") as handle:
                handle.write("T99,C1,x,99,1.00,2024-01-01,\n")

    file = only(ingest_files(None, small, on_progress=grow))
    assert file.error is not None
    assert file.error.code == "source.changed"
    assert left_overs(mysql) == []
    assert only(ingest_files(None, small)).rows_loaded == ROWS + 1
