"""Rows of a batch whose key is taken or whose parent is missing, found by joins rather than by trying."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from engine.load.connection import Connection
from engine.load.refusal import Refused
from engine.load.rows import ORDER, BatchRows
from engine.load.statements import text
from engine.model import Column, RefusedRow, RejectClass
from engine.sql import quote_mysql

_DENIED = "load.privilege"


@dataclass(kw_only=True, slots=True)
class Conflicts:
    """Refused rows by their number in the batch, from 0, and for those that lost to an earlier row, which one."""

    refused: dict[int, RefusedRow] = field(default_factory=dict)
    earlier: dict[int, int] = field(default_factory=dict)

    def refuse(self, row: int, code: str, message: str) -> None:
        """Refuse a row, if it isn't refused for another reason already."""
        reason = RefusedRow(row=row, reject_class=RejectClass.KEY, code=code, message=message)
        self.refused.setdefault(row, reason)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Key:
    name: str
    columns: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(self.columns)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parent:
    """A foreign key: the table that it points to, and what a row lacks that points nowhere."""

    name: str
    table: tuple[str, str]
    # Pairs of a column of the target and the parent's column that must have its value.
    columns: tuple[tuple[str, str], ...]

    def refusal(self, row: int) -> RefusedRow:
        """Return why a row without a parent is refused."""
        names = ", ".join(column for column, _ in self.columns)
        message = f"{names}: no such row in {self.table[1]} (foreign key {self.name})"
        return RefusedRow(row=row, reject_class=RejectClass.KEY, code="key.no_parent", message=message)


def find_conflicts(rows: BatchRows, known: Collection[int]) -> Conflicts:
    """Hold a batch in its temporary table, but for the rows that are known as refused, against keys and parents.

    What is found in other tables is read as it is now, whatever the transaction's snapshot says, and can't change until
    its end. Keys that a join can't compare (over expressions or the beginnings of texts) are left to the insertion.
    """
    conflicts = Conflicts()
    keys = _keys(rows)
    for key in keys:
        for row in _in_target(rows, key):
            conflicts.refuse(row, "key.in_table", f"a row with this key ({key}) is in {rows.to.table} already")
    for parent in parents(rows.connection, rows.to.table, rows.to.columns):
        for number in orphans(rows.connection, rows.table, parent):
            row = rows.row(number)
            conflicts.refused.setdefault(row, parent.refusal(row))
    for row in known:
        conflicts.refused.pop(row, None)
    _lose_to_earlier(rows, keys, conflicts, known)
    return conflicts


def _keys(rows: BatchRows) -> tuple[_Key, ...]:
    """List the unique keys that the file fills and that are made of whole columns."""
    found: dict[str, list[str]] = {}
    special: set[str] = set()
    filled = {column.name for column in rows.to.columns}
    for name, column, part, _kind, non_unique, _order in rows.connection.query(
        text("describe_indexes"), (rows.to.table,)
    ):
        if column is None or part is not None or int(str(non_unique)) or str(column) not in filled:
            special.add(str(name))
        else:
            found.setdefault(str(name), []).append(str(column))
    return tuple(_Key(name=name, columns=tuple(columns)) for name, columns in found.items() if name not in special)


def _in_target(rows: BatchRows, key: _Key) -> Iterable[int]:
    same = " AND ".join(f"t.{quote_mysql(name)} = r.{quote_mysql(name)}" for name in key.columns)
    # STRAIGHT_JOIN and the index: the other way round would read, and lock, the whole target.
    found = rows.connection.query(
        f"SELECT r.{ORDER} FROM {rows.table} r STRAIGHT_JOIN {quote_mysql(rows.to.table)} t "
        f"FORCE INDEX ({quote_mysql(key.name)}) ON {same} LOCK IN SHARE MODE"
    )
    return (rows.row(number) for (number,) in found)


def parents(connection: Connection, table: str, columns: Collection[Column]) -> tuple[Parent, ...]:
    """List the foreign keys of a table that some columns fill; those that point into itself are left to the insertion."""
    pairs: dict[str, list[tuple[str, str]]] = {}
    places: dict[str, tuple[str, str]] = {}
    filled = {column.name for column in columns}
    for name, column, schema, parent, theirs in connection.query(text("describe_parents"), (table,)):
        pairs.setdefault(str(name), []).append((str(column), str(theirs)))
        places[str(name)] = (str(schema), str(parent))
    own = (connection.address.database.lower(), table.lower())
    return tuple(
        Parent(name=name, table=places[name], columns=tuple(those))
        for name, those in pairs.items()
        if all(column in filled for column, _ in those) and tuple(part.lower() for part in places[name]) != own
    )


def orphans(connection: Connection, table: str, parent: Parent) -> tuple[object, ...]:
    """List the rows, by their number in the order of a table whose name is quoted, that have no parent."""
    same = " AND ".join(f"p.{quote_mysql(theirs)} = r.{quote_mysql(ours)}" for ours, theirs in parent.columns)
    # A key with a NULL in it points nowhere, and may.
    whole = " AND ".join(f"r.{quote_mysql(ours)} IS NOT NULL" for ours, _ in parent.columns)
    try:
        found = connection.query(
            f"SELECT r.{ORDER} FROM {table} r LEFT JOIN {quote_mysql(*parent.table)} p ON {same} "
            f"WHERE {whole} AND p.{quote_mysql(parent.columns[0][1])} IS NULL LOCK IN SHARE MODE"
        )
    except Refused as error:
        if error.code != _DENIED:
            raise
        # The parent may not be read by this user: the insertion finds out.
        return ()
    return tuple(number for (number,) in found)


def _lose_to_earlier(rows: BatchRows, keys: tuple[_Key, ...], conflicts: Conflicts, known: Collection[int]) -> None:
    """Refuse the rows whose key an earlier row of the batch has that isn't refused itself."""
    shared: dict[int, list[tuple[int, int]]] = {}
    for index, key in enumerate(keys):
        for row, first in _same_key(rows, key):
            shared.setdefault(row, []).append((index, first))
    holders: dict[tuple[int, int], int] = {}
    for row in sorted(shared):
        if row in conflicts.refused or row in known:
            continue
        held = next((group for group in shared[row] if group in holders), None)
        if held is None:
            holders.update(dict.fromkeys(shared[row], row))
            continue
        conflicts.earlier[row] = holders[held]
        conflicts.refuse(row, "key.in_file", f"an earlier row of the file has the same key ({keys[held[0]]})")


def _same_key(rows: BatchRows, key: _Key) -> Iterable[tuple[int, int]]:
    """List the rows that share a key with others, each with the first row that has it."""
    columns = ", ".join(quote_mysql(name) for name in key.columns)
    whole = " AND ".join(f"{quote_mysql(name)} IS NOT NULL" for name in key.columns)
    found = rows.connection.query(
        f"SELECT {ORDER}, first_order FROM (SELECT {ORDER}, MIN({ORDER}) OVER (PARTITION BY {columns}) AS first_order, "
        f"COUNT(*) OVER (PARTITION BY {columns}) AS sharing FROM {rows.table} WHERE {whole}) AS w WHERE sharing > 1"
    )
    return ((rows.row(number), rows.row(first)) for number, first in found)
