"""One step of the engine as the body of a task: told to stop it stops, and a failure that no retry helps is final."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType
from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from engine import steps
from engine.errors import EngineError

logger = logging.getLogger("headrace.task")

# The column that keeps it holds 250 characters; names may have 255 bytes and more in a unit of several files.
_LABEL_CHARS = 200
# What a task returns is stored for the run's page: names of tables beyond these say nothing there.
_MOST_TABLES = 10

Step = Callable[..., dict[str, Any]]


class Stopped(KeyboardInterrupt):
    """Airflow told the task to stop; everything unwinds as after Ctrl-C."""


def run_step(step: Step, unit: str) -> dict[str, Any]:
    """Do one step for a unit, in the task that calls.

    Returns:
        The step's counts, small enough to be kept by Airflow.

    Raises:
        AirflowFailException: A failure that trying again doesn't help, with the error's whole text.
        AirflowException: A failure that may pass, or the task was told to stop.
    """
    ti = get_current_context()["ti"]
    with failing_as_tasks_do():
        result = step(unit, last_try=ti.try_number > ti.max_tries)
    return {**result, "tables": list(result.get("tables", ()))[:_MOST_TABLES]}


@contextmanager
def failing_as_tasks_do() -> Iterator[None]:
    """Turn what the engine raises, and the signal to stop, into what Airflow tries again or doesn't."""
    try:
        with _stopping_on_sigterm():
            yield
    except EngineError as error:
        # A line of its own: the log's traceback is of Airflow's frames, and says it far below.
        logger.error("%s [%s]", error, error.code)  # noqa: TRY400 - what was expected needs no traceback
        kind = AirflowException if error.retryable else AirflowFailException
        raise kind(str(error)) from None
    except Stopped:
        raise AirflowException("told to stop: what is committed stays, and the next try goes on from there") from None


@cache
def label(unit: str) -> str:
    """Return the name of the unit's file, for people; of several files, the first and how many more."""
    try:
        name = steps.name(unit)
    except EngineError:
        # Its run is long over and forgotten: the unit's own name is left.
        return unit
    half = _LABEL_CHARS // 2
    return name if len(name) <= _LABEL_CHARS else f"{name[:half]}…{name[-half:]}"


@contextmanager
def _stopping_on_sigterm() -> Iterator[None]:
    """Let SIGTERM unwind the stack. Airflow's own handler does nothing for a function, and SIGKILL comes 5 s later."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        # Once: a second one must not break into the cleaning up.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Stopped

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
