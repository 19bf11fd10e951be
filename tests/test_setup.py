"""What a fresh machine is given: the lock, the example settings, the sample files."""

from __future__ import annotations

import gzip
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from engine.config import Settings
from tests import make_samples


def test_the_lock_pins_every_dependency_with_hashes_and_names_no_index(root: Path) -> None:
    lock = (root / "requirements.lock").read_text()
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *project["optional-dependencies"]["dev"],
        "setuptools",
        "hatchling",
        "editables",
    ]
    names = {re.split(r"[\[<>=!~ ]", requirement)[0].lower() for requirement in wanted}
    pinned = dict(re.findall(r"^([a-z0-9-]+)==.*((?:\\\n    --hash=sha256:[0-9a-f]{64} ?)+)", lock, re.MULTILINE))
    assert names - pinned.keys() == set()
    assert "://" not in lock


def test_the_example_names_settings_that_exist_with_their_defaults(root: Path) -> None:
    text = (root / ".env.example").read_text()
    named = dict(re.findall(r"^#?INGEST_([A-Z_]+)=(.*)$", text, re.MULTILINE))
    assert {name.lower() for name in named} - set(Settings.model_fields) == set()
    examples = {"MYSQL_URL", "CATALOG_URL", "MYSQLD", "POSTGRES"}
    shown = Settings.model_validate({name.lower(): value for name, value in named.items() if name not in examples})
    assert shown == Settings()


def test_make_names_its_targets(root: Path) -> None:
    shown = subprocess.run(
        ["/usr/bin/env", "make", "help"], cwd=root, check=True, capture_output=True, text=True
    ).stdout
    assert re.findall(r"^make ([\w-]+) +\w", shown, re.MULTILINE) == [
        "help",
        "setup",
        "demo",
        "setup-airflow",
        "airflow",
        "env",
        "setup-tests",
        "test",
        "test-airflow",
        "lint",
        "bench",
        "bench-quick",
        "bench-check",
        "robustness",
        "faults",
        "lock",
        "stop",
        "clean",
    ]


def test_the_samples_are_what_their_maker_makes(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_samples, "FOLDER", tmp_path)
    make_samples.main()
    shipped = root / "data" / "sample"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in shipped.iterdir())
    for path in tmp_path.iterdir():
        # Two releases of zlib may pack the same text differently.
        read = gzip.decompress if path.suffix == ".gz" else bytes
        assert read(path.read_bytes()) == read((shipped / path.name).read_bytes())
