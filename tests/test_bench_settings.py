"""The bench of single settings shows ratios of real loads, and the model of scale says what it is made of."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from bench.scale import Client, Server, parameters, predict, speedup

ROOT = Path(__file__).resolve().parent.parent


def test_settings_are_tried_on_servers_of_their_own(mysqld: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    words = ["--rows", "2000", "--repeat", "1", "--try", "loaders=1", "--try", "innodb_log_buffer_size=32M"]
    options = [*words, "--mysqld", str(mysqld), "--json", str(report), "--data-dir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "bench.settings", *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [line.split("|")[1].strip() for line in done.stdout.splitlines()[3:]] == [
        "none, seconds",
        "loaders=1",
        "innodb_log_buffer_size=32M",
    ]
    told = json.loads(report.read_text(encoding="utf-8"))
    assert set(told["runs"]) == {"", "loaders=1", "innodb_log_buffer_size=32M"}
    for (run,) in told["runs"].values():
        assert all(value > 0 for name, value in run.items() if name in ("load_s", "index_s", "load_redo", "data"))
    assert list(tmp_path.glob("settings-*")) == []


def test_a_setting_that_the_server_does_not_know_is_an_error(mysqld: Path, tmp_path: Path) -> None:
    words = ["--rows", "2000", "--repeat", "1", "--try", "no_such_setting=1", "--mysqld", str(mysqld)]
    words += ["--data-dir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "bench.settings", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "no_such_setting" in done.stderr


@pytest.mark.parametrize("of_two", [1.0, 1.4, 2.0])
def test_the_speed_up_passes_through_what_was_measured(of_two: float) -> None:
    assert speedup(1, of_two) == pytest.approx(1.0)
    assert speedup(2, of_two) == pytest.approx(of_two)
    # Never beyond what the serial share allows.
    assert speedup(1000, of_two) < 1000.001


def test_no_parameter_is_missing() -> None:
    client, servers, machines, sizes = parameters()
    assert set(sizes) == set(machines)
    records: list[Client | Server] = [client, *servers.values()]
    for record in records:
        numbers = [getattr(record, field.name) for field in fields(record)]
        flat = [one for number in numbers for one in (number.values() if isinstance(number, dict) else (number,))]
        assert all(one > 0 for one in flat), record


def test_what_is_slower_than_all_else_decides() -> None:
    client, servers, machines, _ = parameters()
    for server in servers.values():
        for machine in machines.values():
            small, large = (predict(client, server, machine, size_gb) for size_gb in (1.0, 10.0))
            assert large.total_s - large.start_s >= 10 * (small.total_s - small.start_s)
            assert large.total_s == large.start_s + max(large.load.values()) + max(large.index.values())
            assert (large.replica_s > large.total_s - large.start_s) is bool(machine.replica_threads)


def test_the_program_names_every_machine_and_what_it_waits_for() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "bench.scale"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    _, servers, machines, _ = parameters()
    for name in machines:
        assert told.count(f"| {name} |") >= len(servers)
    shown = (ROOT / "bench" / "SCALE.md").read_text(encoding="utf-8")
    # After a change of scale.toml: python -m bench.scale, and its tables into SCALE.md.
    assert [line for line in told.splitlines() if line.startswith("|") and line not in shown] == []
