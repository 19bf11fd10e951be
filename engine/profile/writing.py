"""A run's pages on disk: one page, or a folder with an index and a page for each file."""

from __future__ import annotations

import re
from pathlib import Path

from engine.model import RunReport
from engine.profile.page import file_html, run_html

# What file systems and URLs both take as it is; the rest of a name is a person's aid only.
_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_CHARS = 80


def write_html(run: RunReport, path: Path) -> None:
    """Write a run's pages.

    Args:
        path: A folder gets `index.html` and one page for each file; a file gets one page: of the run's only file its
            profile, of several the overview with all profiles.

    Raises:
        OSError: It can't be written.
    """
    if not path.is_dir():
        single = len(run.files) == 1
        path.write_text(file_html(run.files[0]) if single else run_html(run), encoding="utf-8")
        return
    names = [
        f"{number:04}-{_PLAIN.sub('_', report.path.name)[:_NAME_CHARS]}.html"
        for number, report in enumerate(run.files, 1)
    ]
    for name, report in zip(names, run.files, strict=True):
        (path / name).write_text(file_html(report, up="index.html"), encoding="utf-8")
    (path / "index.html").write_text(run_html(run, links=names), encoding="utf-8")
