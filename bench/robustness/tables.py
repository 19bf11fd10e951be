"""Clean tables: columns of all sorts, as rows of text that a CSV writer is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from bench.robustness.truth import Cells

# Makes a cell of one row, which counts from 0.
Maker = Callable[[Random, int], str | None]
# `ascii` and `plain` texts need no quotes in any dialect, `line` ones do in some, `rich` ones run over several lines.
Texts = Literal["ascii", "plain", "line", "rich"]

_ASCII = ("blue", "North", "Table oak", "USB-C", "lamp (LED)", "x1", "Desk_2", "in stock", "a.b@c.de", "No 7", "50/60")
_BEYOND = (
    "Müller",
    "Île-de-France",
    "Łukasz",
    "Ελλάδα",
    "Дмитрий",
    "東京",
    "naïve",
    "😀 ok",
    "שלום",
    "e\u0301",
    "ﬁn",
    "Straße",
)
_SPECIAL = (
    "oak, table",
    "a; b; c",
    "yes|no",
    'say "hi"',
    '"',
    '""',
    "O'Brien",
    "'quoted'",
    "C:\\temp\\new",
    "ends with \\",
    "\\N",
    "tab\there",
    "1,5",
    "12:30",
    " padded ",
    "#1",
    "--",
)
_LINES = ("two\nlines", "a\n\nb", '"x"\n, y', "one,\ntwo,\nthree", "\nstarts", "ends\n", 'he said "no",\nthen left')
_NAMES = (
    "amount", "city", "comment", "country", "created", "email", "first_name", "item", "label", "level", "note", "owner",
    "price", "quantity", "region", "remark", "score", "shop", "size_cm", "street", "supplier", "title", "unit", "weight",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Names and rows; `formats` are those of date columns that aren't ISO 8601, by position."""

    names: tuple[str, ...]
    rows: tuple[Cells, ...]
    formats: Mapping[int, str] = field(default_factory=dict)


def numbered(_rng: Random, row: int) -> str:
    """Return a number that no other row has."""
    return str(row + 1)


def integer(rng: Random, _row: int) -> str:
    """Return a whole number of one to nine digits."""
    return str(rng.randint(-(10 ** rng.randint(1, 9)), 10 ** rng.randint(1, 9)))


def decimal(rng: Random, _row: int) -> str:
    """Return an amount with two decimals."""
    return f"{rng.randint(1, 10**6) / 100:.2f}"


def day(rng: Random, _row: int) -> str:
    """Return an ISO date."""
    return f"{rng.randint(1970, 2030)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


def clock(rng: Random, _row: int) -> str:
    """Return a time of day."""
    return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}"


def moment(rng: Random, row: int) -> str:
    """Return an ISO date with a time."""
    return f"{day(rng, row)} {clock(rng, row)}"


def code(rng: Random, _row: int) -> str:
    """Return a code of five digits, many of which begin with zeros."""
    return f"{rng.randint(0, 20_000):05}"


def long_id(rng: Random, _row: int) -> str:
    """Return a number of 18 digits, beyond what a double tells apart."""
    return str(rng.randint(10**17, 10**18 - 1))


def text(texts: Texts) -> Maker:
    """Return a maker of texts; of those that need quotes, some cells are empty and some are empty in quotes."""
    pool: tuple[str, ...] = _ASCII
    if texts != "ascii":
        pool += _BEYOND
    if texts in ("line", "rich"):
        pool += _SPECIAL
    if texts == "rich":
        pool += _LINES
    quotable = texts in ("line", "rich")

    def make(rng: Random, _row: int) -> str | None:
        draw = rng.random()
        if draw < 0.08:
            return None
        if draw < 0.14 and quotable:
            return ""
        return " ".join(rng.choice(pool) for _ in range(rng.choice((1, 1, 1, 2, 3)))).strip(" " if not quotable else "")

    return make


def chosen(*cells: str | None) -> Maker:
    """Return a maker that takes one of these each time."""
    return lambda rng, _row: rng.choice(cells)


def build(rng: Random, columns: Sequence[tuple[str, Maker]], rows: int) -> Table:
    """Return a table of the named columns."""
    return Table(
        names=tuple(name for name, _ in columns),
        rows=tuple(tuple(make(rng, row) for _, make in columns) for row in range(rows)),
    )


def any_columns(rng: Random, width: int, texts: Texts) -> list[tuple[str, Maker]]:
    """Return columns of all sorts: the first one tells the rows apart, at least two are text.

    None that a guess of types would change: these are kinds of their own.
    """
    names = rng.sample(_NAMES, width - 1)
    makers: list[Maker] = [text(texts), text(texts)]
    makers += [rng.choice((integer, decimal, day, moment, clock, text(texts))) for _ in range(width - 3)]
    makers = makers[: width - 1]
    rng.shuffle(makers)
    return [("id", numbered), *zip(names, makers, strict=True)]


def any_table(rng: Random, *, texts: Texts = "rich", rows: int | None = None, width: int | None = None) -> Table:
    """Return a table of three to nine columns and 12 to 50 rows, where nothing else is said."""
    columns = any_columns(rng, width or rng.randint(3, 9), texts)
    return build(rng, columns, rng.randint(12, 50) if rows is None else rows)


def with_column(rng: Random, name: str, make: Maker, *, texts: Texts = "line") -> Table:
    """Return any table with one more column, at any place behind the first."""
    columns = any_columns(rng, rng.randint(3, 6), texts)
    columns.insert(rng.randint(1, len(columns)), (name, make))
    return build(rng, columns, rng.randint(12, 50))
