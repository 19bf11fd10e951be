"""Imports the engine once in the scheduler, so that the workers forked from it don't import it for every task.

The imports alone are a second of CPU time, which is more than a small file takes. Only LocalExecutor forks from the
scheduler; with any other executor this costs the scheduler's memory and gains nothing, so it isn't done there.
"""

from __future__ import annotations

import importlib
import sys

from airflow.configuration import conf
from airflow.listeners import hookimpl

_MODULES = ("engine.pipeline", "engine.summary", "adbc_driver_postgresql.dbapi", "adbc_driver_manager.dbapi")


@hookimpl
def on_starting(component: object) -> None:
    """Import what tasks will need where this process is a scheduler that runs them itself."""
    del component  # the same for every kind of job; the command tells them apart
    if sys.argv[1:2] == ["scheduler"] and "LocalExecutor" in conf.get("core", "executor"):
        for module in _MODULES:
            importlib.import_module(module)
