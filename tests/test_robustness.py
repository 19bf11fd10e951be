"""Files that are odd or broken in known ways: the engine on some of each kind, and a judge that can say no."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bench.robustness.crew import Worker
from bench.robustness.engine_run import with_engine
from bench.robustness.job import Job
from bench.robustness.kinds import KINDS, files_of
from bench.robustness.landed import Landed, from_plain, to_plain
from bench.robustness.readers import with_csv
from bench.robustness.report import Outcome, table
from bench.robustness.tables import Table
from bench.robustness.truth import CsvFile, Truth
from bench.robustness.unpacking import unpacked
from bench.robustness.verdict import BAD, Verdict, judge
from bench.robustness.writing import draft, finish
from bench.sessions import connect
from engine.config import Settings

GROUPS = sorted({kind.group for kind in KINDS.values()})
# What Python's csv has no word for, or reads as something else: an independent reader for all the others.
BEYOND_CSV = {"two pipes", "cut archives", "header only", "nothing at all"}


def verdicts(settings: Settings, folder: Path, group: str, *, seed: int, count: int) -> dict[str, str]:
    """Load some files of each kind of a group; return those that didn't end as due, and why."""
    assert settings.mysql_url is not None
    connection = connect(settings.mysql_url.get_secret_value())
    files = [
        file for name, kind in KINDS.items() if kind.group == group for file in files_of(name, seed=seed, count=count)
    ]
    wrong = {}
    try:
        for number, file in enumerate(files):
            (folder / file.name).write_bytes(file.data)
            landed = with_engine(Job.of(file, folder, "careful", number), settings, connection)
            found = judge(file, landed, nulls=True)
            if found.verdict not in KINDS[file.kind].due:
                wrong[file.name] = f"{found.verdict}: {found.why}"
    finally:
        connection.close()
    return wrong


@pytest.mark.parametrize("group", GROUPS)
def test_nothing_is_changed_or_lost(settings: Settings, tmp_path: Path, group: str) -> None:
    assert verdicts(settings, tmp_path, group, seed=11, count=2) == {}


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_nothing_is_changed_or_lost_in_other_files(settings: Settings, tmp_path: Path, group: str) -> None:
    assert verdicts(settings, tmp_path, group, seed=12, count=4) == {}


def test_there_are_kinds_enough() -> None:
    assert len(KINDS) >= 40
    # A list of them is parted at commas.
    assert not any("," in name for name in KINDS)
    assert all(kind.due and not kind.due & BAD for kind in KINDS.values())


def test_the_same_seed_makes_the_same_files() -> None:
    first, again, other = ([next(files_of(name, seed=seed, count=1)) for name in KINDS] for seed in (1, 1, 2))
    assert first == again
    assert sum(one.data == another.data for one, another in zip(first, other, strict=True)) < len(KINDS) / 10


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if Verdict.WHOLE in kind.due])
def test_what_is_said_of_a_file_is_what_another_reader_finds(name: str, tmp_path: Path) -> None:
    for number, file in enumerate(files_of(name, seed=5, count=3)):
        (tmp_path / file.name).write_bytes(file.data)
        landed = with_csv(Job.of(file, tmp_path, "default", number))
        if file.truth.noise:
            # Who calls the reader leaves comments and lines of blanks out.
            landed = replace(landed, rows=tuple(row for row in landed.rows if len(row) == file.truth.width))
        found = judge(file, landed, nulls=False)
        if name == "a long row" and "field larger" in (landed.refused or ""):
            continue
        assert (found.verdict, found.why) == (Verdict.WHOLE, "") or name in BEYOND_CSV


def test_broken_lines_are_where_they_are_said_to_be(tmp_path: Path) -> None:
    found = 0
    for name, kind in KINDS.items():
        if Verdict.ACCOUNTED not in kind.due:
            continue
        for file in files_of(name, seed=6, count=3):
            (tmp_path / file.name).write_bytes(file.data)
            data = unpacked(tmp_path / file.name, file.form.compression)
            for broken in file.truth.broken:
                before = data[: broken.byte_start].decode(file.form.encoding, "replace")
                assert before.count("\n") + 1 == broken.first_line
                assert before.endswith(("\n", "\ufeff"))
                found += 1
    assert found > 100


def perfect(file: CsvFile) -> Landed:
    """What lands where everything is right: all regular rows, and a report of each broken one."""
    truth = file.truth
    broken = tuple((one.first_line, one.byte_start, one.byte_end) for one in truth.broken)
    return Landed(
        names=truth.names,
        kinds=tuple("text" for _ in range(truth.width)),
        rows=truth.rows,
        originals=truth.names,
        counts=(len(truth.rows) + len(broken), len(truth.rows), len(broken)),
        reported=len(broken),
        reported_at=broken,
    )


def some(name: str) -> CsvFile:
    return next(files_of(name, seed=3, count=1))


def with_cell(landed: Landed, row: int, column: int, value: str | None) -> Landed:
    rows = [list(one) for one in landed.rows]
    assert rows[row][column] != value
    rows[row][column] = value
    return replace(landed, rows=tuple(map(tuple, rows)))


def fewer(landed: Landed, rows: int = 1, *, told: bool = False) -> Landed:
    """Without the first rows, and with counts that agree with what's there."""
    left = landed.rows[rows:]
    read, _, rejected = landed.counts or (0, 0, 0)
    counts = (read, len(left), rejected + rows) if told else (read - rows, len(left), rejected)
    return replace(landed, rows=left, counts=counts)


def test_a_perfect_load_is_whole_or_accounted() -> None:
    assert judge(some("comma"), perfect(some("comma")), nulls=True).verdict is Verdict.WHOLE
    for name in ("short rows", "all sorts of damage", "damage in archives"):
        assert judge(some(name), perfect(some(name)), nulls=True).verdict is Verdict.ACCOUNTED


@pytest.mark.parametrize(
    ("spoil", "verdict"),
    [
        (lambda one: with_cell(one, 3, 1, "another"), Verdict.CHANGED),
        (lambda one: with_cell(one, 3, 0, None), Verdict.CHANGED),
        (lambda one: with_cell(one, 3, 0, "4 "), Verdict.CHANGED),
        (lambda one: replace(one, names=("Id", *one.names[1:])), Verdict.CHANGED),
        (lambda one: replace(one, originals=("id ", *one.names[1:])), Verdict.CHANGED),
        (lambda one: replace(one, rows=one.rows[:-1]), Verdict.LOST),
        (fewer, Verdict.LOST),
        (lambda one: fewer(one, told=True), Verdict.LOST),
        (lambda one: replace(one, rows=(*one.rows, one.rows[0]), counts=None), Verdict.CHANGED),
        (lambda one: replace(fewer(one, told=True), reported_at=((2, 0, 99),), reported=1), Verdict.COLLATERAL),
        (lambda one: replace(fewer(one, told=True), reported_at=None, reported=1), Verdict.COLLATERAL),
        (lambda one: replace(one, refused="no"), Verdict.CHANGED),
        (lambda one: replace(one, refused="no", rows=()), Verdict.REFUSED),
        (lambda one: replace(one, refused="", rows=()), Verdict.LOST),
        (lambda one: replace(one, crashed="Traceback"), Verdict.CRASH),
        (lambda one: replace(one, hung=True), Verdict.HANG),
    ],
)
def test_the_judge_says_no(spoil: Callable[[Landed], Landed], verdict: Verdict) -> None:
    file = some("comma")
    assert judge(file, spoil(perfect(file)), nulls=True).verdict is verdict


def test_a_broken_row_that_lands_is_noticed() -> None:
    file = some("short rows")
    landed, (first, *rest) = perfect(file), file.truth.broken
    assert first.padded is not None
    left = tuple((one.first_line, one.byte_start, one.byte_end) for one in rest)
    padded = replace(landed, rows=(*landed.rows, first.padded), reported_at=left, reported=len(left), counts=None)
    assert judge(file, padded, nulls=True).verdict is Verdict.UNSEEN
    literal = replace(padded, rows=(*landed.rows, *first.readings))
    assert judge(file, literal, nulls=True).verdict in (Verdict.ACCOUNTED, Verdict.WHOLE)
    silent = replace(padded, rows=landed.rows)
    assert judge(file, silent, nulls=True).verdict is Verdict.LOST
    elsewhere = replace(landed, reported_at=((first.first_line, first.byte_start + 1, first.byte_end), *left))
    assert judge(file, elsewhere, nulls=True).verdict is Verdict.CHANGED


@pytest.mark.parametrize(
    ("cell", "kind", "landed", "equal"),
    [
        ("1.50", "number", "1.5", True),
        ("00501", "number", "501", False),
        ("+49", "number", "49", False),
        ("1E3", "float", "1000.0", True),
        ("123456789012345678", "float", "1.2345678901234568e+17", False),
        ("1,234", "number", "1234", False),
        ("NaN", "float", "0.0", False),
        ("2024-02-01", "date", "2024-02-01", True),
        ("01/02/2024", "date", "2024-02-01", False),
        ("2024-03-01T12:00:00+02:00", "datetime", "2024-03-01 10:00:00", True),
        ("2024-03-01T12:00:00+02:00", "datetime", "2024-03-01 12:00:00", False),
        ("2024-03-01 12:00:00.7", "datetime", "2024-03-01 12:00:01", False),
        ("2024-03-01 12:00:00.123456789", "datetime", "2024-03-01 12:00:00.123456", False),
        ("10:00", "time", "10:00:00.000", True),
        ("TRUE", "boolean", "1", True),
        ("false", "boolean", "1", False),
        ("a ", "text", "a", False),
        ("é", "text", "e\u0301", False),
        (None, "text", None, True),
        ("", "text", None, False),
        (None, "text", "", False),
        ("NA", "text", None, False),
    ],
)
def test_values_are_compared_as_what_they_landed_as(cell: str, kind: str, landed: str, equal: bool) -> None:
    truth = Truth(names=None, width=1, rows=((cell,),), lines=(1,), starts=(0,))
    file = replace(some("comma"), truth=truth)
    found = judge(file, Landed(kinds=(kind,), rows=((landed,),)), nulls=True)  # type: ignore[arg-type]  # of any kind
    assert found.verdict is (Verdict.WHOLE if equal else Verdict.CHANGED)


def test_a_date_of_the_column_s_only_format_is_that_date() -> None:
    truth = Truth(names=None, width=1, rows=(("31/12/2020",),), lines=(1,), starts=(0,), formats={0: "%d/%m/%Y"})
    file = replace(some("comma"), truth=truth)
    assert judge(file, Landed(kinds=("date",), rows=(("2020-12-31",),)), nulls=True).verdict is Verdict.WHOLE
    assert judge(file, Landed(kinds=("date",), rows=(("2020-12-30",),)), nulls=True).verdict is Verdict.CHANGED


def test_who_cannot_tell_null_from_empty_is_not_blamed_for_it() -> None:
    truth = Truth(names=None, width=2, rows=((None, ""),), lines=(1,), starts=(0,))
    landed = Landed(kinds=("text", "text"), rows=(("", ""),))
    file = replace(some("comma"), truth=truth)
    assert judge(file, landed, nulls=False).verdict is Verdict.WHOLE
    assert judge(file, landed, nulls=True).verdict is Verdict.CHANGED


def test_what_lands_survives_the_pipe() -> None:
    landed = perfect(some("damage in archives"))
    assert from_plain(json.loads(json.dumps(to_plain(landed)))) == landed


@pytest.fixture
def job(tmp_path: Path) -> Job:
    file = finish(draft(Table(names=("a", "b"), rows=(("1", "x"), ("2", 'y "z"')))), "comma", 0)
    (tmp_path / file.name).write_bytes(file.data)
    return Job.of(file, tmp_path, "careful", 0)


def test_a_worker_answers_and_says_its_version(job: Job) -> None:
    with Worker(tool="csv") as worker:
        assert worker.ask(job).rows == (("1", "x"), ("2", 'y "z"'))
        assert worker.version.startswith("Python 3.")


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Path]:
    """Write a program that a worker takes for its interpreter: it says hello, reads a job, and misbehaves."""

    def write(then: str) -> Path:
        path = tmp_path / "python"
        path.write_text(f'#!/bin/sh\nread context\necho \'{{"version": "1"}}\'\nread job\n{then}\n')
        path.chmod(0o755)
        return path

    return write


def test_a_worker_that_dies_is_a_crash_and_the_next_file_has_a_new_one(
    job: Job, program: Callable[[str], Path]
) -> None:
    with Worker(tool="any", python=program("kill -SEGV $$")) as worker:
        assert [worker.ask(job).crashed, worker.ask(job).crashed] == ["the process ended with status -11"] * 2


def test_a_worker_that_says_nothing_is_a_hang(job: Job, program: Callable[[str], Path]) -> None:
    with Worker(tool="any", python=program("exec sleep 600"), timeout_s=0.5) as worker:
        assert worker.ask(job).hung


def test_a_worker_that_does_not_start_says_why(job: Job) -> None:
    with Worker(tool="no_such_reader") as worker, pytest.raises(RuntimeError, match="no_such_reader doesn't start"):
        worker.ask(job)


def test_the_table_fits_a_terminal() -> None:
    tools = ("engine MariaDB", "engine MySQL", "LOAD DATA", "duckdb", "polars", "pandas", "csv")
    outcomes = [
        Outcome(tool=tool, setting="careful", file=file, judgement=judge(file, landed, nulls=True))
        for tool in tools
        for file in map(some, KINDS)
        for landed in (perfect(file), Landed(refused="x"), Landed(), Landed(crashed="x"))
    ]
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(table(outcomes, tools))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= 80
    assert all(name in " ".join(lines) for name in KINDS)
    assert "…" not in "".join(lines)


def test_the_command_shows_a_table_and_writes_a_document(root: Path, mysqld: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, "-m", "bench.robustness", "--files", "2", "--kinds", "comma,short rows,cut archives",
         "--no-peers", "--mysqld", str(mysqld), "--json", str(report)],
        cwd=root,
        check=False,
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr.splitlines()[-1].endswith(str(report))) == (0, True)
    document = json.loads(report.read_text(encoding="utf-8"))
    assert (document["seed"], document["not_due"], document["files_of_each_kind"]) == (1, [], 2)
    (kinds,) = document["verdicts"].values()
    assert [next(iter(tools.values())) for tools in kinds.values()] == [{"whole": 2}, {"accounted": 2}, {"refused": 2}]
    assert "comma" in done.stdout
