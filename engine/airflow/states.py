"""States: what Airflow decides about a task reaches the file's row in the catalog, also where the task itself can't."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from airflow.sdk import Context

from engine import steps
from engine.airflow.alerts import Finding, Place, alert_failure, alert_loaded
from engine.airflow.lineage import emit_lineage
from engine.airflow.stepping import label
from engine.errors import EngineError
from engine.model import FileReport, FileStatus

logger = logging.getLogger("headrace.states")

SCAN = "scan_for_csv_files"
GROUP = "process_file"
# What the engine says of a file that no step failed: it isn't loaded yet, or its task was to be tried again.
_UNTOLD = ("run.unfinished", "run.interrupted")
_ENDED_WELL = (FileStatus.LOADED, FileStatus.DUPLICATE)
_DIED = "the task died, and could not say of what; see {link}"


def on_retry(context: Context) -> None:
    """Record that the files wait for the next try, and why. Runs in the task, or in the DAG processor if that died."""
    if unit := unit_of(context):
        _mark(unit, "retry", _reason(context))


def on_failure(context: Context) -> None:
    """Record that the files failed for good, and tell whoever is to be told."""
    unit = unit_of(context)
    if unit:
        _mark(unit, "failed", _reason(context))
    alert_failure(findings(unit, _reason(context), context["ti"].task_id), place_of(context))


def place_of(context: Context) -> Place:
    """Return which task of which run the context is of."""
    ti = context["ti"]
    map_index = ti.map_index if ti.map_index is not None else -1
    return Place(
        dag_id=ti.dag_id, run_id=ti.run_id, task_id=ti.task_id, map_index=map_index, link=getattr(ti, "log_url", "")
    )


def unit_of(context: Context) -> str | None:
    """Return the unit that a mapped task works on; None for a task that works on none."""
    ti = context["ti"]
    if ti.map_index is None or ti.map_index < 0:
        return None
    arguments = getattr(ti.task, "op_kwargs", None)
    if isinstance(arguments, dict) and isinstance(arguments.get("unit"), str):
        return str(arguments["unit"])
    # In the DAG processor the task isn't mapped out: the list that it was mapped over is asked.
    units = units_of(context)
    return units[ti.map_index] if ti.map_index < len(units) else None


def units_of(context: Context) -> list[str]:
    """Return the units of the run, none where the scan has not succeeded."""
    found = context["ti"].xcom_pull(task_ids=SCAN, map_indexes=-1)
    return list(found) if isinstance(found, list | tuple) else []


def findings(unit: str | None, reason: str, task_id: str) -> list[Finding]:
    """Return each failed file of the unit with its own error; what isn't about a file is about the task."""
    if unit is None:
        return [Finding(file=task_id, message=reason)]
    failed = [_finding(report, reason) for report in _reports(unit) if report.status not in _ENDED_WELL]
    return failed or [Finding(file=label(unit), message=reason)]


def announce_loaded(context: Context, unit: str) -> None:
    """Tell of the files of a unit that were loaded: their lineage, and alerts where something is to be said."""
    reports = _reports(unit)
    try:
        emit_lineage(reports)
    except Exception:
        # Whatever its collector or its client does: the rows are in.
        logger.warning("%s: its lineage could not be sent", label(unit), exc_info=True)
    alert_loaded(reports, place_of(context))


def sweep(context: Context) -> None:
    """Mark as failed what no task of the run will finish any more, and tell of it: nobody else did."""
    own = place_of(context)
    units = units_of(context)
    for index, task_id in _failed(context).items():
        if index >= len(units):
            continue
        unit = units[index]
        if left := [report for report in _reports(unit) if _is_open(report)]:
            top, _, _ = own.link.partition("/tasks/")
            place = replace(own, task_id=task_id, map_index=index, link=f"{top}/tasks/{task_id}/mapped/{index}")
            message = _DIED.format(link=place.link)
            _mark(unit, "failed", message)
            alert_failure([Finding(file=report.path.name, message=message) for report in left], place)


def _failed(context: Context) -> dict[int, str]:
    """Return the map indexes of which a task failed, each with that task."""
    ti = context["ti"]
    states = ti.get_task_states(dag_id=ti.dag_id, task_group_id=GROUP, run_ids=[ti.run_id]).get(ti.run_id, {})
    failed = {}
    for name, state in states.items():
        # Named "process_file.load_data_to_mysql_12", and without the number where nothing was mapped.
        task_id, _, number = name.rpartition("_")
        if state == "failed" and number.isdigit():
            failed[int(number)] = task_id
    return dict(sorted(failed.items()))


def _is_open(report: FileReport) -> bool:
    """Tell whether nobody has said yet that the file failed for good: not its task, and no callback."""
    error = report.error
    return error is not None and error.retryable and error.code in _UNTOLD


def _finding(report: FileReport, reason: str) -> Finding:
    return Finding(file=report.path.name, message=report.error.message if report.error else reason)


def _reports(unit: str) -> list[FileReport]:
    try:
        return steps.reports(unit)
    except EngineError as error:
        logger.warning("%s: what is known of its files can't be read: %s", unit, error)
        return []


def _reason(context: Context) -> str:
    error: Any = context.get("exception")
    return str(error) if error else _DIED.format(link=place_of(context).link)


def _mark(unit: str, status: str, message: str) -> None:
    try:
        steps.mark(unit, status, message)
    except EngineError as error:
        # The task's own outcome stands; the catalog hears of it from the summary, or from the next try.
        logger.warning("%s could not be recorded as %s: %s", unit, status, error)
