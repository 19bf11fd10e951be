"""How records part into fields: delimiter, quote and escape, by trying each and looking at what comes out.

The score follows van den Burg, Nazábal and Sutton, "Wrangling messy CSV files by detecting row and type patterns"
(2019): a good dialect gives records of equal length whose cells look like something. `clevercsv` 0.8.5, the authors'
own program, is as right on 96 real files (two differ from the annotation, either way), but splits files of one column
at blanks and colons (8 of 303 made files; none here), and takes up to 0.4 s where this takes up to 0.07 s.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from engine.dialect import several
from engine.dialect.cells import is_whole, kind

# In the order of preference where two are equally good.
DELIMITERS = (",", ";", "\t", "|", "\x1f", "\x01")
# These part words and times as well, so they need more evidence.
DOUBTFUL = (":", " ")
# Hardly anybody uses these, and hardly any text has them in every line.
RARE = ("~", "^", "¦", "§", "¬", "•", "\x1e", "\x02")
MAX_RECORDS = 400
_VALUES = frozenset({"number", "date", "clock", "moment"})
# Lines of words have the same number of them throughout by chance only where there are few words or few lines.
_WIDE = 4
_LONG_ENOUGH = 5
MAX_CELLS = 2_000

_PAIR = re.compile(r"\\(.)", re.DOTALL)
# How MySQL writes NULL where a backslash escapes.
_NULL_CELL = re.compile(r"(?<![^\t,;|\n])\\N(?![^\t,;|\n])")


@dataclass(frozen=True, kw_only=True, slots=True)
class Separation:
    """Delimiter, quote and escape, and the records that they give (of the sample, without blank lines)."""

    delimiter: str
    quote_char: str | None
    escape_char: str | None
    records: tuple[tuple[str, ...], ...]
    # 0 to 1, over all records: how alike their lengths are, and how much their cells look like something.
    score: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """What the feed says; None leaves a part open, and a quote or escape of "" says that there is none."""

    delimiter: str | None = None
    quote_char: str | None = None
    escape_char: str | None = None


# Of a file of up to 8 KiB the first lines are all there are.
@lru_cache(maxsize=2)
def separate(text: str, declared: Declared, *, prior: str | None, complete: bool) -> Separation:
    """Find out how records part into fields.

    Args:
        text: The sample, with a line feed between records.
        declared: What needs no guess.
        prior: The delimiter that the file's name promises, such as a tab for `.tsv`.
        complete: The sample is the whole file.
    """
    if declared.delimiter is not None:
        return _finish(text, declared.delimiter, declared, complete=complete)
    singles = _present(text, DELIMITERS)
    # A blank behind each delimiter belongs to it where a quote follows, which would be a stray one otherwise.
    spaced = [f"{delimiter} " for delimiter in singles if re.search(rf"{re.escape(delimiter)} [\"']", text)]
    tried = [_finish(text, delimiter, declared, complete=complete) for delimiter in (*singles, *spaced)]
    best = max(tried, key=lambda one: one.score * (1.5 if one.delimiter == prior else 1.0), default=None)
    if best is not None and best.score > 0.25 and len(best.records[0]) > 1:
        return _longer(text, best, declared, complete=complete) or best
    for delimiter in _present(text, (*RARE, *DOUBTFUL)):
        one = _finish(text, delimiter, declared, complete=complete)
        if (long := _longer(text, one, declared, complete=complete)) is not None:
            return long
        if _all_alike(one) if delimiter in RARE else _beyond_doubt(text, one):
            return one
    if (
        best is not None
        and best.score > (0.1 if len(best.records[0]) == 1 else 0.02)
        and not _values_with_delimiter(best)
    ):
        return _longer(text, best, declared, complete=complete) or best
    for delimiter in several.runs(text):
        if _all_alike(one := _finish(text, delimiter, declared, complete=complete)):
            return one
    # One column: a delimiter that never parts a record leaves it whole.
    order = dict.fromkeys((prior or ",", *DELIMITERS, *DOUBTFUL, "\x1f"))
    columns = [_finish(text, delimiter, declared, complete=complete) for delimiter in order]
    return next((one for one in columns if all(len(record) == 1 for record in one.records)), columns[0])


def parse(text: str, delimiter: str, quote_char: str | None, escape_char: str | None) -> tuple[tuple[str, ...], ...]:
    """Return the first records of a sample, without blank lines, and without refusing any."""
    if len(delimiter) > 1:
        # `csv` knows delimiters of one character only.
        text, delimiter = text.replace("\x1f", " ").replace(delimiter, "\x1f"), "\x1f"
    reader = csv.reader(
        (line + "\n" for line in text.split("\n")),
        delimiter=delimiter,
        quotechar=quote_char or '"',
        quoting=csv.QUOTE_MINIMAL if quote_char else csv.QUOTE_NONE,
        escapechar=escape_char,
    )
    records = []
    try:
        for record in islice(filter(None, reader), MAX_RECORDS):
            records.append(tuple(record))  # noqa: PERF401  (what came before an error is kept)
    except csv.Error:
        # A cell beyond 128 KiB, or an escape at the very end: what was read until there is sample enough.
        pass
    return tuple(records)


def without_quoted(text: str, separation: Separation) -> str:
    """Return the text without its quoted cells, for what must not be looked for in them."""
    if separation.quote_char is None:
        return text
    return _enclosing(separation.delimiter, separation.quote_char).sub("", text)


def _present(text: str, delimiters: tuple[str, ...]) -> list[str]:
    return [delimiter for delimiter in delimiters if delimiter in text]


def _longer(text: str, one: Separation, declared: Declared, *, complete: bool) -> Separation | None:
    """Return what a delimiter of several characters gives that each found one is part of, None where there is none."""
    single = one.delimiter
    if len(single) > 1 or single == " ":
        return None
    delimiter = several.around(without_quoted(text, one), single)
    if delimiter is None:
        return None
    long = _finish(text, delimiter, declared, complete=complete)
    lengths = Counter(map(len, long.records))
    usual = lengths.most_common(1)[0][0] if lengths else 0
    alike = len(long.records) > 1 and len(long.records[0]) == usual and 2 * lengths[usual] > lengths.total()
    # `::` is part of names in programs.
    return long if alike and usual > (2 if ":" in delimiter else 1) else None


def _all_alike(one: Separation) -> bool:
    return len(one.records) > 1 and len(one.records[0]) > 1 and len({len(record) for record in one.records}) == 1


def _finish(text: str, delimiter: str, declared: Declared, *, complete: bool) -> Separation:
    """Choose quote and escape for one delimiter."""
    quotes: list[str | None] = [declared.quote_char or None]
    if declared.quote_char is None:
        quotes = _quotes(text, delimiter, complete=complete)
    tried = [_read(text, delimiter, quote, declared.escape_char or None, complete=complete) for quote in quotes]
    if declared.escape_char is None:
        tried = [_perhaps_escaped(text, one, complete=complete) for one in tried]
    return max(tried, key=lambda one: one.score)


def _read(text: str, delimiter: str, quote: str | None, escape: str | None, *, complete: bool) -> Separation:
    records = parse(text, delimiter, quote, escape)
    # The last record of a cut sample is cut.
    records = records if complete or len(records) < 2 or len(records) == MAX_RECORDS else records[:-1]
    return Separation(delimiter=delimiter, quote_char=quote, escape_char=escape, records=records, score=_score(records))


def _perhaps_escaped(text: str, plain: Separation, *, complete: bool) -> Separation:
    r"""Read with a backslash as the escape, if that is what makes records regular.

    A wrong escape changes values without a sign, where a missing one leaves records that are rejected. So the records
    that it puts right must outnumber the backslashes in the text that escape nothing (`C:\temp`).
    """
    quote, delimiter = plain.quote_char, plain.delimiter
    if f"\\{delimiter}" not in text and (quote is None or f"\\{quote}" not in text):
        return plain
    escaped = _read(text, delimiter, quote, "\\", complete=complete)
    put_right = _regular(escaped) - _regular(plain)
    if quote is not None and put_right >= 0:
        put_right += _strays(text, delimiter, quote) - _strays(_PAIR.sub("", text), delimiter, quote)
    marks = {"\\", "\n", "'", '"', quote, *delimiter}
    idle = sum(char not in marks for char in _PAIR.findall(_NULL_CELL.sub("", text)))
    return escaped if put_right > idle else plain


def _regular(one: Separation) -> int:
    lengths = Counter(map(len, one.records))
    return lengths.most_common(1)[0][1] if lengths else 0


def _quotes(text: str, delimiter: str, *, complete: bool) -> list[str | None]:
    """Return the quotes worth trying, the likeliest first."""
    double, stray = _enclosed(text, delimiter, '"')
    single = _enclosed(text, delimiter, "'")[0]
    if single >= 2 and single > double:
        # Lists of words in apostrophes may stand in quoted cells: what gives records of equal length is right.
        return ["'", '"'] if double else ["'"]
    if double or '"' not in text:
        return ['"']
    bound = re.escape(delimiter)
    if not complete and re.search(rf'(?:^|{bound})"(?:[^"]|"")*+\Z', text, re.MULTILINE):
        # One cell is longer than the sample.
        return ['"', None]
    # Not one cell is enclosed: inches, or a file that quotes nothing. A sample proves that only with some of them.
    return [None] if complete or stray >= 3 else ['"', None]


def _enclosed(text: str, delimiter: str, quote: str) -> tuple[int, int]:
    """Return how many cells are enclosed in quotes, and how many quotes are left over."""
    found = _enclosing(delimiter, quote).findall(text)
    return len(found), text.count(quote) - sum(one.count(quote) for one in found)


def _strays(text: str, delimiter: str, quote: str) -> int:
    """Count the quotes that neither enclose a cell nor are doubled in one, where nothing escapes them."""
    return text.count(quote) - sum(str(one).count(quote) for one in _enclosing(delimiter, quote, "").findall(text))


def _enclosing(delimiter: str, quote: str, escape: str = "\\") -> re.Pattern[str]:
    """Return what matches a quoted cell; quotes in it are doubled or come after a backslash."""
    bound, mark = re.escape(delimiter), re.escape(quote)
    pairs = f"{mark}{mark}" + (rf"|(?<={re.escape(escape)}){mark}" if escape else "")
    inner = rf"{mark}[^{mark}]*(?:(?:{pairs})[^{mark}]*)*{mark}"
    # The text's start, or what may stand before a cell; one look at one character is three times as fast as alternatives.
    opens = rf"(?<![^\r\n{bound}])" if len(delimiter) == 1 else rf"(?:\A|(?<=[\r\n])|(?<={bound}))"
    return re.compile(rf"{opens}[ ]*{inner}[ ]*(?={bound}|[\r\n]|\Z)")


def _score(records: tuple[tuple[str, ...], ...]) -> float:
    """Score as the product of how alike the records' lengths are and of how whole their cells are.

    A header counts as much as all the rest: where it has another length, the delimiter belongs to the data.
    """
    if not records:
        return 0.0
    lengths = Counter(map(len, records))
    usual, count = lengths.most_common(1)[0]
    if usual < 2:
        return 0.0
    alike = count / len(records)
    if len(records[0]) != usual:
        alike /= 2
    cells = [cell for record in records for cell in record][:MAX_CELLS]
    whole = sum(count for cell, count in Counter(cells).items() if is_whole(cell)) / len(cells)
    return alike**2 * (0.1 + 0.9 * whole) * (usual - 1) / usual


def _values_with_delimiter(one: Separation) -> bool:
    """Tell whether lines under a name without delimiter are values, such as numbers with a decimal comma."""
    lines = [kind(one.delimiter.join(record)) for record in one.records[1:]]
    return len(one.records[0]) == 1 and all(line != "text" for line in lines)


def _beyond_doubt(text: str, one: Separation) -> bool:
    """Tell whether a blank or colon really is the delimiter: all records alike, most cells values, lines none."""
    if len({len(record) for record in one.records}) != 1 or len(one.records) < 2:
        return False
    width = len(one.records[0])
    if one.quote_char and width > 2:
        enclosed = _enclosed(text, one.delimiter, one.quote_char)[0]
        parted = sum(one.delimiter in cell for record in one.records for cell in record)
        # Whoever quotes the cells that hold it means it as the delimiter: without the quotes nothing would be alike.
        if parted and enclosed >= 2 and not _all_alike(_read(text, one.delimiter, None, None, complete=True)):
            return True
    kinds = [kind(cell) for record in one.records[1:] for cell in record]
    if one.delimiter == ":":
        return width >= 4 and "number" in kinds and "" not in one.records[0][:1]
    lines = [kind(" ".join(record)) for record in one.records[1:]]
    if lines.count("text") < len(lines) or "" in one.records[0]:
        return False
    values = sum(each not in ("text", "null") for each in kinds)
    return values >= 0.6 * len(kinds) or _has_value_columns(one)


def _has_value_columns(one: Separation) -> bool:
    """Tell whether a wide table has columns of values only: sentences have as many words now and then, not always."""
    columns = list(zip(*one.records[1:], strict=True))
    kinds = [{kind(cell) for cell in column} - {"null"} for column in columns]
    of_values = sum(bool(some) and some <= _VALUES for some in kinds)
    return len(columns) >= _WIDE and len(one.records) > _LONG_ENOUGH and of_values >= 2
