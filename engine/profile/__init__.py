"""Profile: a file as a person looks at it, in one page that needs nothing else."""

from engine.profile.page import digest, environment, file_html, run_html, style
from engine.profile.pictures import Line, Part, line, parts
from engine.profile.view import FileView, state_of
from engine.profile.writing import write_html

__all__ = [
    "FileView",
    "Line",
    "Part",
    "digest",
    "environment",
    "file_html",
    "line",
    "parts",
    "run_html",
    "state_of",
    "style",
    "write_html",
]
