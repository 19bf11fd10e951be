"""Receipt: what MySQL holds of a batch, asked before its commit, beside what the engine counted while reading."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal, localcontext

from engine.model import Column, ColumnReceipt, ColumnTotals, Kind, Receipt, Value
from engine.sql import quote_mysql

_EPOCH_DAY = 719_528  # TO_DAYS('1970-01-01')


def totals_query(
    table: str, columns: Sequence[Column], where: str, charsets: Mapping[str, str | None], by_bytes: str | None
) -> str:
    """Write the one aggregate query whose row `read_totals` understands.

    Args:
        table: Quoted name.
        columns: What was loaded, in order.
        where: Condition that selects the batch's rows, "" for all that are visible.
        charsets: Character set by column of those that have one; utf8mb4 where it isn't said.
        by_bytes: The server's collation of utf8mb4 in which texts are ordered by their bytes, as `collation_by_bytes` says.
    """
    parts = ["COUNT(*)"]
    for column in columns:
        parts += _expressions(column, charsets.get(column.name), by_bytes)
    return f"SELECT {', '.join(parts)} FROM {table}" + (f" WHERE {where}" if where else "")


def collation_by_bytes(server: str) -> str | None:
    """Return the collation of utf8mb4 that orders texts by their bytes, trailing blanks included; None where there is none.

    Args:
        server: The server's own words, such as `9.7.4` or `10.11.19-MariaDB`.
    """
    if "MariaDB" in server:
        return "utf8mb4_nopad_bin"
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", server)
    return "utf8mb4_0900_bin" if numbers and tuple(map(int, numbers.groups())) >= (8, 0, 17) else None


def _expressions(column: Column, charset: str | None, by_bytes: str | None) -> tuple[str, str, str, str, str]:
    """Count, total, minimum, maximum and bytes of one column; NULL for what its kind doesn't have."""
    name = quote_mysql(column.name)
    count = f"COUNT({name})"
    match column.type.kind:
        case Kind.TEXT:
            if column.type.canonical:
                return count, f"SUM(CRC32({name}))", "NULL", "NULL", f"SUM(LENGTH({name}))"
            if column.type.mysql.upper().startswith("JSON"):
                return count, "NULL", "NULL", "NULL", "NULL"
            text = name if charset in (None, "utf8mb4") else f"CONVERT({name} USING utf8mb4)"
            size = f"SUM(LENGTH({text}))"
            if "TEXT" in column.type.mysql.upper():
                return count, "NULL", "NULL", "NULL", size
            # The cast costs 250 ns a row, the collation 130 (both servers; the whole query costs 3 µs).
            raw = f"CAST({text} AS BINARY)"
            if by_bytes is not None and column.type.mysql.upper().startswith(("CHAR", "VARCHAR")):
                raw = f"{text} COLLATE {by_bytes}"
            return count, "NULL", f"MIN({raw})", f"MAX({raw})", size
        case Kind.DOUBLE:
            if column.type.mysql.upper().startswith("FLOAT"):
                # The server shows six digits of a FLOAT, whatever it holds.
                return count, "NULL", "NULL", "NULL", "NULL"
            return count, "NULL", f"MIN({name})", f"MAX({name})", "NULL"
        case Kind.DATE:
            # From year 0 on; `read_totals` takes the days before 1970 off, which here would cost 100 ns a row.
            total = f"SUM(TO_DAYS({name}))"
        case Kind.DATETIME:
            total = f"SUM(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {name}))"
        case Kind.TIME:
            # MariaDB's TIME_TO_SEC has the fraction, MySQL's hasn't.
            seconds = f"TRUNCATE(TIME_TO_SEC({name}), 0)"
            total = f"SUM({seconds} * 1000000 + IF({name} < 0, -1, 1) * MICROSECOND({name}))"
        case _:
            total = f"SUM({name})"
    return count, total, f"MIN({name})", f"MAX({name})", "NULL"


def read_totals(row: Sequence[object], columns: Sequence[Column]) -> tuple[int, tuple[ColumnTotals, ...]]:
    """Turn the row of `totals_query` into the number of rows and the totals of each column."""
    totals = []
    for index, column in enumerate(columns):
        count, total, low, high, size = row[1 + 5 * index : 6 + 5 * index]
        filled = int(str(count))
        totals.append(
            ColumnTotals(
                column=column.name,
                filled=filled,
                total=None if total is None else _total(str(total), column.type.kind, filled),
                minimum=_value(low),
                maximum=_value(high),
                bytes=None if size is None else int(Decimal(str(size))),
            )
        )
    return int(str(row[0])), tuple(totals)


def _total(text: str, kind: Kind, filled: int) -> Decimal:
    # Not `- 0` for the others: a subtraction rounds to the context's 28 digits.
    return Decimal(text) - _EPOCH_DAY * filled if kind is Kind.DATE else Decimal(text)


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
    return a if (left <= right) == smallest else b  # type: ignore[operator]  # both of one type


def _sortable(value: Value) -> object:
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
