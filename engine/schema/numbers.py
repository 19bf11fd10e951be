"""Numbers as text: which texts are numbers, and which of them a DOUBLE holds exactly."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

import polars as pl

# As programs write them: no leading zeros, no plus sign. What else is digits (007, +49) is a code or a telephone
# number as often as a number, so it isn't inferred as one.
INTEGER = r"(?:0|-?[1-9][0-9]*)"
DECIMAL = r"(?:-?(?:0|[1-9][0-9]*)?\.[0-9]+|0|-?[1-9][0-9]*)"
# Scientific notation with one digit before the point, and a point or a sign in the exponent: 1E5 and 12E03 are codes.
FLOAT = rf"(?:{DECIMAL}|-?[0-9](?:\.[0-9]+[eE][+-]?|[eE][+-])[0-9]+)"
ANY_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
NEGATIVE_ZERO = r"-0*\.?0*(?:[eE].*)?"

# Decimals of that many digits map to doubles one to one, so the shortest text of the double is the same number.
SAFE_DIGITS = 15
# Written out, a number of more digits than that is longer than any column holds.
_MOST_DIGITS = 1000
_SMALLEST = 2.2250738585072014e-308


def decimal_pattern(precision: int, scale: int, *, canonical: bool) -> str:
    """Return the pattern of decimals that DECIMAL(precision, scale) holds as they stand."""
    whole_digits = precision - scale
    zeros = "" if canonical else "0*"
    whole = f"(?:0|{zeros}[1-9][0-9]{{0,{whole_digits - 1}}})?" if whole_digits else "0?"
    return rf"^-?{whole}(?:\.[0-9]{{1,{scale}}})?$" if scale else rf"^-?{whole}$"


def fits_double(text: pl.Series, value: pl.Series) -> pl.Series:
    """Tell which texts have exactly the value of the double's shortest text, so that it reads back equal.

    Args:
        text: Numbers as text, in plain or scientific notation.
        value: The same as Float64.

    Returns:
        Booleans, NULL where `text` is. Texts with more than 15 digits cost about a microsecond each.
    """
    significant = digits(text)
    size = value.abs()
    normal = value.is_finite() & ((size >= _SMALLEST) | (significant == 0))
    plain = text.str.to_lowercase().str.replace("e+0", "e+", literal=True).str.replace("e-0", "e-", literal=True)
    fits = normal & ((significant <= SAFE_DIGITS) | (plain == value.cast(pl.String)))
    doubtful = (normal & ~fits).arg_true()
    if len(doubtful):
        exact = {one: Decimal(one) == Decimal(repr(float(one))) for one in text.gather(doubtful).unique()}
        fits = fits.scatter(doubtful, [exact[one] for one in text.gather(doubtful)])
    return fits


def digits(text: pl.Series) -> pl.Series:
    """Count the significant digits of numbers, zeros at the end included; 0 for a zero."""
    mantissa = text.str.replace(r"[eE].*$", "").str.replace_all(r"[^0-9]", "")
    return mantissa.str.strip_chars_start("0").str.len_bytes()


def decimal_of(text: str) -> Decimal | None:
    """Return the number that a text is, None where it is none or its exponent has more digits than a Decimal's."""
    if re.fullmatch(ANY_NUMBER, text) is None:
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def plain_decimal(text: str, scale: int) -> str | None:
    """Write a decimal without exponent, plus sign, leading zeros, and zeros beyond `scale`.

    Returns:
        The text of the same number, None where `text` is no number or needs more digits after the point.
    """
    value = decimal_of(text)
    if value is None or abs(value.adjusted()) > _MOST_DIGITS:
        return None
    plain = format(value, "f")
    whole, _, fraction = plain.partition(".")
    if fraction[scale:].strip("0"):
        return None
    fraction = fraction[:scale]
    sign = "-" if whole.startswith("-") else ""
    whole = whole.removeprefix("-").lstrip("0") or "0"
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"
