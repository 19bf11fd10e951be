"""The JSON report read back: the ledger keeps one of each file, from which the catalog can be written again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import simplejson

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
    typed,
)


def file_from_json(text: str) -> FileReport:
    """Read one file of a report back, as the ledger keeps it.

    Raises:
        KeyError, ValueError: The text is no such document.
    """
    doc = simplejson.loads(text, use_decimal=True)
    return FileReport(
        file_id=doc["file_id"],
        run_id=doc["run_id"],
        attempt=doc["attempt"],
        path=Path(doc["path"]),
        sha256=doc["sha256"],
        size_bytes=doc["size_bytes"],
        mtime=datetime.fromisoformat(doc["mtime"]) if doc["mtime"] else None,
        feed=doc["feed"],
        table=doc["table"],
        mode=Mode(doc["mode"]),
        status=FileStatus(doc["status"]),
        started_at=datetime.fromisoformat(doc["started_at"]).astimezone(UTC),
        seconds=float(doc["seconds"]),
        seconds_by_step={name: float(seconds) for name, seconds in doc["seconds_by_step"].items()},
        rows_read=doc["rows_read"],
        rows_loaded=doc["rows_loaded"],
        rows_rejected=doc["rows_rejected"],
        rejects_by_class=doc["rejects_by_class"],
        blank_lines=doc["blank_lines"],
        comment_lines=doc.get("comment_lines", 0),
        repaired_rows=doc["repaired_rows"],
        restarts=doc["restarts"],
        batches=doc["batches"],
        rejects_path=Path(doc["rejects_path"]) if doc["rejects_path"] else None,
        repairs_path=Path(doc["repairs_path"]) if doc.get("repairs_path") else None,
        archived_to=Path(doc["archived_to"]) if doc["archived_to"] else None,
        replays=doc.get("replays"),
        error=ErrorReport(**doc["error"]) if doc["error"] else None,
        receipt=_read_receipt(doc["receipt"]) if doc["receipt"] else None,
        columns=tuple(_read_column(column) for column in doc["columns"]),
        checks=tuple(QualityCheck(**{**check, "value": _number(check["value"])}) for check in doc["checks"]),
        notes=tuple(doc["notes"]),
    )


def _number(value: str | int | Decimal) -> str | int | float:
    return float(value) if isinstance(value, Decimal) else value


def _read_receipt(doc: Mapping[str, object]) -> Receipt:
    rows, columns = doc["rows"], doc["columns"]
    assert isinstance(rows, Mapping)
    assert isinstance(columns, Sequence)
    return Receipt(
        verified=bool(doc["verified"]),
        rows_engine=rows["engine"],
        rows_mysql=rows["mysql"],
        columns=tuple(
            ColumnReceipt(column=c["name"], engine=c["engine"], mysql=c["mysql"], equal=c["equal"]) for c in columns
        ),
        note=str(doc["note"]),
    )


def _read_column(doc: Mapping[str, object]) -> ColumnReport:
    statistics = doc["statistics"]
    return ColumnReport(
        name=str(doc["name"]),
        original=str(doc["original_header"]),
        mysql_type=str(doc["mysql_type"]),
        profile=_read_statistics(str(doc["name"]), statistics) if isinstance(statistics, Mapping) else None,
        within=None if doc.get("within") is None else str(doc["within"]),
    )


def _read_statistics(name: str, doc: Mapping[str, object]) -> ColumnProfile:
    kind = Kind(str(doc["kind"]))
    histogram = doc["histogram"]
    return ColumnProfile(
        column=name,
        kind=kind,
        rows=_int(doc["rows"]),
        nulls=_int(doc["nulls"]),
        empties=_int(doc["empties"]),
        distinct=_int(doc["distinct"]),
        distinct_error=float(str(doc["distinct_error"])),
        minimum=typed(kind, doc["min"]),
        maximum=typed(kind, doc["max"]),
        total=_total(kind, doc["sum"]),
        mean=_float(doc["mean"]),
        stddev=_float(doc["stddev"]),
        min_chars=None if doc["min_chars"] is None else _int(doc["min_chars"]),
        max_chars=None if doc["max_chars"] is None else _int(doc["max_chars"]),
        quantiles=tuple(
            (float(str(item["probability"])), value)
            for item in _items(doc["quantiles"])
            if (value := typed(kind, item["value"])) is not None
        ),
        quantiles_error=float(str(doc["quantiles_error"])),
        top_values=tuple((str(item["value"]), _int(item["count"])) for item in _items(doc["top_values"])),
        top_error=float(str(doc["top_error"])),
        histogram=Histogram(
            edges=tuple(float(edge) for edge in histogram["edges"]),
            counts=tuple(histogram["counts"]),
            exact=bool(histogram["exact"]),
        )
        if isinstance(histogram, Mapping)
        else None,
        samples=tuple(str(sample) for sample in _list(doc["samples"])),
    )


def _list(value: object) -> Sequence[object]:
    assert isinstance(value, Sequence)
    return value


def _items(value: object) -> Sequence[Mapping[str, object]]:
    return [item for item in _list(value) if isinstance(item, Mapping)]


def _int(value: object) -> int:
    return int(str(value))


def _float(value: object) -> float | None:
    return None if value is None else float(str(value))


def _total(kind: Kind, value: object) -> int | float | Decimal | None:
    total = typed(kind, value)
    return total if isinstance(total, int | float | Decimal) else None
