"""Assets: the tables that files reach, so that other DAGs can be scheduled on them, and what large files hand out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from airflow.sdk import Asset, AssetAlias, Context

from engine.model import FileReport, FileStatus
from engine.steps import address, ranges

# Which table a file reaches is known when it is read: an alias stands for all of them.
TABLES = AssetAlias("headrace_tables")
# Batches of a large file that other workers may load; the DAG of batch ranges is scheduled on it.
STAGED = Asset(name="headrace_staged_batches", uri="headrace://data/staged")
STAGED_ALIAS = AssetAlias("headrace_staged")
# An event is stored with every run that it starts.
_MOST_LOADS = 50


def table_asset(table: str) -> Asset:
    """Return the asset of a target table, `mysql://host:port/database/table`."""
    return Asset(f"{address()}/{table}")


def announce_tables(context: Context, files: Iterable[FileReport]) -> int:
    """Let an event say of each table what the run brought to it, once; returns how many tables that are.

    One task of a run does this for all files. If those that load did it, two that end at once would both enter a new
    table's asset into Airflow's database, which makes a failed task of one of them.
    """
    loaded: dict[str, list[FileReport]] = {}
    for report in files:
        if report.status is FileStatus.LOADED:
            loaded.setdefault(report.table, []).append(report)
    run = context["run_id"]
    # A run that was cleared in part ends again: what is told already is not told twice.
    earlier = context["inlet_events"][TABLES].after(context["dag_run"].run_after.isoformat())
    extras = ((event.asset.uri, event.extra or {}) for event in earlier)
    told = {uri: extra.get("files") for uri, extra in extras if extra.get("run") == run}
    new = {table: reports for table, reports in loaded.items() if told.get(table_asset(table).uri) != len(reports)}
    for table, reports in new.items():
        extra: dict[str, Any] = {
            "run": run,
            "files": len(reports),
            "rows": sum(report.rows_loaded for report in reports),
            "rejected": sum(report.rows_rejected for report in reports),
            "loads": [
                {"file": one.path.name, "rows": one.rows_loaded, "sha256": one.sha256, "load": one.file_id}
                for one in reports[:_MOST_LOADS]
            ],
        }
        context["outlet_events"][TABLES].add(table_asset(table), extra=extra)
    return len(new)


def announce_ranges(context: Context, unit: str) -> int:
    """Let an event hand out the batch ranges of a large file, if there are any; returns how many."""
    found = ranges(unit)
    if found:
        extra: dict[str, Any] = {"ranges": found}
        context["outlet_events"][STAGED_ALIAS].add(STAGED, extra=extra)
    return len(found)


def announced_ranges(context: Context) -> list[dict[str, Any]]:
    """Return the batch ranges of the events that started this run."""
    events = context["triggering_asset_events"][STAGED]
    return [item for event in events for item in event.extra.get("ranges", ())]
