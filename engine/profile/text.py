"""Numbers, times and the file's own text as a page shows them: separated, rounded, nothing invisible."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from engine import text as texts
from engine.model import Value

# Four digits are read at a glance, and many are years.
_GROUPED_FROM = 10_000
# Beyond them a number is written with its exponent.
_PLAIN_DIGITS = 100
# Longer texts are cut: a cell can be megabytes long, and a page has thousands of them.
SHOWN_CHARS = 120
# Beside the pictures of controls (U+2400), what turns or hides text: marks of direction, joiners, separators, tags.
_PICTURES = {**{code: 0x2400 + code for code in range(0x20)}, 0x7F: 0x2421}


def count(number: float | None) -> str:
    """Write a count with separators, such as `1,234,567`; nothing for None."""
    return "" if number is None else f"{number:,.0f}"


def rate(size_bytes: int, seconds: float) -> str:
    """Write megabytes a second, nothing where no time passed."""
    amount = size_bytes / 1e6 / seconds if seconds > 0 else 0
    return texts.three_figures(amount) if amount >= 0.005 else "<0.01" if amount else ""


def duration(seconds: float | None) -> str:
    """Write a duration such as `24 ms`, `0.42 s`, `2m05s` or `1h02m`; nothing for None."""
    if seconds is None:
        return ""
    return f"{seconds * 1000:.0f} ms" if seconds < 0.0995 else texts.duration(seconds)


def percent(share: float | None) -> str:
    """Write a share of 0 to 1 so that only all is 100 % and only none is 0 %; nothing for None."""
    if share is None or not math.isfinite(share):
        return ""
    if share in (0, 1):
        return f"{share:.0%}"
    return f"{min(99.99, max(0.01, share * 100)):.3g}%" if share * 100 < 99.95 else "99.9%"


def when(moment: datetime | None) -> str:
    """Write a moment in UTC to the second; nothing for None."""
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def rounded(number: float | None) -> str:
    """Write a mean or deviation with six figures; nothing for None."""
    if number is None:
        return ""
    if not math.isfinite(number):
        return str(number)
    if number and not 1e-4 <= abs(number) < 1e15:
        return f"{number:.5e}"
    figures = 5 - math.floor(math.log10(abs(number))) if number else 0
    text = f"{number:,.{max(0, min(8, figures))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def grouped(figure: str) -> str:
    """Put separators into a whole number that is given as text; leave any other text as it is."""
    digits = figure.removeprefix("-")
    # Python itself refuses to read numbers of thousands of digits.
    whole = digits.isascii() and digits.isdigit() and len(digits) < 100
    return format(int(figure), ",") if whole else figure


def value(item: Value | None) -> str:
    """Write a value of a column: exact, ISO 8601, separators from five digits on; nothing for None."""
    match item:
        case None:
            return ""
        case bool():
            return str(int(item))
        case int():
            return format(item, "," if abs(item) >= _GROUPED_FROM else "")
        case Decimal():
            if not item.is_finite() or abs(item.adjusted()) >= _PLAIN_DIGITS:
                return str(item)
            return format(item, ",f" if abs(item) >= _GROUPED_FROM else "f")
        case float():
            return format(item, ",") if math.isfinite(item) and _GROUPED_FROM <= abs(item) < 1e15 else str(item)
        case datetime():
            return item.isoformat(sep=" ")
        case timedelta():
            return _clock(item)
        case date():
            return item.isoformat()
        case _:
            return str(item)


def visible(text: object) -> str:
    """Make text safe to look at: a picture or code for every character that can't be seen or turns its neighbours."""
    shown = str(text)
    if shown.isprintable() and shown.isascii():
        return shown
    return "".join(map(_visible, shown))


def _visible(char: str) -> str:
    code = ord(char)
    if code in _PICTURES:
        return chr(_PICTURES[code])
    # Spaces other than the plain one count as unprintable: a no-break or ideographic one is still a space.
    if char.isprintable() or code in (0xA0, 0x202F, 0x3000) or 0x2000 <= code <= 0x200A:
        return char
    # What a bytes path has that is no UTF-8.
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}"


def shortened(text: str, chars: int = SHOWN_CHARS) -> str:
    """Cut a text to so many characters; a longer one ends with an ellipsis."""
    return text if len(text) <= chars else text[: chars - 1] + "…"


def _clock(item: timedelta) -> str:
    seconds, micros = divmod(abs(item) // timedelta(microseconds=1), 1_000_000)
    text = f"{'-' if item < timedelta() else ''}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{micros:06}" if micros else text
