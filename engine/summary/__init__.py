"""Summary: what a person sees of a run, meanwhile and at the end, and the same as JSON."""

from engine.summary.document import REPORT_VERSION, file_document, run_error_json, run_json, to_json
from engine.summary.progress import LogLines, ProgressBar, ProgressLines
from engine.summary.stored import file_from_json
from engine.summary.table import print_summary
from engine.summary.text import clean

__all__ = [
    "REPORT_VERSION",
    "LogLines",
    "ProgressBar",
    "ProgressLines",
    "clean",
    "file_document",
    "file_from_json",
    "print_summary",
    "run_error_json",
    "run_json",
    "to_json",
]
