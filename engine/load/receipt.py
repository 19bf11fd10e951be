"""Receipt: what MySQL holds of a batch, asked before its commit, beside what the engine counted while reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal, localcontext

from engine.model import Column, ColumnReceipt, ColumnTotals, Kind, Receipt, Value
from engine.sql import quote_mysql

_EPOCH_DAY = 719_528  # TO_DAYS('1970-01-01')


def totals_query(table: str, columns: Sequence[Column], where: str, charsets: Mapping[str, str | None]) -> str:
    """Write the one aggregate query whose row `read_totals` understands.

    Args:
        table: Quoted name.
        columns: What was loaded, in order.
        where: Condition that selects the batch's rows, "" for all that are visible.
        charsets: Character set by column, for those that aren't utf8mb4.
    """
    parts = ["COUNT(*)"]
    for column in columns:
        parts += _expressions(column, charsets.get(column.name))
    return f"SELECT {', '.join(parts)} FROM {table}" + (f" WHERE {where}" if where else "")


def _expressions(column: Column, charset: str | None) -> tuple[str, str, str, str, str]:
    """Count, total, minimum, maximum and bytes of one column; NULL for what its kind doesn't have."""
    name = quote_mysql(column.name)
    count = f"COUNT({name})"
    match column.type.kind:
        case Kind.TEXT:
            if column.type.mysql.upper().startswith("JSON"):
                return count, "NULL", "NULL", "NULL", "NULL"
            text = name if charset in (None, "utf8mb4") else f"CONVERT({name} USING utf8mb4)"
            size = f"SUM(LENGTH({text}))"
            if "TEXT" in column.type.mysql.upper():
                return count, "NULL", "NULL", "NULL", size
            raw = f"CAST({text} AS BINARY)"
            return count, "NULL", f"MIN({raw})", f"MAX({raw})", size
        case Kind.DOUBLE:
            if column.type.mysql.upper().startswith("FLOAT"):
                # The server shows six digits of a FLOAT, whatever it holds.
                return count, "NULL", "NULL", "NULL", "NULL"
            return count, "NULL", f"MIN({name})", f"MAX({name})", "NULL"
        case Kind.DATE:
            total = f"SUM(TO_DAYS({name}) - {_EPOCH_DAY})"
        case Kind.DATETIME:
            total = f"SUM(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {name}))"
        case Kind.TIME:
            total = f"SUM(TIME_TO_SEC({name}) * 1000000 + IF({name} < 0, -1, 1) * MICROSECOND({name}))"
        case _:
            total = f"SUM({name})"
    return count, total, f"MIN({name})", f"MAX({name})", "NULL"


def read_totals(row: Sequence[object], columns: Sequence[Column]) -> tuple[int, tuple[ColumnTotals, ...]]:
    """Turn the row of `totals_query` into the number of rows and the totals of each column."""
    totals = []
    for index, column in enumerate(columns):
        count, total, low, high, size = row[1 + 5 * index : 6 + 5 * index]
        totals.append(
            ColumnTotals(
                column=column.name,
                filled=int(str(count)),
                total=None if total is None else Decimal(str(total)),
                minimum=_value(low),
                maximum=_value(high),
                bytes=None if size is None else int(Decimal(str(size))),
            )
        )
    return int(str(row[0])), tuple(totals)


def _value(value: object) -> Value | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if value is None or isinstance(value, int | float | Decimal | str | date | datetime | timedelta):
        return value
    raise TypeError(f"MySQL answered with a {type(value).__name__}")


def compare(
    engine: Sequence[ColumnTotals], mysql: Sequence[ColumnTotals], rows_engine: int, rows_mysql: int
) -> Receipt:
    """Hold both sides of a batch or a file against each other."""
    columns = tuple(_compare_column(ours, theirs) for ours, theirs in zip(engine, mysql, strict=True))
    return Receipt(
        verified=rows_engine == rows_mysql and all(column.equal for column in columns),
        rows_engine=rows_engine,
        rows_mysql=rows_mysql,
        columns=columns,
    )


def _compare_column(ours: ColumnTotals, theirs: ColumnTotals) -> ColumnReceipt:
    left, right = _texts(ours), _texts(theirs)
    # What the server wasn't asked for (a JSON column's bytes) isn't compared.
    shared = {name for name, value in right.items() if value is not None or name == "filled"}
    # Of no values, one side says 0 where the other says NULL.
    equal = all(left[name] == right[name] for name in (shared if ours.filled else {"filled"}))
    return ColumnReceipt(
        column=ours.column,
        engine={name: left[name] for name in left if name in shared},
        mysql={name: right[name] for name in right if name in shared},
        equal=equal,
    )


def _texts(totals: ColumnTotals) -> dict[str, str | None]:
    return {
        "filled": str(totals.filled),
        "total": None if totals.total is None else _text(Decimal(totals.total)),
        "minimum": None if totals.minimum is None else _text(totals.minimum),
        "maximum": None if totals.maximum is None else _text(totals.maximum),
        "bytes": None if totals.bytes is None else str(totals.bytes),
    }


def _text(value: Value) -> str:
    """Write a value so that equal values of either side have equal texts."""
    match value:
        case bool():
            return str(int(value))
        case int() | Decimal():
            return _digits(Decimal(value))
        case float():
            return repr(value + 0.0)
        case time():
            return _text(
                timedelta(hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond)
            )
        case timedelta():
            return str(value // timedelta(microseconds=1))
        case datetime():
            return value.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
        case date():
            return value.isoformat()
        case _:
            return value


def _digits(value: Decimal) -> str:
    # Not Decimal.normalize(): that rounds to the context's 28 digits.
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def add_totals(left: Sequence[ColumnTotals], right: Sequence[ColumnTotals]) -> tuple[ColumnTotals, ...]:
    """Add the totals of two sets of rows, column by column."""
    return tuple(
        ColumnTotals(
            column=a.column,
            filled=a.filled + b.filled,
            total=_plus(a.total, b.total),
            minimum=_extreme(a.minimum, b.minimum, smallest=True),
            maximum=_extreme(a.maximum, b.maximum, smallest=False),
            bytes=None if a.bytes is None and b.bytes is None else (a.bytes or 0) + (b.bytes or 0),
        )
        for a, b in zip(left, right, strict=True)
    )


def subtract_totals(
    sent: Sequence[ColumnTotals], refused: Sequence[ColumnTotals], loaded: Sequence[ColumnTotals]
) -> tuple[ColumnTotals, ...]:
    """Take the rows that a table refused out of the engine's totals, column by column.

    Extremes can't be subtracted: one that a refused row has becomes that of the loaded rows.
    """
    return tuple(
        ColumnTotals(
            column=a.column,
            filled=a.filled - b.filled,
            total=None if a.total is None else _plus(a.total, None if b.total is None else -b.total),
            minimum=_left(a.minimum, b.minimum, c.minimum),
            maximum=_left(a.maximum, b.maximum, c.maximum),
            bytes=None if a.bytes is None else a.bytes - (b.bytes or 0),
        )
        for a, b, c in zip(sent, refused, loaded, strict=True)
    )


def _left(sent: Value | None, refused: Value | None, loaded: Value | None) -> Value | None:
    if sent is None or refused is None or _text(sent) != _text(refused):
        return sent
    return loaded


def _plus(a: Decimal | int | None, b: Decimal | int | None) -> Decimal | int | None:
    if a is None or b is None:
        return b if a is None else a
    # Exact beyond the default context's 28 digits: a sum of DECIMAL(65,30) has up to 85.
    with localcontext(prec=200):
        return a + b


def _extreme(a: Value | None, b: Value | None, *, smallest: bool) -> Value | None:
    if a is None or b is None:
        return b if a is None else a
    left, right = _sortable(a), _sortable(b)
    return a if (left <= right) == smallest else b  # type: ignore[operator]


def _sortable(value: Value) -> object:
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
