"""CSV files from the input folder into MySQL, exactly once, with a record of each in the catalog."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TriggerRule, chain, get_current_context, task, task_group

from engine import steps
from engine.airflow import assets, states
from engine.airflow.options import load_options
from engine.airflow.params import chosen, params
from engine.airflow.schedule import schedule_of
from engine.airflow.stepping import failing_as_tasks_do, label, run_step
from engine.config import load_settings

OPTIONS = load_options()
SETTINGS = load_settings()
# A database that restarts is back by then; the next try then comes soon after.
LONGEST_RETRY_DELAY = timedelta(minutes=30)
# Rendered before a task's first line and after its last, so that it has its file's name while it runs.
FILE_NAME = "{{ label(task.op_kwargs.unit) }}"

logger = logging.getLogger("headrace.dag")


@task
def scan_for_csv_files() -> list[str]:
    """Find the complete files and part them into units: usually a file, several where very many wait."""
    context = get_current_context()
    with failing_as_tasks_do():
        queue = steps.queue(context["run_id"], **chosen(context["params"]))
    for note in queue.notes:
        logger.info(note)
    logger.info("%d files in %d units", queue.files, len(queue.units))
    return [unit.path for unit in queue.units]


@task(outlets=[assets.STAGED_ALIAS], map_index_template=FILE_NAME, multiple_outputs=False)
def read_and_validate_csv(unit: str) -> dict[str, Any]:
    """Tell the dialect, prove every value, measure, and stage the batches for whoever loads them."""
    result = run_step(steps.read, unit)
    assets.announce_ranges(get_current_context(), unit)
    return result


@task(map_index_template=FILE_NAME, multiple_outputs=False)
def load_data_to_mysql(unit: str) -> dict[str, Any]:
    """Load the staged batches, each once, compare the receipt, and publish the table."""
    result = run_step(steps.load, unit)
    states.announce_loaded(get_current_context(), unit)
    return result


@task(map_index_template=FILE_NAME, multiple_outputs=False)
def extract_and_store_metadata(unit: str) -> dict[str, Any]:
    """Record columns, statistics and quality checks in the catalog."""
    return run_step(steps.describe, unit)


@task(map_index_template=FILE_NAME, multiple_outputs=False)
def archive_processed_file(unit: str) -> dict[str, Any]:
    """Move the loaded files to the archive and remove what was staged."""
    return run_step(steps.archive, unit)


@task_group
def process_file(unit: str) -> None:
    """Everything about one unit; the others go on without it where it fails."""
    chain(
        read_and_validate_csv(unit=unit),
        [load_data_to_mysql(unit=unit), extract_and_store_metadata(unit=unit)],
        archive_processed_file(unit=unit),
    )


@task(inlets=[assets.TABLES], outlets=[assets.TABLES], trigger_rule=TriggerRule.ALL_DONE, multiple_outputs=False)
def log_pipeline_summary() -> dict[str, Any]:
    """Log what became of every file; what no task will finish any more is recorded as failed."""
    context = get_current_context()
    with failing_as_tasks_do():
        states.sweep(context)
        report = steps.summary(context["run_id"])
    logger.info("\n%s", steps.text(report))
    assets.announce_tables(context, report.files)
    return {
        "files": len(report.files),
        "ok": report.ok,
        "rows_read": report.rows_read,
        "rows_loaded": report.rows_loaded,
        "rows_rejected": report.rows_rejected,
    }


with DAG(
    dag_id="csv_to_mysql_with_metadata",
    description="Loads the CSV files that wait in the input folder into MySQL, exactly once",
    doc_md=__doc__,
    schedule=schedule_of(OPTIONS, SETTINGS),
    catchup=False,
    # Files are handed out by the scan: a second run beside the first would find them taken.
    max_active_runs=1,
    params=params(SETTINGS),
    user_defined_macros={"label": label},
    tags=["csv", "mysql"],
    default_args={
        "retries": OPTIONS.retries,
        "retry_delay": OPTIONS.retry_delay,
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": max(LONGEST_RETRY_DELAY, OPTIONS.retry_delay),
        "on_retry_callback": states.on_retry,
        "on_failure_callback": states.on_failure,
    },
) as dag:
    scanned = scan_for_csv_files()
    processed = process_file.expand(unit=scanned)
    end = EmptyOperator(task_id="end", trigger_rule=TriggerRule.NONE_FAILED)
    chain(EmptyOperator(task_id="start"), scanned, processed, log_pipeline_summary(), end)
    # The summary succeeds whatever happened to the files: that one failed, the end learns from them.
    chain(processed, end)
