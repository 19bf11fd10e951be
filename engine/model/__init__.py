"""The records that pass between the rooms: frozen, keyword-only, with next to no behaviour."""

from engine.model.batches import ColumnTotals, LoadResult, RefusedRow, SourceText, StagedBatch
from engine.model.findings import Examination, Examined, Finding, Severity, advice, fine, problem
from engine.model.profile import ColumnProfile, Histogram, QualityCheck, TableProfile
from engine.model.report import (
    ColumnReceipt,
    ColumnReport,
    ErrorReport,
    FileReport,
    FileStatus,
    Progress,
    Receipt,
    Reconciliation,
    RunReport,
)
from engine.model.rows import RESCUED, Reject, RejectClass, RejectedFile, RejectState, RejectsWritten, Repair
from engine.model.source import Dialect, Irregular, SourceFile
from engine.model.table import Column, ColumnType, ExistingTable, Index, Kind, Mode, TableColumn, TableSchema, WideField
from engine.model.values import Value, typed

__all__ = [
    "RESCUED",
    "Column",
    "ColumnProfile",
    "ColumnReceipt",
    "ColumnReport",
    "ColumnTotals",
    "ColumnType",
    "Dialect",
    "ErrorReport",
    "Examination",
    "Examined",
    "ExistingTable",
    "FileReport",
    "FileStatus",
    "Finding",
    "Histogram",
    "Index",
    "Irregular",
    "Kind",
    "LoadResult",
    "Mode",
    "Progress",
    "QualityCheck",
    "Receipt",
    "Reconciliation",
    "RefusedRow",
    "Reject",
    "RejectClass",
    "RejectState",
    "RejectedFile",
    "RejectsWritten",
    "Repair",
    "RunReport",
    "Severity",
    "SourceFile",
    "SourceText",
    "StagedBatch",
    "TableColumn",
    "TableProfile",
    "TableSchema",
    "Value",
    "WideField",
    "advice",
    "fine",
    "problem",
    "typed",
]
