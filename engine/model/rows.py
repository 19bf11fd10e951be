"""Rows that are not loaded, or not as they came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

# The column that keeps a long row's surplus fields where irregular rows are repaired.
RESCUED = "_rescued"


class RejectClass(StrEnum):
    """Why a row that was read is not loaded."""

    PARSE = "parse"
    TYPE = "type"
    RULE = "rule"
    KEY = "key"
    SERVER = "server"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reject:
    """A record that was read but is not loaded.

    `line` counts from 1, `byte_start` and `byte_end` are offsets in the (decompressed) file.
    """

    line: int
    byte_start: int
    byte_end: int
    reject_class: RejectClass
    code: str
    message: str
    raw: bytes
    column: str | None = None
    # `raw` is UTF-8 unless the record can't be decoded: then it's the source's own bytes.
    undecodable: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Repair:
    """An irregular record that was made a row of `expected` fields. `raw` is its UTF-8 text; places as in `Reject`."""

    line: int
    byte_start: int
    byte_end: int
    code: str
    message: str
    fields: int
    expected: int
    raw: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectsWritten:
    """Where a pass over a file wrote its rejects, and how far: bytes of the rows and of the reasons."""

    path: Path
    rows: int
    repairs: int
    path_bytes: int
    errors_bytes: int


class RejectState(StrEnum):
    """What became of the load that rejected rows are from."""

    # The others are in the table: these may follow.
    LOADED = "loaded"
    # The rows were corrected and loaded already.
    REPLAYED = "replayed"
    HELD = "held"
    FAILED = "failed"
    UNFINISHED = "unfinished"
    # A later attempt at the same file took over, and wrote rejects of its own.
    OTHER_ATTEMPT = "other attempt"
    # The table was replaced since.
    SUPERSEDED = "superseded"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectedFile:
    """A reject file that waits for somebody: which rows of which load, and why.

    `first_*` are of the reject with the lowest line. Where `problem` says why, nothing more than the path is known.
    """

    path: Path
    state: RejectState
    source: Path | None = None
    table: str | None = None
    started_at: datetime | None = None
    rows: int = 0
    rejects_by_class: Mapping[str, int] = field(default_factory=dict)
    first_line: int | None = None
    first_column: str | None = None
    first_message: str = ""
    problem: str | None = None
