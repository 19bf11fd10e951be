"""What the page of a file shows: its report, and what is worked out from that."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from engine.model import ColumnReceipt, ColumnReport, FileReport, FileStatus, QualityCheck
from engine.profile import text
from engine.profile.pictures import Part, parts

# 2,000 columns make a page of 7 MB, which a browser opens in two seconds; a table with one JSON column holds 20,000.
MOST_COLUMNS: Final = 2_000
# Columns in one folding group; that many make a table of three screens.
_GROUP: Final = 100
# The columns' cards are open up to here, and beyond _DENSE_FROM smaller.
_OPEN_UNTIL: Final = 12
_DENSE_FROM: Final = 60
# JSON of the catalog forgets in which order the steps were; a picture that is sorted otherwise each time is none.
_COURSE: Final = (
    *("hash", "dialect", "lock", "schema", "scan", "prove", "stats", "stage", "wait", "quality"),
    *("load", "index", "publish", "catalog", "archive"),
)
_FIGURES: Final = ("filled", "total", "minimum", "maximum", "bytes")
_MOST_CHECKS: Final = 300
_MOST_RECEIPTS: Final = 200


@dataclass(frozen=True, kw_only=True)
class FileView:
    """A file as a page shows it.

    Attributes:
        report: What is known of it. While the file is on its way, `report.status` says nothing: `state` does.
        state: loaded, duplicate, held, failed; queued, running, retry.
        first_column, columns_total: Where `report.columns` is a part of them: which, and how many there are in all.
        most_columns: How many of them the page has room for.
        prefix: What the page's anchors begin with, where it has several files.
    """

    report: FileReport
    state: str
    first_column: int = 0
    columns_total: int = 0
    most_columns: int = MOST_COLUMNS
    prefix: str = ""

    @classmethod
    def of(cls, report: FileReport, *, most_columns: int = MOST_COLUMNS, prefix: str = "") -> FileView:
        """Show a whole report of a file that ended."""
        return cls(
            report=report,
            state=report.status.value,
            columns_total=len(report.columns),
            most_columns=most_columns,
            prefix=prefix,
        )

    @property
    def speed(self) -> str:
        """Megabytes of the file a second; "" for a file that wasn't read to its end."""
        read = self.state == FileStatus.LOADED or (self.state == FileStatus.HELD and self.report.rows_read > 0)
        return text.rate(self.report.size_bytes, self.report.seconds) if read else ""

    @cached_property
    def outcome(self) -> tuple[Part, ...]:
        """The rows read: loaded, rejected, and what is neither because the file failed or is held."""
        report = self.report
        rows = {"loaded": float(report.rows_loaded), "rejected": float(report.rows_rejected)}
        return parts(rows, rest="not loaded", whole=report.rows_read)

    @cached_property
    def steps(self) -> tuple[Part, ...]:
        """The work of each step in seconds, in the order of the course through the engine."""
        places = {name: place for place, name in enumerate(_COURSE)}
        steps = sorted(self.report.seconds_by_step.items(), key=lambda step: places.get(step[0], len(places)))
        return parts(dict(steps), rest="other")

    @property
    def overlaps(self) -> bool:
        return sum(self.report.seconds_by_step.values()) > self.report.seconds * 1.02 > 0

    @cached_property
    def reject_parts(self) -> tuple[Part, ...]:
        return parts({name: float(rows) for name, rows in self.report.rejects_by_class.items()})

    @cached_property
    def columns(self) -> tuple[ColumnReport, ...]:
        return self.report.columns[: self.most_columns]

    @property
    def left_out(self) -> int:
        return len(self.report.columns) - len(self.columns)

    @cached_property
    def groups(self) -> tuple[tuple[int, tuple[ColumnReport, ...]], ...]:
        """The columns in groups that fold, each with the number of columns before it."""
        return tuple((at, self.columns[at : at + _GROUP]) for at in range(0, len(self.columns), _GROUP))

    @property
    def has_statistics(self) -> bool:
        return any(column.profile is not None for column in self.columns)

    @property
    def opened(self) -> bool:
        return len(self.columns) <= _OPEN_UNTIL and not self.prefix

    @property
    def dense(self) -> bool:
        return len(self.columns) > _DENSE_FROM

    @cached_property
    def checks(self) -> tuple[QualityCheck, ...]:
        """What is worth a line: checks of the whole file, those with a rule (broken ones first), those that remark."""
        worth = [c for c in self.report.checks if c.column is None or c.passed is not None or c.message]
        return tuple(sorted(worth, key=lambda c: (c.passed is not False, c.passed is None))[:_MOST_CHECKS])

    @property
    def checks_left_out(self) -> int:
        return len(self.report.checks) - len(self.checks)

    @property
    def broken_rules(self) -> int:
        return sum(check.passed is False for check in self.report.checks)

    @cached_property
    def receipt_equal(self) -> bool:
        receipt = self.report.receipt
        if receipt is None:
            return False
        return receipt.rows_engine == receipt.rows_mysql and all(column.equal for column in receipt.columns)

    @cached_property
    def receipt_columns(self) -> tuple[ColumnReceipt, ...]:
        """The receipt's columns, those that differ first."""
        columns = self.report.receipt.columns if self.report.receipt else ()
        return tuple(sorted(columns, key=lambda column: column.equal)[:_MOST_RECEIPTS])

    @cached_property
    def receipt_figures(self) -> tuple[str, ...]:
        """The figures that any column has."""
        there = {figure for column in self.receipt_columns for figure in column.engine}
        return (*(name for name in _FIGURES if name in there), *sorted(there.difference(_FIGURES)))

    @property
    def receipt_left_out(self) -> int:
        return len(self.report.receipt.columns) - len(self.receipt_columns) if self.report.receipt else 0


def state_of(ingestion_status: str) -> str:
    """Name the catalog's state of a file as pages do: there, a loaded one is a `success`."""
    return FileStatus.LOADED.value if ingestion_status == "success" else ingestion_status
