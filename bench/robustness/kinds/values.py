"""Kinds of value: what a guess of types, a float, or a server's courtesy would change."""

from __future__ import annotations

from random import Random

from bench.robustness.kinds.registry import WHOLE, kind
from bench.robustness.tables import Maker, Table, any_table, chosen, code, integer, long_id, with_column
from bench.robustness.writing import Draft, draft

_VALUES = "values"


@kind("leading zeros", _VALUES, WHOLE)
def _leading_zeros(rng: Random) -> Draft:
    return draft(with_column(rng, "zip", rng.choice((code, chosen("00501", "10115", "0"), chosen("007", "7")))))


@kind("long ids", _VALUES, WHOLE)
def _long_ids(rng: Random) -> Draft:
    beside = rng.choice(
        (long_id, chosen("7.0E+17", "123456789012345678", "1.5"), chosen("16777217", "9007199254740993"))
    )
    return draft(with_column(rng, "account", beside))


@kind("big integers", _VALUES, WHOLE)
def _big_integers(rng: Random) -> Draft:
    big = chosen("9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616", "1")
    huge: Maker = lambda random, _row: str(random.randint(10**20, 10 ** random.choice((38, 64, 65, 98))))  # noqa: E731 - one of many makers
    return draft(with_column(rng, "big", rng.choice((big, huge))))


@kind("exact decimals", _VALUES, WHOLE)
def _exact_decimals(rng: Random) -> Draft:
    deep = chosen("0.1", "12345678901234567890.123456789", "-0.000000001", "1.999", ".5", "100", "0.30000000000000004")
    mixed = chosen("1.10", "2.2", "3", "-0.0", "99999999999999999999999999999999999.99")
    return draft(with_column(rng, "rate", rng.choice((deep, mixed))))


@kind("exponents and signs", _VALUES, WHOLE)
def _exponents(rng: Random) -> Draft:
    one = chosen("1E5", "1.5e-7", "6.02E+23", "1e400", "-1e-400", "2E3")
    two = chosen("+5", "5", "-5", "+0049171", "-0", "1.", "5-", "--5")
    return draft(with_column(rng, "n", rng.choice((one, two))))


@kind("NaN and Inf", _VALUES, WHOLE)
def _nan(rng: Random) -> Draft:
    return draft(with_column(rng, "f", chosen("1.5", "NaN", "inf", "-Infinity", "nan", "2", "-2.25")))


@kind("words for null", _VALUES, WHOLE)
def _null_words(rng: Random) -> Draft:
    words = rng.choice((("NA", "N/A", "1"), ("null", "NULL", "5", None), ("None", "-", "2024-03-01"), ("\\N", "x", "")))
    return draft(with_column(rng, "maybe", chosen(*words)))


@kind("money and percent", _VALUES, WHOLE)
def _formatted_numbers(rng: Random) -> Draft:
    words = (("1,234", "12", "1,234,567"), ("$5", "$12.50"), ("12%", "3.5%"), ("1.234,56", "7,5"), ("1 000", "2 500"))
    return draft(with_column(rng, "shown", chosen(*rng.choice(words))))


@kind("blanks around values", _VALUES, WHOLE)
def _blanks(rng: Random) -> Draft:
    return draft(with_column(rng, "padded", chosen(" x", "y ", "  z  ", " 1", "2 ", "\tt", " ")))


@kind("ambiguous dates", _VALUES, WHOLE)
def _ambiguous_dates(rng: Random) -> Draft:
    shape = rng.choice(("{0:02}/{1:02}/2013", "{0:02}.{1:02}.13", "{0}-{1}-2020", "{0:02}/{1:02}/{0:02}"))
    make: Maker = lambda random, _row: shape.format(random.randint(1, 12), random.randint(1, 12))  # noqa: E731 - likewise
    return draft(with_column(rng, "day", make))


@kind("dates of one format", _VALUES, WHOLE)
def _dates_of_one_format(rng: Random) -> Draft:
    form, shape = rng.choice((("%d/%m/%Y", "{0:02}/{1:02}/{2}"), ("%m/%d/%Y", "{1:02}/{0:02}/{2}"),
                              ("%d.%m.%Y", "{0:02}.{1:02}.{2}"), ("%Y/%m/%d", "{2}/{1:02}/{0:02}")))  # fmt: skip
    # One day beyond the twelfth tells the formats apart.
    make: Maker = lambda random, row: shape.format(  # noqa: E731 - likewise
        28 if row == 5 else random.randint(1, 28), random.randint(1, 12), random.randint(1950, 2030)
    )
    table = with_column(rng, "when", make)
    return draft(Table(names=table.names, rows=table.rows, formats={table.names.index("when"): form}))


@kind("impossible dates", _VALUES, WHOLE)
def _impossible_dates(rng: Random) -> Draft:
    odd = chosen("2023-02-30", "0000-00-00", "2024-13-01", "2024-02-29", "1582-10-10", "0001-01-01", "9999-12-31")
    return draft(
        with_column(rng, "day", rng.choice((odd, chosen("31/02/2020", "30/01/2020"), chosen("20240229", "20230230"))))
    )


@kind("moments with zones", _VALUES, WHOLE)
def _moments(rng: Random) -> Draft:
    zones = chosen("2024-03-01T12:00:00Z", "2024-03-01T12:00:00+02:00", "2024-03-01T12:00:00-05:30")
    fractions = chosen("2024-03-01 12:00:00.700", "2024-03-01 23:59:59.999999", "2024-03-01 00:00:00")
    nanos = chosen("2024-03-01T12:00:00.123456789", "2024-03-01T12:00:00.5")
    mixed = chosen("2024-03-01", "2024-03-01 10:00:00", "2024-03-01T10:00")
    leap = chosen("2024-03-31 02:30:00", "2016-12-31 23:59:60", "2024-03-01 24:00:00")
    return draft(with_column(rng, "at", rng.choice((zones, fractions, nanos, mixed, leap))))


@kind("times of day", _VALUES, WHOLE)
def _times(rng: Random) -> Draft:
    plain = chosen("10:00:00", "23:59:59", "00:00:01.5", "07:05:00")
    odd = chosen("10:00", "1:05", "25:00:00", "-01:00:00", "838:59:59", "12:60:00", "9:30 PM")
    return draft(with_column(rng, "at", rng.choice((plain, odd))))


@kind("booleans", _VALUES, WHOLE)
def _booleans(rng: Random) -> Draft:
    pairs = (
        ("true", "false"),
        ("TRUE", "FALSE"),
        ("True", "False", None),
        ("yes", "no"),
        ("t", "f"),
        ("0", "1"),
        ("true", "0", "1"),
    )
    return draft(with_column(rng, "flag", chosen(*rng.choice(pairs))))


@kind("text late in numbers", _VALUES, WHOLE)
def _late_text(rng: Random) -> Draft:
    table = any_table(rng, texts="line", rows=rng.randint(60, 150), width=4)
    late = rng.choice(("8011-N", "n/a", "1.5", "2147483648", "1e3", "x" * 300, "01"))
    last = len(table.rows) - rng.randint(1, 5)
    rows = tuple((*row, late if at == last else integer(rng, at)) for at, row in enumerate(table.rows))
    made = draft(Table(names=(*table.names, "reading"), rows=rows))
    made.settings["batch_rows"] = rng.choice((5, 20, 250_000))
    return made


@kind("formulas", _VALUES, WHOLE)
def _formulas(rng: Random) -> Draft:
    return draft(with_column(rng, "cell", chosen("=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "\t=2")))


@kind("SQL and HTML", _VALUES, WHOLE)
def _sql(rng: Random) -> Draft:
    words = chosen("'); DROP TABLE t; --", "\\'); --", "<script>alert(1)</script>", "%s %d", "{0}", "`x`", "/*", "\\0")
    return draft(with_column(rng, "said", words))


@kind("texts nearly equal", _VALUES, WHOLE)
def _nearly_equal(rng: Random) -> Draft:
    return draft(with_column(rng, "key", chosen("a", "A", "a ", "á", "\uff41", "a\u0301", " a", "ss", "ß")))
