"""Reports to put into a catalog, complete enough to be a real file's."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from engine.catalog import FileStart
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
)

STARTED = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)

PRICE = ColumnProfile(
    column="price",
    kind=Kind.DECIMAL,
    rows=4,
    nulls=1,
    empties=0,
    distinct=3,
    distinct_error=0.0,
    minimum=Decimal("-0.10"),
    maximum=Decimal("99999999999999999999999999999999999.1234567890"),
    total=Decimal("99999999999999999999999999999999999.0234567890"),
    mean=3.5,
    stddev=float("nan"),
    min_chars=5,
    max_chars=46,
    quantiles=((0.5, Decimal("1.50")),),
    quantiles_error=0.0,
    top_values=(("1.50", 2), ("-0.10", 1)),
    top_error=0.0,
    histogram=Histogram(edges=(-0.1, 1.0, 2.0), counts=(1, 2), exact=True),
    samples=("1.50", "-0.10"),
)


def text_profile(name: str, *, rows: int, nulls: int) -> ColumnProfile:
    """Return the statistics of a text column of which only the counts matter."""
    return ColumnProfile(
        column=name,
        kind=Kind.TEXT,
        rows=rows,
        nulls=nulls,
        empties=0,
        distinct=rows - nulls,
        distinct_error=0.0065,
        minimum="a",
        maximum="zz",
        total=None,
        mean=None,
        stddev=None,
        min_chars=1,
        max_chars=2,
        quantiles=(),
        quantiles_error=0.0,
        top_values=(("a", 1),),
        top_error=0.0,
        histogram=None,
        samples=("a", "zz"),
    )


def text_column(name: str, *, rows: int = 10, nulls: int = 0) -> ColumnReport:
    """Return a text column's report."""
    return ColumnReport(
        name=name, original=name, mysql_type="VARCHAR(10)", profile=text_profile(name, rows=rows, nulls=nulls)
    )


COLUMNS = (
    ColumnReport(name="price", original="Price (€)", mysql_type="DECIMAL(45,10)", profile=PRICE),
    text_column("region", rows=4),
)

CHECKS = (
    QualityCheck(name="completeness", column="price", value=0.75, unit="ratio", passed=False, message="below 0.9"),
    QualityCheck(name="duplicate_rows", value=0, unit="count", passed=True),
    QualityCheck(name="encoding", value="utf-8", unit="text"),
)

RECEIPT = Receipt(
    verified=True,
    rows_engine=3,
    rows_mysql=3,
    columns=(ColumnReceipt(column="price", engine={"sum": "1.40"}, mysql={"sum": "1.40"}, equal=True),),
)


def new_id() -> str:
    """Return a file id as the ledger makes them."""
    return str(uuid.uuid4())


def start(file_id: str, *, attempt: int = 1, path: Path = Path("/data/input/sales_1.csv")) -> FileStart:
    """Return the beginning that `report` ends."""
    return FileStart(
        file_id=file_id,
        attempt=attempt,
        run_id="run-1",
        path=path,
        size_bytes=2_000_000,
        mtime=STARTED - timedelta(hours=1),
        table="sales_data",
        mode=Mode.APPEND,
        feed="sales",
        started_at=STARTED,
    )


def report(
    file_id: str,
    *,
    attempt: int = 1,
    path: Path = Path("/data/input/sales_1.csv"),
    status: FileStatus = FileStatus.LOADED,
    table: str = "sales_data",
    started_at: datetime = STARTED,
    seconds: float = 2.005,
    size_bytes: int = 2_000_000,
    rows_read: int = 4,
    rows_rejected: int = 1,
    error: ErrorReport | None = None,
    receipt: Receipt | None = RECEIPT,
    columns: tuple[ColumnReport, ...] = COLUMNS,
    checks: tuple[QualityCheck, ...] = CHECKS,
    sha256: str = "ab" * 32,
) -> FileReport:
    """Return a file's report; rows are loaded where they are not rejected and the file is."""
    loaded = status is FileStatus.LOADED
    return FileReport(
        file_id=file_id,
        run_id="run-1",
        attempt=attempt,
        path=path,
        sha256=sha256,
        size_bytes=size_bytes,
        mtime=STARTED - timedelta(hours=1),
        feed="sales",
        table=table,
        mode=Mode.APPEND,
        status=status,
        started_at=started_at,
        seconds=seconds,
        seconds_by_step={"scan": 0.5, "load": 1.25},
        rows_read=rows_read,
        rows_loaded=rows_read - rows_rejected if loaded else 0,
        rows_rejected=rows_rejected,
        rejects_by_class={"type": rows_rejected} if rows_rejected else {},
        blank_lines=2,
        repaired_rows=1,
        restarts=1,
        batches=3,
        rejects_path=Path("/data/rejects/sales_1.csv") if rows_rejected else None,
        archived_to=Path("/data/archive/sales_1.csv") if loaded else None,
        error=error,
        receipt=receipt,
        columns=columns,
        checks=checks,
        notes=("read as CP1252",),
    )
