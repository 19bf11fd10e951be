"""Rejects from the first run to a whole table: what is written, listed, shown, corrected, replayed, once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine import FileReport, FileStatus, Settings, ingest_files, replay_rejects
from engine.pipeline import reconcile
from tests.crashing import Crasher, Job
from tests.fix_mysql import Mysql
from tests.fix_postgres import Postgres
from tests.test_cli import environment
from tests.test_exactly_once import plain
from tests.test_pipeline_modes import SALES_HEADER, left_overs, only, write


@dataclass(frozen=True)
class Ran:
    """How a program ended."""

    status: int
    out: str
    err: str


def program(settings: Settings, root: Path, *args: str | Path) -> Ran:
    """Run `python -m …` as its user does."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", *map(str, args)],
        env={**os.environ, **environment(settings), "PYTHONPATH": str(root), "COLUMNS": "80"},
        cwd=settings.data_dir,
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def rejects_of(settings: Settings) -> list[Path]:
    return sorted(settings.rejects_dir.rglob("*.csv"))


def archived(settings: Settings) -> list[str]:
    return sorted(path.name for path in settings.archive_dir.rglob("*") if path.is_file())


def sidecar(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".csv") + ".errors.jsonl")


def loaded_with_rejects(path: Path, settings: Settings, **overrides: object) -> Path:
    """Load a file that has rejects, and return its reject file."""
    file = only(ingest_files([path], settings, overrides={"max_rejects": "100%", **overrides}))
    assert (file.error, file.status) == (None, FileStatus.LOADED)
    assert file.rejects_path is not None
    assert file.rows_read == file.rows_loaded + file.rows_rejected
    return file.rejects_path


def edit(path: Path, *changes: tuple[str, str], encoding: str = "utf-8") -> Path:
    text = path.read_bytes().decode(encoding)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_bytes(text.encode(encoding))
    return path


def replayed(path: Path, settings: Settings, **options: object) -> FileReport:
    return only(replay_rejects([path], settings, **options))  # type: ignore[arg-type]  # handed on as they came


# ---- From the first run to a whole table ---------------------------------------------------------------------------

GOOD = "T{n},C{n},Lamp,{n},{n}.50,2024-01-{n:02},N"
BAD = {
    3: (GOOD.replace("Lamp", "y" * 300).format(n=3), "type", "product_name"),
    4: (GOOD.replace("{n},{n}.50", "x,{n}.50").format(n=4), "type", "quantity"),
    6: (GOOD.replace("{n},{n}.50", "99999999999,{n}.50").format(n=6), "type", "quantity"),
    7: (GOOD.replace("2024-01-{n:02}", "2024-02-30").format(n=7), "type", "transaction_date"),
    9: ("T9,C9,Lamp,9", "parse", None),
}


def test_five_bad_rows_are_rejected_corrected_and_replayed(
    settings: Settings, mysql: Mysql, catalog: Postgres, root: Path
) -> None:
    lines = [BAD[n][0] if n in BAD else GOOD.format(n=n) for n in range(1, 11)]
    source = write(settings.input_dir / "sales_1.csv", SALES_HEADER + "\n".join(lines) + "\n")

    held = program(settings, root, "engine.ingest")
    assert held.status == 1
    assert "5 of 10 rows are rejected, more than the limit of 0" in held.out
    assert mysql.rows("SHOW TABLES LIKE 'sales_data'") == []
    assert source.exists()
    (rejects,) = rejects_of(settings)
    expected = SALES_HEADER + "".join(row + "\n" for row, _, _ in BAD.values())
    assert rejects.read_text() == expected
    _, *entries = map(json.loads, sidecar(rejects).read_text().splitlines())
    text = source.read_text()
    assert [(e["line"], e["class"], e["column"], e["raw"]) for e in entries] == [
        (n + 1, reject_class, column, row) for n, (row, reject_class, column) in BAD.items()
    ]
    assert [text[e["byte_start"] : e["byte_end"]] for e in entries] == [row + "\n" for row, _, _ in BAD.values()]
    refused = program(settings, root, "engine.rejects", "replay", rejects)
    assert refused.status == 1
    assert "its load was held" in refused.out
    assert "--max-rejects" in refused.out

    loaded = program(settings, root, "engine.ingest", "--max-rejects-per-class", "type=4", "--max-rejects", "1")
    assert loaded.status == 0, loaded.out
    assert mysql.rows("SELECT transaction_id FROM sales_data ORDER BY quantity") == [
        (f"T{n}",) for n in (1, 2, 5, 8, 10)
    ]
    earlier, rejects = rejects_of(settings)
    assert rejects.read_text() == earlier.read_text() == expected
    assert not source.exists()

    listed = program(settings, root, "engine.rejects", "list")
    assert listed.status == 0
    assert str(rejects) in listed.out
    assert "sales_data, 5 rows (1 parse, 4 type)" in listed.out
    assert "line 4, product_name:" in listed.out
    shown = program(settings, root, "engine.rejects", "show", rejects)
    assert shown.status == 0
    assert [line.split()[:3] for line in shown.out.splitlines()[1::2]] == [
        [str(n + 1), *([column] if column else []), reject_class][: 3 if column else 2]
        + ([shown.out.splitlines()[9].split()[2]] if not column else [])
        for n, (_, reject_class, column) in BAD.items()
    ]

    for n, (row, _, _) in BAD.items():
        edit(rejects, (row + "\n", GOOD.format(n=n) + "\n"))
    replay = program(settings, root, "engine.rejects", "replay", "--json", settings.data_dir / "report.json", rejects)
    assert replay.status == 0, replay.out + replay.err
    assert mysql.rows("SELECT transaction_id, quantity, region FROM sales_data ORDER BY quantity") == [
        (f"T{n}", n, "N") for n in range(1, 11)
    ]
    (file,) = json.loads((settings.data_dir / "report.json").read_text())["files"]
    parent = mysql.value("SELECT LOWER(HEX(file_id)) FROM _ingest_file WHERE replays IS NULL")
    assert file["replays"].replace("-", "") == parent
    assert (file["rows_loaded"], file["rows_rejected"], file["mode"]) == (5, 0, "append")
    assert catalog.rows(
        "SELECT f.row_count FROM file_metadata f JOIN file_metadata o ON o.ingest_file_id = f.replays "
        "WHERE (f.ingestion_status, o.ingestion_status) = ('success', 'success')"
    ) == [(5,)]
    # The folder shows what is still open: nothing but what the held attempt left, which says so.
    assert rejects_of(settings) == [earlier]
    assert "replayed, nothing is left to do" in program(settings, root, "engine.rejects", "list").out
    names = archived(settings)
    assert [name.split(".")[0] for name in names] == ["sales_1"] * 3
    assert sum(name.endswith(".errors.jsonl") for name in names) == 1
    assert left_overs(mysql) == []


# ---- Once ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def rejects(settings: Settings, tmp_path: Path) -> Path:
    """Load a file of three rows into `t`; the second is short."""
    source = write(tmp_path / "t.csv", "id,name\n1,x\n2\n3,z\n")
    return loaded_with_rejects(source, settings)


def in_t(mysql: Mysql) -> list[tuple[object, ...]]:
    return mysql.rows("SELECT id, name FROM t ORDER BY id")


WHOLE = [(1, "x"), (2, "y"), (3, "z")]


def test_the_same_corrections_are_loaded_once(settings: Settings, mysql: Mysql, rejects: Path, tmp_path: Path) -> None:
    copy, reasons = write(tmp_path / rejects.name, "id,name\n2,y\n"), sidecar(rejects).read_bytes()
    assert replayed(edit(rejects, ("2\n", "2,y\n")), settings).rows_loaded == 1
    sidecar(copy).write_bytes(reasons)
    again = replayed(copy, settings)
    assert (again.status, again.rows_loaded) == (FileStatus.DUPLICATE, 0)
    assert in_t(mysql) == WHOLE
    assert not copy.exists()
    assert not sidecar(copy).exists()
    assert len(archived(settings)) == 4


def test_other_corrections_of_the_same_rejects_are_refused(
    settings: Settings, mysql: Mysql, rejects: Path, tmp_path: Path
) -> None:
    copy, reasons = write(tmp_path / rejects.name, "id,name\n2,other\n"), sidecar(rejects).read_bytes()
    replayed(edit(rejects, ("2\n", "2,y\n")), settings)
    sidecar(copy).write_bytes(reasons)
    again = replayed(copy, settings)
    assert again.error is not None
    assert again.error.code == "reject.replayed"
    assert "python -m engine.ingest --table t" in again.error.message
    assert in_t(mysql) == WHOLE
    assert copy.exists()


def test_equal_rejects_of_two_files_are_two_rows(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    paths = [
        loaded_with_rejects(write(tmp_path / f"{day}.csv", f"id,name\n{day},x\n2\n"), settings, table="t")
        for day in (8, 9)
    ]
    for path in paths:
        assert replayed(edit(path, ("2\n", "2,y\n")), settings).rows_loaded == 1
    assert in_t(mysql) == [(2, "y"), (2, "y"), (8, "x"), (9, "x")]


def test_what_was_dropped_into_the_input_folder_before_is_not_replayed(
    settings: Settings, mysql: Mysql, rejects: Path
) -> None:
    edit(rejects, ("2\n", "2,y\n"))
    (settings.input_dir / rejects.name).write_bytes(rejects.read_bytes())
    assert only(ingest_files(None, settings, table="t")).rows_loaded == 1
    assert replayed(rejects, settings).status is FileStatus.DUPLICATE
    assert in_t(mysql) == WHOLE


def test_rows_that_are_still_wrong_hold_the_file_until_they_are_right(
    settings: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    source = write(tmp_path / "t.csv", "id,name\n1,x\n2\n3\n")
    path = edit(loaded_with_rejects(source, settings), ("2\n", "2,y\n"))
    for _ in range(2):
        held = replayed(path, settings)
        assert (held.status, held.rows_read, held.rows_rejected) == (FileStatus.HELD, 2, 1)
        assert held.error is not None
        assert str(path) in held.error.message
    assert path.exists()
    assert in_t(mysql) == [(1, "x")]
    assert len(rejects_of(settings)) == 3
    assert replayed(edit(path, ("3\n", "3,z\n")), settings).rows_loaded == 2
    assert in_t(mysql) == WHOLE
    assert rejects_of(settings) == []


def test_rows_that_may_be_left_out_have_reject_files_of_their_own(
    settings: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    source = write(tmp_path / "t.csv", "id,name\n1,x\n2\n3\n")
    path = edit(loaded_with_rejects(source, settings), ("2\n", "2,y\n"))
    first = replayed(path, settings, max_rejects=1)
    assert (first.status, first.rows_loaded, first.rows_rejected) == (FileStatus.LOADED, 1, 1)
    assert rejects_of(settings) == [first.rejects_path]
    assert first.rejects_path is not None
    second = replayed(edit(first.rejects_path, ("3\n", "3,z\n")), settings)
    assert (second.replays, second.rows_loaded) == (first.file_id, 1)
    assert in_t(mysql) == WHOLE
    assert rejects_of(settings) == []


def test_a_file_that_nobody_corrected_says_so(settings: Settings, mysql: Mysql, rejects: Path) -> None:
    held = replayed(rejects, settings)
    assert held.status is FileStatus.HELD
    assert any("no row of it was corrected" in note for note in held.notes)
    assert in_t(mysql) == [(1, "x"), (3, "z")]


def test_rows_that_were_taken_out_are_said_to_be(settings: Settings, tmp_path: Path) -> None:
    source = write(tmp_path / "t.csv", "id,name\n1,x\n2\n3\n")
    path = edit(loaded_with_rejects(source, settings), ("2\n", "2,y\n"), ("3\n", ""))
    assert any("1 of the 2 rejected rows are no longer in it" in note for note in replayed(path, settings).notes)


def test_a_dry_run_writes_nothing(settings: Settings, mysql: Mysql, rejects: Path) -> None:
    edit(rejects, ("2\n", "2,y\n"))
    dry = replayed(rejects, settings, dry_run=True)
    assert (dry.status, dry.rows_read) == (FileStatus.LOADED, 1)
    assert in_t(mysql) == [(1, "x"), (3, "z")]
    assert rejects.exists()
    assert mysql.value("SELECT COUNT(*) FROM _ingest_file") == 1


def test_without_archive_the_files_stay(settings: Settings, rejects: Path) -> None:
    assert replayed(edit(rejects, ("2\n", "2,y\n")), settings, archive=False).rows_loaded == 1
    assert rejects.exists()
    assert sidecar(rejects).exists()


@pytest.fixture(scope="module")
def crasher() -> Iterator[Crasher]:
    with Crasher() as made:
        yield made


@pytest.mark.parametrize(
    "point",
    [
        "after claim",
        "before the gate",
        "after a ledger row",
        "before the one COMMIT",
        "after the one COMMIT",
        "before the catalog",
        "after the report",
        "mid-archive",
    ],
)
def test_killed_and_replayed_again(
    crasher: Crasher, settings: Settings, mysql: Mysql, catalog: Postgres, tmp_path: Path, point: str
) -> None:
    small = settings.model_copy(update={"batch_rows": 1})
    source = write(tmp_path / "t.csv", "id,name\n1,x\na,y\nb,z\n")
    mysql.rows("CREATE TABLE t (id INT, name VARCHAR(10))")
    path = edit(loaded_with_rejects(source, small), ("a,", "2,"), ("b,", "3,"))
    job = Job(settings=plain(small), overrides={}, point=point, replays=str(path))
    assert crasher.run(job) == -signal.SIGKILL
    if path.exists():
        assert replayed(path, small).error is None
    assert in_t(mysql) == WHOLE
    assert rejects_of(small) == []
    assert mysql.value("SELECT COUNT(*) FROM _ingest_file WHERE state = 'published'") == 2
    reconcile(small)
    assert catalog.value("SELECT count(*) FROM file_metadata WHERE ingestion_status = 'success'") == 2


# ---- Refused -------------------------------------------------------------------------------------------------------


def test_without_its_reasons_a_file_is_refused_with_the_way_to_load_it(settings: Settings, rejects: Path) -> None:
    sidecar(rejects).unlink()
    refused = replayed(rejects, settings)
    assert refused.error is not None
    assert refused.error.code == "reject.no_sidecar"
    assert "python -m engine.ingest --table" in refused.error.message


def test_rows_of_a_table_that_was_replaced_are_refused(
    settings: Settings, mysql: Mysql, rejects: Path, tmp_path: Path
) -> None:
    ingest_files([write(tmp_path / "new.csv", "id,name\n9,new\n")], settings, table="t", mode="replace")
    refused = replayed(edit(rejects, ("2\n", "2,y\n")), settings)
    assert refused.error is not None
    assert refused.error.code == "reject.superseded"
    assert in_t(mysql) == [(9, "new")]


def test_rows_of_a_table_that_is_gone_are_refused(settings: Settings, mysql: Mysql, rejects: Path) -> None:
    mysql.rows("DROP TABLE t")
    refused = replayed(edit(rejects, ("2\n", "2,y\n")), settings)
    assert refused.error is not None
    assert refused.error.code == "reject.no_table"
    assert mysql.rows("SHOW TABLES LIKE 't'") == []


def test_rows_of_a_load_that_this_ledger_does_not_know_are_refused(
    settings: Settings, mysql: Mysql, rejects: Path
) -> None:
    mysql.rows("DELETE FROM _ingest_file")
    refused = replayed(edit(rejects, ("2\n", "2,y\n")), settings)
    assert refused.error is not None
    assert refused.error.code == "reject.unknown_load"


def test_a_header_that_was_changed_is_refused(settings: Settings, mysql: Mysql, rejects: Path) -> None:
    refused = replayed(edit(rejects, ("id,name\n2\n", "id;name\n2;y\n")), settings)
    assert refused.error is not None
    assert refused.error.code == "reject.header"
    assert in_t(mysql) == [(1, "x"), (3, "z")]


def test_rejects_of_an_attempt_that_was_held_may_be_those_of_the_one_that_went_through(
    settings: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    source = write(tmp_path / "t.csv", "id,name\n1,x\n2\n3,z\n")
    mysql.rows("CREATE TABLE t (id INT, name VARCHAR(10))")
    held = only(ingest_files([source], settings))
    assert held.rejects_path is not None
    edit(held.rejects_path, ("2\n", "2,y\n"))
    loaded_with_rejects(source, settings)
    assert replayed(held.rejects_path, settings).rows_loaded == 1
    assert in_t(mysql) == WHOLE
    assert rejects_of(settings) == []


# ---- Every way of writing a file -----------------------------------------------------------------------------------

ROWS = [("1", "x"), ("two", 'q "é", o'), ("3", "line\nbreak"), ("four", "line\nbreak"), ("5", "z")]
Writer = Callable[[list[tuple[str, str]]], bytes]


def quoted(delimiter: str = ",", line_end: str = "\n", *, header: bool = True, encoding: str = "utf-8") -> Writer:
    def text(rows: list[tuple[str, str]]) -> bytes:
        head = [("id", "name")] if header else []
        lines = [delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in head + rows]
        return "".join(line + line_end for line in lines).encode(encoding)

    return text


def escaped(rows: list[tuple[str, str]]) -> bytes:
    cells = [[cell.replace('"', '\\"') for cell in row] for row in [("id", "name"), *rows]]
    return "".join(",".join(f'"{cell}"' for cell in row) + "\n" for row in cells).encode()


@pytest.mark.parametrize(
    ("make", "options", "encoding"),
    [
        (quoted(), {}, "utf-8"),
        (quoted(";", "\r\n"), {}, "utf-8"),
        (quoted("||"), {"delimiter": "||"}, "utf-8"),
        (quoted("\t", "\r"), {"delimiter": "\t"}, "utf-8"),
        (quoted(header=False), {"header": False}, "utf-8"),
        (quoted(encoding="cp1252"), {"encoding": "cp1252"}, "cp1252"),
        (quoted(encoding="utf-16"), {}, "utf-16"),
        (quoted(encoding="utf-8-sig"), {}, "utf-8-sig"),
        (escaped, {"escape_char": "\\"}, "utf-8"),
        (lambda rows: b"made on Monday\n" + quoted()(rows), {"skip_lines": 1}, "utf-8"),
    ],
    ids=["plain", "crlf", "two characters", "cr", "no header", "cp1252", "utf-16", "bom", "escape", "preamble"],
)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_whatever_the_source_was_its_rejects_come_back(
    settings: Settings,
    mysql: Mysql,
    tmp_path: Path,
    make: Writer,
    options: dict[str, object],
    encoding: str,
    suffix: str,
) -> None:
    import gzip

    mysql.rows("CREATE TABLE t (id INT, name VARCHAR(50))")
    content = make(ROWS)
    source = write(tmp_path / f"t{suffix}", gzip.compress(content) if suffix.endswith("gz") else content)
    path = loaded_with_rejects(source, settings, table="t", **options)
    assert path.read_bytes() == make([row for row in ROWS if not row[0].isdigit()])
    edit(path, ('"two"', '"2"'), ('"four"', '"4"'), encoding=encoding)
    file = replayed(path, settings)
    assert (file.error, file.rows_loaded) == (None, 2)
    line_end = "\r" if b"\n" not in content else "\r\n" if b"\r\n" in content else "\n"
    expected = [(n, cell.replace("\n", "\n")) for n, (_, cell) in enumerate(ROWS, 1)]
    assert line_end
    assert in_t(mysql) == expected


@pytest.mark.parametrize("short_first", [True, False])
def test_a_file_without_header_keeps_its_width_whatever_its_first_reject_is(
    settings: Settings, mysql: Mysql, tmp_path: Path, *, short_first: bool
) -> None:
    source = write(tmp_path / "t.csv", "1,x,10\n2,y\n3,z,30\n")
    path = loaded_with_rejects(source, settings, table="t", header=False)
    assert path.read_text() == "2,y\n"
    if short_first:
        path.write_text("2,y\n2,y,20\n")
        file = replayed(path, settings, max_rejects=1)
        assert (file.rows_read, file.rows_loaded, file.rejects_by_class) == (2, 1, {"parse": 1})
    else:
        path.write_text("2,y,20\n")
        assert replayed(path, settings).rows_loaded == 1
    assert mysql.value("SELECT COUNT(*) FROM t") == 3


@pytest.mark.parametrize(
    ("change", "loads"),
    [
        (lambda text: text.replace("\n", "\r\n").encode(), True),
        (lambda text: text.replace("\n", "\r").encode(), True),
        (lambda text: text.removesuffix("\n").encode(), True),
        (lambda text: text.encode("utf-8-sig"), True),
        (lambda text: text.encode("utf-16"), True),
    ],
    ids=["crlf", "cr", "no last line end", "bom", "utf-16"],
)
def test_what_an_editor_changed_is_found_out(
    settings: Settings, mysql: Mysql, rejects: Path, change: Callable[[str], bytes], *, loads: bool
) -> None:
    rejects.write_bytes(change("id,name\n2,y\n"))
    assert replayed(rejects, settings).rows_loaded == int(loads)
    assert in_t(mysql) == WHOLE


def test_an_encoding_that_may_have_changed_is_asked_for(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    source = write(tmp_path / "t.csv", "id,name\n1,é\n2\n".encode("cp1252"))
    path = loaded_with_rejects(source, settings, encoding="cp1252")
    path.write_bytes("id,name\n2,é\n".encode())
    refused = replayed(path, settings)
    assert refused.error is not None
    assert refused.error.code == "dialect.encoding"
    assert "--encoding utf-8" in refused.error.message
    assert replayed(path, settings, encoding="utf-8").rows_loaded == 1
    assert in_t(mysql) == [(1, "é"), (2, "é")]


def test_the_footer_of_the_source_is_not_looked_for_again(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    source = write(tmp_path / "t.csv", "id,name\n1,x\n2\n3,z\ntotal,3\n")
    path = loaded_with_rejects(source, settings, skip_footer=1)
    assert replayed(edit(path, ("2\n", "2,y\n")), settings).rows_loaded == 1
    assert in_t(mysql) == WHOLE


# ---- As the source was read ----------------------------------------------------------------------------------------


def test_dates_are_read_as_those_of_the_source(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    mysql.rows("CREATE TABLE t (id INT, day DATE)")
    source = write(tmp_path / "t.csv", "id,day\n1,31/01/2024\nx,02/03/2024\nz,05/03/2024\n")
    path = loaded_with_rejects(source, settings)
    edit(path, ("x,", "2,"), ("z,", "3,"))
    assert replayed(path, settings).rows_loaded == 2
    assert mysql.rows("SELECT id, CAST(day AS CHAR) FROM t ORDER BY id") == [
        (1, "2024-01-31"),
        (2, "2024-03-02"),
        (3, "2024-03-05"),
    ]


def test_a_date_that_the_source_would_not_have_had_stays_out(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    mysql.rows("CREATE TABLE t (id INT, day DATE)")
    source = write(tmp_path / "t.csv", "id,day\n1,2024-01-31\nx,2024-02-01\n")
    path = loaded_with_rejects(source, settings)
    held = replayed(edit(path, ("x,2024-02-01", "2,31/12/2024")), settings)
    assert held.status is FileStatus.HELD
    assert mysql.value("SELECT COUNT(*) FROM t") == 1


def test_what_was_said_for_the_first_load_holds_for_the_replay(
    settings: Settings, mysql: Mysql, tmp_path: Path
) -> None:
    source = write(tmp_path / "t.csv", "id,code,left\n1,007,x\n2,NA,y\nlater,008,z\n4,9,w\n")
    options = {
        "null": ["NA"],
        "columns": {"id": {"type": "INT", "maximum": 10}, "code": {"type": "VARCHAR(3)"}},
        "rules": [{"check": "row_count", "minimum": 3}],
    }
    path = loaded_with_rejects(source, settings, **options)
    assert path.read_text() == "id,code,left\nlater,008,z\n"
    path.write_text("id,code,left\n3,NA,z\n11,010,z\n")
    file = replayed(path, settings, max_rejects=1)
    assert (file.rows_loaded, file.rejects_by_class) == (1, {"rule": 1})
    assert mysql.rows("SELECT id, code FROM t ORDER BY id") == [(1, "007"), (2, None), (3, None), (4, "9")]


def test_irregular_rows_are_repaired_as_those_of_the_source(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    mysql.rows("CREATE TABLE t (id INT, name VARCHAR(10), _rescued JSON)")
    source = write(tmp_path / "t.csv", "id,name\n1,x\nb\n")
    path = loaded_with_rejects(source, settings, irregular="repair")
    file = replayed(edit(path, ("b\n", "2\n")), settings)
    assert (file.rows_loaded, file.repaired_rows) == (1, 1)
    assert in_t(mysql) == [(1, "x"), (2, None)]


def test_a_column_that_the_table_got_since_is_null(settings: Settings, mysql: Mysql, rejects: Path) -> None:
    mysql.rows("ALTER TABLE t ADD COLUMN since INT NULL")
    assert replayed(edit(rejects, ("2\n", "2,y\n")), settings).rows_loaded == 1
    assert mysql.rows("SELECT id, since FROM t ORDER BY id") == [(1, None), (2, None), (3, None)]


def test_corrections_of_an_upsert_go_by_its_key(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    options = {"mode": "upsert", "key": ["id"]}
    write(tmp_path / "a.csv", "id,n\n1,10\n2,20\n")
    only(ingest_files([tmp_path / "a.csv"], settings, overrides={"table": "t", **options}))
    source = write(tmp_path / "b.csv", "id,n\n2,x\n3,30\n")
    path = loaded_with_rejects(source, settings, table="t", **options)
    assert replayed(edit(path, ("x", "21")), settings).rows_loaded == 1
    assert mysql.rows("SELECT id, n FROM t ORDER BY id") == [(1, 10), (2, 21), (3, 30)]


# ---- The five classes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_rows", [3, 1000])
@pytest.mark.parametrize("mode", ["append", "replace"])
def test_all_five_classes_at_once(settings: Settings, mysql: Mysql, tmp_path: Path, batch_rows: int, mode: str) -> None:
    mysql.rows("CREATE TABLE t (id INT PRIMARY KEY, n INT, CHECK (n <> 13))")
    mysql.rows("INSERT INTO t VALUES (100, 1)")
    rows = ["1,1", "2,x", "3", "4,99", "1,5", "6,13", "7,7", "8,8", "9,9"]
    source = write(tmp_path / "t.csv", "id,n\n" + "\n".join(rows) + "\n")
    file = only(
        ingest_files(
            [source],
            settings.model_copy(update={"batch_rows": batch_rows}),
            mode=mode,
            overrides={
                "max_rejects_per_class": dict.fromkeys(("parse", "type", "rule", "key", "server"), 1),
                "columns": {"n": {"maximum": 50}},
            },
        )
    )
    assert (file.error, file.status) == (None, FileStatus.LOADED)
    assert file.rejects_by_class == {"parse": 1, "type": 1, "rule": 1, "key": 1, "server": 1}
    assert (file.rows_read, file.rows_loaded, file.rows_rejected) == (9, 4, 5)
    batches = mysql.rows("SELECT rows_read, rows_loaded, refused FROM _ingest_batch ORDER BY batch_no")
    refused = [len(json.loads(str(text))["rows"]) if text else 0 for _, _, text in batches]
    assert (sum(int(str(read)) for read, _, _ in batches), sum(int(str(n)) for _, n, _ in batches)) == (9, 4)
    assert sum(refused) == 2
    lines = {e["line"]: e for e in map(json.loads, sidecar(file.rejects_path).read_text().splitlines()[1:])}  # type: ignore[arg-type]  # there is one
    assert {line: e["class"] for line, e in lines.items()} == {3: "type", 4: "parse", 5: "rule", 6: "key", 7: "server"}
    for number, (read, loaded, _) in enumerate(batches):
        here = [line for line in lines if (line - 2) // batch_rows == number]
        assert int(str(read)) == int(str(loaded)) + len(here)
    assert file.rejects_path is not None
    corrected = {"2,x": "2,2", "\n3\n": "\n3,3\n", "4,99": "4,4", "1,5": "5,5", "6,13": "6,6"}
    edit(file.rejects_path, *corrected.items())
    assert replayed(file.rejects_path, settings).rows_loaded == 5
    assert mysql.rows("SELECT id, n FROM t WHERE id < 100 ORDER BY id") == [(n, n) for n in range(1, 10)]


@pytest.mark.parametrize(
    ("limits", "held"),
    [
        ({"max_rejects_per_class": {"type": 2}}, "1 of 5 rows are rejected, more than the limit of 0"),
        ({"max_rejects_per_class": {"type": 1}, "max_rejects": 9}, "2 of 5 rows are rejected by class type"),
        ({"max_rejects_per_class": {"type": "39%"}, "max_rejects": 9}, "more than the limit of 39%"),
        ({"max_rejects_per_class": {"type": "40%", "parse": 1}}, None),
        ({"max_rejects_per_class": {"parse": 1}, "max_rejects": 2}, None),
    ],
)
def test_a_class_may_have_a_limit_of_its_own(
    settings: Settings, mysql: Mysql, tmp_path: Path, limits: dict[str, object], held: str | None
) -> None:
    mysql.rows("CREATE TABLE t (id INT, n INT)")
    source = write(tmp_path / "t.csv", "id,n\n1,1\nx,2\ny,3\n4\n5,5\n")
    file = only(ingest_files([source], settings, overrides=limits))
    assert (file.error is not None and held is not None and held in file.error.message) or held is None
    assert mysql.value("SELECT COUNT(*) FROM t") == (0 if held else 2)


# ---- Harmless ------------------------------------------------------------------------------------------------------

EVIL = "\x1b]0;owned\x07\x1b[2J=cmd|' /C calc'!A0<script>alert(1)</script>'; DROP TABLE t; --"


def test_what_a_value_carries_does_no_harm(settings: Settings, mysql: Mysql, root: Path, tmp_path: Path) -> None:
    mysql.rows("CREATE TABLE t (id INT, name VARCHAR(200))")
    source = write(tmp_path / f"{'=evil'}.csv", f"id,name\n{EVIL},x\n2,{EVIL}\n")
    path = loaded_with_rejects(source, settings, table="t")
    assert path.read_text() == f"id,name\n{EVIL},x\n"
    assert "\x1b" not in sidecar(path).read_text()
    for args in (("list",), ("show", path), ("list", "--json", "-"), ("replay", path)):
        ran = program(settings, root, "engine.rejects", *args)
        assert "\x1b" not in ran.out + ran.err
        assert "\x07" not in ran.out + ran.err
        assert ran.status == (1 if args[0] == "replay" else 0)
    edit(path, (f"{EVIL},x", f"1,{EVIL}"))
    assert replayed(path, settings).rows_loaded == 1
    assert in_t(mysql) == [(1, EVIL), (2, EVIL)]


# ---- An earlier ledger ---------------------------------------------------------------------------------------------


def test_a_ledger_of_an_earlier_version_is_completed_in_place(settings: Settings, mysql: Mysql, tmp_path: Path) -> None:
    source = write(tmp_path / "t.csv", "id,name\n1,x\n")
    only(ingest_files([source], settings))
    mysql.rows("ALTER TABLE _ingest_file DROP KEY replayed_once, DROP COLUMN published_replay, DROP COLUMN replays")
    dry = only(ingest_files([source], settings, dry_run=True))
    assert dry.status is FileStatus.DUPLICATE
    assert mysql.rows("SHOW COLUMNS FROM _ingest_file LIKE 'replays'") == []
    path = loaded_with_rejects(write(tmp_path / "u.csv", "id,name\n3,z\n2\n"), settings, table="t")
    assert replayed(edit(path, ("2\n", "2,y\n")), settings).rows_loaded == 1
    assert in_t(mysql) == WHOLE
    assert mysql.value("SELECT COUNT(*) FROM _ingest_file WHERE replays IS NOT NULL") == 1
