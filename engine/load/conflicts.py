"""Rows of a batch whose key is taken or whose parent is missing, found by joins rather than by trying."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.load import tables
from engine.load.connection import Connection
from engine.load.refusal import Refused
from engine.load.sending import Destination
from engine.load.statements import text
from engine.model import RefusedRow, RejectClass
from engine.sql import quote_mysql

_NOT_ALLOWED = (1044, 1142, 1143)


@dataclass(kw_only=True, slots=True)
class Conflicts:
    """Refused rows by their number in the batch, from 0, and for those that lost to an earlier row, which one."""

    refused: dict[int, RefusedRow] = field(default_factory=dict)
    earlier: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Key:
    name: str
    columns: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(self.columns)


def find_conflicts(connection: Connection, to: Destination, rows: str) -> Conflicts:
    """Compare a batch in its temporary table, whose quoted name is `rows`, with the target's keys and their parents.

    Rows of the target are read as they are now, and stay as they are until the transaction's end.
    """
    conflicts = Conflicts()
    numbers = _numbers(connection, rows)
    keys = _keys(connection, to)
    for key in keys:
        message = f"a row with this key ({key}) is in {to.table} already"
        for number in _in_target(connection, to.table, rows, key):
            _refuse(conflicts, numbers[number], "key.in_table", message)
    _orphans(connection, to, rows, numbers, conflicts)
    _lose_to_earlier(connection, rows, keys, numbers, conflicts)
    return conflicts


def _refuse(conflicts: Conflicts, row: int, code: str, message: str) -> None:
    conflicts.refused.setdefault(
        row, RefusedRow(row=row, reject_class=RejectClass.KEY, code=code, message=message)
    )
