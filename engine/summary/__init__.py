"""Summary: what a person sees at the end, and the same as JSON."""

from engine.summary.document import REPORT_VERSION, file_document, file_from_json, run_json, to_json
from engine.summary.table import clean, print_summary

__all__ = ["REPORT_VERSION", "clean", "file_document", "file_from_json", "print_summary", "run_json", "to_json"]
