"""What each address answers: the files of the last days, a run's, a task's, one file, and its rejects to save."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Final, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse

from engine.airflow.pages import asking, charts, rejects
from engine.airflow.pages.file_page import MOST_ROW_ID, file_page
from engine.airflow.pages.showing import show
from engine.catalog.browse import Browser, FileEntry, Wanted

router = APIRouter()

_PAGE_FILES: Final = 50
# Fewer days than these make no chart.
_LEAST_DAYS: Final = 14
_DAYS: Final = (1, 7, 30, 90, 365)
_STATES: Final = {
    "loaded": ("success",),
    "on its way": ("queued", "running", "retry"),
    "failed": ("failed", "held"),
    "held": ("held",),
    "duplicate": ("duplicate",),
}
_UNFINISHED: Final = _STATES["on its way"]

# PostgreSQL's text can't hold U+0000, so nothing is of that name.
_TEXT: Final = r"^[^\x00]*$"
Text = Annotated[str, Query(max_length=500, pattern=_TEXT)]
Page = Annotated[int, Query(ge=1, le=100_000)]
RunId = Annotated[str, Query(max_length=250, pattern=_TEXT)]


@router.get("/")
def files(
    request: Request,
    days: Annotated[int, Query(ge=1, le=3650)] = 7,
    state: Text = "",
    source: Text = "",
    name: Text = "",
    page: Page = 1,
) -> HTMLResponse:
    """Show the files of the last days."""
    browser = asking.browser()
    table, feed = _source(source)
    wanted = Wanted(days=days, states=_STATES.get(state, ()), table=table, feed=feed, name=name.strip() or None)
    found = browser.files(wanted, limit=_PAGE_FILES, offset=(page - 1) * _PAGE_FILES)
    targets = browser.targets(days)
    trends = browser.trends({(entry.table, entry.feed) for entry in found} | {(t.table, t.feed) for t in targets})
    number = max(days, _LEAST_DAYS) if days <= 90 else 90
    by_day, today = browser.days(number, table=table, feed=feed), datetime.now(UTC).date()
    return show(
        request,
        "files",
        files=found,
        counts=browser.count(wanted),
        targets=targets,
        trends=trends,
        rows_chart=charts.rows_a_day(by_day, last=today, number=number),
        files_chart=charts.files_a_day(by_day, last=today, number=number),
        asked={"days": days, "state": state, "source": source, "name": name, "page": page},
        choices={"days": _DAYS, "states": tuple(_STATES)},
        page_files=_PAGE_FILES,
    )


@router.get("/run")
def run(
    request: Request, run_id: RunId, dag_id: RunId = asking.DAG_ID, state: Text = "", page: Page = 1
) -> HTMLResponse:
    """Show the files of a run: a tab of each DAG's runs, with something to show on those of one."""
    if dag_id != asking.DAG_ID:
        return _foreign(request)
    browser = asking.browser()
    wanted = Wanted(run=run_id, states=_STATES.get(state, ()))
    found = browser.files(wanted, limit=_PAGE_FILES, offset=(page - 1) * _PAGE_FILES)
    everything = browser.count(Wanted(run=run_id))
    return show(
        request,
        "run",
        files=found,
        counts=everything,
        matching=browser.count(wanted) if wanted.states else everything,
        live=any(everything.by_state.get(name) for name in _UNFINISHED),
        trends=browser.trends({(entry.table, entry.feed) for entry in found}),
        asked={"dag_id": dag_id, "run_id": run_id, "state": state, "page": page},
        choices={"states": tuple(_STATES)},
        page_files=_PAGE_FILES,
    )


@router.get("/task")
def task(
    request: Request,
    run_id: RunId,
    task_id: RunId,
    dag_id: RunId = asking.DAG_ID,
    map_index: Annotated[str, Query(max_length=20)] = "-1",
    first: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> HTMLResponse:
    """Show the file that a task instance works on, or the list of them: a tab of each task instance."""
    if dag_id != asking.DAG_ID:
        return _foreign(request)
    browser = asking.browser()
    # An instance that isn't mapped has no index: then the address has its placeholder.
    number = int(map_index) if map_index.isdecimal() else -1
    found = _files_of(browser, run_id, task_id, number)
    if number >= 0 and len(found) == 1:
        return file_page(request, browser, found[0].id, first=first, run=run_id, in_task=True)
    return show(
        request,
        "task",
        files=found,
        trends=browser.trends({(entry.table, entry.feed) for entry in found}),
        mapped=number >= 0,
        asked={"run_id": run_id},
        live=any(entry.state in _UNFINISHED for entry in found),
        capped=len(found) == _PAGE_FILES,
    )


@router.get("/files/{row_id}")
def file(
    request: Request, row_id: int, first: Annotated[int, Query(ge=0, le=100_000)] = 0, run: RunId = ""
) -> HTMLResponse:
    """Show one attempt at a file."""
    return file_page(request, asking.browser(), row_id, first=first, run=run)


@router.get("/files/{row_id}/rejects/{what}")
def rejected(row_id: int, what: Literal["rows", "reasons"]) -> FileResponse:
    """Send the rejected rows, or the reasons, as a file to save."""
    found = asking.browser().file(row_id, columns=0) if row_id < MOST_ROW_ID else None
    suffix = ".csv" if what == "rows" else ".errors.jsonl"
    path = rejects.confined(found.report.rejects_path, asking.settings().rejects_dir, suffix) if found else None
    if path is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "there is no such reject file any more")
    return FileResponse(
        path, media_type="application/octet-stream", filename=path.name, content_disposition_type="attachment"
    )


@router.get("/icon.svg")
def icon() -> Response:
    """Send the picture for Airflow's navigation: a channel that falls into a table."""
    # A tile of its own colour: the picture can't know whether what is behind it is light, dark, or chosen.
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="6" fill="#1f6feb"/>'
        '<path fill="none" stroke="#fff" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" '
        'd="M5 6h6.5a3 3 0 0 1 3 3v2.5M9 11.5h10V19H9zM9 15.2h10M14.5 11.5V19"/></svg>'
    )
    return Response(drawing, media_type="image/svg+xml")


def _files_of(browser: Browser, run_id: str, task_id: str, number: int) -> list[FileEntry]:
    """List a task instance's files: its unit's where it is mapped and that can be told, else the run's."""
    if number >= 0:
        name = asking.name_of_task(run_id, task_id, number)
        found = browser.files(Wanted(run=run_id, file_name=name), limit=_PAGE_FILES) if name else []
        # A unit of several files is named after none of them.
        if len(found) == 1:
            return found
        if file_ids := asking.files_of_task(run_id, number):
            return browser.files(Wanted(run=run_id, file_ids=file_ids), limit=_PAGE_FILES)
    return browser.files(Wanted(run=run_id), limit=_PAGE_FILES)


def _source(text: str) -> tuple[str | None, str | None]:
    """Read what the filter chose: `table:sales_data` or `feed:sales`."""
    kind, _, name = text.partition(":")
    return (name or None if kind == "table" else None), (name or None if kind == "feed" else None)


def _foreign(request: Request) -> HTMLResponse:
    return show(
        request,
        "sorry",
        title="No files here",
        said=f"Files belong to runs of the DAG {asking.DAG_ID}.",
        next_step="",
    )
