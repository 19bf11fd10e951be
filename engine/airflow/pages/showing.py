"""Answers from templates: those of the profile, and what is around it in Airflow."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment

from engine.profile import digest, environment, line, state_of, style

_TEMPLATES: Final = Path(__file__).resolve().parent / "templates"


@cache
def script() -> str:
    """Return the pages' only script: it follows Airflow's theme and navigates its page."""
    return (_TEMPLATES / "script.js").read_text(encoding="utf-8")


@cache
def policy() -> str:
    """Return the Content-Security-Policy: the pages' own style sheet and script, inside Airflow, and nothing else."""
    return (
        f"default-src 'none'; style-src {digest(style())}; script-src {digest(script())}; img-src data:; "
        "form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
    )


@cache
def _environment() -> Environment:
    made = environment(_TEMPLATES)
    made.globals |= {
        "script": script(),
        "line": line,
    }
    made.filters |= {"state": state_of, "query": _query, "segment": lambda text: quote(str(text), safe="")}
    return made


def show(request: Request, template: str, *, status: HTTPStatus = HTTPStatus.OK, **values: object) -> HTMLResponse:
    """Answer with a page.

    Args:
        values: What the template names; `base` is where these pages begin, `airflow` where Airflow does.
    """
    base = str(request.scope.get("root_path", "")).rstrip("/")
    text = (
        _environment()
        .get_template(f"{template}.html.j2")
        .render({**values, "base": base, "airflow": base.removesuffix("/headrace")})
    )
    return HTMLResponse(text, status_code=status)


def _query(values: Mapping[str, object], **changed: object) -> str:
    """Write a query string of these values, with some changed and the empty ones left out."""
    return urlencode({name: item for name, item in {**values, **changed}.items() if item not in (None, "")})
