"""The command line as its user meets it: options, output, exit status, interruption, on real servers."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.cells import cell_len

from engine.config import Settings
from engine.ingest import main
from engine.log import logger
from tests.fix_mysql import Mysql
from tests.fix_postgres import Postgres

Json = dict[str, object]


@dataclass(frozen=True)
class Ran:
    """How a run ended."""

    status: int
    out: str
    err: str


Run = Callable[..., Ran]


def environment(settings: Settings) -> dict[str, str]:
    assert settings.mysql_url is not None
    assert settings.catalog_url is not None
    return {
        "INGEST_MYSQL_URL": settings.mysql_url.get_secret_value(),
        "INGEST_CATALOG_URL": settings.catalog_url.get_secret_value(),
        "INGEST_DATA_DIR": str(settings.data_dir),
        "INGEST_LOCAL_DIR": str(settings.local_dir),
        "INGEST_SETTLE_S": "0",
    }


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run the command line in this process: quick, and the same as the program but for its start."""
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def run_main(*args: str | Path) -> Ran:
        capfd.readouterr()
        status = main([str(arg) for arg in args])
        return Ran(status, *capfd.readouterr())

    return run_main


def command(*args: str | Path) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "engine.ingest", *map(str, args)]


def program(settings: Settings, root: Path, *args: str | Path, **variables: str) -> Ran:
    """Run the program itself, its output going to pipes."""
    done = subprocess.run(
        command(*args),
        env={**os.environ, **environment(settings), "PYTHONPATH": str(root), **variables},
        cwd=settings.data_dir,
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def on_terminal(settings: Settings, root: Path, *args: str | Path, columns: int = 80, **variables: str) -> Ran:
    """Run the program on a terminal of its own; all it shows is in `out`."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {**os.environ, **environment(settings), "PYTHONPATH": str(root), "TERM": "xterm-256color"}
    for name in ("NO_COLOR", "COLUMNS", "LINES", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        env.pop(name, None)
    process = subprocess.Popen(
        command(*args), env={**env, **variables}, cwd=settings.data_dir, stdin=its, stdout=its, stderr=its
    )
    os.close(its)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # what Linux says when the other side is closed
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    return Ran(process.wait(), shown.decode(), "")


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def of_json(text: str) -> Json:
    document = json.loads(text)
    assert isinstance(document, dict)
    return document


def only_file(text: str) -> Json:
    files = of_json(text)["files"]
    assert isinstance(files, list)
    (file,) = files
    assert isinstance(file, dict)
    return file


def in_order(mysql: Mysql, columns: str, table: str = "t") -> list[tuple[object, ...]]:
    return mysql.rows(f"SELECT {columns} FROM {table} ORDER BY 1")


# ---- Options -------------------------------------------------------------------------------------------------------


def test_table_names_the_target(run: Run, mysql: Mysql, tmp_path: Path) -> None:
    assert run("--table", "t", write(tmp_path / "a.csv", "n\n1\n")).status == 0
    assert in_order(mysql, "n") == [(1,)]


def test_mode_replace_leaves_the_new_rows_alone(run: Run, mysql: Mysql, tmp_path: Path) -> None:
    run("--table", "t", write(tmp_path / "a.csv", "n\n1\n"))
    run("--table", "t", write(tmp_path / "b.csv", "n\n2\n"))
    assert in_order(mysql, "n") == [(1,), (2,)]
    assert run("--table", "t", "--mode", "replace", write(tmp_path / "c.csv", "n\n3\n")).status == 0
    assert in_order(mysql, "n") == [(3,)]


def test_mode_upsert_goes_by_its_keys(run: Run, mysql: Mysql, tmp_path: Path) -> None:
    options = ("--table", "t", "--mode", "upsert", "--key", "a, b")
    assert run(*options, write(tmp_path / "a.csv", "a,b,v\n1,1,x\n1,2,y\n")).status == 0
    assert run(*options, write(tmp_path / "b.csv", "a,b,v\n1,2,Y\n2,1,z\n")).status == 0
    assert in_order(mysql, "CONCAT(a, b), v") == [("11", "x"), ("12", "Y"), ("21", "z")]


@pytest.mark.parametrize(("option", "value", "batches"), [("--batch-rows", "10", 10), ("--batch-mb", "0.0001", 5)])
def test_batches_have_the_wanted_size(run: Run, tmp_path: Path, option: str, value: str, batches: int) -> None:
    path = write(tmp_path / "a.csv", "n\n" + "".join(f"{n:04}\n" for n in range(100)))
    file = only_file(run(option, value, "--loaders", "3", "--json", "-", path).out)
    assert (file["batches"], file["rows_loaded"]) == (batches, 100)


@pytest.mark.parametrize(("limit", "status"), [("0", 1), ("1", 0), ("24%", 1), ("25%", 0), ("25.5%", 0)])
def test_max_rejects_is_a_number_or_a_share(run: Run, mysql: Mysql, tmp_path: Path, limit: str, status: int) -> None:
    path = write(tmp_path / "t.csv", "a,b\n1,1\n2\n3,3\n4,4\n")
    ran = run("--max-rejects", limit, path)
    assert ran.status == status
    assert in_order(mysql, "a") == [(1,), (3,), (4,)] if not status else mysql.rows("SHOW TABLES LIKE 't'") == []
    assert re.search(r"data/rejects/\S*/t\.", ran.out)


def test_on_duplicate_load_loads_the_same_bytes_again(run: Run, mysql: Mysql, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "n\n1\n")
    run(path)
    skipped = run(path)
    assert skipped.status == 0
    assert re.search(r"^t\.csv +t +duplicate +0 +0 +0", skipped.out, re.MULTILINE)
    assert "--on-duplicate load" in skipped.out
    assert run("--on-duplicate", "skip", path).status == 0
    assert in_order(mysql, "n") == [(1,)]
    assert run("--on-duplicate", "load", path).status == 0
    assert in_order(mysql, "n") == [(1,), (1,)]


@pytest.mark.parametrize(("option", "delimiter"), [(";", ";"), (r"\t", "\t"), ("||", "||"), ("¦", "¦")])
def test_delimiter_is_taken_at_its_word(run: Run, mysql: Mysql, tmp_path: Path, option: str, delimiter: str) -> None:
    path = write(tmp_path / "t.csv", f"a{delimiter}b\n1,5{delimiter}x\n2{delimiter}y\n")
    assert run("--delimiter", option, path).status == 0
    assert in_order(mysql, "a, b") == [("1,5", "x"), ("2", "y")]


def test_quote_char_may_be_another_or_none(run: Run, mysql: Mysql, tmp_path: Path) -> None:
    assert run("--quote-char", "'", "--table", "t", write(tmp_path / "a.csv", "a,b\n'1,5',\"x\n")).status == 0
    assert in_order(mysql, "a, b") == [("1,5", '"x')]
    assert run("--quote-char", "", "--table", "u", write(tmp_path / "b.csv", 'a,b\n"1,x"\n')).status == 0
    assert in_order(mysql, "a, b", "u") == [('"1', 'x"')]


def test_escape_char_keeps_the_character_after_it(run: Run, mysql: Mysql, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 'a,b\n"say \\"hi\\", twice",C:\\\\x\n')
    assert run("--escape-char", "\\", path).status == 0
    assert in_order(mysql, "a, b") == [('say "hi", twice', "C:\\x")]


def test_encoding_says_what_the_bytes_are(run: Run, mysql: Mysql, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a\nżółw\n".encode("iso8859-2"))
    assert run("--encoding", "iso8859-2", path).status == 0
    assert in_order(mysql, "a") == [("żółw",)]


def test_no_header_makes_the_first_line_a_row(run: Run, mysql: Mysql, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b\nc,d\n")
    assert run("--no-header", path).status == 0
    assert [row[1:] for row in mysql.rows("SELECT _row_id, t.* FROM t ORDER BY 1")] == [("a", "b"), ("c", "d")]


def test_header_makes_the_first_line_names_whatever_it_looks_like(run: Run, mysql: Mysql, tmp_path: Path) -> None:
    assert run("--header", write(tmp_path / "t.csv", "1,2\n3,4\n")).status == 0
    assert mysql.rows("SELECT * FROM t") == [(3, 4)]


def test_skip_lines_passes_over_what_stands_before_the_header(run: Run, mysql: Mysql, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "Report of May\n\nn,m\n1,2\n")
    assert run("--skip-lines", "2", path).status == 0
    assert in_order(mysql, "n, m") == [(1, 2)]


def test_null_may_be_said_more_than_once(run: Run, mysql: Mysql, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "n,s\n1,-\nNA,x\n3,NA\n")
    assert run("--null", "NA", "--null", "-", path).status == 0
    assert mysql.rows("SELECT n, s FROM t ORDER BY _row_id") == [(1, None), (None, "x"), (3, None)]


def test_irregular_rows_are_rejected_repaired_or_an_error(run: Run, mysql: Mysql, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b\n1,2\n3\n")
    assert run("--irregular", "error", path).status == 1
    assert run("--irregular", "reject", path).status == 1
    assert mysql.rows("SHOW TABLES LIKE 't'") == []
    assert run("--irregular", "repair", path).status == 0
    assert in_order(mysql, "a, b") == [(1, 2), (3, None)]


def test_empty_load_takes_a_file_without_rows(run: Run, mysql: Mysql, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b\n")
    refused = run(path)
    assert refused.status == 1
    assert "--empty load" in refused.out
    assert run("--empty", "load", path).status == 0
    assert mysql.value("SELECT COUNT(*) FROM t") == 0


def test_all_text_leaves_every_column_as_it_is_written(run: Run, mysql: Mysql, tmp_path: Path) -> None:
    assert run("--all-text", write(tmp_path / "t.csv", "n,d\n1.50,2024-01-31\n")).status == 0
    assert in_order(mysql, "n, d") == [("1.50", "2024-01-31")]


def test_archive_is_for_files_of_the_input_folder_unless_said_otherwise(
    run: Run, settings: Settings, tmp_path: Path
) -> None:
    named = write(tmp_path / "a.csv", "n\n1\n")
    kept = write(settings.input_dir / "b.csv", "n\n2\n")
    assert run("--no-archive").status == 0
    assert kept.exists()
    assert run(named).status == 0
    assert named.exists()
    assert run("--archive", named).status == 0
    assert not named.exists()
    assert run().status == 0
    assert not kept.exists()
    archived = [path.name.split(".")[0] for path in settings.archive_dir.rglob("*.csv")]
    assert sorted(archived) == ["a", "b"]


def test_a_dry_run_says_what_would_be_and_does_nothing(run: Run, mysql: Mysql, settings: Settings) -> None:
    path = write(settings.input_dir / "t.csv", "n\n1\n")
    ran = run("--dry-run")
    assert ran.status == 0
    assert "would load" in ran.out
    assert "1 rows would go into t, which would be created" in ran.out
    assert mysql.rows("SHOW TABLES") == []
    assert path.exists()


def test_next_month_s_file_goes_into_the_table_that_this_month_s_made(run: Run, mysql: Mysql, tmp_path: Path) -> None:
    january = write(tmp_path / "a.csv", "day,at\n13.01.2024,31/01/2024 10:00:00\n31.01.2024,01/01/2024 00:00:01\n")
    february = write(tmp_path / "b.csv", "day,at\n01.02.2024,29/02/2024 10:00:00\n29.02.2024,\n")
    assert run("--table", "t", january).status == 0
    assert run("--table", "t", february).status == 0
    assert in_order(mysql, "CAST(day AS CHAR), CAST(at AS CHAR)") == [
        ("2024-01-13", "2024-01-31 10:00:00"),
        ("2024-01-31", "2024-01-01 00:00:01"),
        ("2024-02-01", "2024-02-29 10:00:00"),
        ("2024-02-29", None),
    ]


# ---- The JSON report -----------------------------------------------------------------------------------------------


def test_json_on_standard_output_is_all_there(run: Run, tmp_path: Path) -> None:
    ran = run("--json", "-", write(tmp_path / "é.csv", "name,n\nÎle,1\n"))
    assert only_file(ran.out)["path"] == str(tmp_path / "é.csv")
    assert "loaded" in ran.err


def test_json_goes_to_a_file_beside_the_summary(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "report.json"
    ran = run("--json", place, write(tmp_path / "t.csv", "n\n1\n"))
    assert ran.out.startswith("file ")
    assert only_file(place.read_text())["status"] == "loaded"


def test_json_tells_of_files_that_failed_too(run: Run, tmp_path: Path) -> None:
    good = write(tmp_path / "a.csv", "n\n1\n")
    bad = write(tmp_path / "b.csv", "a,b\n1\n")
    ran = run("--json", "-", tmp_path / "none.csv", good, bad)
    assert ran.status == 1
    report = of_json(ran.out)
    assert report["ok"] is False
    files = report["files"]
    assert isinstance(files, list)
    found = {Path(file["path"]).name: (file["status"], (file["error"] or {}).get("code")) for file in files}
    assert found == {
        "none.csv": ("failed", "source.not_found"),
        "a.csv": ("loaded", None),
        "b.csv": ("held", "reject.limit"),
    }


def test_json_tells_of_a_run_that_came_to_no_file(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INGEST_MYSQL_URL", "nonsense")
    ran = run("--json", "-", write(tmp_path / "t.csv", "n\n1\n"))
    assert ran.status == 2
    report = of_json(ran.out)
    assert (report["ok"], report["files"]) == (False, [])
    assert "INGEST_MYSQL_URL" in str(report["error"])
    assert "INGEST_MYSQL_URL" in ran.err


def test_a_place_where_no_report_can_be_is_refused_before_the_load(run: Run, mysql: Mysql, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "n\n1\n")
    for place in (tmp_path, tmp_path / "none" / "r.json"):
        ran = run("--json", place, path)
        assert ran.status == 2
        assert str(place) in ran.err
    assert mysql.rows("SHOW TABLES") == []


def test_a_report_that_can_t_be_written_is_said_and_the_summary_stays(run: Run, mysql: Mysql, tmp_path: Path) -> None:
    ran = run("--json", "/dev/full", write(tmp_path / "t.csv", "n\n1\n"))
    assert ran.status == 1
    assert "/dev/full: the report can't be written: No space left" in ran.err
    assert re.search(r"^t\.csv +t +loaded +1 +1", ran.out, re.MULTILINE)
    assert in_order(mysql, "n") == [(1,)]


# ---- What is said --------------------------------------------------------------------------------------------------


def test_steps_go_to_standard_error_and_the_summary_to_standard_output(run: Run, tmp_path: Path) -> None:
    ran = run(write(tmp_path / "t.csv", "n\n1\n"))
    assert ran.out.splitlines()[0].split() == ["file", "table", "status", "read", "loaded", "rejected", "size", "time"]
    assert len(ran.out.splitlines()) == 2
    steps = [line.split()[0] for line in ran.err.splitlines()]
    assert {"dialect", "load", "publish", "catalog"} <= set(steps)
    assert "t.csv" in ran.err


def test_quiet_leaves_the_summary_and_warnings(run: Run, tmp_path: Path) -> None:
    ran = run("-q", write(tmp_path / "t.csv", "n\n1\n"))
    assert ran.err == ""
    assert "loaded" in ran.out


def test_verbose_twice_tells_when_a_step_begins(run: Run, tmp_path: Path) -> None:
    assert "begins" not in run("-v", write(tmp_path / "t.csv", "n\n1\n")).err
    assert "begins" in run("-vv", write(tmp_path / "u.csv", "n\n1\n")).err


def test_the_logger_is_left_as_it_was_found(run: Run, tmp_path: Path) -> None:
    before = (logger.level, list(logger.handlers))
    run(write(tmp_path / "t.csv", "n\n1\n"))
    run("--mode", "upsert", "-vv", tmp_path / "none.csv")
    assert (logger.level, list(logger.handlers)) == before


def test_nothing_to_load_is_no_failure_and_names_the_folder(run: Run, settings: Settings) -> None:
    ran = run()
    assert (ran.status, ran.out) == (0, f"nothing to load in {settings.input_dir}\n")
    write(settings.input_dir / "notes.pdf", "hello")
    ran = run()
    assert ran.status == 0
    assert "notes.pdf was passed over" in ran.out


def test_many_files_end_in_one_screen_with_every_row_in_the_total(run: Run, mysql: Mysql, settings: Settings) -> None:
    for number in range(44):
        write(settings.input_dir / f"part_{number:03}.csv", f"n\n{number}\n{number}\n")
    write(settings.input_dir / "part_043.csv", "n\n1\n2,3\n")
    ran = run("--table", "t", "-q")
    assert ran.status == 1
    lines = ran.out.splitlines()
    assert re.match(r"total +88 +86 +1 ", lines[42])
    assert lines[41] == "… and 4 more files: 4 loaded"
    assert sum("part_043.csv" in line for line in lines[:41]) == 1
    assert len(lines) == 45
    assert mysql.value("SELECT COUNT(*) FROM t") == 86


def test_many_duplicates_are_said_once(run: Run, tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{number}.csv", f"n\n{number}\n") for number in range(5)]
    run("--table", "t", *paths)
    ran = run("--table", "t", *paths)
    assert ran.status == 0
    assert ran.out.splitlines()[-1] == "5 files were loaded before; --on-duplicate load loads them again"


# ---- Terminals -----------------------------------------------------------------------------------------------------


def test_on_a_terminal_no_line_is_wider_and_no_figure_is_cut(settings: Settings, root: Path, tmp_path: Path) -> None:
    name = "a_file_with_a_name_that_is_far_too_long_for_a_terminal_2024_01.csv"
    long = write(tmp_path / name, "n\n" + "1\n" * 12345)
    wide = write(tmp_path / ("数据" * 20 + ".csv"), "n\n1\n")
    bad = write(tmp_path / "bad.csv", "a,b\n1\n")
    ran = on_terminal(settings, root, long, wide, bad, NO_COLOR="1")
    assert ran.status == 1
    # What stays when the bar has gone and the cursor is shown again.
    stays = ran.out.rpartition("\x1b[?25h")[2].replace("\r", "")
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stays).strip("\n").splitlines()
    assert [line for line in lines[:5] if cell_len(line) > 80] == []
    assert re.match(r"a_file_\S*…\S*_01.csv +a_f\S*… *\S* +loaded +12,345  12,345 +0  24\.7 kB +[\d.]+ s$", lines[1])
    assert re.match(r"total +12,347  12,346 +1  24\.7 kB +[\d.]+ s$", lines[4])


def test_colour_is_for_terminals_that_want_it(settings: Settings, root: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "n\n1\n")
    colour = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")
    assert colour.search(on_terminal(settings, root, path).out)
    assert not colour.search(on_terminal(settings, root, path, NO_COLOR="1").out)
    assert "\x1b" not in program(settings, root, path).out


def test_a_file_s_name_can_t_steer_the_terminal(settings: Settings, root: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "evil\x1b[2J\x07\n.csv", "a,b\n1\n")
    shown = on_terminal(settings, root, path, tmp_path / "none\x1b[2J.csv").out
    assert "\x1b[2J" not in shown
    assert "\x07" not in shown
    assert r"evil\x1b[2J\x07\n.csv" in re.sub(r"[\r\n] *", "", shown)
    plain = program(settings, root, "-vv", path, tmp_path / "none\x1b[2J.csv")
    assert "\x1b" not in plain.out + plain.err


def test_a_dumb_terminal_gets_lines(settings: Settings, root: Path, tmp_path: Path) -> None:
    shown = on_terminal(settings, root, write(tmp_path / "t.csv", "n\n1\n"), TERM="dumb").out
    assert "\x1b" not in shown
    assert "publish " in shown


# ---- Exit status ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["--nope"], "--nope"),
        (["--mode", "delete"], "--mode"),
        (["--batch-rows", "0"], "--batch-rows"),
        (["--loaders", "65"], "--loaders"),
        (["--quiet", "--verbose"], "--quiet"),
        (["--dry-run", "--archive"], "--dry-run"),
        (["--key", "a,,b"], "--key"),
        (["--table", ""], "--table"),
        (["--max-rejects", "some"], "--max-rejects (is 'some'): 'some' is neither a number of rows"),
        (["--quote-char", "''"], "quote_char is one character"),
        (["--delimiter", ""], "delimiter is empty"),
        (["--table", "x" * 65], "a table's name has at most 64 characters, and this has 65"),
        (["--table", "_ingest_file"], "names that begin with _ingest_ are those of the engine's own tables"),
        (["--table", "x "], "a table's name has no blank at its end"),
        (["--table", "😀"], "a table's name has no blank at its end"),
        (["--delimiter", ";", "--quote-char", ";"], "delimiter and quote_char are both ';'"),
        (["--encoding", "klingon"], "there is no encoding 'klingon'"),
    ],
)
def test_wrong_usage_is_2_and_touches_nothing(
    run: Run, mysql: Mysql, tmp_path: Path, args: list[str], named: str
) -> None:
    ran = run(*args, write(tmp_path / "t.csv", "n\n1\n"))
    assert (ran.status, ran.out) == (2, "")
    assert named in ran.err
    assert mysql.rows("SHOW TABLES") == []


def test_settings_that_make_no_sense_are_2_and_named_as_they_were_written(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("INGEST_BATCH_ROWS", "x")
    monkeypatch.setenv("INGEST_LOADERS", "0")
    ran = run(write(tmp_path / "t.csv", "n\n1\n"))
    assert ran.status == 2
    assert "INGEST_BATCH_ROWS (is 'x')" in ran.err
    assert "INGEST_LOADERS (is '0')" in ran.err


@pytest.mark.parametrize("text", ["[sales", '[sales]\nmode = "delete"\n', "[sales]\nno_such_key = 1\n", "sales = 1\n"])
def test_feeds_that_make_no_sense_are_2(run: Run, settings: Settings, tmp_path: Path, text: str) -> None:
    write(settings.feeds_path, text)
    ran = run(write(tmp_path / "t.csv", "n\n1\n"))
    assert (ran.status, ran.out) == (2, "")
    assert str(settings.feeds_path) in ran.err


def test_a_file_that_fails_is_1_and_stops_no_other(run: Run, mysql: Mysql, tmp_path: Path) -> None:
    ran = run(tmp_path / "none.csv", write(tmp_path / "t.csv", "n\n1\n"))
    assert ran.status == 1
    assert "none.csv: there is no such file" in ran.out
    assert in_order(mysql, "n") == [(1,)]


class Panic(BaseException):
    """What a native library's panic looks like from Python: no Exception."""


@pytest.mark.parametrize("kind", [RuntimeError, Panic])
def test_a_bug_is_3_with_its_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: type[BaseException]
) -> None:
    def break_down(*_args: object, **_words: object) -> None:
        raise kind("the engine is on fire")

    monkeypatch.setattr("engine.pipeline.ingest_files", break_down)
    ran = run(write(tmp_path / "t.csv", "n\n1\n"))
    assert ran.status == 3
    assert "break_down" in ran.err
    assert "the engine is on fire" in ran.err
    assert "this is a bug" in ran.err


def test_help_and_version_come_at_once_and_load_nothing(settings: Settings, root: Path) -> None:
    ran = program(settings, root, "--help")
    assert (ran.status, ran.err) == (0, "")
    assert "--on-duplicate" in ran.out
    ran = program(settings, root, "--version")
    assert (ran.status, ran.out) == (0, "headrace, version 0.1.0\n")
    code = (
        "import sys, engine.ingest\nengine.ingest.main(['--help'])\n"
        "print(sorted({'polars', 'pyarrow', 'rich', 'pydantic', 'MySQLdb'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_a_reader_that_goes_away_changes_nothing(settings: Settings, root: Path, mysql: Mysql, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "n\n1\n")
    for args in ([], ["--json", "-"]):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            command("-q", "--on-duplicate", "load", *args, path),
            env={**os.environ, **environment(settings), "PYTHONPATH": str(root)},
            cwd=tmp_path,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        os.close(writing)
        assert (done.returncode, done.stderr) == (0, "")
    assert mysql.value("SELECT COUNT(*) FROM t") == 2


@pytest.mark.parametrize("ascii_only", [True, False])
def test_names_and_json_survive_a_terminal_of_ascii(
    settings: Settings, root: Path, tmp_path: Path, *, ascii_only: bool
) -> None:
    path = write(tmp_path / "naïve.csv", "ñ\nÎle\n")
    encoding = "ascii" if ascii_only else "utf-8"
    ran = program(settings, root, path, PYTHONIOENCODING=encoding)
    assert ran.status == 0
    assert ("na\\xefve.csv" if ascii_only else "naïve.csv") in ran.out
    ran = program(settings, root, "-q", "--json", "-", path, PYTHONIOENCODING=encoding)
    assert only_file(ran.out)["path"] == str(path)


@pytest.mark.parametrize(
    ("number", "status", "mode"),
    [(signal.SIGINT, 130, "replace"), (signal.SIGINT, 130, "append"), (signal.SIGTERM, 143, "append")],
)
def test_an_interrupted_load_ends_cleanly_and_the_next_run_completes_it(
    settings: Settings,
    root: Path,
    mysql: Mysql,
    catalog: Postgres,
    tmp_path: Path,
    number: signal.Signals,
    status: int,
    mode: str,
) -> None:
    write(tmp_path / "first.csv", "n,s\n0,x\n")
    program(settings, root, "--table", "t", tmp_path / "first.csv")
    rows = 20_000
    path = write(tmp_path / "second.csv", "n,s\n" + "".join(f"{n},row {n}\n" for n in range(1, rows)))
    args = command("--table", "t", "--mode", mode, "--batch-rows", "100", "--loaders", "1", path)
    env = {**os.environ, **environment(settings), "PYTHONPATH": str(root)}
    process = subprocess.Popen(args, env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 30
    while mysql.value("SELECT COUNT(*) FROM _ingest_batch") == 1 and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (status, "")
    assert "interrupted: run it again" in err
    assert "Traceback" not in err
    again = program(settings, root, *args[5:])
    assert again.status == 0, again.out
    expected = rows if mode == "append" else rows - 1
    assert mysql.rows("SELECT COUNT(*), COUNT(DISTINCT n), MAX(n) FROM t") == [(expected, expected, rows - 1)]
    recorded = catalog.rows("SELECT ingestion_status FROM file_metadata WHERE file_name = 'second.csv' ORDER BY id")
    assert recorded == [("failed",), ("success",)]
