"""Plans: the table that a file needs, or where its columns go in one that exists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl
import pytest

from engine.config import Feed
from engine.errors import SchemaError
from engine.model import ExistingTable, Mode, TableColumn, TableSchema
from engine.schema import Evidence, gather, plan_existing, plan_new


def seen(*columns: Sequence[str | None]) -> Evidence:
    return gather(
        pl.DataFrame({f"c{index}": pl.Series(values, dtype=pl.String) for index, values in enumerate(columns)})
    )


def feed(**settings: object) -> Feed:
    return Feed.model_validate(settings)


def types(schema: TableSchema) -> dict[str, str]:
    return {column.name: column.type.mysql for column in schema.columns}


def table_column(
    name: str, column_type: str = "int", *, nullable: bool = True, has_default: bool = False
) -> TableColumn:
    return TableColumn(
        name=name,
        column_type=column_type,
        nullable=nullable,
        has_default=has_default,
        auto_increment=False,
        generated=False,
        character_set="utf8mb4" if "char" in column_type or "text" in column_type else None,
        collation="utf8mb4_bin" if "char" in column_type or "text" in column_type else None,
    )


SALES = ExistingTable(
    name="sales",
    columns=(
        replace(table_column("id", nullable=False), auto_increment=True),
        table_column("quantity"),
        table_column("price", "decimal(10,2)"),
        table_column("region", "varchar(10)"),
        table_column("created_at", "timestamp", has_default=True),
    ),
    primary_key=("id",),
    unique_keys=(),
    engine="InnoDB",
)
HEADER = ["quantity", "price", "region"]


def test_a_new_table_has_a_column_for_each_of_the_files_and_a_key_of_the_engines() -> None:
    schema = plan_new("t", ["id", " Name ", "{x}"], seen(["1"], ["a"], ["2024-01-05"]), Feed())
    assert schema.create_sql == (
        "CREATE TABLE {table} (\n"
        "  `_row_id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT INVISIBLE PRIMARY KEY,\n"
        "  `id` INT NULL,\n"
        "  `Name` VARCHAR(64) NULL,\n"
        "  `{{x}}` DATE NULL\n"
        ") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    )
    assert "`{x}` DATE" in schema.create_sql.format(table="`t`")
    assert schema.auto_column == "_row_id"
    assert [(column.name, column.original, column.position) for column in schema.columns] == [
        ("id", "id", 0),
        ("Name", " Name ", 1),
        ("{x}", "{x}", 2),
    ]


def test_a_feed_declares_types_names_and_not_null() -> None:
    declared = feed(columns={
        "amount": {"source": "Betrag", "type": "decimal(12,2)", "not_null": True},
        "day": {"format": "%d/%m/%Y"},
        "at": {"format": "%d/%m/%Y %H:%M"},
        "mood": {"type": "enum('{good}','bad')"},
    })  # fmt: skip
    schema = plan_new("t", ["Betrag", "DAY", "at", "mood"], seen(["1"], ["01/02/2020"], [None], ["bad"]), declared)
    assert types(schema) == {"amount": "DECIMAL(12,2)", "DAY": "DATE", "at": "DATETIME", "mood": "ENUM('{good}','bad')"}
    assert all(column.declared for column in schema.columns)
    assert not schema.columns[0].nullable
    assert schema.create_sql is not None
    assert "ENUM('{good}','bad')" in schema.create_sql.format(table="t")


def test_a_file_without_a_header_takes_the_names_of_its_feed_in_order() -> None:
    declared = feed(columns={"a": {"type": "int"}, "b": {"type": "int"}})
    assert list(types(plan_new("t", ["", ""], seen(["1"], ["2"]), declared))) == ["a", "b"]
    assert list(types(plan_new("t", ["", ""], seen(["1"], ["2"]), Feed()))) == ["column_1", "column_2"]


def test_a_declared_column_that_the_file_lacks_is_drift_unless_the_feed_evolves() -> None:
    declared = feed(columns={"gone": {"type": "int"}})
    with pytest.raises(SchemaError, match="'gone'") as raised:
        plan_new("t", ["a"], seen(["1"]), declared)
    assert raised.value.code == "schema.drift"
    schema = plan_new("t", ["a"], seen(["1"]), declared.model_copy(update={"missing_columns": "evolve"}))
    assert types(schema) == {"a": "INT"}
    assert schema.create_sql is not None
    assert "`gone` INT NULL" in schema.create_sql


def test_a_key_is_not_null_and_unique() -> None:
    schema = plan_new("t", ["Id", "name"], seen(["1"], ["x" * 400]), feed(key=["id", "name"]))
    assert schema.key == ("Id", "name")
    assert schema.create_sql is not None
    assert "UNIQUE KEY `headrace_key` (`Id`, `name`)" in schema.create_sql
    assert types(schema) == {"Id": "INT", "name": "VARCHAR(512)"}
    assert [column.nullable for column in schema.columns] == [False, False]


@pytest.mark.parametrize(
    ("keys", "code"), [(["nope"], "schema.key"), (["long"], "schema.key_too_long"), (["a", "b"], "schema.key_too_long")]
)
def test_a_key_that_no_index_can_hold_is_an_error(keys: list[str], code: str) -> None:
    evidence = seen(["x" * 800], ["x" * 500], ["x" * 500])
    with pytest.raises(SchemaError) as raised:
        plan_new("t", ["long", "a", "b"], evidence, feed(key=keys))
    assert raised.value.code == code


def test_a_key_of_long_texts_takes_no_more_than_an_index_holds() -> None:
    schema = plan_new("t", ["a", "b"], seen(["x" * 300], ["x" * 400]), feed(key=["a", "b"]))
    assert types(schema) == {"a": "VARCHAR(300)", "b": "VARCHAR(400)"}


def test_what_a_person_should_know_of_a_plan_is_noted() -> None:
    evidence = seen(*[["x" * 60]] * 140, ["01/02/2013"])
    schema = plan_new("t", [f"c{index}" for index in range(141)], evidence, Feed())
    assert len(schema.notes) == 2
    assert schema.notes[0].startswith("stored as TEXT")
    assert schema.notes[1].endswith(": c140")


def test_a_header_finds_the_columns_of_a_table_by_source_name_and_case() -> None:
    renamed = feed(columns={"price": {"source": "Preis"}})
    schema = plan_existing(SALES, ["REGION", "Preis", " quantity "], renamed)
    assert types(schema) == {"region": "VARCHAR(10)", "price": "DECIMAL(10,2)", "quantity": "INT"}
    assert [column.position for column in schema.columns] == [0, 1, 2]
    assert all(column.declared for column in schema.columns)
    assert (schema.exists, schema.auto_column, schema.create_sql, schema.alter_sql) == (True, "id", None, ())


def test_a_file_that_fills_the_auto_increment_column_has_a_key() -> None:
    schema = plan_existing(SALES, ["id", *HEADER], Feed())
    assert (schema.auto_column, schema.key) == (None, ("id",))


def test_a_file_without_a_header_goes_by_position() -> None:
    assert list(types(plan_existing(SALES, ["", "", ""], Feed()))) == HEADER
    assert list(types(plan_existing(SALES, [""] * 4, Feed()))) == [*HEADER, "created_at"]
    with pytest.raises(SchemaError, match="no header"):
        plan_existing(SALES, ["", ""], Feed())


def test_a_difference_is_printed_with_the_line_that_settles_it() -> None:
    with pytest.raises(SchemaError) as raised:
        plan_existing(SALES, [*HEADER, "colour", "size"], Feed())
    assert raised.value.code == "schema.drift"
    assert "only in the file: 'colour', 'size'" in str(raised.value)
    assert 'new_columns = "evolve"' in str(raised.value)
    with pytest.raises(SchemaError, match=r"only in the table: region.*missing_columns = \"evolve\""):
        plan_existing(SALES, ["quantity", "price"], Feed())
    with pytest.raises(SchemaError, match=r'columns\."region"\] with source = "Gebiet"'):
        plan_existing(SALES, ["quantity", "price", "Gebiet"], Feed())


def test_new_columns_are_added_or_ignored_as_the_feed_says() -> None:
    header = [*HEADER, "colour", "day"]
    evidence = seen(["1"], ["1.5"], ["x"], ["red"], ["2024-01-05"])
    evolved = plan_existing(SALES, header, feed(new_columns="evolve"), evidence)
    assert evolved.alter_sql == (
        "ALTER TABLE {table} ADD COLUMN `colour` VARCHAR(64) NULL, ADD COLUMN `day` DATE NULL",
    )
    assert [column.declared for column in evolved.columns] == [True, True, True, False, False]
    discarded = plan_existing(SALES, header, feed(new_columns="discard"))
    assert (list(types(discarded)), discarded.ignored) == (HEADER, ("colour", "day"))


def test_a_missing_column_is_null_where_the_feed_evolves_and_it_can_be() -> None:
    evolving = feed(missing_columns="evolve")
    assert list(types(plan_existing(SALES, ["quantity"], evolving))) == ["quantity"]
    strict = replace(SALES, columns=(*SALES.columns, table_column("must", nullable=False)))
    with pytest.raises(SchemaError, match=r"must.*NOT NULL"):
        plan_existing(strict, HEADER, evolving)


@pytest.mark.parametrize(
    ("column_type", "values", "modified"),
    [
        ("int", ["1"], None),
        ("int", ["99999999999"], "BIGINT NULL"),
        ("int unsigned", ["-1"], "BIGINT NULL"),
        ("bigint unsigned", ["-1"], "DECIMAL(38,0) NULL"),
        ("int", ["1.5"], "DECIMAL(18,1) NULL"),
        ("int", ["x"], "VARCHAR(64) NULL"),
        ("decimal(10,2)", ["1.999"], "DECIMAL(18,3) NULL"),
        ("decimal(10,2)", ["1.5"], None),
        ("varchar(10)", ["x" * 10], None),
        ("varchar(10)", ["x" * 11], "VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL"),
        ("varchar(3000)", ["x" * 3001], "TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL"),
        ("text", ["x" * 70_000], "MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL"),
        ("tinyint(1)", ["5000"], None),
        ("date", ["x"], None),
        ("float", ["16777217"], None),
    ],
)
def test_types_are_widened_where_the_feed_says_so_and_never_narrowed(
    column_type: str, values: list[str | None], modified: str | None
) -> None:
    table = replace(SALES, columns=(table_column("v", column_type),), primary_key=())
    schema = plan_existing(table, ["v"], feed(types="evolve"), seen(values))
    assert schema.alter_sql == ((f"ALTER TABLE {{table}} MODIFY COLUMN `v` {modified}",) if modified else ())
    assert not plan_existing(table, ["v"], Feed(), seen(values)).alter_sql


def test_a_column_with_a_default_or_in_an_index_is_not_widened() -> None:
    evolving = feed(types="evolve")
    with_default = replace(SALES, columns=(table_column("v", has_default=True),), primary_key=())
    indexed = replace(SALES, columns=(table_column("v"),), primary_key=("v",))
    for table in (with_default, indexed):
        schema = plan_existing(table, ["v"], evolving, seen(["x"]))
        assert schema.alter_sql == ()
        assert schema.columns[0].declared


def test_an_upsert_needs_a_key_with_a_unique_index() -> None:
    keyed = replace(SALES, unique_keys=(("region",),))
    assert plan_existing(keyed, HEADER, Feed(), mode=Mode.UPSERT).key == ("region",)
    assert plan_existing(keyed, HEADER, feed(key=["REGION"]), mode=Mode.UPSERT).key == ("region",)
    with pytest.raises(SchemaError, match="needs a key"):
        plan_existing(SALES, HEADER, Feed(), mode=Mode.UPSERT)
    with pytest.raises(SchemaError, match=r"ADD UNIQUE KEY \(`price`\)"):
        plan_existing(keyed, HEADER, feed(key=["price"]), mode=Mode.UPSERT)
    with pytest.raises(SchemaError, match="lacks: 'nope'"):
        plan_existing(keyed, HEADER, feed(key=["nope"]))


def test_columns_that_cannot_be_filled_are_refused() -> None:
    generated = replace(SALES, columns=(replace(table_column("g"), generated=True),))
    with pytest.raises(SchemaError, match="generated") as raised:
        plan_existing(generated, ["g"], Feed())
    assert raised.value.code == "schema.generated"
    binary = replace(SALES, columns=(table_column("b", "blob"),))
    with pytest.raises(SchemaError, match="column b of sales") as raised:
        plan_existing(binary, ["b"], Feed())
    assert raised.value.code == "schema.type_unsupported"
