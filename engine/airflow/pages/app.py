"""The pages' web application: who gets in, and what every answer carries."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import cache
from http import HTTPStatus

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException

from engine.airflow.pages.asking import DAG_ID
from engine.airflow.pages.routes import router
from engine.airflow.pages.showing import policy, show
from engine.errors import EngineError

logger = logging.getLogger("headrace.pages")

# The DAG is fixed here: whoever may see its runs may see its files, whatever the address says.
_GUARDS = (Depends(get_user), Depends(requires_access_dag("GET", DagAccessEntity.RUN, param_dag_id=DAG_ID)))

_NEXT_STEPS = {
    HTTPStatus.UNAUTHORIZED: "Log in to Airflow, then open this page again.",
    HTTPStatus.FORBIDDEN: f"Ask an administrator for the right to read the DAG {DAG_ID} and its runs.",
    HTTPStatus.NOT_FOUND: "It may have been removed from the catalog.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The address has a value that makes no sense.",
}


@cache
def app() -> FastAPI:
    """Return the application, made once in a process."""
    made = FastAPI(title="Headrace", docs_url=None, redoc_url=None, openapi_url=None, dependencies=list(_GUARDS))
    made.include_router(router)
    made.middleware("http")(_with_headers)
    made.add_exception_handler(StarletteHTTPException, _refused)
    made.add_exception_handler(RequestValidationError, _invalid)
    made.add_exception_handler(EngineError, _failed)
    return made


async def _with_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Let nothing in a file's content run, and let nobody keep what only this user may see."""
    response = await call_next(request)
    response.headers["Content-Security-Policy"] = policy()
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException | StarletteHTTPException)
    status = HTTPStatus(error.status_code)
    return _sorry(request, status, str(error.detail), _NEXT_STEPS.get(status, ""))


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    said = "; ".join(f"{'.'.join(map(str, item['loc'][1:]))}: {item['msg']}" for item in error.errors())
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return _sorry(request, status, said, _NEXT_STEPS[status])


def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, EngineError)
    logger.warning("%s [%s]", error, error.code)
    return _sorry(request, HTTPStatus.SERVICE_UNAVAILABLE, error.message, error.next_step or "")


def _sorry(request: Request, status: HTTPStatus, said: str, next_step: str) -> Response:
    return show(request, "sorry", status=status, title=status.phrase, said=said, next_step=next_step)
