"""The bench, on so few rows that its figures mean nothing: what is asked for is measured and written down."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.documents import Document, read
from bench.results import Measured
from bench.usage import measure
from tests.fix_mysql import servers_folder

# So few have an empty field already.
ROWS = 50
LOADERS = ["engine", "expert", "expert-2", "naive"]


@pytest.fixture(scope="module")
def bench(root: Path, mysqld: Path) -> Iterator[tuple[Document, str, str]]:
    """Run all variants that need no environment of their own; yield the document and what was said."""
    folder = servers_folder()
    report = folder / "report.json"
    # Without --mysqld it would measure every server program that it finds.
    where = ["--mysqld", str(mysqld), "--json", str(report), "--data-dir", str(folder / "data")]
    workloads = [word for name in ("sales", "append", "small") for word in ("--workload", name)]
    variants = [word for name in [*LOADERS, "import", "engine-no-stats"] for word in ("--variant", name)]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *workloads, *variants, "--rows", str(ROWS), "--repeat", "1", *where],
        cwd=root,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr.splitlines()[-1].endswith(f" s; written: {report}")) == (0, True), done.stderr
    # Its servers are gone with all that they kept.
    assert list((folder / "data" / "servers").iterdir()) == []
    yield read(report), done.stdout, done.stderr
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def sales(bench: tuple[Document, str, str]) -> Measured:
    return bench[0].measured[0]


def test_the_document_says_what_ran_where(bench: tuple[Document, str, str]) -> None:
    document, _, _ = bench
    assert sorted(document.machine) == ["cpus", "load_average", "memory_gb", "processor", "system"]
    assert {"python", "polars", "mysqlclient", "mysql_client_library"} - document.versions.keys() == set()
    assert [(one.workload, one.rows) for one in document.measured] == [
        ("sales", ROWS),
        ("append", ROWS),
        ("small", ROWS * 150),
    ]
    for one in document.measured:
        assert one.server.settings["innodb_flush_log_at_trx_commit"] == "1"
        assert one.size_bytes > 60 * one.rows


def test_each_loader_has_its_figures_and_what_the_server_said(sales: Measured) -> None:
    runs = {run.variant: run for run in sales.runs}
    assert [name for name in LOADERS if name not in runs] == []
    for run in runs.values():
        assert run.wall_s > 0
        assert run.client_cpu_s > 0
        assert not run.changed
    assert {"load", "index", "stats"} - runs["engine"].seconds_by_step.keys() == set()
    assert list(runs["expert"].seconds_by_step) == ["create", "load", "indexes"]
    said = f"Records: {ROWS}  Deleted: 0  Skipped: 0  Warnings: 0"
    assert {runs[name].server_said for name in LOADERS[1:]} == {said}
    # A client that only sends a file is not charged with the memory of the bench itself.
    assert runs["expert"].client_peak_mb < 40 < runs["engine"].client_peak_mb


def test_the_engine_alone_keeps_what_is_null(sales: Measured) -> None:
    nulls = {run.variant: run.nulls for run in sales.runs}
    assert (nulls["engine"] or 0) > 0
    assert {nulls[name] for name in LOADERS[1:]} == {0}


def test_what_can_t_run_is_named_with_the_reason(bench: tuple[Document, str, str], sales: Measured) -> None:
    _, shown, said = bench
    missing = {one.name: one.missing for one in sales.variants if one.missing}
    for name, why in missing.items():
        assert f"- without {name}: {why}" in shown
        assert f"without {name}: {why}" in said
    ran = {run.variant for run in sales.runs}
    assert ran | missing.keys() == {*LOADERS, "import", "engine-no-stats"}


def test_every_table_is_markdown(bench: tuple[Document, str, str]) -> None:
    _, shown, _ = bench
    tables = [[line for line in block.splitlines() if line.startswith("|")] for block in shown.split("\n\n")]
    tables = [lines for lines in tables if lines]
    assert len(tables) == 4
    for lines in tables:
        assert len({line.count("|") for line in lines}) == 1
    assert "must reach" in tables[-1][0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--variant", "fastest"], "no variant is called 'fastest'"),
        (["--check", "--rows", "1"], "choose workloads, rows and variants themselves"),
        (["--workload", "sale"], "is not one of"),
    ],
)
def test_options_that_make_no_sense_are_named(root: Path, options: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", *options], cwd=root, check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert said in done.stderr


def test_a_command_s_peak_is_its_own_and_not_that_of_who_started_it(tmp_path: Path) -> None:
    ballast = bytearray(200_000_000)
    small = measure(["/bin/sh", "-c", "exit 0"], os.environ, tmp_path)
    large = measure([sys.executable, "-c", "x = bytes(1) * 100_000_000"], os.environ, tmp_path)
    assert len(ballast) > 0
    assert small.peak_mb < 50
    assert 100 < large.peak_mb < 150


def test_a_command_that_fails_is_an_error_with_its_words(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"exit status 3:\nwhy not"):
        measure(["/bin/sh", "-c", "echo why not; exit 3"], os.environ, tmp_path)
