"""Dates, times and datetimes as text: ISO 8601, and the other ways that dates are written."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from itertools import product

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

# pyarrow's ISO parser is strict and takes 28 ms for a million datetimes, where Polars' takes 208 ms and the pattern
# that it needs before it, because it accepts blanks and single digits, 51 ms more (14 ms and 48 ms for dates).
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
DATETIME = rf"{DATE}[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{{1,6}})?"
TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
# pyarrow takes `2024-01-05 10` and `2024-01-05 100000` as well: no length of a datetime as it's meant here.
_ODD_LENGTHS = (11, 12, 13, 14, 15, 17, 18, 20)
_DATETIME_SHORT = rf"{DATE}(?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{{1,6}})?)?)?"
_TIME_SHORT = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"


@dataclass(frozen=True, kw_only=True, slots=True)
class DateFormat:
    """A way to write a date that isn't ISO 8601.

    Attributes:
        format: For the parser, in chrono's words.
        pattern: What the whole text looks like, because the parser takes blanks, signs and missing digits.
        has_time: A datetime.
        two_digit_year: Never taken without being declared: the century, and often the order, is a guess.
    """

    format: str
    pattern: str
    has_time: bool
    two_digit_year: bool


def _formats() -> dict[str, DateFormat]:
    one, name = "[0-9]{1,2}", "[A-Za-z]{3,9}"
    dates = [
        ("%B %d, %Y", f"{name} {one}, [0-9]{{4}}"),
        ("%B %d %Y", f"{name} {one} [0-9]{{4}}"),
        ("%d %B %Y", f"{one} {name} [0-9]{{4}}"),
        ("%d-%B-%Y", f"{one}-{name}-[0-9]{{4}}"),
    ]
    for mark in "/-.":
        seen = re.escape(mark)
        dates.append((f"%Y{mark}%m{mark}%d", f"[0-9]{{4}}{seen}{one}{seen}{one}"))
        dates += [
            (f"{a}{mark}{b}{mark}%Y", f"{one}{seen}{one}{seen}[0-9]{{4}}") for a, b in (("%d", "%m"), ("%m", "%d"))
        ]
        dates += [
            (f"{a}{mark}{b}{mark}{c}", f"{one}{seen}{one}{seen}[0-9]{{2}}")
            for a, b, c in (("%d", "%m", "%y"), ("%m", "%d", "%y"), ("%y", "%m", "%d"))
        ]
    times = [
        ("", ""),
        (" %H:%M:%S", " (?:[01]?[0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"),
        (" %H:%M", " (?:[01]?[0-9]|2[0-3]):[0-5][0-9]"),
        (" %I:%M:%S %p", " (?:0?[1-9]|1[0-2]):[0-5][0-9]:[0-5][0-9] [AaPp][Mm]"),
        (" %I:%M %p", " (?:0?[1-9]|1[0-2]):[0-5][0-9] [AaPp][Mm]"),
    ]
    return {
        date + time: DateFormat(
            format=date + time, pattern=looks + clock, has_time=bool(time), two_digit_year="%y" in date
        )
        for (date, looks), (time, clock) in product(dates, times)
    }


FORMATS = _formats()


def iso_dates(text: pl.Series) -> pl.Series:
    """Read `YYYY-MM-DD` as Date, NULL where it isn't one."""
    with suppress(pa.ArrowInvalid):
        return _arrow_cast(text, pa.date32())
    fits = text.str.contains(f"^{DATE}$") & text.str.to_date("%Y-%m-%d", strict=False).is_not_null()
    return _arrow_cast(_only(text, fits), pa.date32())


def iso_datetimes(text: pl.Series) -> pl.Series:
    """Read a date, then `T` or a blank, and `HH:MM[:SS[.ffffff]]` or nothing, as Datetime in µs; NULL otherwise."""
    if not _has_odd_length(text):
        with suppress(pa.ArrowInvalid):
            return _arrow_cast(text, pa.timestamp("us"))
    is_date = text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).is_not_null()
    fits = text.str.contains(f"^{_DATETIME_SHORT}$") & is_date
    return _arrow_cast(_only(text, fits), pa.timestamp("us"))


def iso_times(text: pl.Series) -> pl.Series:
    """Read `HH:MM[:SS[.ffffff]]` up to 23 h as Duration in µs, NULL where it isn't one."""
    moments = _on_the_first_day(text)
    if not _has_odd_length(moments):
        with suppress(pa.ArrowInvalid):
            return _since_midnight(moments)
    return _since_midnight(_on_the_first_day(_only(text, text.str.contains(f"^{_TIME_SHORT}$"))))


def long_times(text: pl.Series) -> pl.Series:
    """Read MySQL's own range of TIME, `[-]HHH:MM[:SS[.ffffff]]` up to 838:59:59, as Duration in µs."""
    pattern = r"^(-?)([0-9]{1,3}):([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]{1,6}))?)?$"
    part = text.str.extract_groups(pattern).struct.unnest().rename(dict(zip("12345", "shmxf", strict=True)))
    seconds = (
        pl.col("h").cast(pl.Int64) * 3600 + pl.col("m").cast(pl.Int64) * 60 + pl.col("x").cast(pl.Int64).fill_null(0)
    )
    micros = seconds * 1_000_000 + pl.col("f").str.pad_end(6, "0").cast(pl.Int64).fill_null(0)
    signed = pl.when(pl.col("s") == "-").then(-micros).otherwise(micros)
    limit = (838 * 3600 + 59 * 60 + 59) * 1_000_000
    within = pl.when(micros <= limit).then(signed)
    return part.select(within.alias(text.name)).to_series().cast(pl.Duration("us"))


def read_format(text: pl.Series, format_text: str) -> pl.Series:
    """Read dates or datetimes in one format as Datetime in µs, in UTC where they carry an offset; NULL otherwise.

    The year must have four digits (unless the format says two), and no blanks may stand around.
    """
    known = FORMATS.get(format_text)
    fits = text.str.contains(f"^(?:{known.pattern})$") if known else ~text.str.contains(r"^\s|\s$")
    usable = _only(text, fits)
    # Days repeat, so the parser's cache halves the time; datetimes don't.
    if known and not known.has_time:
        read = usable.str.to_date(format_text, strict=False).cast(pl.Datetime("us"))
    else:
        read = usable.str.to_datetime(format_text, time_unit="us", strict=False, cache=False)
    if isinstance(read.dtype, pl.Datetime) and read.dtype.time_zone is not None:
        read = read.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    year = read.dt.year()
    return _only(read, (year >= 1000) & (year <= 9999))


def _arrow_cast(text: pl.Series, target: pa.DataType) -> pl.Series:
    strings = text.to_arrow(compat_level=pl.CompatLevel.oldest())
    read = pl.from_arrow(pc.cast(strings, target))
    if not isinstance(read, pl.Series):  # pragma: no cover - an array always becomes a series
        raise TypeError(type(read))
    return read.alias(text.name)


def _since_midnight(moments: pl.Series) -> pl.Series:
    return _arrow_cast(moments, pa.timestamp("us")).to_physical().cast(pl.Duration("us"))


def _has_odd_length(text: pl.Series) -> bool:
    return bool(text.str.len_bytes().is_in(_ODD_LENGTHS).any())


def _on_the_first_day(text: pl.Series) -> pl.Series:
    return text.to_frame("t").select(pl.lit("1970-01-01 ") + pl.col("t")).to_series().alias(text.name)


def _only(values: pl.Series, keep: pl.Series) -> pl.Series:
    """Return `values` with NULL where `keep` isn't true."""
    chosen = pl.when(pl.col("keep")).then(pl.col("values"))
    return pl.DataFrame({"values": values, "keep": keep}).select(chosen).to_series().alias(values.name)
