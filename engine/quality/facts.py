"""What a check may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from engine.model import TableProfile


@dataclass(frozen=True, kw_only=True, slots=True)
class FileFacts:
    """What is known of a file once it was read to its end.

    Attributes:
        profile: Statistics of the rows that were not rejected.
        rows_read, rows_loaded, rows_rejected: Rows; those loaded are all that were not rejected.
        rejects_by_class: Rejected rows by class (`parse`, `type`, `rule`, `key`, `server`).
        type_rejects_by_column: Rows rejected because this column's value doesn't fit its type.
        keys: Column names of each declared key.
        mtime: When the file was last written; None where that isn't known.
        started_at: When its load began, with a time zone if `mtime` has one.
        repaired_rows: Irregular rows that were made regular.
    """

    profile: TableProfile
    rows_read: int
    rows_loaded: int
    rows_rejected: int
    started_at: datetime
    mtime: datetime | None = None
    rejects_by_class: Mapping[str, int] = field(default_factory=dict)
    type_rejects_by_column: Mapping[str, int] = field(default_factory=dict)
    keys: tuple[tuple[str, ...], ...] = ()
    repaired_rows: int = 0
