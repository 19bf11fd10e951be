"""Which column of the table a column of the file belongs to, and what the feed says about it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from engine.config import ColumnRule, Feed
from engine.errors import SchemaError
from engine.model import RESCUED, ColumnType, ExistingTable, Irregular, TableColumn
from engine.schema.names import ROW_ID, WIDE, column_names, identity
from engine.schema.types import parse_type


def bind_new(header: Sequence[str], feed: Feed) -> tuple[str, ...]:
    """Name the columns of a new table: as the feed says, otherwise as the header does, made legal.

    A file without a header whose feed declares as many columns as it has takes their names in order.
    """
    texts, own = _of_the_file(header, feed)
    if not any(texts) and len(declared := [name for name in feed.columns if name not in own]) == len(texts):
        named: Sequence[str] = declared
    else:
        renamed = {rule.source: name for name, rule in feed.columns.items() if rule.source is not None}
        named = [renamed.get(text, text) for text in texts]
    return (*column_names(named, (ROW_ID, *own, *((WIDE,) if feed.wide == "json" else ()))), *own)


def bind_existing(header: Sequence[str], table: ExistingTable, feed: Feed) -> tuple[str | None, ...]:
    """Find the table's column for each of the file's: by the feed's `source`, by name, by name without case.

    A header that differs from another only in case was numbered when the table was made: `ID` finds `ID_2` before `id`.
    The engine's own columns are found by nothing that a file says. A file without a header is taken in the order of the
    columns that the server doesn't fill by itself.

    Returns:
        The table's own names; None for a column that the table doesn't have.
    """
    texts, own = _of_the_file(header, feed)
    hidden = {*own, *((WIDE,) if feed.wide == "json" else ())}
    columns = [
        one for one in table.columns if one.name not in hidden and not (one.name == ROW_ID and one.auto_increment)
    ]
    if not any(texts):
        return (*_by_position(len(texts), table.name, columns, feed), *own)
    exact = {column.name for column in columns}
    folded = {identity(column.name): column.name for column in columns}
    declared = {rule.source: name for name, rule in feed.columns.items() if rule.source is not None}
    found: dict[str, None] = {}
    bound: list[str | None] = []
    for text, legal in zip(texts, bind_new(header, feed), strict=False):
        candidates = (declared.get(text, text), legal)
        name = next((one for one in candidates if one in exact), None) or _numbered(legal, exact)
        name = name or next((folded[identity(one)] for one in candidates if identity(one) in folded), None)
        bound.append(None if name in found else name)
        if name is not None:
            found[name] = None
    return (*bound, *own)


def _of_the_file(header: Sequence[str], feed: Feed) -> tuple[Sequence[str], tuple[str, ...]]:
    """Part a header into what the file says and the engine's own column behind it, for the surplus of long rows."""
    if feed.irregular is Irregular.REPAIR and header and header[-1] == RESCUED:
        return header[:-1], (RESCUED,)
    return header, ()


def _numbered(name: str, exact: Collection[str]) -> str | None:
    return next((one for number in range(2, 10) if (one := f"{name}_{number}") in exact), None)


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


def _by_position(width: int, table: str, columns: Sequence[TableColumn], feed: Feed) -> tuple[str | None, ...]:
    fillable = [column for column in columns if not _filled_by_server(column)]
    without_default = [column for column in fillable if not column.has_default]
    chosen = fillable if len(fillable) == width else without_default
    if len(chosen) != width and not (feed.wide == "json" and len(chosen) < width):
        raise SchemaError(
            f"the file has {width} columns and no header, and {table} has {len(fillable)} to fill",
            code="schema.drift",
            next_step="add a header line to the file, or load it into a table with as many columns",
        )
    return (*(column.name for column in chosen), *(None,) * (width - len(chosen)))


def _filled_by_server(column: TableColumn) -> bool:
    return column.auto_increment or column.generated
