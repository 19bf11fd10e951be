"""Draft the plan of one file: from its header, its feed, what its rows can be and what the server has."""

from __future__ import annotations

from dataclasses import replace

from engine.errors import SchemaError
from engine.load import TOO_WIDE, Connection, Refused, tables
from engine.model import ExistingTable, TableSchema
from engine.pipeline.course import Course, Run
from engine.pipeline.planning import (
    Plan,
    Strategy,
    choose_strategy,
    create_altered_model,
    create_model,
    created_by_feed,
    fills_key,
    order_column,
    refuse_foreign_engine,
    shadow_name,
    table_hash,
    with_formats,
    with_rescue,
)
from engine.pipeline.reading import field_names
from engine.schema import most_rows, plan_existing, plan_new, refuse_too_many, worth_a_look


def draft_plan(
    control: Connection,
    run: Run,
    course: Course,
    header: tuple[str, ...],
    target: ExistingTable | None,
    *,
    whole: bool,
) -> Plan:
    """Draft how a file is loaded.

    Args:
        target: What the server has under the target's name, as described under its lock.
        whole: The types come from every row, because those of the first batch didn't hold.

    Raises:
        EngineError: No table can hold the file, or the one that is there doesn't fit it.
    """
    reading = course.reading
    assert reading is not None
    known = planned_for(control, run, course, target)
    header, feed = with_rescue(header, course.feed, known)
    if (rows := most_rows(header, feed)) is not None:
        reading.batch_rows = min(reading.batch_rows, rows)
    if known is None:
        if feed.wide == "error":
            refuse_too_many(len(header))
        seen = reading.evidence(whole=whole, only=worth_a_look(header, feed, None))
        schema = plan_new(course.table, header, seen, feed)
    else:
        # Its own types count; what the file holds matters where the feed lets the table change, and for how dates
        # are written.
        only = worth_a_look(header, feed, known)
        # Of a replay that's known from the load whose rows these are: a few of them say less.
        unknown = course.formats is None and only != ()
        evidence = reading.evidence(whole=whole, only=only, brief=feed.keeps_columns) if unknown else None
        schema = plan_existing(known, header, feed, evidence, course.mode)
        if course.formats is not None:
            schema = with_formats(schema, course.formats)
    if target is not None and schema.alter_sql and not run.dry_run:
        _try_changes(control, course, schema)
    void = course.plan.schema.notes if course.plan is not None else ()
    course.notes = [note for note in course.notes if note not in (*void, *schema.notes)] + list(schema.notes)
    return carry_out(control, course, schema, target, known)


def planned_for(control: Connection, run: Run, course: Course, target: ExistingTable | None) -> ExistingTable | None:
    """Return the table that the columns are planned for: the target, or what the feed's text makes."""
    if target is not None:
        refuse_foreign_engine(target)
    return target or _created_by_feed(control, run, course)


def carry_out(
    control: Connection,
    course: Course,
    schema: TableSchema,
    target: ExistingTable | None,
    known: ExistingTable | None,
) -> Plan:
    """Plan how the planned columns reach their table, as that is now."""
    reading = course.reading
    assert reading is not None
    strategy = choose_strategy(course.mode, course.feed, target, schema)
    direct = strategy in ("batches", "transaction")
    return Plan(
        schema=replace(schema, exists=target is not None),
        names=field_names(reading.width, schema),
        mode=course.mode,
        strategy=strategy,
        work_table=course.table if direct else shadow_name(course.file_id),
        order_column=tables.STAGING_ORDER if strategy == "upsert" else order_column(schema),
        target_exists=target is not None,
        model=_model(control, course, schema, strategy, target),
        fills_key=fills_key(known, schema),
        triggers=bool(target and target.triggers),
        known=table_hash(known),
        charsets={c.name: c.character_set for c in (known.columns if known else ()) if c.character_set},
    )


def _created_by_feed(control: Connection, run: Run, course: Course) -> ExistingTable | None:
    """Make the table that the feed's own text describes, under a name of its own, to read its columns from."""
    text = created_by_feed(course.feed, run.settings.data_dir)
    if text is None:
        return None
    course.model = create_model(control, _model_name(course), text)
    made = tables.describe(control, course.model)
    assert made is not None
    return replace(made, name=course.table)


def _model(
    control: Connection,
    course: Course,
    schema: TableSchema,
    strategy: Strategy,
    target: ExistingTable | None,
) -> str | None:
    """Name the table that the work table is made like; an upsert's staging table needs the planned columns."""
    if course.model is None and strategy == "upsert" and course.locked:
        if target is None:
            assert schema.create_sql is not None
            course.model = create_model(control, _model_name(course), schema.create_sql)
        elif schema.alter_sql:
            course.model = create_altered_model(control, _model_name(course), target.name, schema)
    return course.model or (target.name if target is not None else None)


def _try_changes(control: Connection, course: Course, schema: TableSchema) -> None:
    """Let the server say whether an empty table like the target can be changed so, before a row is sent.

    Raises:
        SchemaError: `schema.too_wide`, the table can't hold the columns.
    """
    name = _model_name(course)
    try:
        create_altered_model(control, name, course.table, schema)
    except Refused as error:
        if error.number not in TOO_WIDE:
            raise
        raise SchemaError(
            f"{course.table} can't hold the file's columns beside its own: {error.words}",
            code="schema.too_wide",
            next_step='keep the surplus columns in one JSON column with --wide json (in a feed: wide = "json")',
        ) from None
    finally:
        tables.drop(control, name)


def _model_name(course: Course) -> str:
    """Name the model; who has no lock has one of its own."""
    return tables.model_name(course.table if course.locked else course.file_id.hex)
