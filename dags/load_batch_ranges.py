"""Ranges of the staged batches of one large file, loaded by several workers beside the task that loads it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, get_current_context, task

from engine import steps
from engine.airflow import assets
from engine.airflow.stepping import failing_as_tasks_do


@task
def ranges_to_load() -> list[dict[str, Any]]:
    """Take the ranges from the events that started this run."""
    return assets.announced_ranges(get_current_context())


@task(map_index_template="batches {{ task.op_kwargs.batches.first }} to {{ task.op_kwargs.batches.last }}")
def load_batch_range(batches: dict[str, Any]) -> dict[str, Any]:
    """Load one range; batches that are in already are passed over."""
    with failing_as_tasks_do():
        return steps.load_range(batches["manifest"], batches["first"], batches["last"])


with DAG(
    dag_id="csv_to_mysql_batch_ranges",
    description="Helps to load large files; whatever it doesn't load, the main load does",
    doc_md=__doc__,
    schedule=[assets.STAGED],
    catchup=False,
    max_active_runs=16,
    tags=["csv", "mysql"],
    # A second try would come when the load is over.
    default_args={"retries": 0, "execution_timeout": timedelta(hours=12)},
) as dag:
    load_batch_range.expand(batches=ranges_to_load())
