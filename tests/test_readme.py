"""Everything in the README is run: its commands in their order, its programs, feeds and extensions, and its tables.

`HEADRACE_WRITE_README=1 python -m pytest tests/test_readme.py` writes what the commands print now into the README.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from engine import __version__, ingest_files
from engine.config import ColumnRule, Feed, Settings, load_feeds
from engine.ingest import cli
from engine.load.seen import size_of
from engine.quality import check_names
from engine.sql import server_settings
from engine.summary import run_json
from tests.fix_mysql import Mysql

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Where the walk happens; what it prints is shown as if it had happened here.
SHOWN_HOME = "/home/me/headrace"
# A checkout's files that commands in the README need.
NEEDED = ("engine", "sql", "data", ".ci", "Makefile", "pyproject.toml", "README.md", "LICENSE")
# These would install, or run this very suite: only that they exist and expand is checked.
NOT_RUN = re.compile(r"\bmake (setup|test|lint|bench|robustness|faults|lock|help|airflow|env)\b")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and where the text is in the README."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def title(self) -> str:
        """The file that a first line of comment names, such as `data/feeds.toml`; "" where there is none."""
        match = re.match(r"(?:#|--) (\S+\.\w+|\.env)\n", self.text)
        return match[1] if match else ""


def blocks() -> list[Block]:
    return [Block(match[1], match[2], match.start(2), match.end(2)) for match in BLOCK.finditer(TEXT)]


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Part a session into commands (here-documents and continued lines included) and what they print."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        assert lines[at].startswith("$ "), f"not a command: {lines[at]!r}"
        command = [lines[at][2:]]
        at += 1
        end = re.search(r"<<'(\w+)'", command[0])
        while (end and command[-1] != end[1]) or "\n".join(command).count('"') % 2:
            command.append(lines[at])
            at += 1
        printed = []
        while at < len(lines) and not lines[at].startswith("$ "):
            printed.append(lines[at])
            at += 1
        yield "\n".join(command), "\n".join(printed)


def masked(text: str) -> list[str]:
    """Leave out what differs from run to run: durations, times and hashes in names, private servers' ports, the width of columns."""
    text = re.sub(r"\d{8}T\d{6}\.\d{6}Z\.[0-9a-f]{12}", "TIME.HASH", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "MINUTE", text)
    text = re.sub(r"\d+(?:\.\d+)? (?:m?s|min)\b", "DURATION", text)
    text = re.sub(r"[\d,.]+ (?:[kM]?B|rows)/s", "RATE", text)
    text = re.sub(r"headrace@127\.0\.0\.1:\d+/\w+", "DATABASE", text)
    return [re.sub(r"\s+", " ", line).strip() for line in text.splitlines() if line.strip()]


class Walk:
    """A copy of the checkout, with the session's servers configured, in which the README is followed."""

    def __init__(self, project: Path, settings: Settings) -> None:
        assert settings.mysql_url is not None
        assert settings.catalog_url is not None
        self.project = project
        for name in NEEDED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(
                    source, project / name, ignore=shutil.ignore_patterns("__pycache__", "archive", "rejects")
                )
            else:
                shutil.copy(source, project / name)
        for left in (project / "data" / "input").iterdir():
            left.unlink()
        (project / ".venv").symlink_to(sys.prefix)
        self.environment = {
            # A make that runs within another says so, line by line.
            **{name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")},
            "PATH": f"{project}/.venv/bin:{os.environ['PATH']}",
            "COLUMNS": "80",
            "INGEST_MYSQL_URL": settings.mysql_url.get_secret_value(),
            "INGEST_CATALOG_URL": settings.catalog_url.get_secret_value(),
        }

    def run(self, command: str) -> str:
        """Run a command and return its standard output; it must succeed, without a warning."""
        done = subprocess.run(
            ["bash", "-c", self.harmless(command)],
            cwd=self.project,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}\n{done.stderr}"
        assert "Warning" not in done.stderr, f"$ {command}\n{done.stderr}"
        return "" if NOT_RUN.search(command) else done.stdout.replace(str(self.project.resolve()), SHOWN_HOME)

    @staticmethod
    def harmless(command: str) -> str:
        """Keep a command from installing, and from running this suite within itself."""
        command = NOT_RUN.sub(r"make --dry-run \1", command)
        command = command.replace("make demo", "make --old-file=setup demo")
        offline = "--quiet --no-index --no-deps --no-build-isolation --no-warn-script-location --target .installed"
        return re.sub(r"^pip install ", f"python -m pip install {offline} ", command)

    def write(self, block: Block) -> None:
        """Write a block to the file that it names; feeds join those that are there."""
        path = self.project / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a" if block.title == "data/feeds.toml" else "w", encoding="utf-8") as file:
            file.write(block.text)

    def python(self, program: str) -> None:
        """Run a program; it must succeed."""
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            cwd=self.project,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{program}\n{done.stderr}"


@pytest.fixture
def walk(settings: Settings, mysql_server: Mysql, is_mariadb: bool, tmp_path: Path) -> Walk:
    # The session's server has a small redo log; the doctor shows one as the engine starts it.
    for line in server_settings(mariadb=is_mariadb):
        if line.name in ("innodb_log_file_size", "innodb_redo_log_capacity"):
            mysql_server.rows(f"SET GLOBAL {line.name} = {size_of(line.value)}")
    project = tmp_path / "headrace"
    project.mkdir()
    return Walk(project, settings)


def session(walk: Walk, block: Block) -> tuple[str, list[str]]:
    """Run a session; return it with what it prints now, and the commands that print something else."""
    written, different = [], []
    for command, expected in commands(block.text):
        printed = walk.run(command).rstrip()
        shown = "\n".join(line.rstrip() for line in printed.splitlines())
        written.append(f"$ {command}\n" + (shown + "\n" if shown else ""))
        if masked(expected) != masked(printed):
            different.append(f"$ {command}\n{printed}")
    return "".join(written), different


def test_what_the_readme_shows_is_what_happens(walk: Walk) -> None:
    different: list[str] = []
    text, shift = TEXT, 0
    for block in blocks():
        new = block.text
        if block.kind == "console":
            new, found = session(walk, block)
            different += found
        elif block.title == "sql/mysql/grants.sql":
            new = "-- sql/mysql/grants.sql\n" + (ROOT / block.title).read_text(encoding="utf-8")
            different += [] if new == block.text else ["the grants"]
        elif block.title:
            walk.write(block)
        elif block.kind == "python":
            walk.python(block.text)
        else:
            assert block.kind in ("json", "text"), f"nothing runs a block of {block.kind}"
        text = text[: block.start + shift] + new + text[block.end + shift :]
        shift += len(new) - len(block.text)
    assert load_feeds(walk.project / "data" / "feeds.toml")
    if os.environ.get("HEADRACE_WRITE_README"):
        README.write_text(text, encoding="utf-8")
        different = []
    assert not different, "\n\n".join(different)


def test_the_extensions_do_what_they_are_for(walk: Walk, settings: Settings) -> None:
    extensions = [block for block in blocks() if block.title.startswith("engine/")]
    assert {block.title.rsplit("/", 1)[0] for block in extensions} == {"engine/quality/checks", "engine/source/formats"}
    for block in extensions:
        walk.write(block)
        code = [line for line in block.text.splitlines()[1:] if line and not line.startswith(("from ", "import "))]
        assert len(code) <= 10, "an extension takes ten lines"
    feed = (
        '[statements]\npattern = "*.stmt"\n[[statements.rules]]\ncheck = "future_dates"\ncolumn = "day"\nmaximum = 0\n'
    )
    (walk.project / "data" / "feeds.toml").write_text(feed, encoding="utf-8")
    for name, day in (("past.stmt", "2024-02-29"), ("future.stmt", "2999-01-01")):
        (walk.project / name).write_bytes(f"AT000017{day}{'12.50':>10}\n".encode())
    (walk.project / "short.stmt").write_bytes(b"AT00001\n")
    printed = walk.run("python -m engine.ingest *.stmt 2>&1; echo status=$?")
    shown = masked(printed)
    assert any(line.startswith("past.stmt past_stmt loaded 1 1 0") for line in shown), printed
    assert any(line.startswith("future.stmt future_stmt held 1 0") for line in shown), printed
    assert any(line.startswith("short.stmt short_stmt failed") for line in shown), printed
    assert "1 is above the maximum of 0" in printed
    assert "a line of 7 characters instead of 28" in printed
    assert printed.endswith("status=1\n")
    assert settings.catalog_url is not None


def test_every_command_of_the_makefile_that_the_readme_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:`|\$ |^)(?:\w+=\S+ )?make ([a-z]+)", TEXT + CONTRIBUTING, re.MULTILINE))
    assert named <= targets
    assert {"demo", "test", "setup", "stop", "clean", "bench", "lint"} <= named


def test_the_first_screen_is_a_sentence_a_command_and_its_output() -> None:
    sentence, command = TEXT.split("\n\n")[1:3]
    assert sentence.count(".") == 1
    assert command.startswith("```console\n$ make demo\n")
    assert "](http" not in TEXT.split("## ")[0]


def section(title: str) -> str:
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_cells(text: str) -> set[str]:
    """The code in the first column of a chapter's tables."""
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row)}


def test_the_readme_names_every_option_and_no_other() -> None:
    there = {name for parameter in cli.params for name in (*parameter.opts, *parameter.secondary_opts)}
    there |= {"--help", "-h"}
    options = {name for name in there if name.startswith("-")}
    assert any(isinstance(parameter, click.Argument) for parameter in cli.params)
    table = {word.split(" ")[0] for word in first_cells(section("The command line"))}
    assert {word for word in table if word.startswith("-")} == options
    assert set(re.findall(r"`(--[a-z-]+)", TEXT)) <= options


def test_the_readme_names_every_setting_and_no_other() -> None:
    there = {f"INGEST_{name.upper()}" for name in Settings.model_fields}
    assert there <= first_cells(section("Settings"))
    assert set(re.findall(r"INGEST_[A-Z_]+[A-Z]", TEXT)) == there


def test_the_example_environment_names_every_setting_and_its_default() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^#?(INGEST_[A-Z_]+)=(.*)$", example, re.MULTILINE))
    assert set(shown) == {f"INGEST_{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        if field.default is not None:
            given = Settings.model_validate({name: shown[f"INGEST_{name.upper()}"]})
            assert getattr(given, name) == field.default, name


def test_the_settings_have_the_defaults_that_the_readme_says() -> None:
    for line in section("Settings").splitlines():
        if match := re.match(r"\| `INGEST_(\w+)` \| `?([^`|]+?)`? \|", line):
            default = Settings.model_fields[match[1].lower()].default
            if default is not None:
                assert getattr(Settings.model_validate({match[1].lower(): match[2]}), match[1].lower()) == default


def test_the_readme_has_every_key_of_a_feed_with_an_example() -> None:
    chapter = section("Feeds")
    of_feed = set(Feed.model_fields) - {"name"}
    of_column = set(ColumnRule.model_fields)
    assert first_cells(chapter) == of_feed | of_column
    (example,) = (block.text for block in blocks() if block.title == "data/feeds.toml")
    keys = set(re.findall(r"^(\w+) = ", example, re.MULTILINE)) | set(re.findall(r"\.(\w+)[\].]", example))
    assert of_feed | of_column <= keys


def keys(document: object) -> set[str]:
    """Every key of a JSON document, but for those of objects whose keys are data."""
    if isinstance(document, list):
        return set().union(*map(keys, document))
    if not isinstance(document, dict):
        return set()
    data = ("seconds_by_step", "rejects_by_class", "engine", "mysql")
    return set(document) | set().union(*(keys(value) for name, value in document.items() if name not in data))


def test_the_readme_has_every_key_of_the_json_report(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,x\n2,y\n", encoding="utf-8")
    report = ingest_files([path, tmp_path / "missing.csv"], settings)
    document = json.loads(run_json(report))
    chapter = section("The JSON report")
    assert keys(document) <= set(re.findall(r"`(\w+)`", chapter))
    assert first_cells(chapter) <= keys(document)


def test_the_readme_names_every_check() -> None:
    named = set(re.findall(r"`(\w+)`", section("Quality")))
    assert set(check_names()) <= named


def test_links_within_the_readme_lead_somewhere() -> None:
    headings = {
        re.sub(r"[^\w -]", "", line).lower().replace(" ", "-") for line in re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert target[1:] in headings if target.startswith("#") else (ROOT / target).exists(), target


def test_contributing_names_every_room() -> None:
    rooms = {
        path.stem for path in (ROOT / "engine").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    named = set(re.findall(r"(\w+)(?:\.py|/)?`", CONTRIBUTING))
    assert rooms - {"__init__"} <= named


def test_the_changelog_has_this_version() -> None:
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_shipped_feed_is_read() -> None:
    assert [feed.name for feed in load_feeds(ROOT / "data" / "feeds.toml")] == ["sales"]
