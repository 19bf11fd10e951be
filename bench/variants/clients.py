"""LOAD DATA by the client programs that come with the server: what an administrator writes in a shell script."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench.server import BenchServer
from bench.splitting import halves
from bench.variants.variant import Command, Ground, Told, Variant, connected

# `mark STEP` keeps the time at which a step ended; `client` keeps what the server says; `sql` runs one statement.
_FUNCTIONS = """set -eu
mark() { echo "$1 $(date +%s.%N)" >>steps; }
client() {
  "$CLIENT" --defaults-extra-file=client.cnf --local-infile=1 --default-character-set=utf8mb4 -vv "$DATABASE" "$@" >>said
}
sql() { client -e "$1"; }
mark begin
"""
_INFO = r"Records: (\d+)\s+Deleted: (\d+)\s+Skipped: (\d+)\s+Warnings: (\d+)"
_UNDONE = "validation, warnings, rejects, NULLs, statistics, receipt, catalog"


def program(server: BenchServer, *names: str) -> Path | None:
    """Return a client program: the one beside the server's own, else one on the search path."""
    beside = server.program.parent
    path = os.pathsep.join([str(beside), str(beside.parent / "bin"), os.environ.get("PATH", "")])
    found = (shutil.which(name, path=path) for name in names)
    return next((Path(one) for one in found if one), None)


def _client(server: BenchServer) -> Path | None:
    return program(server, "mysql", "mariadb") if server.is_mysql else program(server, "mariadb", "mysql")


def client_version(server: BenchServer) -> str | None:
    """Return what the client program says of its version, None where there is none."""
    client = _client(server)
    if client is None:
        return None
    return subprocess.run([client, "--version"], check=True, capture_output=True, text=True).stdout.strip()


def _importer(server: BenchServer) -> Path | None:
    return program(server, "mysqlimport") if server.is_mysql else program(server, "mariadb-import", "mysqlimport")


def _client_missing(server: BenchServer) -> str | None:
    return None if _client(server) else "there is no client program (mysql or mariadb) on this machine"


def _importer_missing(server: BenchServer) -> str | None:
    return _client_missing(server) or (None if _importer(server) else "there is no mysqlimport or mariadb-import")


def load_statement(ground: Ground, path: Path) -> str:
    """Return the LOAD DATA of one file, as its maker would write it: quotes doubled, nothing escaped."""
    return (
        f"LOAD DATA LOCAL INFILE '{path.resolve()}' INTO TABLE `{ground.workload.table}` CHARACTER SET utf8mb4 "
        f"FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' LINES TERMINATED BY '\\n' IGNORE 1 LINES "
        f"({', '.join(ground.workload.columns)})"
    )


def _options(path: Path, connection: dict[str, str]) -> None:
    """Write a file of options, which has the password: a list of processes must not show it."""
    path.touch(mode=0o600)
    told = "".join(f'{name}="{connection[name]}"\n' for name in ("host", "port", "user", "password"))
    path.write_text(f"[client]\nprotocol=tcp\n{told}", encoding="utf-8")


def script(ground: Ground, lines: Sequence[str]) -> Command:
    """Return a shell script as a command; `sql` and `mark` are its own."""
    connection = ground.connection()
    _options(ground.folder / "client.cnf", connection)
    text = ground.folder / "load.sh"
    text.write_text(_FUNCTIONS + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    client = _client(ground.server)
    assert client is not None
    return Command(
        argv=["sh", str(text)], environment={"CLIENT": str(client), "DATABASE": connection["database"], "LC_ALL": "C"}
    )


def told(ground: Ground) -> Told:
    """Return the seconds between the script's marks, and what the server said of its loads."""
    marks = [line.split() for line in (ground.folder / "steps").read_text(encoding="utf-8").splitlines()]
    at = [float(mark[1]) for mark in marks]
    seconds = {mark[0]: round(end - start, 3) for mark, start, end in zip(marks[1:], at, at[1:], strict=False)}
    said = (ground.folder / "said").read_text(encoding="utf-8", errors="replace")
    # Of every LOAD DATA and of no ALTER, which has no word for what is skipped.
    counts = [
        Counter({"Records": int(records), "Deleted": int(deleted), "Skipped": int(skipped), "Warnings": int(warnings)})
        for records, deleted, skipped, warnings in re.findall(_INFO, said)
    ]
    total = {name: sum(count[name] for count in counts) for name in ("Records", "Deleted", "Skipped", "Warnings")}
    return Told(seconds_by_step=seconds, server_said="  ".join(f"{name}: {count}" for name, count in total.items()))


def _sql(statement: str) -> str:
    return f"sql {shlex.quote(statement)}"


def _create(ground: Ground, *, indexes: bool) -> list[str]:
    return [*map(_sql, ground.workload.create(indexes=indexes)), "mark create"]


def _indexes(ground: Ground) -> list[str]:
    return [_sql(ground.workload.build_indexes()), "mark indexes"]


def _naive(ground: Ground) -> Command:
    loads = [_sql(load_statement(ground, ground.path)), "mark load"]
    return script(ground, [*_create(ground, indexes=True), *loads])


def _expert(ground: Ground) -> Command:
    loads = [_sql(load_statement(ground, ground.path)), "mark load"]
    return script(ground, [*_create(ground, indexes=False), *loads, *_indexes(ground)])


def _expert_2(ground: Ground) -> Command:
    """Each half has a client in the background; one that fails ends the script with its status."""
    first, second = (_sql(load_statement(ground, half)) for half in halves(ground.path))
    loads = [f"{first} & one=$!", f"{second} & two=$!", "wait $one", "wait $two", "mark load"]
    return script(ground, [*_create(ground, indexes=False), *loads, *_indexes(ground)])


def _import(ground: Ground) -> Command:
    """Give it files that are called as the table is: it knows no other way to name one.

    It sets a variable that only administrators may set (MySQL's error 1227), and so is one.
    """
    _options(ground.folder / "admin.cnf", connected(ground.server.admin_url))
    named = []
    for number, half in enumerate(halves(ground.path)):
        link = ground.folder / str(number) / f"{ground.workload.table}.csv"
        link.parent.mkdir()
        link.symlink_to(half.resolve())
        named.append(str(link))
    importer = _importer(ground.server)
    assert importer is not None
    words = [
        str(importer), "--defaults-extra-file=admin.cnf", "--local", "--use-threads=2", "--verbose", "--ignore-lines=1",
        "--default-character-set=utf8mb4", "--fields-terminated-by=,", '--fields-optionally-enclosed-by="',
        "--fields-escaped-by=", "--lines-terminated-by=\n", f"--columns={','.join(ground.workload.columns)}",
        ground.connection()["database"], *named,
    ]  # fmt: skip
    loads = [f"{shlex.join(words)} >>said", "mark load"]
    return script(ground, [*_create(ground, indexes=False), *loads, *_indexes(ground)])


def _append(ground: Ground) -> Command:
    """Load into the table that is there, which has its indexes."""
    return script(ground, [_sql(load_statement(ground, ground.path)), "mark load"])


def _many(ground: Ground) -> Command:
    """Load all files of a folder by one client and one script, which is as fast as it gets."""
    files = sorted(ground.path.glob("*.csv"))
    statements = ground.folder / "all.sql"
    statements.write_text("".join(f"{load_statement(ground, file)};\n" for file in files), encoding="utf-8")
    return script(ground, [*_create(ground, indexes=True), f"client <{shlex.quote(str(statements))}", "mark load"])


EXPERT = Variant(
    name="expert",
    what="mysql client: LOAD DATA without secondary indexes, then one ALTER",
    leaves_undone=_UNDONE,
    command=_expert,
    told=told,
    missing=_client_missing,
)
EXPERT_2 = Variant(
    name="expert-2",
    what="the same, each half by a connection of its own, then one ALTER",
    leaves_undone=f"{_UNDONE}; cutting the file in two",
    command=_expert_2,
    told=told,
    missing=_client_missing,
)
NAIVE = Variant(
    name="naive",
    what="mysql client: LOAD DATA into the table with its indexes",
    leaves_undone=_UNDONE,
    command=_naive,
    told=told,
    missing=_client_missing,
)
IMPORT = Variant(
    name="import",
    what="mysqlimport --use-threads=2 of both halves without secondary indexes, then one ALTER",
    leaves_undone=f"{_UNDONE}; cutting the file in two; rights of an administrator",
    command=_import,
    told=told,
    missing=_importer_missing,
)
APPEND = Variant(
    name="naive",
    what="mysql client: LOAD DATA into the table that is there, with its indexes",
    leaves_undone=_UNDONE,
    command=_append,
    told=told,
    missing=_client_missing,
)
MANY = Variant(
    name="naive",
    what="mysql client: one script with a LOAD DATA for each file",
    leaves_undone=_UNDONE,
    command=_many,
    told=told,
    missing=_client_missing,
)
