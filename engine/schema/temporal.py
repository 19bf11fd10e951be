"""Dates, times and datetimes as text: ISO 8601, and the other ways that dates are written."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from itertools import product

import polars as pl
import pyarrow as pa

# pyarrow's ISO parser is strict and takes 28 ms for a million datetimes, where Polars' takes 208 ms and the pattern
# that it needs before it, because it accepts blanks and single digits, 51 ms more (14 ms and 48 ms for dates).
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
# Microseconds are all that a server keeps; SQL Server and .NET write seven digits, the last nearly always 0.
FRACTION_DIGITS = 6
_FRACTION = rf"(?:\.[0-9]{{1,{FRACTION_DIGITS}}}0*)?"
DATETIME = rf"{DATE}[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9]{_FRACTION})?"
# No zone is farther from UTC than 14 hours; names such as CET are no offset for sure.
_ZONE = r" ?(?:Z|UTC|[+-](?:0[0-9]|1[0-3])(?::?[0-5][0-9])?|[+-]14(?::?00)?)"
ZONED_DATETIME = DATETIME + _ZONE
MOMENT = f"{DATETIME}(?:{_ZONE})?"
TIME = rf"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]{_FRACTION}"
# pyarrow takes `2024-01-05 10` and `2024-01-05 100000` as well: no length of a datetime as it's meant here.
_ODD_LENGTHS = (11, 12, 13, 14, 15, 17, 18, 20)
_DATETIME_SHORT = rf"(?:{DATETIME}|{DATE})"
# chrono's own name for ISO 8601 with a zone.
ZONED = "%+"
_TIME_SHORT = rf"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9]{_FRACTION})?"

DAY_MICROS = 86_400_000_000
YEAR_1000 = (date(1000, 1, 1) - date(1970, 1, 1)).days * DAY_MICROS
_YEAR_10000 = ((date(9999, 12, 31) - date(1970, 1, 1)).days + 1) * DAY_MICROS


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
        ("%d %B %y", f"{one} {name} [0-9]{{2}}"),
        ("%d-%B-%y", f"{one}-{name}-[0-9]{{2}}"),
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
    found = {
        day + time: DateFormat(
            format=day + time, pattern=looks + clock, has_time=bool(time), two_digit_year="%y" in day
        )
        for (day, looks), (time, clock) in product(dates, times)
    }
    found[ZONED] = DateFormat(format=ZONED, pattern=ZONED_DATETIME, has_time=True, two_digit_year=False)
    return found


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
    fits = text.str.contains(f"^{_DATETIME_SHORT}$") & _is_date(text)
    return _arrow_cast(without_spare_zeros(_only(text, fits)), pa.timestamp("us"))


def zoned_datetimes(text: pl.Series) -> pl.Series:
    """Read a datetime, then `Z`, `UTC` or an offset such as `+02:00`, as Datetime in µs in UTC; NULL otherwise."""
    if text.str.ends_with("Z").all():
        bare = without_spare_zeros(text.str.strip_suffix("Z"))
        read = _only(iso_datetimes(bare), bare.str.len_bytes() > len("2024-01-05"))
        if read.null_count() == text.null_count():
            return read
    fits = text.str.contains(f"^{ZONED_DATETIME}$")
    plain = without_spare_zeros(text if fits.all() else _only(text, fits))
    if plain.str.contains(r" [+Z-]|C$").any():
        # The parser knows neither a blank before the zone nor the word.
        plain = plain.str.replace(r" ?(?:UTC|Z)$", "Z").str.replace(r" ([+-])", "$1")
    utc = pa.timestamp("us", tz="UTC")
    try:
        read = _arrow_cast(plain, utc)
    except pa.ArrowInvalid:
        read = _arrow_cast(_only(plain, _is_date(plain)), utc)
    return read.dt.replace_time_zone(None)


def iso_times(text: pl.Series) -> pl.Series:
    """Read `HH:MM[:SS[.ffffff]]` up to 23 h as Duration in µs, NULL where it isn't one."""
    moments = _on_the_first_day(text)
    if not _has_odd_length(moments):
        with suppress(pa.ArrowInvalid):
            return _since_midnight(moments)
    fits = text.str.contains(f"^{_TIME_SHORT}$")
    return _since_midnight(_on_the_first_day(without_spare_zeros(_only(text, fits))))


def without_spare_zeros(text: pl.Series) -> pl.Series:
    """Cut the zeros beyond six digits of a second's fraction."""
    longest = text.str.len_bytes().max()
    if not isinstance(longest, int) or longest <= len("10:00:00.123456"):
        return text
    return text.str.replace(r"(:[0-9]{2}\.[0-9]{6})0+", "$1")


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
    if format_text == ZONED:
        return _in_four_digit_years(zoned_datetimes(text))
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
    return _in_four_digit_years(read)


def iso_text(moments: pl.Series, *, fraction: bool) -> pl.Series:
    """Write datetimes with six digits of a second's fraction or none; Arrow takes two thirds of a format's time."""
    unit = pa.timestamp("us" if fraction else "s")
    return _to_series(moments.to_arrow().cast(unit, safe=False).cast(pa.string()), moments.name)


def _in_four_digit_years(moments: pl.Series) -> pl.Series:
    micros = moments.to_physical()
    return _only(moments, (micros >= YEAR_1000) & (micros < _YEAR_10000))


def _arrow_cast(text: pl.Series, target: pa.DataType) -> pl.Series:
    strings = text.to_arrow(compat_level=pl.CompatLevel.oldest())
    return _to_series(strings.cast(target), text.name)


def _to_series(array: pa.Array, name: str) -> pl.Series:
    series = pl.from_arrow(array)
    if not isinstance(series, pl.Series):  # pragma: no cover - an array always becomes a series
        raise TypeError(type(series))
    return series.alias(name)


def _since_midnight(moments: pl.Series) -> pl.Series:
    return _arrow_cast(moments, pa.timestamp("us")).to_physical().cast(pl.Duration("us"))


def _is_date(text: pl.Series) -> pl.Series:
    return text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).is_not_null()


def _has_odd_length(text: pl.Series) -> bool:
    return bool(text.str.len_bytes().is_in(_ODD_LENGTHS).any())


def _on_the_first_day(text: pl.Series) -> pl.Series:
    return text.to_frame("t").select(pl.lit("1970-01-01 ") + pl.col("t")).to_series().alias(text.name)


def _only(values: pl.Series, keep: pl.Series) -> pl.Series:
    """Return `values` with NULL where `keep` isn't true."""
    chosen = pl.when(pl.col("keep")).then(pl.col("values"))
    return pl.DataFrame({"values": values, "keep": keep}).select(chosen).to_series().alias(values.name)
