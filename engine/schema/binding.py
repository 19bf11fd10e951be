"""Which column of the table a column of the file belongs to, and what the feed says about it."""

from __future__ import annotations

from collections.abc import Sequence

from engine.config import ColumnRule, Feed
from engine.errors import SchemaError
from engine.model import ColumnType, ExistingTable, TableColumn
from engine.schema.names import column_names, identity
from engine.schema.types import parse_type


def bind_new(header: Sequence[str], feed: Feed) -> tuple[str, ...]:
    """Name the columns of a new table: as the feed says, otherwise as the header does, made legal.

    A file without a header whose feed declares as many columns as it has takes their names in order.
    """
    if not any(header) and len(feed.columns) == len(header):
        return column_names(tuple(feed.columns))
    declared = {rule.source: name for name, rule in feed.columns.items() if rule.source is not None}
    return column_names([declared.get(text, text) for text in header])


def bind_existing(header: Sequence[str], table: ExistingTable, feed: Feed) -> tuple[str | None, ...]:
    """Find the table's column for each of the file's: by the feed's `source`, by name, by name without case.

    A file without a header is taken in the order of the columns that the server doesn't fill by itself.

    Returns:
        The table's own names; None for a column that the table doesn't have.
    """
    if not any(header):
        return _by_position(len(header), table)
    exact = {column.name for column in table.columns}
    folded = {identity(column.name): column.name for column in table.columns}
    declared = {rule.source: name for name, rule in feed.columns.items() if rule.source is not None}
    found: list[str | None] = []
    for text, legal in zip(header, bind_new(header, feed), strict=True):
        candidates = (declared.get(text, text), legal)
        name = next((one for one in candidates if one in exact), None)
        name = name or next((folded[identity(one)] for one in candidates if identity(one) in folded), None)
        found.append(None if name in found else name)
    return tuple(found)


def rule_for(name: str, feed: Feed) -> ColumnRule | None:
    """Return what the feed declares about a column, found without regard to case."""
    if name in feed.columns:
        return feed.columns[name]
    return next((rule for other, rule in feed.columns.items() if identity(other) == identity(name)), None)


def declared_type(name: str, rule: ColumnRule | None) -> ColumnType | None:
    """Return the type that a rule declares; a date format alone declares DATE or DATETIME.

    Raises:
        SchemaError: The type or format makes no sense, and the message names the column.
    """
    if rule is None or (rule.type is None and rule.format is None):
        return None
    moment = rule.format is not None and any(part in rule.format for part in ("%H", "%I", "%T", "%s", "%R"))
    try:
        return parse_type(rule.type or ("DATETIME" if moment else "DATE"), rule.format)
    except SchemaError as error:
        raise SchemaError(f"column {name}: {error.message}", code=error.code, next_step=error.next_step) from None


def _by_position(width: int, table: ExistingTable) -> tuple[str | None, ...]:
    fillable = [column for column in table.columns if not _filled_by_server(column)]
    without_default = [column for column in fillable if not column.has_default]
    chosen = fillable if len(fillable) == width else without_default
    if len(chosen) != width:
        raise SchemaError(
            f"the file has {width} columns and no header, and {table.name} has {len(fillable)} to fill",
            code="schema.drift",
            next_step="add a header line to the file, or load it into a table with as many columns",
        )
    return tuple(column.name for column in chosen)


def _filled_by_server(column: TableColumn) -> bool:
    return column.auto_increment or column.generated
