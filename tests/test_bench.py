"""The bench, on so few rows that its figures mean nothing: what is asked for is measured and written down."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.sales import sales_file
from bench.usage import measure
from engine.config import Settings
from engine.embedded.mysql import find_mysql

ROWS = 2_000


@pytest.fixture(scope="module")
def bench(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], str]:
    """Run the bench once on the session's server program; return its JSON and its standard output."""
    folder = tmp_path_factory.mktemp("bench")
    report = folder / "report.json"
    # Without --mysqld it would measure every server program that it finds.
    where = ["--mysqld", str(find_mysql(Settings()).program), "--json", str(report), "--data-dir", str(folder / "data")]
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--rows", str(ROWS), "--repeat", "1", "--no-rooms", *where],
        cwd=root,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr.splitlines()[-1:]) == (0, [f"written: {report}"])
    # Its servers are gone with all that they kept.
    assert list((folder / "data" / "servers").iterdir()) == []
    return json.loads(report.read_text(encoding="utf-8")), done.stdout


def _first(document: dict[str, object], name: str) -> dict[str, object]:
    values = document[name]
    assert isinstance(values, list)
    assert isinstance(values[0], dict)
    return values[0]


def test_the_document_says_what_ran_where(bench: tuple[dict[str, object], str]) -> None:
    document, _ = bench
    assert sorted(document) == ["machine", "measured", "started_at", "version", "versions"]
    machine, versions = document["machine"], document["versions"]
    assert isinstance(machine, dict)
    assert isinstance(versions, dict)
    assert sorted(machine) == ["cpus", "load_average", "memory_gb", "processor", "system"]
    assert {"python", "polars", "mysqlclient", "mysql_client_library"} - versions.keys() == set()
    measured = _first(document, "measured")
    assert sorted(measured) == ["data", "engine_seconds_by_step", "runs", "server", "variants"]
    server = measured["server"]
    assert isinstance(server, dict)
    assert sorted(server) == ["name", "program", "settings", "version"]
    assert server["settings"]["innodb_flush_log_at_trx_commit"] == "1"
    data = measured["data"]
    assert isinstance(data, dict)
    assert (data["file"], data["rows"], data["size_bytes"] > 60 * ROWS) == (f"sales_1_{ROWS}.csv", ROWS, True)


def test_each_variant_has_its_figures(bench: tuple[dict[str, object], str]) -> None:
    document, _ = bench
    lines = _first(document, "measured")["variants"]
    assert isinstance(lines, list)
    assert [line["variant"] for line in lines] == ["engine", "expert", "naive"]
    for line in lines:
        assert set(line) == {
            "variant", "seconds", "seconds_least", "seconds_most", "rows_per_s", "mb_per_s", "ratio_to_expert",
            "ratio_least", "ratio_most",
            "client_peak_mb", "client_cpu_s", "server_cpu_s", "leaves_undone",
        }  # fmt: skip
        assert line["seconds"] > 0
        assert line["client_cpu_s"] > 0
    assert lines[1]["ratio_to_expert"] == 1
    # A client that only sends a file is not charged with the memory of the bench itself.
    assert lines[1]["client_peak_mb"] < 40 < lines[0]["client_peak_mb"]


def test_each_run_is_kept_with_its_steps(bench: tuple[dict[str, object], str]) -> None:
    document, _ = bench
    runs = _first(document, "measured")["runs"]
    assert isinstance(runs, list)
    by_variant = {run["variant"]: run for run in runs}
    assert sorted(by_variant) == ["engine", "expert", "naive"]
    assert {"load", "index", "stats"} - by_variant["engine"]["seconds_by_step"].keys() == set()
    assert list(by_variant["expert"]["seconds_by_step"]) == ["load", "indexes"]
    assert by_variant["naive"]["server_said"] == f"Records: {ROWS}  Deleted: 0  Skipped: 0  Warnings: 0"


def test_the_table_is_markdown(bench: tuple[dict[str, object], str]) -> None:
    _, shown = bench
    lines = [line for line in shown.splitlines() if line.startswith("|")]
    assert [line.split("|")[1].strip() for line in lines if "---" not in line] == [
        "variant",
        "engine",
        "expert",
        "naive",
    ]
    assert len({line.count("|") for line in lines}) == 1


def test_the_sales_file_is_the_same_every_time(tmp_path: Path) -> None:
    first, second = (sales_file(ROWS, tmp_path / name) for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    with first.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == [
        "transaction_id",
        "customer_id",
        "product_name",
        "quantity",
        "price",
        "transaction_date",
        "region",
    ]
    assert (len(rows), {len(row) for row in rows}) == (ROWS, {7})
    # A file that is there is used again.
    assert sales_file(ROWS, tmp_path / "a").stat().st_mtime_ns == first.stat().st_mtime_ns


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
