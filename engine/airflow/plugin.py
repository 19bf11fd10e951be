"""The plugin: pages in Airflow's own user interface, its navigation, and tabs on a run and on a task instance."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from engine.airflow import preloading

# Relative, so that they hold where Airflow lives below a path of its own.
_PREFIX = "headrace"
_RUN = "dag_id={DAG_ID}&run_id={RUN_ID}"

Message = MutableMapping[str, Any]


async def pages(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answer a request. Every process of Airflow imports this module, only the web server needs what answers."""
    from engine.airflow.pages.app import app

    await app()(scope, receive, send)


class HeadracePlugin(AirflowPlugin):
    """What Airflow learns of the pages, and what its scheduler loads for its workers."""

    name = "headrace"
    fastapi_apps = [  # noqa: RUF012 - as Airflow declares it
        {"app": pages, "url_prefix": f"/{_PREFIX}", "name": "Headrace"}
    ]
    listeners = [preloading]  # noqa: RUF012 - likewise
    external_views = [  # noqa: RUF012 - likewise
        {
            "name": "Headrace",
            "href": f"{_PREFIX}/",
            "destination": "nav",
            "nav_top_level": True,
            "icon": f"{_PREFIX}/icon.svg",
            "url_route": "headrace",
        },
        {
            "name": "Files",
            "href": f"{_PREFIX}/run?{_RUN}",
            "destination": "dag_run",
            "url_route": "headrace-files",
        },
        {
            "name": "File",
            "href": f"{_PREFIX}/task?{_RUN}&task_id={{TASK_ID}}&map_index={{MAP_INDEX}}",
            "destination": "task_instance",
            "url_route": "headrace-file",
        },
    ]
