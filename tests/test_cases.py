"""Each folder of `tests/cases` is a file with an oddity and what MySQL holds once it's loaded: a new one needs no code.

input.csv       The file, byte for byte.
options.toml    Fields of its feed, and `batch_rows` where batches should end early. Optional.
expected.json   `columns`: name and type of each column of the table; `rows`: its rows as text, null for NULL. Or `error`:
                the code with which the file fails, nothing loaded.
rejects.jsonl   `line` and `code` of every reject, in the file's order. Optional: none.
"""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import pytest

from engine import FileStatus, Settings, ingest_files
from engine.sql import quote_mysql
from tests.fix_mysql import Mysql
from tests.test_pipeline_modes import left_overs, only

CASES = sorted(path.parent for path in (Path(__file__).parent / "cases").glob("*/input.csv"))


def table_text(mysql: Mysql, table: str, columns: list[str]) -> list[list[object]]:
    """Read a table's columns as text, in the order of the file."""
    wanted = ", ".join(f"CAST({quote_mysql(column)} AS CHAR)" for column in columns)
    return [list(row) for row in mysql.rows(f"SELECT {wanted} FROM {quote_mysql(table)} ORDER BY _row_id")]


def rejects_of(path: Path | None) -> list[dict[str, object]]:
    """Read line and code of the rejects that were written down."""
    if path is None:
        return []
    entries = [json.loads(line) for line in path.with_suffix(".errors.jsonl").read_text().splitlines()[1:]]
    return [{"line": entry["line"], "code": entry["code"]} for entry in entries]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path, settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    path = Path(shutil.copy(case / "input.csv", tmp_path))
    options: dict[str, object] = {}
    if (case / "options.toml").exists():
        options = tomllib.loads((case / "options.toml").read_text())
    expected = json.loads((case / "expected.json").read_text())
    rejects = (case / "rejects.jsonl").read_text().splitlines() if (case / "rejects.jsonl").exists() else []
    # With one loader the rows are numbered in the file's order.
    own = settings.model_copy(update={"loaders": 1, "batch_rows": options.pop("batch_rows", settings.batch_rows)})
    file = only(ingest_files([path], own, table="t", overrides={"max_rejects": len(rejects), **options}))
    if "error" in expected:
        assert file.error is not None
        assert (file.error.code, file.rows_loaded, left_overs(mysql)) == (expected["error"], 0, [])
        return
    assert (file.error, file.status) == (None, FileStatus.LOADED)
    assert {column.name: column.mysql_type for column in file.columns if column.within is None} == expected["columns"]
    assert table_text(mysql, "t", list(expected["columns"])) == expected["rows"]
    assert rejects_of(file.rejects_path) == [json.loads(line) for line in rejects]
    assert (file.rows_read, file.rows_loaded) == (len(expected["rows"]) + len(rejects), len(expected["rows"]))
    assert left_overs(mysql) == []


def test_there_are_cases() -> None:
    assert len(CASES) > 60
