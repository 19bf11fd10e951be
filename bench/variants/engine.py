"""The engine's own command line, as a user starts it."""

from __future__ import annotations

import json
import sys

from bench.variants.variant import ROOT, Command, Ground, Told, Variant


def command(ground: Ground, *options: str, module: str = "engine.ingest") -> Command:
    """Return the command that loads the ground's file, or all files of its folder."""
    data_dir = ground.folder / "data"
    data_dir.mkdir(exist_ok=True)
    if ground.workload.feed is not None:
        (data_dir / "feeds.toml").write_text(ground.workload.feed, encoding="utf-8")
        (data_dir / f"{ground.workload.table}.sql").write_text(ground.workload.create_table, encoding="utf-8")
    files = sorted(ground.path.glob("*.csv")) if ground.path.is_dir() else [ground.path]
    named = [str(file.resolve()) for file in files]
    argv = [sys.executable, "-m", module, *named, "--json", str(ground.report), "--quiet", *options]
    settings = {
        "PYTHONPATH": str(ROOT),
        "INGEST_MYSQL_URL": ground.url,
        "INGEST_CATALOG_URL": ground.server.catalog_url,
        "INGEST_DATA_DIR": str(data_dir),
    }
    return Command(argv=argv, environment=settings)


def told(ground: Ground) -> Told:
    """Return the seconds by step, summed over the files.

    Raises:
        RuntimeError: A file wasn't loaded, or its receipt isn't verified.
    """
    seconds: dict[str, float] = {}
    for file in json.loads(ground.report.read_text(encoding="utf-8"))["files"]:
        if file["status"] != "loaded" or not file["receipt"]["verified"]:
            raise RuntimeError(f"engine: {file['path']} is {file['status']}, its receipt {file['receipt']}")
        for step, took_s in file["seconds_by_step"].items():
            seconds[step] = seconds.get(step, 0.0) + took_s
    return Told(seconds_by_step=seconds)


def _without_statistics(ground: Ground) -> Command:
    return command(ground, module="bench.without_statistics")


ENGINE = Variant(
    name="engine",
    what="python -m engine.ingest FILE, default settings",
    leaves_undone="nothing",
    command=command,
    told=told,
)
WITHOUT_STATISTICS = Variant(
    name="engine-no-stats",
    what="the same, counting only what the receipt compares",
    leaves_undone="statistics",
    command=_without_statistics,
    told=told,
)
