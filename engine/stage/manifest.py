"""The manifest of a staged file: all that another process needs to load it, as JSON beside its batches."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from engine.config import Feed
from engine.errors import LoadError
from engine.model import (
    ColumnTotals,
    Dialect,
    Mode,
    Reject,
    RejectsWritten,
    SourceFile,
    StagedBatch,
    TableSchema,
    Value,
)
from engine.stage.batches import write_whole

MANIFEST = "manifest.json"

_MICROSECOND = timedelta(microseconds=1)
# JSON has neither dates nor decimals, and Python's doubles aren't all it takes for a number: each value is written as text
# with its type's name, and comes back as exactly what it was.
_TO_TEXT: Mapping[str, Callable[[object], str]] = {
    "bool": lambda value: str(int(bool(value))),
    "timedelta": lambda value: str(value // _MICROSECOND) if isinstance(value, timedelta) else "",
    "float": repr,
}
_FROM_TEXT: Mapping[str, Callable[[str], Value]] = {
    "bool": lambda text: text == "1",
    "int": int,
    "float": float,
    "Decimal": Decimal,
    "str": str,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda text: int(text) * _MICROSECOND,
}

Typed = tuple[str, str]
# Column, filled, sum, minimum, maximum, bytes.
PackedTotals = tuple[str, int, Typed | None, Typed | None, Typed | None, int | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """What one pass over a file counted, as `FileReport` and the pass itself name it."""

    rows_read: int
    rows_kept: int
    rows_rejected: int
    blank_lines: int
    comment_lines: int
    repaired_rows: int
    rejects_at_end: int
    restarts: int
    rejects_by_class: Mapping[str, int]
    rejects_by_column: Mapping[str, int]
    duplicate_rows: int
    duplicate_rows_exact: bool
    duplicate_keys: tuple[tuple[tuple[str, ...], int], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """One staged file.

    Attributes:
        file_id, attempt: As the ledger will have them.
        known: SHA-256 of the table that the columns were planned for; None where there was none.
        names: The header's names, empty where the file has none.
        header: What stands above the first row, as UTF-8.
        width: Fields of a record.
        first_reject: Of the file.
        rejects: What the pass wrote of them.
        sha256: Of the source file.
        report: The report of the pass as JSON, with columns and their statistics and the quality checks.
        batches: In the file's order; their paths are names beside the manifest.
        parts: Into so many ranges of batches the load may be split.
    """

    file_id: uuid.UUID
    attempt: int
    run_id: str
    started_at: datetime
    file: SourceFile
    feed: Feed
    dialect: Dialect
    schema: TableSchema
    known: bytes | None
    mode: Mode
    names: tuple[str, ...]
    header: bytes
    width: int
    batch_rows: int
    batch_bytes: int
    counts: Counts
    first_reject: Reject | None
    rejects: RejectsWritten
    sha256: bytes
    report: str
    totals: tuple[ColumnTotals, ...]
    batches: tuple[StagedBatch, ...]
    parts: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class _Packed:
    """A manifest as it is written: typed values apart, everything else as it is."""

    # The records within have none of their own and take this one.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    manifest: Manifest
    totals: tuple[PackedTotals, ...]
    batch_totals: tuple[tuple[PackedTotals, ...], ...]


@cache
def _adapter() -> TypeAdapter[_Packed]:
    # Made when it's needed: it takes 40 ms, and a load that isn't handed on needs none.
    return TypeAdapter(_Packed)


def write_manifest(manifest: Manifest, folder: Path) -> Path:
    """Write a manifest beside its batches, whole or not at all, and return its path.

    Raises:
        ScanError: The folder can't be written.
    """
    packed = _Packed(
        manifest=replace(
            manifest,
            totals=(),
            batches=tuple(
                replace(batch, totals=(), data=None, path=Path(batch.path.name) if batch.path else None)
                for batch in manifest.batches
            ),
        ),
        totals=_packed(manifest.totals),
        batch_totals=tuple(_packed(batch.totals) for batch in manifest.batches),
    )
    return write_whole(folder / MANIFEST, _adapter().dump_json(packed))


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest in a folder; its batches have their whole paths.

    Raises:
        LoadError: It isn't there, or isn't one (`load.manifest`): the file has to be read again.
    """
    path = folder / MANIFEST
    try:
        packed = _adapter().validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        words = error.strerror if isinstance(error, OSError) else f"{error.error_count()} fields aren't as expected"
        raise LoadError(
            f"{path}: a staged file can't be taken up: {words}",
            code="load.manifest",
            next_step="read the file again: its source is where it was",
        ) from None
    return replace(
        packed.manifest,
        totals=_unpacked(packed.totals),
        batches=tuple(
            replace(batch, totals=_unpacked(totals), path=folder / batch.path if batch.path else None)
            for batch, totals in zip(packed.manifest.batches, packed.batch_totals, strict=True)
        ),
    )


def _packed(totals: tuple[ColumnTotals, ...]) -> tuple[PackedTotals, ...]:
    return tuple(
        (one.column, one.filled, _typed(one.total), _typed(one.minimum), _typed(one.maximum), one.bytes)
        for one in totals
    )


def _unpacked(totals: tuple[PackedTotals, ...]) -> tuple[ColumnTotals, ...]:
    return tuple(
        ColumnTotals(
            column=column,
            filled=filled,
            total=_number(total),
            minimum=_value(minimum),
            maximum=_value(maximum),
            bytes=size,
        )
        for column, filled, total, minimum, maximum, size in totals
    )


def _typed(value: Value | None) -> Typed | None:
    if value is None:
        return None
    name = type(value).__name__
    if isinstance(value, date | time):
        return name, value.isoformat()
    return name, _TO_TEXT.get(name, str)(value)


def _value(typed: Typed | None) -> Value | None:
    return None if typed is None else _FROM_TEXT[typed[0]](typed[1])


def _number(typed: Typed | None) -> int | Decimal | None:
    value = _value(typed)
    assert value is None or isinstance(value, int | Decimal)
    return value
