"""Files wider than a table: what fits stays a column, and the rest comes back whole from one JSON column."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import FileReport, FileStatus, Settings, ingest_files
from engine.config import Feed
from engine.model import Dialect, Mode
from engine.pipeline.planning import contract_hash
from engine.schema import documents, gather, plan_new
from engine.schema.documents import by_mysqls_order
from engine.schema.wide import most_rows, worth_a_look
from engine.sql import quote_mysql
from engine.stats import SurplusStats
from engine.summary import file_from_json, ledger_json
from tests.crashing import Crasher, Job
from tests.fix_mysql import Mysql
from tests.fix_postgres import Postgres
from tests.test_pipeline_modes import left_overs, only

# What is between a file and a JSON document that could change a text.
ODD = (
    "", "NULL", "null", "true", "1.50", "1e400", "007", '"', '\\"', "\\u0041", "a\nb", "\r", "\t", "\x00", "\x1f", "\x7f",
    "é", "e\u0301", "😀", "\u2028", '{"a": 1}', "': ", '": "', ", ", "</script>", "`%s`", "{table}", "\\N",
)  # fmt: skip

Row = list[str | None]


def rows_of(width: int, count: int, seed: int = 1) -> list[Row]:
    """Make rows whose first column is a number and whose others are text: with one that is longer, none is VARCHAR(9)."""
    chance = random.Random(seed)
    long = [f"a text for column {place}" for place in range(1, width)]
    lines: list[Row] = [list(long), *([chance.choice((*ODD, None, None)) for _ in long] for _ in range(count - 1))]
    return [[str(number), *texts] for number, texts in enumerate(lines, start=1)]


def write(path: Path, header: Sequence[str], rows: Sequence[Row]) -> Path:
    """Write a file in which every text is quoted and NULL is an empty field."""
    lines = [",".join("" if cell is None else '"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    quoted = ",".join('"' + text.replace('"', '""') + '"' for text in header)
    path.write_bytes("\n".join([quoted, *lines, ""]).encode())
    return path


def header_of(width: int) -> list[str]:
    return ["id", *(f"c{number}" for number in range(1, width))]


def loaded(settings: Settings, path: Path, **options: object) -> FileReport:
    file = only(ingest_files([path], settings, table="t", overrides={"wide": "json", **options}))
    assert (file.error, file.status) == (None, FileStatus.LOADED)
    return file


def stored(mysql: Mysql, file: FileReport) -> list[dict[str, str | None]]:
    """Read the table back in the order of `id`, else in that of arrival: each row by the header's own text."""
    own = [column for column in file.columns if column.within is None and column.name != "_wide"]
    place = "id" if any(column.name == "id" for column in own) else "_row_id"
    wanted = ", ".join(f"CAST({quote_mysql(column.name)} AS CHAR)" for column in own)
    found = {}
    # Sorted here: MySQL's sort buffer is too small for a document of 20,000 fields.
    for number, *cells, document in mysql.rows(f"SELECT {place}, {wanted}, _wide FROM t"):
        row: dict[str, str | None] = {
            c.original: None if v is None else str(v) for c, v in zip(own, cells, strict=True)
        }
        found[int(str(number))] = row | json.loads(str(document) if document is not None else "{}")
    return [found[number] for number in sorted(found)]


def meant(header: Sequence[str], rows: Sequence[Row]) -> list[dict[str, str | None]]:
    return [dict(zip(header, row, strict=True)) for row in rows]


def names(file: FileReport) -> list[str]:
    return [column.name for column in file.columns if column.within is None]


@pytest.mark.parametrize(("width", "count"), [(2_000, 20), (20_000, 3)])
def test_every_value_of_a_wide_file_comes_back_equal(
    settings: Settings, mysql: Mysql, catalog: Postgres, tmp_path: Path, width: int, count: int
) -> None:
    header, rows = header_of(width), rows_of(width, count)
    file = loaded(settings, write(tmp_path / "f.csv", header, rows))
    assert stored(mysql, file) == meant(header, rows)
    # 195 texts and one number fill the page beside the JSON column.
    assert names(file) == [*header[:196], "_wide"]
    assert any("col" in note and "JSON_VALUE(_wide, '$.\"c196\"')" in note for note in file.notes)
    # Checksum and length of the documents were compared with MySQL's.
    assert file.receipt is not None
    assert file.receipt.verified
    (proof,) = [column for column in file.receipt.columns if column.column == "_wide"]
    assert set(proof.mysql) >= {"filled", "total", "bytes"}
    assert left_overs(mysql) == []
    kept = catalog.rows("SELECT count(*) FROM column_metadata")
    assert kept == [(width + 1,)]
    (last,) = catalog.rows(
        "SELECT original_name, column_type, null_count, min_chars, min_value FROM column_metadata ORDER BY position DESC LIMIT 1"
    )
    cells = [row[-1] for row in rows]
    texts = [cell for cell in cells if cell is not None]
    assert last[:3] == (header[-1], "JSON text in _wide", cells.count(None))
    assert last[3] == min(map(len, texts), default=None)


def test_a_wide_file_is_refused_unless_the_feed_says_json(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", header_of(2_000), rows_of(2_000, 2))
    file = only(ingest_files([path], settings, table="t"))
    assert file.error is not None
    assert file.error.code == "schema.too_wide"
    assert "--wide json" in file.error.message
    assert ("t",) not in mysql.rows("SHOW TABLES")
    assert left_overs(mysql) == []


def test_a_file_that_fits_has_no_json_column(settings: Settings, tmp_path: Path) -> None:
    file = loaded(settings, write(tmp_path / "f.csv", header_of(30), rows_of(30, 3)))
    assert names(file) == header_of(30)


@pytest.mark.parametrize("mode", ["append", "replace", "upsert"])
def test_another_file_finds_its_columns_whatever_their_order(
    settings: Settings, mysql: Mysql, tmp_path: Path, mode: str
) -> None:
    header = header_of(400)
    first, second = rows_of(400, 6), rows_of(400, 9, seed=2)[(6 if mode == "append" else 3) :]
    loaded(settings, write(tmp_path / "1.csv", header, first), key=("id",))
    turned = [*reversed(header), "new one"]
    file = loaded(
        settings,
        write(tmp_path / "2.csv", turned, [[*reversed(row), f"new {row[0]}"] for row in second]),
        mode=mode,
        key=("id",),
    )
    before = {} if mode == "replace" else {row["id"]: row for row in meant(header, first)}
    after = {row["id"]: {**row, "new one": f"new {row['id']}"} for row in meant(header, second)}
    expected = before | after
    assert stored(mysql, file) == [expected[key] for key in sorted(expected, key=lambda key: int(key or 0))]
    assert left_overs(mysql) == []


def test_the_table_of_a_narrower_file_lacks_nothing(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    header = header_of(300)
    loaded(settings, write(tmp_path / "1.csv", header, rows_of(300, 2)))
    narrow = rows_of(300, 4)[2:]
    path = write(tmp_path / "2.csv", header[:196], [row[:196] for row in narrow])
    file = only(ingest_files([path], settings, table="t"))
    assert file.error is None
    assert mysql.rows("SELECT id, _wide IS NULL FROM t ORDER BY id") == [(1, 0), (2, 0), (3, 1), (4, 1)]


def test_what_the_feed_speaks_of_stays_a_column(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    header = header_of(300)
    file = loaded(
        settings,
        write(tmp_path / "f.csv", header, [[str(at), *["x" * 20] * 298, f"{at}.5"] for at in range(5)]),
        key=("c298", "id"),
        columns={"price": {"source": "c299", "type": "decimal(10,2)", "maximum": 2}},
        rules=[{"check": "completeness", "column": "c297", "minimum": 0.5}],
        max_rejects=3,
    )
    assert names(file) == [*header[:194], "c297", "c298", "price", "_wide"]
    assert (file.rows_read, file.rows_loaded, file.rejects_by_class) == (5, 2, {"rule": 3})
    assert mysql.rows("SELECT id, CAST(price AS CHAR) FROM t ORDER BY id") == [(0, "0.50"), (1, "1.50")]


def test_a_reject_names_its_column_and_the_other_rows_are_whole(
    settings: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    header, rows = header_of(400), rows_of(400, 6)
    rows[2][399] = "12x"
    for at in (0, 1, 3, 4, 5):
        rows[at][399] = str(at)
    file = loaded(settings, write(tmp_path / "f.csv", header, rows), columns={"c399": {"type": "int"}}, max_rejects=1)
    assert file.rejects_path is not None
    entries = file.rejects_path.with_suffix(".errors.jsonl").read_text().splitlines()[1:]
    assert [json.loads(entry)["column"] for entry in entries] == ["c399"]
    assert (file.rows_read, file.rows_loaded, file.rows_rejected) == (6, 5, 1)
    assert stored(mysql, file) == meant(header, [row for at, row in enumerate(rows) if at != 2])
    (field,) = [column for column in file.columns if column.name == "c398"]
    assert field.profile is not None
    assert field.profile.rows == 5


def test_long_rows_are_rescued_beside_the_json_column(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    header = header_of(300)
    path = tmp_path / "f.csv"
    full = [f"{at}" + ",text of a cell" * 299 for at in range(3)]
    path.write_text("\n".join([",".join(header), full[0], full[1] + ",more", "2,y", ""]))
    file = loaded(settings, path, irregular="repair", all_text=True)
    assert names(file)[-2:] == ["_rescued", "_wide"]
    assert mysql.rows("SELECT _rescued, JSON_VALUE(_wide, '$.\"c299\"'), c1 FROM t ORDER BY id") == [
        (None, "text of a cell", "text of a cell"),
        ('["more"]', "text of a cell", "text of a cell"),
        (None, None, "y"),
    ]


def test_a_column_that_widens_pushes_others_out(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    # 997 BIGINT fill a page, and 196 texts do.
    header = [f"c{number}" for number in range(1_000)]
    rows: list[Row] = [[str(10**12 + at)] * 1_000 for at in range(30)]
    for at in range(100):
        rows[29][at] = "no number"
    small = settings.model_copy(update={"batch_rows": 10, "loaders": 1})
    file = loaded(small, write(tmp_path / "f.csv", header, rows))
    assert file.restarts == 1
    assert 400 < len(names(file)) < 700
    assert stored(mysql, file) == meant(header, rows)


def test_a_table_that_evolves_is_filled_first(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    header, rows = header_of(300), rows_of(300, 3)
    mysql.rows("CREATE TABLE t (id INT, c7 TEXT, own INT NULL DEFAULT 5) DEFAULT CHARACTER SET utf8mb4")
    path = write(tmp_path / "f.csv", header, rows)
    frozen = only(ingest_files([path], settings, table="t", overrides={"wide": "json"}))
    assert frozen.error is not None
    assert frozen.error.code == "schema.drift"
    assert "and 278 more" in frozen.error.message
    refused = only(ingest_files([path], settings, table="t", overrides={"new_columns": "evolve"}))
    assert refused.error is not None
    assert refused.error.code == "schema.too_wide"
    assert len(mysql.rows("SHOW COLUMNS FROM t")) == 3
    file = loaded(settings, path, new_columns="evolve")
    assert 190 < len(names(file)) < 198
    assert stored(mysql, file) == meant(header, rows)
    unsaid = only(ingest_files([write(tmp_path / "g.csv", header, rows_of(300, 2, 3))], settings, table="t"))
    assert unsaid.error is not None
    assert "--wide json" in unsaid.error.message


@pytest.mark.parametrize("header", [["_wide"], ["_WIDE", "_wide"], ["a", "A", "a", "", "x" * 70, " b "]])
def test_odd_headers_have_different_keys(settings: Settings, mysql: Mysql, tmp_path: Path, header: list[str]) -> None:
    plain = header_of(250)
    rows: list[Row] = [
        [str(at), *(f"value {at}.{place} of many" for place in range(1, 250)), *(f"{at} {text}" for text in header)]
        for at in (1, 2)
    ]
    path = write(tmp_path / "f.csv", [*plain, *header], rows)
    for number in (1, 2):
        file = loaded(settings, path, all_text=True, on_duplicate="load")
        found = [json.loads(str(document)) for (document,) in mysql.rows("SELECT _wide FROM t ORDER BY _row_id")]
        within = [column for column in file.columns if column.within is not None][-len(header) :]
        assert [column.original for column in within] == header
        assert [[row[column.name] for column in within] for row in found] == [row[250:] for row in rows] * number


def test_a_file_without_a_header_goes_by_position(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    rows = rows_of(300, 2)
    path = write(tmp_path / "f.csv", ["7", *rows[0][1:]], rows)  # type: ignore[list-item]  # names are text
    for number in (1, 2):
        file = loaded(settings, path, header=False, on_duplicate="load")
        found = [json.loads(str(document)) for (document,) in mysql.rows("SELECT _wide FROM t")]
        assert len(found) == 3 * number
        assert [column.name for column in file.columns][-1] == "column_300"
        assert set(found[0]) == {f"column_{place}" for place in range(197, 301)}


def test_a_column_of_that_name_that_is_no_json_is_an_error(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    mysql.rows("CREATE TABLE t (id INT, _wide INT)")
    path = write(tmp_path / "f.csv", ["id"], [["1"]])
    file = only(ingest_files([path], settings, table="t", overrides={"wide": "json"}))
    assert file.error is not None
    assert file.error.code == "schema.wide"


def test_killed_and_run_again(settings: Settings, mysql: Mysql) -> None:
    header, rows = header_of(300), rows_of(300, 23)
    write(settings.input_dir / "t.csv", header, rows)
    small = settings.model_copy(update={"batch_rows": 5, "loaders": 1})
    assert small.mysql_url is not None
    assert small.catalog_url is not None
    job = Job(
        settings={
            **small.model_dump(mode="json", exclude_none=True),
            "mysql_url": small.mysql_url.get_secret_value(),
            "catalog_url": small.catalog_url.get_secret_value(),
        },
        overrides={"wide": "json", "table": "t"},
        point="after COMMIT",
    )
    with Crasher() as crasher:
        assert crasher.run(job) == -signal.SIGKILL
    file = only(ingest_files(None, small, overrides=job.overrides))
    assert file.error is None
    assert stored(mysql, file) == meant(header, rows)
    # The first two batches stayed.
    assert (file.attempt, mysql.value("SELECT COUNT(*) FROM _ingest_batch")) == (2, 5)


def test_a_load_is_resumed_only_with_the_same_columns_in_the_document() -> None:
    evidence = gather(pl.DataFrame({f"{at}": ["x"] for at in range(300)}))
    header = [f"c{at}" for at in range(300)]
    feed = Feed(wide="json")
    swapped = [*header[:-2], header[-1], header[-2]]
    hashes = {
        contract_hash(plan_new("t", names, evidence, feed), Dialect(), feed, Mode.APPEND) for names in (header, swapped)
    }
    assert len(hashes) == 2


def test_the_server_has_to_take_the_document(
    settings: Settings, mysql_server: Mysql, tmp_path: Path, *, is_mariadb: bool
) -> None:
    if is_mariadb:
        pytest.skip("MariaDB takes a document of any size")
    header = header_of(300)
    path = write(tmp_path / "f.csv", header, [["1", *("x" * 20_000 for _ in header[1:])]])
    before = mysql_server.value("SELECT @@GLOBAL.max_allowed_packet")
    mysql_server.rows("SET GLOBAL max_allowed_packet = 1048576")
    try:
        file = only(ingest_files([path], settings, table="t", overrides={"wide": "json"}))
    finally:
        mysql_server.rows(f"SET GLOBAL max_allowed_packet = {before}")
    assert file.error is not None
    assert file.error.code == "load.packet_too_large"
    assert "max_allowed_packet" in file.error.message


def test_few_columns_are_looked_at_and_batches_stay_small() -> None:
    header = [f"a rather long header of column {at}" for at in range(20_000)]
    feed = Feed.model_validate({"wide": "json", "columns": {header[-1]: {"type": "int"}}})
    looked_at = worth_a_look(header, feed, None)
    assert looked_at == (*range(1_015), 19_999)
    assert worth_a_look(header, Feed(), None) is None
    assert most_rows(header, feed) == 38
    assert most_rows(header, Feed()) is None
    assert most_rows(header[:100], feed) is None


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.tuples(
            st.lists(st.text(min_size=1, max_size=8), min_size=width, max_size=width, unique=True),
            st.lists(st.lists(st.none() | st.text(max_size=8), min_size=width, max_size=width), min_size=1, max_size=5),
        )
    )
)
def test_documents_are_exactly_what_mysql_shows(made: tuple[list[str], list[Row]]) -> None:
    header, rows = made
    keys = sorted(header, key=by_mysqls_order)
    cells = pl.DataFrame(rows, schema=dict.fromkeys(map(str, range(len(keys))), pl.String), orient="row")
    expected = [json.dumps(dict(zip(keys, row, strict=True)), ensure_ascii=False) for row in rows]
    assert documents(cells, keys).to_list() == expected


def test_the_server_shows_a_document_as_it_was_written(mysql: Mysql) -> None:
    characters = [chr(code) for code in chain(range(0x180), (0x2028, 0xD7FF, 0xE000, 0xFFFF, 0x1F600, 0x10FFFF))]
    keys = sorted((f"k{char}" for char in characters), key=by_mysqls_order)
    cells = pl.DataFrame({str(at): [char, None] for at, char in enumerate(characters)})
    mysql.rows("CREATE TABLE d (id INT PRIMARY KEY, d JSON) DEFAULT CHARACTER SET utf8mb4")
    for number, document in enumerate(documents(cells, keys)):
        mysql.rows("INSERT INTO d VALUES (%s, %s)", (number, document))
        (found,) = mysql.rows("SELECT d, LENGTH(d) FROM d WHERE id = %s", (number,))
        assert found == (document, len(document.encode()))


def test_the_ledgers_report_fits_a_statement(settings: Settings, tmp_path: Path) -> None:
    file = loaded(settings, write(tmp_path / "f.csv", header_of(400), rows_of(400, 2)))
    whole = ledger_json(file)
    assert file_from_json(whole).columns == file.columns
    slim = file_from_json(ledger_json(file, len(whole) - 1)).columns
    assert [column.name for column in slim] == [column.name for column in file.columns]
    assert {column.within for column in slim if column.profile is None} == {"_wide"}
    own = [column.name for column in file.columns if column.within is None]
    assert [column.name for column in file_from_json(ledger_json(file, 1)).columns] == own


def test_the_statistics_of_fields_add_up() -> None:
    cells = [[f"value {at}" if at % 3 else None, "", "é" * (at % 300)] for at in range(3_000)]
    frame = pl.DataFrame(cells, schema=dict.fromkeys("abc", pl.String), orient="row")
    parts = [SurplusStats.measure(frame[start : start + 700]) for start in range(0, 3_000, 700)]
    whole = SurplusStats.empty(3)
    for part in (*parts, SurplusStats.measure(frame[:0])):
        whole = whole + part
    first, second, third = whole.profiles(["a", "b", "c"])
    assert whole.profiles(["a", "b", "c"]) == SurplusStats.measure(frame).profiles(["a", "b", "c"])
    assert (first.rows, first.nulls, first.empties, first.minimum, first.max_chars) == (3_000, 1_000, 0, "value 1", 10)
    assert abs(first.distinct / 2_000 - 1) < 4 * first.distinct_error
    assert (second.nulls, second.empties, second.distinct, second.minimum, second.max_chars) == (0, 3_000, 1, "", 0)
    assert (third.maximum, third.max_chars) == ("é" * 256, 299)
    assert abs(third.distinct / 300 - 1) < 4 * third.distinct_error
    assert SurplusStats.empty(1).profiles(["none"])[0].minimum is None
