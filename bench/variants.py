"""The ways to load one file into a new `sales_data`, each as a command that can be measured, and its proof."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.server import BenchServer
from bench.usage import measure

ROOT = Path(__file__).resolve().parent.parent
# What every variant must leave in the table: its rows and sums, and both indexes.
_CONTENT = "SELECT COUNT(*), SUM(quantity), SUM(price), COUNT(DISTINCT transaction_date) FROM sales_data"
_INDEXES = {"PRIMARY", "idx_transaction_date", "idx_customer_id"}
Row = tuple[object, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One way to load, and what whoever goes that way still has to do."""

    name: str
    leaves_undone: str


ENGINE = Variant(name="engine", leaves_undone="nothing")
EXPERT = Variant(name="expert", leaves_undone="validation, warnings, NULLs, statistics, receipt, catalog")
NAIVE = Variant(name="naive", leaves_undone="the same")
VARIANTS = (ENGINE, EXPERT, NAIVE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One measured run. `server_cpu_s` is None where the system doesn't tell; `server_said` is None for the engine."""

    variant: str
    repetition: int
    wall_s: float
    client_peak_mb: float
    client_cpu_s: float
    server_cpu_s: float | None
    seconds_by_step: dict[str, float]
    server_said: str | None
    load_average: float

    def document(self) -> dict[str, object]:
        """Return the run as plain values, rounded to what can be told apart."""
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(self).items()}


def run(variant: Variant, path: Path, server: BenchServer, repetition: int) -> tuple[Run, Row]:
    """Load `path` once in an empty database; return what it took and the content of the table.

    Raises:
        RuntimeError: The command failed, or the table isn't what it has to be.
    """
    server.settle()
    load_average = os.getloadavg()[0]
    with server.database() as url, tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch:
        folder = Path(scratch)
        report = folder / "report.json"
        before = server.cpu_s()
        used = measure(_command(variant, path, report), _environment(url, server, folder), folder)
        after = server.cpu_s()
        told = json.loads(report.read_text(encoding="utf-8"))
        (content,) = server.rows(_CONTENT, url)
        if {row[2] for row in server.rows("SHOW INDEX FROM sales_data", url)} != _INDEXES:
            raise RuntimeError(f"{variant.name}: sales_data hasn't its indexes")
    steps, said = _told(variant, told)
    measured = Run(
        variant=variant.name,
        repetition=repetition,
        wall_s=used.wall_s,
        client_peak_mb=used.peak_mb,
        client_cpu_s=used.cpu_s,
        server_cpu_s=None if before is None or after is None else after - before,
        seconds_by_step=steps,
        server_said=said,
        load_average=load_average,
    )
    return measured, content


def _command(variant: Variant, path: Path, report: Path) -> list[str]:
    if variant is ENGINE:
        return [sys.executable, "-m", "engine.ingest", str(path.resolve()), "--json", str(report), "--quiet"]
    return [sys.executable, "-m", "bench.plain", variant.name, str(path.resolve()), str(report)]


def _environment(url: str, server: BenchServer, folder: Path) -> dict[str, str]:
    """Return the environment without anybody's settings; the command's working folder has no `.env` either."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("INGEST_")}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "BENCH_MYSQL_URL": url,
        "INGEST_MYSQL_URL": url,
        "INGEST_CATALOG_URL": server.catalog_url,
        "INGEST_DATA_DIR": str(folder / "data"),
    }


def _told(variant: Variant, told: dict[str, object]) -> tuple[dict[str, float], str | None]:
    if variant is not ENGINE:
        steps, said = told["seconds_by_step"], told["server_said"]
        assert isinstance(steps, dict)
        return steps, str(said)
    files = told["files"]
    assert isinstance(files, list)
    (file,) = files
    if file["status"] != "loaded" or not file["receipt"]["verified"]:
        raise RuntimeError(f"engine: the file is {file['status']}, its receipt {file['receipt']}")
    return dict(file["seconds_by_step"]), None
