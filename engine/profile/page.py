"""Pages from templates: everything escaped, nothing loaded, one policy that lets nothing in a file's content run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import engine
from engine import text as texts
from engine.model import FileReport, RunReport
from engine.profile import pictures, text
from engine.profile.view import MOST_COLUMNS, FileView

_TEMPLATES = Path(__file__).resolve().parent / "templates"


@cache
def style() -> str:
    """Return the style sheet of all pages."""
    # Between <style> tags nothing may end them; the sheet is ours and has no such text.
    return "\n" + (_TEMPLATES / "style.css").read_text(encoding="utf-8")


def digest(inline: str) -> str:
    """Return the source expression that lets a Content-Security-Policy accept just this inline text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"


@cache
def policy() -> str:
    """Return the Content-Security-Policy of a page that stands alone: its own style sheet, and nothing else at all."""
    return f"default-src 'none'; style-src {digest(style())}; img-src data:; base-uri 'none'; form-action 'none'"


def environment(*folders: Path) -> Environment:
    """Return the templates' environment, with the folders' templates beside those of this room.

    What a page says of a file's content passes `visible`, and autoescape always.
    """
    made = Environment(
        loader=FileSystemLoader([*folders, _TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "count": text.count,
        "size": texts.size,
        "duration": text.duration,
        "rate": text.rate,
        "percent": text.percent,
        "when": text.when,
        "rounded": text.rounded,
        "grouped": text.grouped,
        "value": text.value,
        "visible": text.visible,
        "shortened": text.shortened,
        "shape": pictures.shape,
        "histogram": pictures.histogram,
        "frequencies": pictures.frequencies,
    }
    made.globals |= {
        "style": style(),
        "version": engine.__version__,
        "count": text.count,
        "duration": text.duration,
        "policy": "",
        "theme": None,
    }
    return made


@cache
def _own() -> Environment:
    return environment()


def file_html(report: FileReport, *, theme: str | None = None, up: str | None = None) -> str:
    """Write the page of one file.

    Args:
        theme: `light` or `dark`; None follows the reader's system.
        up: Where the page of the run is, relative to this one; None where there is none.
    """
    template = _own().get_template("file.html.j2")
    return template.render(view=FileView.of(report), policy=policy(), theme=theme, up=up)


def run_html(run: RunReport, *, links: Sequence[str] | None = None, theme: str | None = None) -> str:
    """Write the page of a run: the overview, then each file's profile, folded.

    All files together have room for 2,000 columns; of a file beyond that the page has everything but its columns.

    Args:
        links: Where each file's own page is; the profiles are there then, not here.
    """
    views, room = list[FileView](), MOST_COLUMNS
    for number, report in enumerate(run.files, 1):
        views.append(FileView.of(report, most_columns=room, prefix=f"f{number}-"))
        room -= len(views[-1].columns)
    places = links if links is not None else [f"#{view.prefix}file" for view in views]
    template = _own().get_template("run.html.j2")
    return template.render(
        run=run,
        files=list(zip(views, places, strict=True)),
        profiles=views if links is None else [],
        policy=policy(),
        theme=theme,
    )
