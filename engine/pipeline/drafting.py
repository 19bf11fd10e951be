"""Draft the plan of one file: from its header, its feed, what its rows can be and what the server has."""

from __future__ import annotations

from dataclasses import replace

from engine.load import Connection, tables
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
    with_rescue,
)
from engine.pipeline.reading import field_names
from engine.schema import plan_existing, plan_new, refuse_too_many


def draft_plan(control: Connection, run: Run, course: Course, header: tuple[str, ...], *, whole: bool) -> Plan:
    """Draft how a file is loaded.

    Args:
        whole: The types come from every row, because those of the first batch didn't hold.

    Raises:
        EngineError: No table can hold the file, or the one that is there doesn't fit it.
    """
    reading = course.reading
    assert reading is not None
    target = tables.describe(control, course.table)
    if target is not None:
        refuse_foreign_engine(target)
    known = target or _created_by_feed(control, run, course)
    header, feed = with_rescue(header, course.feed, known)
    if known is None:
        refuse_too_many(len(header))
        schema = plan_new(course.table, header, reading.evidence(whole=whole), feed)
    else:
        # Its own types count; what the file holds matters where the feed lets the table change, and for how dates
        # are written.
        evolves = "evolve" in (feed.types, feed.new_columns)
        dated = any(column.column_type.lower().startswith(("date", "timestamp")) for column in known.columns)
        evidence = reading.evidence(whole=whole) if evolves or dated else None
        schema = plan_existing(known, header, feed, evidence, course.mode)
    strategy = choose_strategy(course.mode, feed, target, schema)
    course.notes = [note for note in course.notes if note not in schema.notes] + list(schema.notes)
    direct = strategy in ("batches", "transaction")
    return Plan(
        schema=replace(schema, exists=target is not None),
        names=field_names(reading.width, schema),
        mode=course.mode,
        strategy=strategy,
        work_table=course.table if direct else shadow_name(course.file_id),
        order_column=tables.STAGING_ORDER if strategy == "upsert" else order_column(schema),
        target_exists=target is not None,
        model=_model(control, run, course, schema, strategy, target),
        fills_key=fills_key(known, schema),
        charsets={c.name: c.character_set for c in (known.columns if known else ()) if c.character_set},
    )


def _created_by_feed(control: Connection, run: Run, course: Course) -> ExistingTable | None:
    """Make the table that the feed's own text describes, under a name of its own, to read its columns from."""
    text = created_by_feed(course.feed, run.settings.data_dir)
    if text is None:
        return None
    course.model = create_model(control, _model_name(run, course), text)
    made = tables.describe(control, course.model)
    assert made is not None
    return replace(made, name=course.table)


def _model(
    control: Connection,
    run: Run,
    course: Course,
    schema: TableSchema,
    strategy: Strategy,
    target: ExistingTable | None,
) -> str | None:
    """Name the table that the work table is made like; an upsert's staging table needs the planned columns."""
    if course.model is None and strategy == "upsert" and not run.dry_run:
        if target is None:
            assert schema.create_sql is not None
            course.model = create_model(control, _model_name(run, course), schema.create_sql)
        elif schema.alter_sql:
            course.model = create_altered_model(control, _model_name(run, course), target.name, schema)
    return course.model or (target.name if target is not None else None)


def _model_name(run: Run, course: Course) -> str:
    """Name the model; a dry run, which has no lock, has one of its own."""
    return tables.model_name(course.file_id.hex if run.dry_run else course.table)
