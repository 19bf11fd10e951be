"""Plan a new table: a column for each of the file's, typed as declared or as proved, in one CREATE TABLE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.config import Feed
from engine.errors import SchemaError
from engine.model import Column, ColumnType, Kind, TableSchema
from engine.schema.binding import bind_new, declared_type, rule_for
from engine.schema.decide import as_written, decide_column
from engine.schema.evidence import ColumnEvidence, Evidence
from engine.schema.limits import Fitted, fit, fits, how_many, row_bytes
from engine.schema.names import ROW_ID, WIDE, identity, names_note
from engine.schema.notes import notes_on_values
from engine.schema.types import varchar_type
from engine.schema.wide import by_precedence, wide_column, wide_fields, wide_note, wide_type
from engine.sql import quote_mysql

KEY_NAME = "headrace_key"
# InnoDB's limit for an index with DYNAMIC rows: 768 characters of utf8mb4.
_MAX_KEY_BYTES = 3072


@dataclass(frozen=True, kw_only=True, slots=True)
class _Draft:
    """A column before the types of all are fitted into one table; `seen` is None where the type is fixed."""

    name: str
    type: ColumnType
    seen: ColumnEvidence | None
    nullable: bool


_WIDE = _Draft(name=WIDE, type=wide_type(), seen=None, nullable=True)


def plan_new(table: str, header: Sequence[str], evidence: Evidence, feed: Feed) -> TableSchema:
    """Plan a table that doesn't exist yet.

    The table gets an invisible auto-increment key, `_row_id`. A key that the feed declares becomes NOT NULL and a
    UNIQUE KEY `headrace_key` of the CREATE TABLE itself, because a load sees a repeated key only while the index
    is there. Text compares by its code points (`utf8mb4_bin`), so that no two different values count as one but
    for blanks at the end.

    Args:
        table: The legal name of the table.
        header: The header's texts; all empty for a file without a header.
        evidence: About the file's columns, in the header's order.
        feed: What is declared about them.

    Where no table can hold them all and the feed has `wide = "json"`, the surplus columns go into one JSON column.

    Raises:
        SchemaError: No table can hold the columns, or the feed declares what the file lacks.
    """
    names = bind_new(header, feed)
    drafts = [_draft(name, seen, feed) for name, seen in zip(names, evidence.columns, strict=True)] + _missing(
        table, header, names, feed
    )
    key = _key(table, names, feed)
    drafts = _with_key(drafts, key)
    stay = _columns_of_their_own(drafts, names, key, feed)
    surplus = wide_fields(header, feed, set(range(len(header))).difference(stay))
    drafts = [drafts[at] for at in (*stay, *range(len(header), len(drafts)))] + ([_WIDE] if surplus else [])
    fitted = _fit(drafts, key)
    columns = tuple(
        Column(
            name=draft.name,
            original=header[position],
            position=position,
            type=column,
            declared=draft.seen is None,
            nullable=draft.nullable,
        )
        for position, draft, column in zip(stay, drafts, fitted.types, strict=False)
    ) + ((wide_column(header),) if surplus else ())
    return TableSchema(
        table=table,
        columns=columns,
        create_sql=_create_sql(drafts, fitted.types, key),
        auto_column=ROW_ID,
        key=key,
        wide=surplus,
        notes=_notes([draft.name for draft in drafts], fitted.spilled, fitted.shortened)
        + names_note(columns, feed)
        + ((wide_note(surplus, table),) if surplus else ())
        + notes_on_values(columns, [evidence.columns[at] for at in stay] + [None] * bool(surplus)),
    )


def column_sql(name: str, column: ColumnType, *, nullable: bool = True, suffix: str = "") -> str:
    """Return a column's definition as a part of a statement in which `{table}` is filled in by `format`."""
    text = f"{quote_mysql(name)} {column.mysql}{suffix} {'NULL' if nullable else 'NOT NULL'}"
    return text.replace("{", "{{").replace("}", "}}")


def _columns_of_their_own(
    drafts: Sequence[_Draft], names: Sequence[str], key: Sequence[str], feed: Feed
) -> Sequence[int]:
    """Return the positions of the columns that stay columns, ascending: all, where the feed lets none go or all fit.

    Otherwise those that the feed speaks of, then as many of the others, in the file's order, as fit with the room that
    their types have beside the JSON column.

    Raises:
        SchemaError: `schema.too_wide`, without a JSON column or even with one.
    """
    width = len(names)
    if feed.wide == "error" or fits([draft.type for draft in drafts], _seen_chars(drafts, key)):
        return range(width)
    first, rest = by_precedence(names, feed)
    ordered = [_WIDE, *drafts[width:], *(drafts[at] for at in (*first, *rest))]
    held = how_many([draft.type for draft in ordered], [draft.seen is not None for draft in ordered])
    left = held - 1 - len(drafts[width:])
    if left < len(first):
        _fit(ordered[: 1 + len(drafts[width:]) + len(first)], key)
    return sorted((*first, *rest[: left - len(first)]))


def _fit(drafts: Sequence[_Draft], key: Sequence[str]) -> Fitted:
    return fit(
        [draft.type for draft in drafts],
        _seen_chars(drafts, key),
        [0 if draft.seen is None else draft.seen.max_bytes for draft in drafts],
    )


def _seen_chars(drafts: Sequence[_Draft], key: Sequence[str]) -> list[int | None]:
    return [None if draft.seen is None or draft.name in key else draft.seen.max_chars for draft in drafts]


def _draft(name: str, seen: ColumnEvidence, feed: Feed) -> _Draft:
    rule = rule_for(name, feed)
    declared = declared_type(name, rule)
    return _Draft(
        name=name,
        type=as_written(declared, seen) if declared else decide_column(seen, all_text=feed.all_text),
        seen=None if declared else seen,
        nullable=not (rule and rule.not_null),
    )


def _missing(table: str, header: Sequence[str], names: Sequence[str], feed: Feed) -> list[_Draft]:
    """Return the declared columns that the file lacks, where the feed lets it."""
    present = {identity(name) for name in names}
    missing = [name for name in feed.columns if identity(name) not in present]
    required = [name for name in missing if feed.columns[name].not_null]
    if required or (missing and feed.missing_columns == "freeze"):
        listed = ", ".join(repr(name) for name in required or missing)
        raise SchemaError(
            f"the feed declares columns for {table} that the file lacks: {listed}; "
            f"its header has {', '.join(repr(text) for text in header)}",
            code="schema.drift",
            next_step='correct the feed (source = "..." names the header\'s own text)'
            + ("" if required else ', or add missing_columns = "evolve" to load NULL'),
        )
    types = [(name, declared_type(name, feed.columns[name]) or varchar_type(255)) for name in missing]
    return [_Draft(name=name, type=column, seen=None, nullable=True) for name, column in types]


def _key(table: str, names: Sequence[str], feed: Feed) -> tuple[str, ...]:
    present = {identity(name): name for name in names}
    absent = [name for name in feed.key if identity(name) not in present]
    if absent:
        raise SchemaError(
            f"the key of {table} names columns that the file lacks: {', '.join(map(repr, absent))}",
            code="schema.key",
            next_step=f"choose the key among {', '.join(names)}",
        )
    return tuple(dict.fromkeys(present[identity(name)] for name in feed.key))


def _with_key(drafts: Sequence[_Draft], key: Sequence[str]) -> list[_Draft]:
    """Make the key's columns NOT NULL and fit for one index: inferred text with room if there is some, else without."""
    for steps in ((64, 128, 255, 512, 768), ()):
        made = [_as_key(draft, steps) if draft.name in key else draft for draft in drafts]
        types = {draft.name: draft.type for draft in made if draft.name in key}
        unbounded = any(one.kind is Kind.TEXT and one.max_chars is None for one in types.values())
        size = sum(4 * one.max_chars if one.max_chars is not None else row_bytes(one) for one in types.values())
        if size <= _MAX_KEY_BYTES and not unbounded:
            return made
    listed = ", ".join(f"{name} {one.mysql}" for name, one in types.items())
    raise SchemaError(
        f"the key ({listed}) is longer than the 3,072 bytes of an index, which are 768 characters",
        code="schema.key_too_long",
        next_step="declare its columns as shorter VARCHAR, or choose other columns as the key",
    )


def _as_key(draft: _Draft, steps: Sequence[int]) -> _Draft:
    column = draft.type
    if draft.seen is not None and column.kind is Kind.TEXT:
        longest = max(draft.seen.max_chars, 1)
        column = varchar_type(next((step for step in steps if step >= longest), longest))
    return _Draft(name=draft.name, type=column, seen=draft.seen, nullable=False)


def _create_sql(drafts: Sequence[_Draft], types: Sequence[ColumnType], key: Sequence[str]) -> str:
    lines = [f"{quote_mysql(ROW_ID)} BIGINT UNSIGNED NOT NULL AUTO_INCREMENT INVISIBLE PRIMARY KEY"]
    lines += [
        column_sql(draft.name, column, nullable=draft.nullable) for draft, column in zip(drafts, types, strict=True)
    ]
    if key:
        columns = ", ".join(quote_mysql(name) for name in key).replace("{", "{{").replace("}", "}}")
        lines.append(f"UNIQUE KEY {quote_mysql(KEY_NAME)} ({columns})")
    body = ",\n  ".join(lines)
    # A collation that both servers have. It tells apart what general ones take as equal: case, accents, emoji.
    return f"CREATE TABLE {{table}} (\n  {body}\n) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"


def _notes(
    names: Sequence[str],
    spilled: Sequence[int],
    shortened: Sequence[int],
) -> tuple[str, ...]:
    findings = (
        ("stored as TEXT, because all VARCHAR of a row share 65,535 bytes", [names[index] for index in spilled]),
        (
            "without room for longer values, because a row's columns share 8,126 bytes of a page",
            [names[index] for index in shortened],
        ),
    )
    return tuple(f"{finding}: {', '.join(columns)}" for finding, columns in findings if columns)
