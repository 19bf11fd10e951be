"""Types: as users declare them and as both servers show them."""

from __future__ import annotations

import pytest

from engine.errors import SchemaError
from engine.model import ColumnType, Kind
from engine.schema import parse_type
from engine.schema.limits import page_bytes, row_bytes
from engine.schema.types import members


@pytest.mark.parametrize(
    ("text", "mysql", "minimum", "maximum"),
    [
        ("int", "INT", -(2**31), 2**31 - 1),
        ("INT(11)", "INT", -(2**31), 2**31 - 1),
        ("integer unsigned", "INT UNSIGNED", 0, 2**32 - 1),
        ("int(10) unsigned zerofill", "INT UNSIGNED", 0, 2**32 - 1),
        ("tinyint", "TINYINT", -128, 127),
        ("tinyint(3) unsigned", "TINYINT UNSIGNED", 0, 255),
        ("smallint(6)", "SMALLINT", -32768, 32767),
        ("mediumint", "MEDIUMINT", -(2**23), 2**23 - 1),
        ("bigint(20)", "BIGINT", -(2**63), 2**63 - 1),
        ("BIGINT UNSIGNED", "BIGINT UNSIGNED", 0, 2**64 - 1),
        ("year(4)", "YEAR", 1901, 2155),
    ],
)
def test_whole_numbers_have_their_range(text: str, mysql: str, minimum: int, maximum: int) -> None:
    assert ColumnType(kind=Kind.INTEGER, mysql=mysql, minimum=minimum, maximum=maximum) == parse_type(text)


def test_a_boolean_is_0_or_1_where_it_is_declared_and_any_byte_where_the_server_says_only_tinyint() -> None:
    declared, shown = parse_type("BOOLEAN"), parse_type("tinyint(1)")
    assert declared == ColumnType(kind=Kind.BOOLEAN, mysql="TINYINT(1)", minimum=0, maximum=1)
    assert shown == ColumnType(kind=Kind.BOOLEAN, mysql="TINYINT(1)", minimum=-128, maximum=127)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("decimal", ColumnType(kind=Kind.DECIMAL, mysql="DECIMAL(10,0)", precision=10, scale=0)),
        ("numeric(12, 4)", ColumnType(kind=Kind.DECIMAL, mysql="DECIMAL(12,4)", precision=12, scale=4)),
        (
            "decimal(5,2) unsigned",
            ColumnType(kind=Kind.DECIMAL, mysql="DECIMAL(5,2) UNSIGNED", precision=5, scale=2, minimum=0),
        ),
        ("double", ColumnType(kind=Kind.DOUBLE, mysql="DOUBLE")),
        ("double precision", ColumnType(kind=Kind.DOUBLE, mysql="DOUBLE")),
        ("float", ColumnType(kind=Kind.DOUBLE, mysql="FLOAT", precision=6)),
        ("float(53)", ColumnType(kind=Kind.DOUBLE, mysql="DOUBLE")),
        ("double(10,2)", ColumnType(kind=Kind.DOUBLE, mysql="DOUBLE(10,2)", scale=2)),
        ("date", ColumnType(kind=Kind.DATE, mysql="DATE")),
        ("datetime(3)", ColumnType(kind=Kind.DATETIME, mysql="DATETIME(3)", fraction_digits=3)),
        ("timestamp", ColumnType(kind=Kind.DATETIME, mysql="TIMESTAMP")),
        ("time(6)", ColumnType(kind=Kind.TIME, mysql="TIME(6)", fraction_digits=6)),
        ("varchar(255)", ColumnType(kind=Kind.TEXT, mysql="VARCHAR(255)", max_chars=255)),
        (
            "VARCHAR(50) CHARACTER SET latin1 COLLATE latin1_bin",
            ColumnType(kind=Kind.TEXT, mysql="VARCHAR(50)", max_chars=50),
        ),
        ("character varying(9)", ColumnType(kind=Kind.TEXT, mysql="VARCHAR(9)", max_chars=9)),
        ("char", ColumnType(kind=Kind.TEXT, mysql="CHAR(1)", max_chars=1)),
        ("varchar(100) /*M!100301 COMPRESSED*/", ColumnType(kind=Kind.TEXT, mysql="VARCHAR(100)", max_chars=100)),
        ("tinytext", ColumnType(kind=Kind.TEXT, mysql="TINYTEXT", max_bytes=255)),
        ("longtext", ColumnType(kind=Kind.TEXT, mysql="LONGTEXT", max_bytes=2**32 - 1)),
        ("json", ColumnType(kind=Kind.TEXT, mysql="JSON", max_bytes=2**30)),
        ("enum('a','it''s')", ColumnType(kind=Kind.TEXT, mysql="ENUM('a','it''s')", max_chars=4)),
    ],
)
def test_other_types_have_their_limits(text: str, expected: ColumnType) -> None:
    assert expected == parse_type(text)


def test_members_of_an_enum_are_read_whatever_they_hold() -> None:
    assert members(parse_type("enum('a','it''s', 'b,c','(x)','')")) == ("a", "it's", "b,c", "(x)", "")
    assert not members(parse_type("varchar(5)"))


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "varchar", "decimal(66,2)", "decimal(5,6)", "int(x)", "enum()", "text(5,", "int drop table"],
)
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(SchemaError, match="not a MySQL type") as raised:
        parse_type(text)
    assert raised.value.code == "schema.type_unknown"


@pytest.mark.parametrize("text", ["blob", "VARBINARY(16)", "bit(1)", "point", "uuid"])
def test_binary_types_are_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(SchemaError, match="text column") as raised:
        parse_type(text)
    assert raised.value.code == "schema.type_unsupported"


def test_a_format_belongs_to_dates() -> None:
    assert parse_type("date", "%d/%m/%Y").formats == ("%d/%m/%Y",)
    assert parse_type("datetime(6)", "%d/%m/%Y %H:%M:%S.%f").formats == ("%d/%m/%Y %H:%M:%S%.f",)
    for column, text in (("int", "%d"), ("date", "%Q nonsense")):
        with pytest.raises(SchemaError) as raised:
            parse_type(column, text)
        assert raised.value.code == "schema.format"


def test_sizes_are_those_that_both_servers_count() -> None:
    sizes = {
        "INT": (4, 4), "BIGINT": (8, 8), "DECIMAL(10,2)": (5, 5), "DECIMAL(38,10)": (18, 18), "DATETIME(6)": (8, 8),
        "VARCHAR(9)": (37, 37), "VARCHAR(63)": (253, 253), "VARCHAR(64)": (258, 41), "TEXT": (12, 41),
    }  # fmt: skip
    assert sizes == {text: (row_bytes(parse_type(text)), page_bytes(parse_type(text))) for text in sizes}
