"""Where the bottleneck moves: `python -m bench.scale`, seconds of a load by what each resource needs.

The parameters are in `scale.toml`, the formulas here, and SCALE.md has both in words with what they are worth.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

_PARAMETERS = Path(__file__).with_name("scale.toml")


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """What one engine process uses; `scale.toml` says how each was measured."""

    cpu_s_per_gb: Mapping[str, float]
    parallel: float
    sent_per_byte: float
    workers_speedup_2: float
    start_s: float

    @property
    def cpu_s(self) -> float:
        return sum(self.cpu_s_per_gb.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """What one kind of server uses."""

    load_s_per_gb: float
    load_cpu_s_per_gb: float
    loaders_speedup_2: float
    index_s_per_gb: float
    index_cpu_s_per_gb: float
    index_threads: int
    redo_per_byte: float
    data_per_byte: float
    index_per_byte: float
    binlog_per_byte: float
    rows_per_gb: int
    measured_rows: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What there is to load with, by assumption.

    Attributes:
        client_cores: Those of the machines that read; `shared` says that they are the server's own.
        server_cores: Those of the server.
        processes: Engine processes on ranges of the file (Celery workers).
        loaders: Connections that load at once, of all processes.
        core_speed: Speed of a core, 1 for that of the machine measured on.
        write_mb_s: What the server's disk writes, in order, at once with its reads.
        network_mb_s: What goes from client to server.
        binlog: The server keeps a binary log.
        replica_threads: Threads that apply on a replica; 0 for none.
    """

    client_cores: int
    server_cores: int
    shared: bool
    processes: int
    loaders: int
    core_speed: float
    write_mb_s: float
    network_mb_s: float
    binlog: bool
    replica_threads: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """Seconds that each resource needs for the load and for the indexes: the largest of each decides."""

    start_s: float
    load: Mapping[str, float]
    index: Mapping[str, float]
    replica_s: float

    @property
    def total_s(self) -> float:
        return self.start_s + max(self.load.values()) + max(self.index.values())


def speedup(count: float, of_two: float) -> float:
    """Return the speed-up of `count` that work at once, by the speed-up that was measured of two.

    Amdahl's law with the serial share that two showed: s(n) = n / (1 + c (n - 1)), c = 2 / s(2) - 1. With only two
    points it can't tell more, and what n contenders do to each other beyond waiting (coherence) isn't in it.
    """
    contention = max(0.0, 2 / of_two - 1)
    return count / (1 + contention * (count - 1))


def predict(client: Client, server: Server, machine: Machine, size_gb: float) -> Prediction:
    """Return what each resource needs for `size_gb` GB (10⁹ bytes) of CSV."""
    rows = size_gb * server.rows_per_gb
    # Sorting takes n log n; what was measured was measured with so many rows.
    sorting = math.log2(max(2.0, rows)) / math.log2(server.measured_rows)
    readers = speedup(machine.processes, client.workers_speedup_2) * client.parallel
    threads = min(server.index_threads, machine.server_cores)
    measured_threads = min(server.index_threads, 2)
    written = server.redo_per_byte + 2 * server.data_per_byte + (server.binlog_per_byte if machine.binlog else 0.0)
    speed = machine.core_speed
    load = {
        "client CPU": size_gb * client.cpu_s / min(readers, machine.client_cores) / speed,
        "server CPU": size_gb * server.load_cpu_s_per_gb / machine.server_cores / speed,
        "loaders": size_gb * server.load_s_per_gb / speedup(machine.loaders, server.loaders_speedup_2) / speed,
        "network": size_gb * 1000 * client.sent_per_byte / machine.network_mb_s,
        "server disk": size_gb * 1000 * written / machine.write_mb_s,
    }
    if machine.shared:
        cpu_s = client.cpu_s + server.load_cpu_s_per_gb
        load["CPU of both"] = size_gb * cpu_s / machine.server_cores / speed
    index = {
        "index threads": size_gb * server.index_s_per_gb * sorting * measured_threads / threads / speed,
        "server CPU": size_gb * server.index_cpu_s_per_gb * sorting / machine.server_cores / speed,
        # Written sorted to temporary files, merged once, then twice into the table (doublewrite).
        "server disk": size_gb * 1000 * server.index_per_byte * 4 / machine.write_mb_s,
    }
    replica_s = 0.0
    if machine.replica_threads:
        # A replica applies rows one by one, as a loader does without parsing; it builds the indexes when the source has.
        apply_s = size_gb * server.load_s_per_gb / speedup(machine.replica_threads, server.loaders_speedup_2) / speed
        replica_s = max(apply_s, *load.values()) + 2 * max(index.values())
    return Prediction(start_s=client.start_s / speed, load=load, index=index, replica_s=replica_s)


def parameters() -> tuple[Client, dict[str, Server], dict[str, Machine], dict[str, list[float]]]:
    """Read `scale.toml`: the client, the servers, the machines, and the sizes in GB that each is asked for."""
    told = tomllib.loads(_PARAMETERS.read_text(encoding="utf-8"))
    machines = {name: dict(table) for name, table in told["machines"].items()}
    sizes = {name: table.pop("sizes_gb") for name, table in machines.items()}
    return (
        Client(**told["client"]),
        {name: Server(**told[name]) for name in ("mysql", "mariadb")},
        {name: Machine(**table) for name, table in machines.items()},
        sizes,
    )


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--all", "every", is_flag=True, help="Show the seconds of every resource, not only the largest.")
def main(*, every: bool) -> None:
    """Show how long loads would take elsewhere, and what they would wait for, by the parameters of scale.toml."""
    client, servers, machines, sizes = parameters()
    for name, server in servers.items():
        click.echo(f"\n{name}\n")
        for line in _table(client, server, machines, sizes, every=every):
            click.echo(line)


def _table(
    client: Client, server: Server, machines: Mapping[str, Machine], sizes: Mapping[str, list[float]], *, every: bool
) -> Iterator[str]:
    yield "| machine | CSV | total | load, and what it waits for | indexes, and what they wait for | replica done |"
    yield "|---|---|---|---|---|---|"
    for name, machine in machines.items():
        for size_gb in sizes[name]:
            found = predict(client, server, machine, size_gb)
            replica = _time(found.replica_s) if found.replica_s else "none"
            yield (
                f"| {name} | {_size(size_gb)} | {_time(found.total_s)} | {_said(found.load, every=every)} | "
                f"{_said(found.index, every=every)} | {replica} |"
            )


def _said(seconds: Mapping[str, float], *, every: bool) -> str:
    ranked = sorted(seconds.items(), key=lambda item: -item[1])
    return ", ".join(f"{_time(taken)} {name}" for name, taken in (ranked if every else ranked[:2]))


def _size(size_gb: float) -> str:
    return (
        f"{size_gb / 1000:g} TB" if size_gb >= 1000 else f"{size_gb:g} GB" if size_gb >= 1 else f"{size_gb * 1000:g} MB"
    )


def _time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


if __name__ == "__main__":
    main(prog_name="python -m bench.scale")
