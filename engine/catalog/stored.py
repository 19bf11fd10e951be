"""A file's rows read back as the report that they were written from, as far as the catalog keeps it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.model import (
    ColumnProfile,
    ColumnReceipt,
    ColumnReport,
    ErrorReport,
    FileReport,
    FileStatus,
    Histogram,
    Kind,
    Mode,
    QualityCheck,
    Receipt,
    Value,
    typed,
)

Row = Mapping[str, Any]

_CLOCK = re.compile(r"(-?)(\d+):(\d\d):(\d\d)(?:\.(\d+))?")
_STATUS = {
    "success": FileStatus.LOADED,
    "duplicate": FileStatus.DUPLICATE,
    "held": FileStatus.HELD,
    "failed": FileStatus.FAILED,
}


def file_of(row: Row, columns: Sequence[Row] = (), checks: Sequence[Row] = ()) -> FileReport:
    """Build a file's report from its row, some of its columns and some of its metrics.

    What was cut when it was written stays cut; of a file on its way there is what was known when it began, and
    `status` says nothing then.
    """
    rest = _json(row["report"]) or {}
    code = row["error_code"] or row["ingestion_status"]
    return FileReport(
        file_id=str(row["file_id"] or ""),
        run_id=str(row["run_id"] or ""),
        attempt=row["attempt"] or 1,
        path=Path(rest.get("path") or row["file_path"]),
        sha256=row["sha256"],
        size_bytes=row["file_size_bytes"] or 0,
        mtime=row["mtime"],
        feed=row["feed"],
        table=row["target_table"] or "",
        mode=Mode(row["mode"] or Mode.APPEND),
        status=_STATUS.get(row["ingestion_status"], FileStatus.FAILED),
        started_at=row["started_at"] or row["ingestion_timestamp"].replace(tzinfo=UTC),
        seconds=row["seconds"] or 0.0,
        seconds_by_step={name: float(seconds) for name, seconds in (_json(row["seconds_by_step"]) or {}).items()},
        rows_read=row["row_count"] or 0,
        rows_loaded=row["rows_loaded"] or 0,
        rows_rejected=row["rows_rejected"] or 0,
        rejects_by_class=_json(row["rejects_by_class"]) or {},
        blank_lines=row["blank_lines"] or 0,
        comment_lines=int(rest.get("comment_lines") or 0),
        repaired_rows=row["repaired_rows"] or 0,
        restarts=row["restarts"] or 0,
        batches=row["batches"] or 0,
        rejects_path=_path(row["rejects_path"]),
        repairs_path=_path(rest.get("repairs_path")),
        archived_to=_path(row["archived_to"]),
        replays=row["replays"],
        error=ErrorReport(code=code, message=row["error_message"], retryable=bool(row["error_retryable"]))
        if row["error_message"]
        else None,
        receipt=_receipt(_json(row["receipt"])),
        columns=tuple(map(_column, columns)),
        checks=tuple(map(_check, checks)),
        notes=tuple(map(str, rest.get("notes") or ())),
    )


def _json(text: str | None) -> Any:  # noqa: ANN401 - whatever was written
    # Decimals keep their digits and their scale.
    return None if text is None else json.loads(text, parse_float=Decimal)


def _path(text: object) -> Path | None:
    return Path(str(text)) if text else None


def _receipt(doc: Any) -> Receipt | None:  # noqa: ANN401 - as it was written
    if not doc:
        return None
    return Receipt(**{**doc, "columns": tuple(ColumnReceipt(**column) for column in doc["columns"])})


def _check(row: Row) -> QualityCheck:
    unit, text = row["metric_type"], str(row["metric_value"])
    value: float | int | str = text
    try:
        value = int(text) if unit == "count" else float(text) if unit in ("ratio", "seconds") else text
    except ValueError:
        unit = "text"
    return QualityCheck(
        name=row["metric_name"],
        value=value,
        unit=unit,
        column=row["column_name"],
        passed=row["passed"],
        message=row["message"] or "",
    )


def _column(row: Row) -> ColumnReport:
    return ColumnReport(
        name=row["column_name"],
        original=row["original_name"] or "",
        mysql_type=row["column_type"] or "",
        profile=_profile(row) if row["kind"] and row["rows"] is not None else None,
    )


def _profile(row: Row) -> ColumnProfile:
    kind = Kind(row["kind"])
    total = _typed(kind, row["total"]) if kind in (Kind.BOOLEAN, Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE) else None
    return ColumnProfile(
        column=row["column_name"],
        kind=kind,
        rows=row["rows"],
        nulls=row["null_count"] or 0,
        empties=row["empties"] or 0,
        distinct=row["unique_count"] or 0,
        distinct_error=row["distinct_error"] or 0.0,
        minimum=_typed(kind, row["min_value"]),
        maximum=_typed(kind, row["max_value"]),
        total=total if isinstance(total, int | float | Decimal) else None,
        mean=row["mean"],
        stddev=row["stddev"],
        min_chars=row["min_chars"],
        max_chars=row["max_chars"],
        quantiles=tuple(
            (float(item["p"]), value)
            for item in _json(row["quantiles"]) or ()
            if (value := _typed(kind, item["value"])) is not None
        ),
        quantiles_error=row["quantiles_error"] or 0.0,
        top_values=tuple((str(item["value"]), int(item["count"])) for item in _json(row["top_values"]) or ()),
        top_error=row["top_error"] or 0.0,
        histogram=_histogram(_json(row["histogram"])),
        samples=tuple(map(str, _json(row["sample_values"]) or ())),
    )


def _histogram(doc: Any) -> Histogram | None:  # noqa: ANN401 - as it was written
    if not doc:
        return None
    edges, counts = tuple(map(float, doc["edges"])), tuple(map(int, doc["counts"]))
    return Histogram(edges=edges, counts=counts, exact=bool(doc["exact"]))


def _typed(kind: Kind, stored: object) -> Value | None:
    """Give a stored value the type of its column; one that was cut, or is no number, stays text."""
    if stored is None:
        return None
    try:
        return _time(str(stored)) if kind is Kind.TIME else typed(kind, stored)
    except (ValueError, ArithmeticError):
        return str(stored)


def _time(text: str) -> Value:
    if not (match := _CLOCK.fullmatch(text)):
        return text
    sign, hours, minutes, seconds, fraction = match.groups()
    amount = timedelta(
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(seconds),
        microseconds=int((fraction or "0").ljust(6, "0")[:6]),
    )
    return -amount if sign else amount
