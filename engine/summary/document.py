"""The JSON report: a stable, versioned document, whose keys the README describes.

Numbers are exact: a DECIMAL column's minimum has all its digits, which `json.loads(text, parse_float=Decimal)` keeps.
Dates and times are ISO 8601, durations seconds. What isn't known is null, as is a number that JSON can't write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from pathlib import Path

import simplejson

from engine.model import (
    ColumnProfile,
    ColumnReport,
    ErrorReport,
    FileReport,
    Histogram,
    QualityCheck,
    Receipt,
    RunReport,
    Value,
)

# Raised when a key changes its meaning or goes; new keys don't raise it.
REPORT_VERSION = 1

Json = str | int | float | Decimal | bool | None | Sequence["Json"] | Mapping[str, "Json"]


def run_json(report: RunReport) -> str:
    """Write a run as JSON: numbers exact, dates and times in ISO 8601, durations in seconds."""
    return to_json(
        {
            "version": REPORT_VERSION,
            "run_id": report.run_id,
            "started_at": report.started_at.isoformat(),
            "ok": report.ok,
            "error": None,
            "dry_run": report.dry_run,
            "wall_seconds": round(report.wall_seconds, 3),
            "rows_read": report.rows_read,
            "rows_loaded": report.rows_loaded,
            "rows_rejected": report.rows_rejected,
            "notes": list(report.notes),
            "files": [file_document(file) for file in report.files],
        }
    )


def run_error_json(code: str, message: str, *, retryable: bool) -> str:
    """Write the report of a run that ended before it came to a file."""
    error = ErrorReport(code=code, message=message, retryable=retryable)
    return to_json({"version": REPORT_VERSION, "ok": False, "error": _error(error), "files": []})


def to_json(document: Json) -> str:
    """Write a document with every digit of its Decimals; NaN and infinity become null."""
    return simplejson.dumps(document, use_decimal=True, ignore_nan=True, ensure_ascii=False, indent=2)


def ledger_json(file: FileReport, most_chars: int | None = None) -> str:
    """Write one file's report as the ledger keeps it, within what the server takes in a statement where that is possible.

    A file of 20,000 columns has one of 15 MB. Where it's too large, the statistics of the fields in the JSON column are
    left out, then these fields, then the statistics of the columns.
    """
    own = tuple(column for column in file.columns if column.within is None)
    slimmer: tuple[Callable[[], tuple[ColumnReport, ...]], ...] = (
        lambda: file.columns,
        lambda: tuple(c if c.within is None else replace(c, profile=None) for c in file.columns),
        lambda: own,
        lambda: tuple(replace(column, profile=None) for column in own),
    )
    text = ""
    for columns in slimmer:
        text = _dense(file_document(replace(file, columns=columns())))
        if most_chars is None or len(text) <= most_chars:
            break
    return text


def _dense(document: Json) -> str:
    return simplejson.dumps(document, use_decimal=True, ignore_nan=True, ensure_ascii=False, separators=(",", ":"))


def file_document(file: FileReport) -> dict[str, Json]:
    """Return one file of the report as plain values."""
    return {
        "file_id": file.file_id,
        "run_id": file.run_id,
        "attempt": file.attempt,
        "path": str(file.path),
        "sha256": file.sha256,
        "size_bytes": file.size_bytes,
        "mtime": file.mtime.isoformat() if file.mtime else None,
        "feed": file.feed,
        "table": file.table,
        "mode": file.mode.value,
        "status": file.status.value,
        "started_at": file.started_at.isoformat(),
        "seconds": round(file.seconds, 3),
        "seconds_by_step": {name: round(seconds, 3) for name, seconds in file.seconds_by_step.items()},
        "rows_read": file.rows_read,
        "rows_loaded": file.rows_loaded,
        "rows_rejected": file.rows_rejected,
        "rejects_by_class": dict(file.rejects_by_class),
        "blank_lines": file.blank_lines,
        "comment_lines": file.comment_lines,
        "repaired_rows": file.repaired_rows,
        "restarts": file.restarts,
        "batches": file.batches,
        "rejects_path": _path(file.rejects_path),
        "repairs_path": _path(file.repairs_path),
        "archived_to": _path(file.archived_to),
        "replays": file.replays,
        "error": _error(file.error),
        "receipt": _receipt(file.receipt),
        "columns": [_column(column) for column in file.columns],
        "checks": [_check(check) for check in file.checks],
        "notes": list(file.notes),
    }


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _error(error: ErrorReport | None) -> Json:
    return None if error is None else {"code": error.code, "message": error.message, "retryable": error.retryable}


def _receipt(receipt: Receipt | None) -> Json:
    if receipt is None:
        return None
    return {
        "verified": receipt.verified,
        "rows": {"engine": receipt.rows_engine, "mysql": receipt.rows_mysql},
        "columns": [
            {"name": c.column, "engine": dict(c.engine), "mysql": dict(c.mysql), "equal": c.equal}
            for c in receipt.columns
        ],
        "note": receipt.note,
    }


def _check(check: QualityCheck) -> Json:
    return {
        "name": check.name,
        "column": check.column,
        "value": check.value,
        "unit": check.unit,
        "passed": check.passed,
        "message": check.message,
    }


def _column(column: ColumnReport) -> Json:
    return {
        "name": column.name,
        "original_header": column.original,
        "mysql_type": column.mysql_type,
        "within": column.within,
        "statistics": None if column.profile is None else _statistics(column.profile),
    }


def _statistics(profile: ColumnProfile) -> Json:
    return {
        "kind": profile.kind.value,
        "rows": profile.rows,
        "nulls": profile.nulls,
        "empties": profile.empties,
        "distinct": profile.distinct,
        "distinct_error": profile.distinct_error,
        "min": _plain(profile.minimum),
        "max": _plain(profile.maximum),
        "sum": _plain(profile.total),
        "mean": profile.mean,
        "stddev": profile.stddev,
        "min_chars": profile.min_chars,
        "max_chars": profile.max_chars,
        "quantiles": [{"probability": at, "value": _plain(value)} for at, value in profile.quantiles],
        "quantiles_error": profile.quantiles_error,
        "top_values": [{"value": value, "count": count} for value, count in profile.top_values],
        "top_error": profile.top_error,
        "histogram": _histogram(profile.histogram),
        "samples": list(profile.samples),
    }


def _histogram(histogram: Histogram | None) -> Json:
    # Between the smallest and the largest double there may be more than a double holds.
    if histogram is None or not all(map(isfinite, histogram.edges)):
        return None
    return {"edges": list(histogram.edges), "counts": list(histogram.counts), "exact": histogram.exact}


def _plain(value: Value | None) -> Json:
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case _:
            return value
