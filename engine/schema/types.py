"""MySQL column types: read from the text that a user declares or the server shows, and made for what was seen."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl

from engine.errors import SchemaError
from engine.model import ColumnType, Kind
from engine.schema.temporal import ZONED

_INTEGER_BITS = {
    "tinyint": 8, "int1": 8, "smallint": 16, "int2": 16, "mediumint": 24, "int3": 24, "middleint": 24,
    "int": 32, "integer": 32, "int4": 32, "bigint": 64, "int8": 64,
}  # fmt: skip
_TEXT_BYTES = {"tinytext": 2**8 - 1, "text": 2**16 - 1, "mediumtext": 2**24 - 1, "longtext": 2**32 - 1}
_MAX_PRECISION = 65
_MAX_SCALE = 30
# Every decimal of that many digits survives: DBL_DIG and FLT_DIG of C, the latter also what MySQL shows of a FLOAT.
_DOUBLE_DIGITS = 15
_FLOAT_DIGITS = 6
# What a table of one-byte characters can have.
_MAX_VARCHAR = 65_535
_MAX_CHAR = 255

# The name, `(...)`, and attributes such as UNSIGNED.
_TYPE = re.compile(
    r"\s*(?P<name>(?:double precision|character varying|char varying|national varchar|national char|long text|[a-z0-9_]+))"
    r"\s*(?:\((?P<args>.*)\))?\s*(?P<rest>[a-z0-9_ ]*)\s*",
    re.IGNORECASE | re.DOTALL,
)
_MEMBER = re.compile(r"'((?:[^'\\]|''|\\.)*)'\s*(?:,\s*|$)", re.DOTALL)
_ATTRIBUTES = re.compile(
    r"(?:unsigned|signed|zerofill|binary|ascii|unicode|(?:character set|charset|collate) \w+|\s)*", re.IGNORECASE
)


def parse_type(column_type: str, format: str | None = None) -> ColumnType:  # noqa: A002 - the feed's own word
    """Read a MySQL type as DDL or `information_schema.columns.COLUMN_TYPE` has it.

    Args:
        column_type: Such as `int(11) unsigned`, `DECIMAL(10,2)`, `enum('a','b')`, `boolean`.
        format: A strftime format of the file's dates, for DATE, DATETIME and TIMESTAMP. A `%z` in it is read and
            the time stored in UTC.

    Raises:
        SchemaError: `schema.type_unknown`, `schema.type_unsupported` or `schema.format`.
    """
    text = re.sub(r"/\*.*?\*/", "", column_type)
    match = _TYPE.fullmatch(text)
    if match is None or not _ATTRIBUTES.fullmatch(match["rest"]):
        raise _unknown(column_type)
    name, args = match["name"].lower(), match["args"]
    reader = _READERS.get(name)
    if reader is None:
        raise _unsupported(column_type) if name in _UNSUPPORTED else _unknown(column_type)
    # MySQL makes a ZEROFILL column UNSIGNED.
    unsigned = re.search(r"unsigned|zerofill", match["rest"], re.IGNORECASE) is not None
    try:
        column = reader(name, args, unsigned)
    except ValueError:
        raise _unknown(column_type) from None
    return column if format is None else _with_format(column, format)


def boolean_type(*words: str) -> ColumnType:
    """Return TINYINT(1) for 0 and 1, written in the file as `words`, false before true."""
    return replace(_boolean("boolean", None, unsigned=False), formats=words)


def integer_type(minimum: int, maximum: int) -> ColumnType | None:
    """Return the smallest of INT, BIGINT and BIGINT UNSIGNED that holds a range, None where none does."""
    for name, unsigned in (("int", False), ("bigint", False), ("bigint", True)):
        column = _integer(name, None, unsigned)
        if (column.minimum or 0) <= minimum and maximum <= (column.maximum or 0):
            return column
    return None


def decimal_type(integer_digits: int, scale: int) -> ColumnType | None:
    """Return a DECIMAL with that many digits before and after the point, with room where there is; None beyond 65.

    The precision is the first of 10, 18, 38 and 65 that leaves two digits of room: 18 are what 64 bits hold, 38 what
    128 bits hold, 65 is MySQL's most.
    """
    if scale > _MAX_SCALE or integer_digits + scale > _MAX_PRECISION:
        return None
    room = min(integer_digits + scale + 2, _MAX_PRECISION)
    precision = next(step for step in (10, 18, 38, 65) if step >= room)
    return _decimal("decimal", f"{precision},{scale}", unsigned=False)


def varchar_type(chars: int) -> ColumnType:
    """Return VARCHAR(chars)."""
    return ColumnType(kind=Kind.TEXT, mysql=f"VARCHAR({chars})", max_chars=chars)


def text_type(size_bytes: int) -> ColumnType:
    """Return the first of TEXT, MEDIUMTEXT and LONGTEXT that holds twice so many bytes, or LONGTEXT."""
    for name in ("text", "mediumtext"):
        if 2 * size_bytes <= _TEXT_BYTES[name]:
            return _text(name, None, unsigned=False)
    return _text("longtext", None, unsigned=False)


def double_type() -> ColumnType:
    """Return DOUBLE."""
    return _float("double", None, unsigned=False)


def date_type(*formats: str) -> ColumnType:
    """Return DATE, written in the file in one of `formats`, ISO 8601 where there are none."""
    return ColumnType(kind=Kind.DATE, mysql="DATE", formats=formats)


def datetime_type(fraction_digits: int, *formats: str) -> ColumnType:
    """Return DATETIME with that many digits of a second's fraction."""
    return ColumnType(
        kind=Kind.DATETIME,
        mysql=f"DATETIME({fraction_digits})" if fraction_digits else "DATETIME",
        fraction_digits=fraction_digits,
        formats=formats,
    )


def time_type(fraction_digits: int) -> ColumnType:
    """Return TIME with that many digits of a second's fraction."""
    return _TIME("time", str(fraction_digits) if fraction_digits else None, False)


def members(column: ColumnType) -> tuple[str, ...]:
    """Return the values of an ENUM or SET, none for another type."""
    if not column.mysql.startswith(("ENUM(", "SET(")):
        return ()
    inner = column.mysql[column.mysql.index("(") + 1 : -1]
    return tuple(
        re.sub(r"\\(.)", r"\1", found[1].replace("''", "'"), flags=re.DOTALL) for found in _MEMBER.finditer(inner)
    )


def _integer(name: str, args: str | None, unsigned: bool) -> ColumnType:
    bits = _INTEGER_BITS[name]
    canonical = next(
        full for full in ("tinyint", "smallint", "mediumint", "int", "bigint") if _INTEGER_BITS[full] == bits
    )
    # The server's own word for a BOOLEAN, though it takes any number of a byte.
    boolean = bits == 8 and args == "1"
    if args is not None:
        int(args)
    return ColumnType(
        kind=Kind.BOOLEAN if boolean else Kind.INTEGER,
        mysql=("TINYINT(1)" if boolean else canonical.upper()) + (" UNSIGNED" if unsigned else ""),
        minimum=0 if unsigned else -(2 ** (bits - 1)),
        maximum=2**bits - 1 if unsigned else 2 ** (bits - 1) - 1,
    )


def _boolean(_name: str, _args: str | None, unsigned: bool) -> ColumnType:  # noqa: ARG001 - one signature for all
    return ColumnType(kind=Kind.BOOLEAN, mysql="TINYINT(1)", minimum=0, maximum=1)


def _year(_name: str, _args: str | None, _unsigned: bool) -> ColumnType:
    # 0000 is left out: as text the server takes 0 for the year 2000.
    return ColumnType(kind=Kind.INTEGER, mysql="YEAR", minimum=1901, maximum=2155)


def _numbers(args: str | None, default: tuple[int, int]) -> tuple[int, int]:
    if args is None:
        return default
    parts = [int(part) for part in args.split(",")]
    if len(parts) > 2:
        raise ValueError(args)
    return parts[0], parts[1] if len(parts) == 2 else default[1]


def _decimal(_name: str, args: str | None, unsigned: bool) -> ColumnType:
    precision, scale = _numbers(args, (10, 0))
    if not (1 <= precision <= _MAX_PRECISION and 0 <= scale <= min(precision, _MAX_SCALE)):
        raise ValueError(args)
    return ColumnType(
        kind=Kind.DECIMAL,
        mysql=f"DECIMAL({precision},{scale})" + (" UNSIGNED" if unsigned else ""),
        precision=precision,
        scale=scale,
        minimum=0 if unsigned else None,
    )


def _float(name: str, args: str | None, unsigned: bool) -> ColumnType:
    """Read FLOAT and DOUBLE; `precision` is the number of significant digits that surely survive in a FLOAT."""
    single = name in ("float", "float4")
    places: int | None = None
    shown = ""
    if args is not None:
        digits, places_given = _numbers(args, (0, -1))
        places = places_given if places_given >= 0 else None
        if single and places is None:
            # FLOAT(p): p counts bits, and from 25 on it's a DOUBLE.
            single = digits <= 24
        shown = f"({digits},{places})" if places is not None else ""
    return ColumnType(
        kind=Kind.DOUBLE,
        mysql=("FLOAT" if single else "DOUBLE") + shown + (" UNSIGNED" if unsigned else ""),
        precision=_FLOAT_DIGITS if single else None,
        scale=places,
        minimum=0 if unsigned else None,
    )


def _fraction(args: str | None) -> int:
    digits = int(args) if args is not None else 0
    if not 0 <= digits <= 6:
        raise ValueError(args)
    return digits


def _temporal(kind: Kind) -> Callable[[str, str | None, bool], ColumnType]:
    def read(name: str, args: str | None, unsigned: bool) -> ColumnType:  # noqa: ARG001 - one signature for all
        digits = _fraction(args)
        return ColumnType(kind=kind, mysql=name.upper() + (f"({digits})" if digits else ""), fraction_digits=digits)

    return read


_TIME = _temporal(Kind.TIME)


def _characters(name: str, args: str | None, _unsigned: bool) -> ColumnType:
    varying = "var" in name
    if args is None and varying:
        raise ValueError(name)
    chars = int(args) if args is not None else 1
    if not 0 <= chars <= (_MAX_VARCHAR if varying else _MAX_CHAR):
        raise ValueError(args)
    return ColumnType(kind=Kind.TEXT, mysql=f"{'VARCHAR' if varying else 'CHAR'}({chars})", max_chars=chars)


def _text(name: str, args: str | None, unsigned: bool) -> ColumnType:  # noqa: ARG001 - one signature for all
    if args is not None:
        raise ValueError(args)
    return ColumnType(kind=Kind.TEXT, mysql=name.upper(), max_bytes=_TEXT_BYTES[name])


def _json(_name: str, _args: str | None, _unsigned: bool) -> ColumnType:
    return ColumnType(kind=Kind.TEXT, mysql="JSON", max_bytes=2**30)


def _choice(name: str, args: str | None, _unsigned: bool) -> ColumnType:
    inner = (args or "").strip()
    if not inner or _MEMBER.sub("", inner):
        raise ValueError(args)
    column = ColumnType(kind=Kind.TEXT, mysql=f"{name.upper()}({inner})")
    lengths = [len(member) for member in members(column)]
    longest = max(lengths) if name == "enum" else sum(lengths) + len(lengths)
    return ColumnType(kind=Kind.TEXT, mysql=column.mysql, max_chars=longest)


_READERS: dict[str, Callable[[str, str | None, bool], ColumnType]] = {
    **dict.fromkeys(_INTEGER_BITS, _integer),
    **dict.fromkeys(("bool", "boolean"), _boolean),
    "year": _year,
    **dict.fromkeys(("decimal", "numeric", "dec", "fixed"), _decimal),
    **dict.fromkeys(("float", "float4", "double", "double precision", "float8", "real"), _float),
    "date": _temporal(Kind.DATE),
    "datetime": _temporal(Kind.DATETIME),
    "timestamp": _temporal(Kind.DATETIME),
    "time": _TIME,
    **dict.fromkeys(
        ("char", "character", "nchar", "national char", "varchar", "nvarchar", "national varchar",
         "character varying", "char varying"),
        _characters,
    ),
    **dict.fromkeys(_TEXT_BYTES, _text),
    "json": _json,
    "enum": _choice,
    "set": _choice,
}  # fmt: skip
_UNSUPPORTED = frozenset({
    "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "bit", "geometry", "point", "linestring",
    "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection", "geomcollection", "vector",
    "serial", "uuid", "inet4", "inet6",
})  # fmt: skip


def _with_format(column: ColumnType, format_text: str) -> ColumnType:
    if column.kind not in (Kind.DATE, Kind.DATETIME):
        raise SchemaError(
            f"a date format ({format_text!r}) for a column of type {column.mysql}",
            code="schema.format",
            next_step="declare the type as DATE or DATETIME, or take the format away",
        )
    # Python's fraction of a second is `.%f`; the parser's own includes the point.
    chrono = format_text.replace(".%f", "%.f")
    if chrono != ZONED and not _carries_a_date(chrono):
        raise SchemaError(
            f"{format_text!r} is no format of a whole date",
            code="schema.format",
            next_step='write it like "%d/%m/%Y" or "%d.%m.%Y %H:%M:%S"',
        )
    return ColumnType(kind=column.kind, mysql=column.mysql, fraction_digits=column.fraction_digits, formats=(chrono,))


def _carries_a_date(format_text: str) -> bool:
    """Tell whether a day that's written in a format is read back as the same."""
    day = datetime(2024, 10, 25, tzinfo=UTC)
    try:
        written = pl.Series([day]).dt.strftime(format_text)
        read = written.str.to_datetime(format_text, time_unit="us", strict=False).dt.date().item()
    except pl.exceptions.PolarsError:
        return False
    return bool(read == day.date())


def _unknown(column_type: str) -> SchemaError:
    return SchemaError(
        f"{column_type!r} is not a MySQL type with its limits in range",
        code="schema.type_unknown",
        next_step="write it as in CREATE TABLE, such as INT, DECIMAL(10,2), VARCHAR(255), DATE or DATETIME(6)",
    )


def _unsupported(column_type: str) -> SchemaError:
    return SchemaError(
        f"columns of type {column_type} can't be loaded from text without changing it",
        code="schema.type_unsupported",
        next_step="load into a text column and convert it in MySQL, for instance with UNHEX or ST_GeomFromText",
    )
