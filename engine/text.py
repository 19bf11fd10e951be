"""Text for people: sizes, durations, and nothing that steers the terminal."""

from __future__ import annotations

_MINUTE_S, _HOUR_S = 60, 3600


def clean(text: str) -> str:
    """Show control characters instead of sending them: a file's name or content must not steer the terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def size(size_bytes: float) -> str:
    """Write a size with three figures in decimal units, such as `30.8 kB`."""
    if size_bytes < 1000:
        return f"{size_bytes:.0f} B"
    amount, units = size_bytes / 1000, ["kB", "MB", "GB", "TB"]
    while amount >= 999.5 and len(units) > 1:
        amount /= 1000
        del units[0]
    return f"{three_figures(amount)} {units[0]}"


def three_figures(amount: float) -> str:
    """Write an amount of 0.01 and more with three figures, whole ones in full."""
    digits = 2 if amount < 9.995 else 1 if amount < 99.95 else 0
    return f"{amount:,.{digits}f}"


def duration(seconds: float) -> str:
    """Write a duration such as `0.42 s`, `12.3 s`, `2m05s` or `1h02m`."""
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S}m{whole % _MINUTE_S:02}s"
    minutes = round(whole / _MINUTE_S)
    return f"{minutes // 60:,}h{minutes % 60:02}m"
