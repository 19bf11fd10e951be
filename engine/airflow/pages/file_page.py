"""The page of one file: its profile, beside the loads before it, with its rejects and its other attempts."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse

from engine.airflow.pages import asking, rejects
from engine.airflow.pages.showing import show
from engine.catalog.browse import Browser, Load, StoredFile, trend_of
from engine.model import QualityCheck
from engine.profile import FileView, state_of

# A SERIAL goes no further, and PostgreSQL refuses what doesn't fit.
MOST_ROW_ID: Final = 2**31
# Columns on a page; a file has up to 20,000.
_PAGE_COLUMNS: Final = 50
_SHOWN_REJECTS: Final = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """A measurement beside those of earlier loads: `values` are theirs, oldest first, and then its own.

    `usual` is the middle one of theirs. `off` marks a value that is further from it than all of them are.
    """

    check: QualityCheck
    values: tuple[float | None, ...] = ()
    usual: float | None = None
    off: bool = False


def file_page(
    request: Request, browser: Browser, row_id: int, *, first: int, run: str, in_task: bool = False
) -> HTMLResponse:
    """Show one attempt at a file.

    Args:
        first: The first column on the page.
        run: The run whose list of files the way back leads to; "" leads to the files of the last days.
        in_task: It is shown for a task instance, from which no way leads back.

    Raises:
        HTTPException: There is no such attempt.
    """
    found = browser.file(row_id, columns=_PAGE_COLUMNS, offset=first) if row_id < MOST_ROW_ID else None
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "the catalog has no such file")
    loads = browser.history(found, first=first, last=first + _PAGE_COLUMNS - 1)
    report = found.report
    folder = asking.settings().rejects_dir
    state = state_of(found.state)
    return show(
        request,
        "file",
        id=row_id,
        view=FileView(report=report, state=state, first_column=first, columns_total=found.columns_total),
        loads=loads,
        measured=[beside(check, loads) for check in (*_counts(found), *report.checks)],
        filled=[beside(check, loads) for check in _completeness(found)],
        attempts=browser.attempts(report.file_id),
        reasons=rejects.first_reasons(report.rejects_path, folder, _SHOWN_REJECTS),
        can_save=rejects.confined(report.rejects_path, folder, ".csv") is not None,
        can_save_reasons=rejects.confined(report.rejects_path, folder, ".errors.jsonl") is not None,
        page_columns=_PAGE_COLUMNS,
        run=run,
        in_task=in_task,
        has_run=asking.is_run(report.run_id),
        dag_id=asking.DAG_ID,
        live=found.state in ("queued", "running", "retry"),
    )


def beside(check: QualityCheck, loads: list[Load]) -> Beside:
    """Put a measurement beside those of earlier loads."""
    if isinstance(check.value, str):
        return Beside(check=check)
    earlier = _own_trend(check, loads) or trend_of(check, loads)
    there = sorted(value for value in earlier if value is not None)
    if not there:
        return Beside(check=check)
    now, usual = float(check.value), there[len(there) // 2]
    furthest = max(abs(value - usual) for value in there)
    # A change nobody would see is none.
    off = len(there) >= 3 and abs(now - usual) > max(furthest * 1.5, abs(usual) * 0.01)
    return Beside(check=check, values=(*earlier, now), usual=usual, off=off)


def _own_trend(check: QualityCheck, loads: list[Load]) -> tuple[float | None, ...]:
    match check.name:
        case "rows loaded":
            return tuple(float(load.rows_loaded) for load in loads)
        case "duration":
            return tuple(load.seconds for load in loads)
        case _:
            return ()


def _counts(found: StoredFile) -> tuple[QualityCheck, ...]:
    """What is no check, but is looked at beside earlier loads all the same; of a file that isn't loaded, none."""
    if found.state != "success":
        return ()
    report = found.report
    duration = QualityCheck(name="duration", value=report.seconds, unit="seconds")
    # Usually that's a check of its own.
    if any(check.name == "row_count" for check in report.checks):
        return (duration,)
    return (QualityCheck(name="rows loaded", value=report.rows_loaded, unit="count"), duration)


def _completeness(found: StoredFile) -> list[QualityCheck]:
    return [
        QualityCheck(
            name="completeness",
            column=column.name,
            value=(column.profile.rows - column.profile.nulls) / column.profile.rows,
            unit="ratio",
        )
        for column in found.report.columns
        if column.profile is not None and column.profile.rows
    ]
