"""Kinds of shape: how many rows and columns there are, and how large."""

from __future__ import annotations

from random import Random

from bench.robustness.kinds.registry import ACCOUNTED, REFUSED, WHOLE, kind
from bench.robustness.tables import Table, any_table, build, decimal, integer, numbered, text
from bench.robustness.truth import Form
from bench.robustness.writing import Draft, Piece, draft, record

_SHAPE = "shape"


@kind("one column", _SHAPE, WHOLE)
def _one_column(rng: Random) -> Draft:
    make = rng.choice((numbered, text("plain"), text("line")))
    table = build(rng, [("value", make)], rng.randint(12, 40))
    # Nothing at all at the end would be a blank line at the end.
    return draft(Table(names=table.names, rows=(*table.rows, ("last",))))


@kind("one row", _SHAPE, WHOLE)
def _one_row(rng: Random) -> Draft:
    return draft(any_table(rng, rows=1, texts="line"))


@kind("header only", _SHAPE, WHOLE | REFUSED)
def _header_only(rng: Random) -> Draft:
    made = draft(any_table(rng, rows=0))
    made.pieces[-1].end = rng.choice(("\n", "", "\r\n"))
    return made


@kind("nothing at all", _SHAPE, WHOLE | REFUSED)
def _nothing(rng: Random) -> Draft:
    made = draft(any_table(rng, rows=0))
    blank = rng.choice(((), ("\n",), ("\n", "\n", "\n"), ("\r\n", "\r\n")))
    made.pieces = [Piece(text="", end=end, role="blank") for end in blank]
    return made


@kind("many columns", _SHAPE, WHOLE)
def _many_columns(rng: Random) -> Draft:
    width = rng.randint(120, 400)
    makers = [rng.choice((integer, decimal, integer, text("ascii"))) for _ in range(width - 1)]
    columns = [("id", numbered), *((f"c{at}", make) for at, make in enumerate(makers))]
    return draft(build(rng, columns, rng.randint(3, 8)), Form(delimiter=rng.choice(",;")))


@kind("too many columns", _SHAPE, WHOLE | REFUSED)
def _too_many_columns(rng: Random) -> Draft:
    columns = [("id", numbered), *((f"c{at}", integer) for at in range(rng.randint(1_100, 2_500)))]
    return draft(build(rng, columns, 3))


@kind("a long row", _SHAPE, WHOLE)
def _long_row(rng: Random) -> Draft:
    made = draft(any_table(rng, texts="line"))
    piece = rng.choice(made.rows())
    unit = rng.choice(("x", "long text, ", 'a "b" ', "é\n"))
    size = int(10 ** rng.uniform(4.9, 6.2))
    cell = (unit * (size // len(unit) + 1))[:size]
    piece.cells = (*piece.cells[:-1], cell)
    piece.text = record(piece.cells, made.form)
    made.settings["batch_mb"] = rng.choice((0.01, 0.1, 8.0))
    return made


@kind("many rows", _SHAPE, WHOLE)
def _many_rows(rng: Random) -> Draft:
    made = draft(any_table(rng, rows=rng.randint(800, 1_500), width=4))
    made.settings["batch_rows"] = rng.choice((10, 97, 250_000))
    return made


@kind("equal rows", _SHAPE, WHOLE)
def _equal_rows(rng: Random) -> Draft:
    table = any_table(rng)
    return draft(Table(names=table.names, rows=tuple(rng.choice(table.rows[:5]) for _ in range(40))))


@kind("rows of nothing", _SHAPE, WHOLE | ACCOUNTED)
def _rows_of_nothing(rng: Random) -> Draft:
    made = draft(any_table(rng, texts="line"))
    for piece in rng.sample(made.rows(), 3):
        piece.cells = (None,) * len(piece.cells)
        piece.text = "," * (len(piece.cells) - 1)
    return made
