"""What the pages are made from: the settings, the catalog, and what Airflow knows of a task instance."""

from __future__ import annotations

from functools import cache
from threading import Lock

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import select

from engine import steps
from engine.catalog import Catalog
from engine.catalog.browse import Browser
from engine.config import Settings, load_settings
from engine.errors import CatalogError, EngineError

DAG_ID = "csv_to_mysql_with_metadata"
_SCAN = "scan_for_csv_files"
# A person waits for the page; the engine itself is more patient.
_CONNECT_TIMEOUT_S = 3

_opening = Lock()


@cache
def settings() -> Settings:
    """Return the settings of this process."""
    return load_settings()


def browser() -> Browser:
    """Return what asks the catalog.

    Raises:
        CatalogError: It can't be reached, or nobody said where it is.
    """
    with _opening:
        return _browser()


@cache
def _browser() -> Browser:
    if settings().catalog_url is None:
        raise CatalogError(
            "the web server doesn't know where the catalog is",
            code="catalog.url",
            next_step="set INGEST_CATALOG_URL in its environment to the URL that the tasks use",
        )
    url = settings().catalog_url
    assert url is not None
    return Browser(Catalog.connect(url.get_secret_value(), connect_timeout_s=_CONNECT_TIMEOUT_S))


def is_run(run_id: str) -> bool:
    """Tell whether Airflow has a run of this id, which files that were loaded by hand haven't."""
    with create_session() as session:
        found = select(DagRun.id).where(DagRun.dag_id == DAG_ID, DagRun.run_id == run_id)
        return session.scalar(found) is not None


def name_of_task(run_id: str, task_id: str, map_index: int) -> str | None:
    """Return what a mapped task instance is named after, which is its file where it has one; None until it ran."""
    with create_session() as session:
        name: str | None = session.scalar(
            select(TaskInstance._rendered_map_index).where(  # noqa: SLF001 - the property's types say nothing
                TaskInstance.dag_id == DAG_ID,
                TaskInstance.run_id == run_id,
                TaskInstance.task_id == task_id,
                TaskInstance.map_index == map_index,
            )
        )
    return name


def files_of_task(run_id: str, map_index: int) -> tuple[str, ...]:
    """Return the ids of the files that a mapped task instance works on, none where that can't be told any more.

    Cost: the first call in a process imports the engine, two seconds.
    """
    with create_session() as session:
        scanned = session.scalar(
            XComModel.get_many(run_id=run_id, key="return_value", task_ids=_SCAN, dag_ids=DAG_ID, limit=1)
        )
        units = XComModel.deserialize_value(scanned) if scanned is not None else ()
    if not isinstance(units, list | tuple) or map_index >= len(units):
        return ()
    try:
        return tuple(report.file_id for report in steps.reports(str(units[map_index])))
    except (EngineError, OSError, LookupError, ValueError):
        # What was staged is gone, or this machine doesn't share the folder.
        return ()
