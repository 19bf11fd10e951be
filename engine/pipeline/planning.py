"""What is to become of one file: its columns, the table that its batches go to, and how that becomes visible."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from engine.config import ColumnRule, Feed
from engine.errors import LoadError, SchemaError, SettingsError
from engine.load import Connection, tables
from engine.model import Dialect, ExistingTable, Index, Irregular, Kind, Mode, TableSchema
from engine.scan import RESCUED
from engine.sql import statement

# shadow: batches go to a table that nobody sees and that is renamed at the end. batches: straight to the target, each
# visible at once. transaction: straight to the target, all at once. upsert: to a staging table, then one INSERT.
Strategy = Literal["shadow", "batches", "transaction", "upsert"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How one file is loaded.

    Attributes:
        schema: The columns, as the target will have them.
        names: A name for every field of a record; those of ignored columns are never loaded.
        work_table: Where the batches go.
        order_column: AUTO_INCREMENT column of `work_table` that the file doesn't fill.
        target_exists: The target was there before.
        model: Table that others are made like: the target, or one created for the purpose; None where none is needed.
        fills_key: The file fills a unique key, so two of its rows may collide.
        charsets: Character set by column of those that have one; utf8mb4 where it isn't said.
        triggers: The target has some.
        known: Hash of the table that the columns were planned for; None where there was none.
    """

    schema: TableSchema
    names: tuple[str, ...]
    mode: Mode
    strategy: Strategy
    work_table: str
    order_column: str | None
    target_exists: bool
    model: str | None
    fills_key: bool
    charsets: Mapping[str, str | None]
    triggers: bool = False
    known: bytes | None = None

    @property
    def target(self) -> str:
        return self.schema.table


def with_rescue(header: tuple[str, ...], feed: Feed, target: ExistingTable | None) -> tuple[tuple[str, ...], Feed]:
    """Add the column that keeps the surplus of long rows, where irregular rows are repaired."""
    has = target is None or any(column.name == RESCUED for column in target.columns)
    if feed.irregular is not Irregular.REPAIR or not has:
        return header, feed
    if target is None and RESCUED not in feed.columns:
        feed = feed.model_copy(update={"columns": {**feed.columns, RESCUED: ColumnRule(type="JSON")}})
    return (*header, RESCUED), feed


def with_formats(schema: TableSchema, formats: Mapping[str, tuple[str, ...]]) -> TableSchema:
    """Let dates and booleans be read as another load has read them; in the usual way where `formats` has no word."""
    return replace(
        schema,
        columns=tuple(
            replace(column, type=replace(column.type, formats=formats.get(column.name, ())))
            if column.type.kind in (Kind.DATE, Kind.DATETIME, Kind.BOOLEAN)
            else column
            for column in schema.columns
        ),
    )


def choose_mode(feed: Feed, target: ExistingTable | None) -> Mode:
    """Return the feed's mode; append where it has none."""
    if feed.mode is Mode.UPSERT and target is None and not feed.key:
        raise SettingsError(
            "an upsert into a new table needs a key",
            code="settings.key",
            next_step="name the columns that identify a row with --key",
        )
    return feed.mode or Mode.APPEND


def choose_strategy(mode: Mode, feed: Feed, target: ExistingTable | None, schema: TableSchema) -> Strategy:
    """Choose how the file becomes visible.

    Raises:
        SchemaError: The target can't be replaced by a rename without losing something.
    """
    if mode is Mode.UPSERT:
        return "upsert"
    if target is None:
        return "shadow"
    if mode is Mode.REPLACE:
        bound = [
            *(f"trigger {name}" for name in target.triggers),
            *(f"foreign key {name}" for name in target.foreign_keys),
            *(["row history (system versioning)"] if target.versioned else []),
        ]
        if bound:
            raise SchemaError(
                f"{target.name} can't be replaced: its {', its '.join(bound)} would be lost",
                code="schema.replace",
                next_step="use --mode append or upsert, or drop them first",
            )
        return "shadow"
    if feed.visibility is not None:
        return "transaction" if feed.visibility == "file" else "batches"
    # Where the server may refuse a row that was proved, half a file must not be visible while that shows.
    may_refuse = target.triggers or target.foreign_keys or target.checks or fills_key(target, schema)
    return "transaction" if may_refuse else "batches"


def fills_key(target: ExistingTable | None, schema: TableSchema) -> bool:
    """Tell whether the file fills every column of a unique key."""
    if target is None:
        return bool(schema.key)
    filled = {column.name for column in schema.columns}
    return any(key and set(key) <= filled for key in (target.primary_key, *target.unique_keys))


def splits(plan: Plan) -> bool:
    """Tell whether several processes may load batches of one file.

    Each batch is a transaction of its own then, rows can't collide, and the table is ready before the first of them.
    """
    straight = plan.strategy == "batches" and not plan.schema.alter_sql
    return (plan.strategy == "shadow" or straight) and not plan.fills_key


def table_hash(table: ExistingTable | None) -> bytes | None:
    """Hash what a table is like, to tell whether columns that were planned for it still fit; None where there is none."""
    return None if table is None else hashlib.sha256(repr(table).encode()).digest()


def create_model(connection: Connection, model: str, create_sql: str) -> str:
    """Create an empty table to read columns and indexes from, and return its name."""
    tables.drop(connection, model)
    tables.create(connection, create_sql, model)
    return model


def create_altered_model(connection: Connection, model: str, target: str, schema: TableSchema) -> str:
    """Create an empty table as the target will be once it's evolved, and return its name."""
    tables.drop(connection, model)
    tables.create_like(connection, model, target)
    alter(connection, model, schema)
    return model


def ready_target(connection: Connection, plan: Plan) -> None:
    """Make or evolve the target, once the gate has let the file pass."""
    if plan.target_exists:
        alter(connection, plan.target, plan.schema)
    else:
        assert plan.model is not None
        tables.create_like(connection, plan.target, plan.model)


def prepare_table(connection: Connection, plan: Plan, *, resume: bool) -> None:
    """Make the table ready that the batches go to, unless it holds an earlier attempt's batches; the target waits."""
    if resume and plan.work_table != plan.target and tables.exists(connection, plan.work_table):
        return
    if plan.strategy == "shadow":
        create_shadow(connection, plan)
    elif plan.strategy == "upsert":
        tables.drop(connection, plan.work_table)
        tables.create_staging(connection, plan.work_table, plan.model or plan.target, plan.schema.columns)


def contract_hash(schema: TableSchema, dialect: Dialect, feed: Feed, mode: Mode) -> bytes:
    """Hash what decides which rows a file gives: a load is resumed only under the same."""
    columns = [(c.name, c.position, c.type.mysql, c.type.formats, c.nullable) for c in schema.columns]
    rules = sorted((name, rule.model_dump_json()) for name, rule in feed.columns.items())
    wide = [(field.key, field.position) for field in schema.wide]
    text = repr((schema.table, columns, dialect, feed.irregular.value, mode.value, schema.key, rules, wide))
    return hashlib.sha256(text.encode()).digest()


def shadow_name(file_id: uuid.UUID) -> str:
    """Name the table that a file's batches go to before it is visible."""
    return tables.SHADOW_PREFIX + file_id.hex[:20]


def created_by_feed(feed: Feed, data_dir: Path) -> str | None:
    """Return the feed's own CREATE TABLE text, from beside feeds.toml or from sql/.

    Raises:
        SettingsError: There is no such file, or it has no `{table}`.
    """
    if feed.create_table is None:
        return None
    beside = data_dir / feed.create_table
    try:
        text = beside.read_text(encoding="utf-8") if beside.is_file() else statement(feed.create_table)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"feed {feed.name}: create_table = {feed.create_table!r} can't be read: {error}",
            code="settings.create_table",
        ) from None
    if "{table}" not in text:
        raise SettingsError(
            f"feed {feed.name}: {feed.create_table} has no {{table}} where the table's name goes",
            code="settings.create_table",
        )
    return text


def create_shadow(connection: Connection, plan: Plan) -> None:
    """Make an empty shadow table without the indexes that are cheaper to build at the end."""
    tables.drop(connection, plan.work_table)
    if plan.model is None:
        assert plan.schema.create_sql is not None
        tables.create(connection, plan.schema.create_sql, plan.work_table)
        return
    tables.create_like(connection, plan.work_table, plan.model)
    alter(connection, plan.work_table, plan.schema)
    tables.drop_indexes(connection, plan.work_table, later_indexes(connection, plan))


def later_indexes(connection: Connection, plan: Plan) -> tuple[Index, ...]:
    """List the indexes that are built once the rows are in.

    A unique index isn't among them: a repeated key is found by the batch that has it, not by the ALTER at the end.
    """
    if plan.model is None:
        return ()
    model = tables.describe(connection, plan.model)
    assert model is not None
    return tuple(index for index in tables.secondary_indexes(connection, plan.model, model.columns) if not index.unique)


def alter(connection: Connection, table: str, schema: TableSchema) -> None:
    """Run the statements that evolve a table."""
    for sql in schema.alter_sql:
        tables.alter(connection, sql, table)


def order_column(schema: TableSchema) -> str | None:
    """Return the AUTO_INCREMENT column, where the server fills it and so tells the batches apart."""
    filled = {column.name for column in schema.columns}
    return schema.auto_column if schema.auto_column not in filled else None


def refuse_foreign_engine(target: ExistingTable) -> None:
    """Refuse tables without transactions: a batch there can't be taken back.

    Raises:
        LoadError: The table isn't InnoDB.
    """
    if target.engine.lower() != "innodb":
        raise LoadError(
            f"{target.name} is a {target.engine} table: without transactions nothing can be loaded exactly once",
            code="load.engine",
            next_step=f"ALTER TABLE {target.name} ENGINE = InnoDB",
        )
