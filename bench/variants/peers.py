"""Tools that a user would pick instead, each in an environment of its own and at its documented best setting."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from bench.environments import environment
from bench.server import BenchServer
from bench.sessions import ask
from bench.variants.variant import Command, Ground, Variant

_FOLDER = Path(__file__).resolve().parent.parent / "peers"


def _python(name: str) -> Path:
    return environment(name, _FOLDER / f"{name}.txt")


def _missing(name: str) -> Callable[[BenchServer], str | None]:
    def why(_: BenchServer) -> str | None:
        try:
            _python(name)
        except (RuntimeError, OSError) as error:
            return str(error)
        return None

    return why


def _program(name: str, *, has_table: bool) -> Callable[[Ground], Command]:
    """Return what prepares `bench/peers/NAME_load.py`; the table is there before the clock starts, or it makes its own."""

    def prepared(ground: Ground) -> Command:
        if has_table:
            for statement in ground.workload.create(indexes=False):
                ask(ground.url, statement)
        job = {
            **ground.connection(),
            "csv": str(ground.path.resolve()),
            "table": ground.workload.table,
            "columns": list(ground.workload.columns),
        }
        path = ground.folder / "job.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(job), encoding="utf-8")
        # dlt keeps its pipelines in the home folder, and tells its makers of each run unless it's told not to.
        own = {
            "HOME": str(ground.folder),
            "DLT_DATA_DIR": str(ground.folder / "dlt"),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
        }
        return Command(argv=[str(_python(name)), str(_FOLDER / f"{name}_load.py"), str(path)], environment=own)

    return prepared


def _sling(ground: Ground) -> Command:
    """Sling is told its target by a variable of the environment, where no list of processes shows the password."""
    (program,) = _python("sling").parent.parent.glob(
        "lib/python*/site-packages/sling_linux_amd64/bin/sling-linux-amd64"
    )
    program.chmod(0o755)
    words = ["run", "--src-stream", f"file://{ground.path.resolve()}", "--tgt-conn", "TARGET", "--mode", "full-refresh"]
    target = f"{ground.connection()['database']}.{ground.workload.table}"
    options = ["--tgt-object", target, "--src-options", '{"empty_as_null": true}']
    own = {
        "HOME": str(ground.folder),
        "SLING_HOME_DIR": str(ground.folder),
        "SLING_DISABLE_TELEMETRY": "true",
        "SLING_DIRECT_INSERT": "true",
    }
    return Command(argv=[str(program), *words, *options], environment={**own, "TARGET": ground.url})


def _shell(ground: Ground) -> Command:
    """Import by MySQL Shell's parallel import into the table without secondary indexes."""
    for statement in ground.workload.create(indexes=False):
        ask(ground.url, statement)
    connection = ground.connection()
    words = [
        f"--user={connection['user']}", f"--host={connection['host']}", f"--port={connection['port']}",
        "--passwords-from-stdin", "--", "util", "import-table", str(ground.path.resolve()),
        f"--schema={connection['database']}", f"--table={ground.workload.table}", "--dialect=csv-unix", "--skipRows=1",
        "--characterSet=utf8mb4", "--threads=8", "--showProgress=false", f"--columns={','.join(ground.workload.columns)}",
    ]  # fmt: skip
    secret = ground.folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(connection["password"] + "\n", encoding="utf-8")
    return Command(argv=["sh", "-c", 'mysqlsh "$@" <password', "mysqlsh", *words])


def _shell_missing(_: BenchServer) -> str | None:
    return None if shutil.which("mysqlsh") else "mysqlsh is not on the search path"


_NO_INDEXES = "secondary indexes, rejects, statistics, receipt"
PANDAS = Variant(
    name="pandas",
    what="pandas to_sql, 1,000 rows a statement, into the table without secondary indexes",
    leaves_undone=_NO_INDEXES,
    builds_indexes=False,
    command=_program("pandas", has_table=True),
    missing=_missing("pandas"),
)
DUCKDB = Variant(
    name="duckdb",
    what="DuckDB, INSERT … SELECT FROM read_csv by its MySQL extension, into the table without secondary indexes",
    leaves_undone=_NO_INDEXES,
    builds_indexes=False,
    command=_program("duckdb", has_table=True),
    missing=_missing("duckdb"),
)
DLT = Variant(
    name="dlt",
    what="dlt, Arrow tables of pyarrow's CSV reader to its SQLAlchemy destination; a table of its own",
    leaves_undone=f"{_NO_INDEXES}, types (text is TEXT, decimals are DOUBLE)",
    builds_indexes=False,
    own_table=True,
    command=_program("dlt", has_table=False),
    missing=_missing("dlt"),
)
SLING = Variant(
    name="sling",
    what="sling run --mode full-refresh; a table of its own",
    leaves_undone=f"{_NO_INDEXES}, types (text is MEDIUMTEXT)",
    builds_indexes=False,
    own_table=True,
    command=_sling,
    missing=_missing("sling"),
)
SHELL = Variant(
    name="mysqlsh",
    what="MySQL Shell, util import-table, 8 threads, into the table without secondary indexes",
    leaves_undone=f"warnings, NULLs, {_NO_INDEXES}",
    builds_indexes=False,
    command=_shell,
    missing=_shell_missing,
)
