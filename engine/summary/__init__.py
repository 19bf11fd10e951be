"""Summary: what a person sees of a run, meanwhile and at the end, and the same as JSON."""

from engine.summary.document import REPORT_VERSION, file_document, ledger_json, run_error_json, run_json, to_json
from engine.summary.examined import examination_json, print_examination
from engine.summary.progress import LogLines, ProgressBar, ProgressLines
from engine.summary.reconciled import print_reconciliation, reconciliation_json
from engine.summary.rejects import print_reasons, print_rejects, rejects_json
from engine.summary.stored import file_from_json
from engine.summary.table import print_summary

__all__ = [
    "REPORT_VERSION",
    "LogLines",
    "ProgressBar",
    "ProgressLines",
    "examination_json",
    "file_document",
    "file_from_json",
    "ledger_json",
    "print_examination",
    "print_reasons",
    "print_reconciliation",
    "print_rejects",
    "print_summary",
    "reconciliation_json",
    "rejects_json",
    "run_error_json",
    "run_json",
    "to_json",
]
