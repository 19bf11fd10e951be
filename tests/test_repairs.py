"""Repaired rows: every one is listed with what was done, and nothing of one is lost where the table can't keep it."""

from __future__ import annotations

import json
from pathlib import Path

from engine import FileStatus, Settings, ingest_files
from engine.summary import file_document, to_json
from engine.summary.stored import file_from_json
from tests.fix_mysql import Mysql
from tests.test_pipeline_modes import only, write

REPAIR = {"irregular": "repair", "quote_char": '"'}
TEXT = 'a,b\n1,2\n3\n4,5,6\nx"y,7\n\n"8,9\n'


def listed(path: Path | None) -> list[dict[str, object]]:
    assert path is not None
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert list(lines[0]) == ["source"]
    return lines[1:]


def test_every_repaired_line_is_listed_with_what_was_done(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", TEXT)
    file = only(ingest_files([path], settings, table="t", overrides=REPAIR))
    assert (file.status, file.rows_loaded, file.repaired_rows, file.rejects_path) == (FileStatus.LOADED, 5, 4, None)
    repairs = listed(file.repairs_path)
    assert [(entry["line"], entry["code"], entry["fields"], entry["expected"]) for entry in repairs] == [
        (3, "parse.short_row", 1, 2),
        (4, "parse.long_row", 3, 2),
        (5, "parse.stray_quote", 2, 2),
        (7, "parse.unclosed_quote", 2, 2),
    ]
    data = path.read_bytes()
    for entry in repairs:
        start, end = entry["byte_start"], entry["byte_end"]
        assert isinstance(start, int)
        assert isinstance(end, int)
        assert data[start:end].decode().rstrip("\n") == entry["raw"]
    assert mysql.rows("SELECT a, b, _rescued FROM t ORDER BY _row_id") == [
        ("1", 2, None),
        ("3", None, None),
        ("4", 5, '["6"]'),
        ('x"y', 7, None),
        ('"8', 9, None),
    ]
    assert file_from_json(to_json(file_document(file))).repairs_path == file.repairs_path


def test_a_long_row_is_a_reject_where_the_table_can_t_keep_the_rest(
    settings: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    mysql.rows("CREATE TABLE t (a VARCHAR(9), b VARCHAR(9))")
    path = write(tmp_path / "a.csv", TEXT)
    held = only(ingest_files([path], settings, table="t", overrides=REPAIR))
    assert held.error is not None
    assert (held.status, held.error.code) == (FileStatus.HELD, "reject.limit")
    assert "line 4: 3 fields where the header has 2, and the table has no column _rescued" in held.error.message
    file = only(ingest_files([path], settings, table="t", overrides={**REPAIR, "max_rejects": 1}))
    assert (file.status, file.rows_loaded, file.rejects_by_class) == (FileStatus.LOADED, 4, {"parse": 1})
    assert [entry["line"] for entry in listed(file.repairs_path)] == [3, 5, 7]
    assert sorted(mysql.rows("SELECT a, b FROM t")) == [('"8', "9"), ("1", "2"), ("3", None), ('x"y', "7")]


def test_a_pass_that_starts_again_lists_no_repair_twice(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    rows = "".join(f"{n},x\n" for n in range(50))
    path = write(tmp_path / "a.csv", f"n,s\n1\n{rows}2\nword,x\n")
    small = settings.model_copy(update={"batch_rows": 10})
    file = only(ingest_files([path], small, table="t", overrides={"irregular": "repair"}))
    assert (file.status, file.restarts, file.repaired_rows) == (FileStatus.LOADED, 1, 2)
    assert [entry["line"] for entry in listed(file.repairs_path)] == [2, 53]
    assert mysql.value("SELECT COUNT(*) FROM t") == 53


def test_a_column_of_the_file_may_be_called_as_the_one_for_the_rest(
    settings: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.csv", "a,_rescued\n1,x\n2,y,z\n")
    file = only(ingest_files([path], settings, table="t", overrides={"irregular": "repair"}))
    assert file.error is not None or file.rows_loaded == 2
    if file.error is None:
        assert [row[:2] for row in mysql.rows("SELECT * FROM t")] == [(1, "x"), (2, "y")]


def test_lines_that_were_left_out_are_said(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "# of x\nid,name\n1,a\n# half\n2,b\n")
    file = only(ingest_files([path], settings, table="t"))
    assert (file.rows_loaded, file.comment_lines) == (2, 2)
    assert file.notes == ("2 lines beginning with # taken for comments; if they are rows: --comment ''",)
    path = write(tmp_path / "b.csv", "Report\n\nid,name\n1,a\n")
    file = only(ingest_files([path], settings, table="u"))
    assert file.notes == ("one line above the header taken for a title: 'Report'; if they are data: --skip-lines 0",)


def test_rejects_with_one_cause_name_the_option(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    rows = "".join(f"{n},x\n" for n in range(9))
    for text, option in (
        (f"id,name\n{rows}Total\n(9 rows)\n", "--skip-footer 2"),
        ("id,name\n" + rows.replace("\n", ",\n"), "nearly all rows have 3 fields and the header 2"),
        ("id,name,\n" + rows, "the header may end with a delimiter"),
        (f'id,name\n{rows}9,"a"\n10,5" pipe\n', "--quote-char ''"),
    ):
        error = only(ingest_files([write(tmp_path / "a.csv", text)], settings, table="t")).error
        assert error is not None
        assert error.code == "reject.limit"
        assert option in error.message
