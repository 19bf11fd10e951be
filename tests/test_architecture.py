"""The rules that the code's structure keeps: who imports whom, how long things are, what ships."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ENGINE = ROOT / "engine"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ENGINE.rglob("*.py"))
}
SHARED = {"ahead", "config", "errors", "log", "model", "sql", "text"}
# They read the command line, write to the terminal and choose the exit status.
DOORS = {
    "engine.ingest",
    "engine.rejects",
    "engine.reconcile",
    "engine.doctor",
    "engine.embedded.__main__",
    "engine.airflow.local.__main__",
}
# The one part that knows what runs the engine by schedule; nothing else does.
SCHEDULER = "airflow"
# What doors share: it belongs to them, and speaks to the terminal as they do.
THRESHOLD = "engine.terminal"
# What a scheduler calls: as a door it comes from outside, and as a door nothing of the engine's imports it.
STEPS = "engine.steps"
MOST_LINES = 400
MOST_BODY_LINES = 60
LOCKED_AWAY = {"MySQLdb": {"load", "embedded"}, "psycopg": {"catalog", "embedded"}}
LOCKED_AWAY |= {name: {"catalog", "embedded"} for name in ("adbc_driver_postgresql", "adbc_driver_manager")}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def room(module: str) -> str:
    """The part of the engine that a module belongs to: `engine.load.tables` is of `load`."""
    return module.split(".")[1] if "." in module else ""


def imports(path: Path) -> Iterator[str]:
    """Every module that is imported anywhere in a module, functions and TYPE_CHECKING blocks included."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module or ""
            if node.module == "engine":
                yield from (f"engine.{alias.name}" for alias in node.names)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement to the last: signature and docstring are for reading, not to be kept short."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def calls(path: Path, *names: str) -> list[str]:
    """Where a module uses one of these names, bare or as `sys.exit`."""
    return [
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) in names
    ]


def test_a_room_imports_only_what_all_rooms_share() -> None:
    foreign = [
        f"{module} imports {imported}"
        for module, path in MODULES.items()
        if room(module) not in {"", "pipeline", SCHEDULER} and module not in DOORS | {THRESHOLD, STEPS}
        for imported in imports(path)
        if imported.startswith("engine.") and room(imported) not in SHARED | {room(module)}
    ]
    assert foreign == []


def test_what_rooms_share_knows_no_room() -> None:
    found = {
        name: {
            room(imported)
            for module, path in MODULES.items()
            if room(module) == name
            for imported in imports(path)
            if imported.startswith("engine.")
        }
        - {name}
        for name in SHARED
    }
    assert found == {name: {"errors", "model"} if name == "config" else set() for name in SHARED}


def test_nothing_imports_a_door() -> None:
    found = [
        f"{module} imports {imported}"
        for module, path in MODULES.items()
        for imported in imports(path)
        if imported in DOORS or (imported == STEPS and room(module) != SCHEDULER)
    ]
    assert found == []


def test_only_doors_share_what_they_share() -> None:
    found = {module for module, path in MODULES.items() for imported in imports(path) if imported == THRESHOLD}
    assert found <= DOORS


def test_the_package_imports_nothing_until_it_is_used() -> None:
    code = "import sys, engine; print(sorted({'polars', 'pyarrow', 'MySQLdb', 'psycopg'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT).strip() == "[]"


@pytest.mark.parametrize("driver", sorted(LOCKED_AWAY))
def test_a_database_is_spoken_to_by_one_room(driver: str) -> None:
    rooms = {
        room(module)
        for module, path in MODULES.items()
        for imported in imports(path)
        if imported.split(".")[0] == driver
    }
    assert rooms <= LOCKED_AWAY[driver]


def test_the_engine_does_not_know_its_scheduler() -> None:
    naming = [
        str(path.relative_to(ROOT))
        for path in ENGINE.rglob("*")
        if path.suffix != ".pyc"
        and path.is_file()
        and not path.is_relative_to(ENGINE / SCHEDULER)
        and b"airflow" in path.read_bytes().lower()
    ]
    assert naming == []


def test_what_knows_the_scheduler_uses_the_engine_from_outside() -> None:
    found = {
        room(imported)
        for module, path in MODULES.items()
        if room(module) == SCHEDULER
        for imported in imports(path)
        if imported.startswith("engine.")
    }
    assert found <= {*SHARED, SCHEDULER, "catalog", "embedded", "profile", "steps", "terminal"}


def test_only_doors_print_and_exit() -> None:
    found = [
        use
        for module, path in MODULES.items()
        if module not in DOORS | {THRESHOLD}
        for use in calls(path, "print", "click.echo", "sys.exit", "os._exit", "exit", "quit")
    ]
    assert found == []


def test_only_the_settings_read_the_environment() -> None:
    # The private servers look on PATH for programs, which is no setting.
    found = [
        use
        for module, path in MODULES.items()
        if module not in DOORS | {"engine.config", "engine.airflow.local.options"} and room(module) != "embedded"
        for use in calls(path, "os.environ", "os.getenv", "environ", "getenv")
    ]
    assert found == []


def test_every_module_says_in_one_line_what_it_is() -> None:
    mute = []
    for module, path in MODULES.items():
        docstring = ast.get_docstring(tree(path))
        if not docstring or not docstring.splitlines()[0].rstrip().endswith((".", "?", ":")):
            mute.append(module)
    assert mute == []


def test_modules_are_short() -> None:
    long = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in MODULES.items()}
    assert {module: lines for module, lines in long.items() if lines > MOST_LINES} == {}


def test_functions_are_short() -> None:
    long = {
        f"{module}.{function.name}": body_lines(function)
        for module, path in MODULES.items()
        for function in functions(path)
    }
    assert {name: lines for name, lines in long.items() if lines > MOST_BODY_LINES} == {}


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = re.compile(r"(?:^|_)(?:utils?|helpers?|common|base|managers?|misc)(?:$|_)")
    assert [module for module in MODULES if any(drawers.search(part) for part in module.split("."))] == []


def test_no_function_hands_options_through_that_it_does_not_name() -> None:
    through = [
        f"{module}.{function.name}"
        for module, path in MODULES.items()
        for function in functions(path)
        if function.args.kwarg is not None
        for node in ast.walk(function)
        if isinstance(node, ast.keyword)
        and node.arg is None
        and isinstance(node.value, ast.Name)
        and node.value.id == function.args.kwarg.arg
    ]
    assert through == []


def test_no_function_changes_a_global_name() -> None:
    changing = [
        f"{module}:{node.lineno}"
        for module, path in MODULES.items()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Global)
    ]
    assert changing == []


def test_every_sql_file_is_used_and_every_named_one_is_there() -> None:
    texts = {
        node.value
        for path in MODULES.values()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    joined = "\n".join([*texts, (ROOT / "data" / "feeds.toml").read_text(encoding="utf-8")])
    # Taken whole, by `script_names`; every question has a test of its own.
    folders = ("postgres/migrations", "postgres/queries")
    files = {path.relative_to(ROOT / "sql").as_posix() for path in (ROOT / "sql").rglob("*.sql")}
    single = {name for name in files if not name.startswith(folders)}
    unused = {name for name in single if name not in joined and Path(name).stem not in texts}
    assert unused == set()
    assert all(folder in texts for folder in folders)
    named = set(re.findall(r"(?:mysql|postgres|embedded)/\w+\.sql", joined))
    assert named <= files


@pytest.fixture(scope="session")
def unpacked_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that a user installs, built here and unpacked, with nothing of the checkout beside it."""
    pytest.importorskip("hatchling", reason="the build back end is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_the_wheel_has_all_that_the_engine_reads(unpacked_wheel: Path) -> None:
    package = unpacked_wheel / "engine"
    assert (package / "py.typed").is_file()
    assert (package / "_feeds.toml").read_bytes() == (ROOT / "data" / "feeds.toml").read_bytes()
    shipped = {path.relative_to(package / "_sql") for path in (package / "_sql").rglob("*.*")}
    assert shipped == {path.relative_to(ROOT / "sql") for path in (ROOT / "sql").rglob("*.*")}
    templates = {path.relative_to(unpacked_wheel) for path in package.rglob("templates/*")}
    assert templates == {path.relative_to(ROOT) for path in ENGINE.rglob("templates/*")}
    modules = {path.relative_to(unpacked_wheel) for path in package.rglob("*.py")}
    assert modules == {path.relative_to(ROOT) for path in MODULES.values()}
    assert {path.name.split("-")[0] for path in unpacked_wheel.iterdir()} == {"engine", "headrace"}


def test_the_engine_works_from_its_wheel(unpacked_wheel: Path, tmp_path: Path) -> None:
    code = (
        "import engine.config, engine.sql, pathlib\n"
        "print(pathlib.Path(engine.__file__).parent.parent)\n"
        "print([feed.name for feed in engine.config.load_feeds(pathlib.Path('no-feeds.toml'))])\n"
        "print('{table}' in engine.sql.statement('mysql/sales_data.sql'))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(unpacked_wheel)}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines() == [str(unpacked_wheel), "['sales']", "True"]
    version = subprocess.run(
        [sys.executable, "-m", "engine.ingest", "--version"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    import engine

    assert engine.__version__ in version.stdout
