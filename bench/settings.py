"""What single settings of a server are worth: `python -m bench.settings`, each beside the same server without it.

The work is that of a new table: batches of 8 MB by two connections into a `sales_data` without indexes, a
transaction each, then one ALTER that builds both indexes. Nothing of the engine's but its connection is in it.
"""

from __future__ import annotations

import json
import queue
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from bench.files.sales import sales_file
from bench.machine import machine
from bench.server import programs
from bench.sessions import ask
from engine.config import Settings
from engine.embedded.folder import ServerFolder
from engine.embedded.mysql import MysqlServer, find_mysql
from engine.embedded.process import free_port
from engine.embedded.server import Answer
from engine.errors import EngineError
from engine.load import Address, Connection
from engine.sql import statement

_FOLDER = Path(__file__).resolve().parent
_START_S = 60.0
_STOP_S = 120.0
_POLL_S = 0.1
_SETTLE_S = 6.0
_BATCH_BYTES = 8 * 1024 * 1024
_LOADERS = 2
_LOAD = """
LOAD DATA LOCAL INFILE 'bench' REPLACE INTO TABLE sales_data CHARACTER SET utf8mb4
FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '"' ESCAPED BY '' LINES TERMINATED BY '\n'
(transaction_id, customer_id, product_name, quantity, price, transaction_date, region)
"""
_DROP_INDEXES = "ALTER TABLE sales_data DROP INDEX idx_transaction_date, DROP INDEX idx_customer_id"
_ADD_INDEXES = (
    "ALTER TABLE sales_data ADD INDEX idx_transaction_date (transaction_date), ADD INDEX idx_customer_id (customer_id)"
)
# Bytes of redo since the server's start; MySQL and MariaDB count alike under this name.
_REDO = "SHOW GLOBAL STATUS LIKE 'Innodb_os_log_written'"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """Options of the server's that are set differently, and the number of loading connections."""

    text: str

    @property
    def options(self) -> list[str]:
        return [f"--{word}" for word in self.text.split() if not word.startswith("loaders=")]

    @property
    def loaders(self) -> int:
        given = [word for word in self.text.split() if word.startswith("loaders=")]
        return int(given[-1].partition("=")[2]) if given else _LOADERS


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """What one load took: seconds, CPU seconds of the server, and bytes written for each byte of the file."""

    load_s: float
    index_s: float
    load_cpu_s: float
    index_cpu_s: float
    load_redo: float
    index_redo: float
    data: float
    indexes: float
    binlog: float

    @property
    def total_s(self) -> float:
        return self.load_s + self.index_s


@dataclass(frozen=True, kw_only=True, slots=True)
class _Running:
    change: Change
    address: Address
    admin_url: str
    process: subprocess.Popen[bytes]
    data: Path

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def redo_bytes(self) -> int:
        return int(str(ask(self.admin_url, _REDO)[0][1]))

    def table_bytes(self) -> int:
        return (self.data / "headrace" / "sales_data.ibd").stat().st_size

    def binlog_bytes(self) -> int:
        """Return the size of the binary log: named by the server, MySQL's `binlog` and MariaDB's by its pid file."""
        return sum(path.stat().st_size for path in self.data.glob("*bin.[0-9]*")) + sum(
            path.stat().st_size for path in self.data.glob("binlog.[0-9]*")
        )

    def settle(self) -> None:
        """Wait until the server idles, for 6 s at most."""
        deadline = time.monotonic() + _SETTLE_S
        while time.monotonic() < deadline:
            before = self.cpu_s()
            time.sleep(0.3)
            if self.cpu_s() - before < 0.02:
                return


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--mysqld", type=click.Path(path_type=Path), help="A server program. Default: the first that is found.")
@click.option("--rows", type=click.IntRange(min=1), default=2_000_000, show_default=True)
@click.option("--repeat", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--base", default="", help="Options of the server that everything is held against: 'a=1 b=2'.")
@click.option("--try", "tried", multiple=True, required=True, help="Options to add, also loaders=N. May be repeated.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write every single run there.")
@click.option("--data-dir", type=click.Path(path_type=Path), default=_FOLDER / "data", help="Default: bench/data.")
def main(
    mysqld: Path | None,
    rows: int,
    repeat: int,
    base: str,
    tried: tuple[str, ...],
    json_path: Path | None,
    data_dir: Path,
) -> None:
    """Load the same rows into servers that differ in what is tried; show the ratios to the one without it."""
    program = programs((mysqld,) if mysqld else ())[0]
    changes = [Change(text=base), *(Change(text=f"{base} {one}".strip()) for one in tried)]
    path = sales_file(rows, data_dir)
    batches = list(_batches(path))
    taken: dict[str, list[Taken]] = {change.text: [] for change in changes}
    try:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="settings-", dir=data_dir)))
            server = find_mysql(Settings.model_validate({"local_dir": folder, "mysqld": program}))
            servers = [stack.enter_context(_started(server, change, folder)) for change in changes]
            version = str(ask(servers[0].admin_url, "SELECT VERSION()")[0][0])
            for repetition in range(repeat):
                turn = repetition % len(servers)
                for running in servers[turn:] + servers[:turn]:
                    taken[running.change.text].append(_load(running, batches))
                    last = taken[running.change.text][-1]
                    click.echo(f"{running.change.text}: {last.load_s:.2f} + {last.index_s:.2f} s", err=True)
    except (EngineError, RuntimeError) as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    click.echo(
        f"{version}, {rows:,} rows, medians of {repeat}, least and most in brackets; base: {base or 'as shipped'}"
    )
    for line in _table(base, tried, taken):
        click.echo(line)
    if json_path is not None:
        told = {"server": version, "rows": rows, "machine": machine(), "base": base}
        runs = {text: [asdict(one) for one in found] for text, found in taken.items()}
        json_path.write_text(json.dumps({**told, "runs": runs}, indent=2) + "\n", encoding="utf-8")


def _batches(path: Path) -> Iterator[bytes]:
    """Cut the file behind its header into pieces of 8 MB that end with a line, as no cell of it has a line's end."""
    with path.open("rb") as file:
        file.readline()
        while piece := file.read(_BATCH_BYTES):
            yield piece + file.readline()


@contextmanager
def _started(server: MysqlServer, change: Change, folder: Path) -> Iterator[_Running]:
    """Start a server with data of its own and the options that are tried; stop it at the end."""
    template = server.folder.path
    if not (template / "data").is_dir():
        template.mkdir(parents=True)
        server.prepare()
    own = Path(tempfile.mkdtemp(dir=folder))
    shutil.copytree(template, own, dirs_exist_ok=True)
    mine = MysqlServer(program=server.program, mariadb=server.mariadb, folder=ServerFolder(path=own))
    mine.prepare()
    port = free_port()
    with mine.folder.log.open("ab") as log:
        process = subprocess.Popen([*mine.command(port), *change.options], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + _START_S
        while mine.probe(port) is not Answer.READY:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{change.text}: the server doesn't start:\n{mine.folder.last_log_lines()}")
            time.sleep(_POLL_S)
        yield _Running(
            change=change,
            address=Address.parse(mine.url(port).get_secret_value()),
            admin_url=mine.admin_url(port).get_secret_value(),
            process=process,
            data=own / "data",
        )
    finally:
        process.terminate()
        process.wait(_STOP_S)


def _load(running: _Running, batches: Sequence[bytes]) -> Taken:
    """Load the batches and build the indexes, once, and drop the table."""
    running.settle()
    size_bytes = sum(map(len, batches))
    connection = Connection(running.address, connect_timeout_s=10)
    connection.execute(statement("mysql/sales_data.sql").format(table="sales_data"))
    connection.execute(_DROP_INDEXES)
    logged = running.binlog_bytes()
    marks = [(time.perf_counter(), running.cpu_s(), running.redo_bytes())]
    _send(running, batches)
    marks.append((time.perf_counter(), running.cpu_s(), running.redo_bytes()))
    plain_bytes = running.table_bytes()
    connection.execute(_ADD_INDEXES)
    marks.append((time.perf_counter(), running.cpu_s(), running.redo_bytes()))
    rows = int(str(connection.query("SELECT COUNT(*) FROM sales_data")[0][0]))
    if rows != sum(batch.count(b"\n") for batch in batches):
        raise RuntimeError(f"{running.change.text}: {rows} rows are in the table")
    whole_bytes = running.table_bytes()
    connection.execute("DROP TABLE sales_data")
    connection.close()
    (load_s, load_cpu_s, load_redo), (index_s, index_cpu_s, index_redo) = (
        tuple(after - before for before, after in zip(*pair, strict=True)) for pair in (marks[:2], marks[1:])
    )
    return Taken(
        load_s=load_s,
        index_s=index_s,
        load_cpu_s=load_cpu_s,
        index_cpu_s=index_cpu_s,
        load_redo=load_redo / size_bytes,
        index_redo=index_redo / size_bytes,
        data=plain_bytes / size_bytes,
        indexes=(whole_bytes - plain_bytes) / size_bytes,
        binlog=(running.binlog_bytes() - logged) / size_bytes,
    )


def _send(running: _Running, batches: Sequence[bytes]) -> None:
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    for batch in batches:
        waiting.put(batch)
    failures: list[Exception] = []

    def work() -> None:
        connection = Connection(running.address, connect_timeout_s=10)
        try:
            while not failures:
                batch = waiting.get_nowait()
                connection.begin(snapshot=True)
                connection.load(_LOAD, "bench", batch)
                connection.commit()
        except queue.Empty:
            pass
        except Exception as error:  # noqa: BLE001 - raised below, in the caller's thread
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(running.change.loaders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _table(base: str, tried: Sequence[str], taken: dict[str, list[Taken]]) -> Iterator[str]:
    """Write a line of Markdown for the base, in seconds, and one for each change, in ratios within a repetition."""
    yield "| change | load | index | both | server CPU | redo bytes a byte |"
    yield "|---|---|---|---|---|---|"
    plain = taken[base]
    yield (
        f"| none, seconds | {_spread([one.load_s for one in plain])} | {_spread([one.index_s for one in plain])} | "
        f"{_spread([one.total_s for one in plain])} | {_spread([one.load_cpu_s + one.index_cpu_s for one in plain])} | "
        f"{_spread([one.load_redo + one.index_redo for one in plain])} |"
    )
    for change in tried:
        pairs = list(zip(taken[f"{base} {change}".strip()], plain, strict=True))
        cells = (
            [one.load_s / other.load_s for one, other in pairs],
            [one.index_s / other.index_s for one, other in pairs],
            [one.total_s / other.total_s for one, other in pairs],
            [(one.load_cpu_s + one.index_cpu_s) / (other.load_cpu_s + other.index_cpu_s) for one, other in pairs],
            [one.load_redo + one.index_redo for one, _ in pairs],
        )
        yield f"| {change} | {' | '.join(map(_spread, cells))} |"


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main(prog_name="python -m bench.settings")
