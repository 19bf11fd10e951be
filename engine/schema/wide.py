"""What of a file that is wider than a table stays a column, and what goes into the one JSON column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from engine.config import Feed
from engine.errors import SchemaError
from engine.model import Column, ColumnType, ExistingTable, WideField
from engine.schema.binding import bind_existing, bind_new
from engine.schema.documents import by_mysqls_order
from engine.schema.limits import MAX_COLUMNS
from engine.schema.names import WIDE, identity
from engine.schema.types import parse_type
from engine.sql import quote_mysql

# A table holds so many columns of whatever type is inferred (196 of VARCHAR(64)), so that fewer are never surplus.
_ALWAYS_FIT = 190
# The keys alone of a batch's documents. 20,000 columns have 400 kB of them in each row, and a batch of 8 MB of the file
# can be 4,000 such rows.
_KEY_BYTES = 32 * 1024 * 1024
# MySQL's limit for a key is 65,535 bytes.
_MAX_KEY_CHARS = 1_024
_NAMED = 5


def wide_type() -> ColumnType:
    """Return the type of the JSON column."""
    return replace(parse_type("JSON"), canonical=True)


def wide_column(header: Sequence[str]) -> Column:
    """Return the JSON column, which stands behind all that the header names."""
    return Column(name=WIDE, original="", position=len(header), type=wide_type(), declared=True)


def has_wide(table: ExistingTable) -> bool:
    """Tell whether an existing table has the JSON column.

    Raises:
        SchemaError: It has one of the name that can't hold a document.
    """
    found = next((column for column in table.columns if column.name == WIDE), None)
    # MariaDB's JSON is a LONGTEXT.
    if found is not None and (found.column_type.lower() not in ("json", "longtext") or found.generated):
        raise SchemaError(
            f"column {WIDE} of {table.name} is of type {found.column_type}, and the surplus columns need it as JSON",
            code="schema.wide",
            next_step=f'rename the column, or load with wide = "error": ALTER TABLE {quote_mysql(table.name)} '
            f"RENAME COLUMN {WIDE} TO wide",
        )
    return found is not None


def wide_fields(header: Sequence[str], feed: Feed, positions: Collection[int]) -> tuple[WideField, ...]:
    """Give each of these fields its key: the header's own text, and where that isn't the only such one the column's name."""
    names, times = bind_new(header, feed), Counter(header)
    keys = [
        text if text and times[text] == 1 and len(text) <= _MAX_KEY_CHARS else name
        for text, name in zip(header, names, strict=True)
    ]
    taken = Counter(keys)
    fields = [
        WideField(key=keys[at] if taken[keys[at]] == 1 else f"{keys[at]} ({at + 1})", original=header[at], position=at)
        for at in positions
    ]
    return tuple(sorted(fields, key=lambda field: by_mysqls_order(field.key)))


def by_precedence(names: Sequence[str], feed: Feed) -> tuple[list[int], list[int]]:
    """Part columns into those that the feed speaks of, which stay columns, and the others; each in the file's order."""
    spoken = {
        identity(name) for name in (*feed.columns, *feed.key, *(rule.column for rule in feed.rules if rule.column))
    }
    first = [at for at, name in enumerate(names) if identity(name) in spoken]
    return first, [at for at, name in enumerate(names) if identity(name) not in spoken]


def worth_a_look(header: Sequence[str], feed: Feed, table: ExistingTable | None) -> tuple[int, ...] | None:
    """Choose the columns whose values decide a plan, so that the others needn't be looked at; None for all of them.

    Of a table that stays as it is that's how dates are written.
    """
    if table is not None and feed.keeps_columns:
        dated = {one.name for one in table.columns if one.column_type.lower().startswith(("date", "timestamp"))}
        return tuple(at for at, name in enumerate(bind_existing(header, table, feed)) if name in dated)
    if feed.wide == "error" or len(header) <= _ALWAYS_FIT:
        return None
    if table is None:
        first, rest = by_precedence(bind_new(header, feed), feed)
        return tuple(sorted((*first, *rest[: max(0, MAX_COLUMNS - len(first))])))
    bound = bind_existing(header, table, feed)
    new = [at for at, name in enumerate(bound) if name is None]
    wanted = new[:MAX_COLUMNS] if feed.new_columns == "evolve" and not has_wide(table) else []
    return tuple(sorted((*wanted, *(at for at, name in enumerate(bound) if name is not None))))


def most_rows(header: Sequence[str], feed: Feed) -> int | None:
    """Bound the rows of a batch whose documents may repeat long keys; depends on the header alone."""
    size = sum(len(text) + 8 for text in header[_ALWAYS_FIT:])
    return max(1, _KEY_BYTES // size) if feed.wide == "json" and size else None


def wide_note(fields: Sequence[WideField], table: str) -> str:
    """Say which columns are in the JSON column and how to ask for one."""
    in_order = sorted(fields, key=lambda field: field.position)
    shown = ", ".join(field.key for field in in_order[:_NAMED]) + (", ..." if len(fields) > _NAMED else "")
    plain = next((field.key for field in in_order if field.key.replace(" ", "").replace("_", "").isalnum()), "name")
    return (
        f"in the JSON column {WIDE}, because a table can't hold them: {len(fields):,} columns ({shown}); ask for one with "
        f"SELECT JSON_VALUE({WIDE}, '$.\"{plain}\"') FROM {quote_mysql(table)}"
    )
