"""Kinds of damage: so many records are broken, each by itself, and all the others are as they should be."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from bench.robustness.kinds.registry import ACCOUNTED, REFUSED, WHOLE, kind
from bench.robustness.tables import any_table
from bench.robustness.truth import Cells, Form
from bench.robustness.writing import Draft, Piece, draft, record

_DAMAGE = "damage"
# Spoils a row in place.
Spoil = Callable[[Random, Piece, Form], None]


def _drafted(rng: Random, form: Form | None = None, *, rows: int | None = None) -> Draft:
    """Return a file with enough rows for anybody to see which of them are the odd ones."""
    table = any_table(rng, texts="line", width=rng.randint(4, 8), rows=rows or rng.randint(30, 60))
    return draft(table, form or Form(delimiter=rng.choice(",;\t|"), line_end=rng.choice(("\n", "\n", "\r\n"))))


def _spoiled(rng: Random, made: Draft, *spoils: Spoil, most: int = 4) -> Draft:
    """Spoil some rows, not always the same number, none next to another."""
    rows = made.rows()
    places = rng.sample(range(0, len(rows), 2), rng.randint(1, most))
    for place in places:
        spoil(rng, rows[place], made.form, rng.choice(spoils))
    return made


def spoil(rng: Random, piece: Piece, form: Form, how: Spoil) -> None:
    """Spoil one row."""
    piece.role = "broken"
    how(rng, piece, form)


def short(rng: Random, piece: Piece, form: Form) -> None:
    """Leave the last fields out."""
    cells = piece.cells[: rng.randint(2, len(piece.cells) - 1)]
    piece.text, piece.readings = record(cells, form), (cells,)
    piece.padded = cells + (None,) * (len(piece.cells) - len(cells))


def long(rng: Random, piece: Piece, form: Form) -> None:
    """Add fields."""
    extra: Cells = tuple(rng.choice(("x", "surplus", "9", None)) for _ in range(rng.randint(1, 3)))
    cells = piece.cells + extra
    # A field of nothing may be left away.
    piece.text, piece.readings = record(cells, form), (cells,) if any(extra) else (cells, piece.cells)


def stray(rng: Random, piece: Piece, form: Form) -> None:
    """Put a quote into a cell that isn't quoted; its text is what it is."""
    at = rng.randint(1, len(piece.cells) - 1)
    cell = rng.choice(('5" pipe', 'a"b', '24" screen'))
    piece.text = _with_cell(piece, form, at, cell)
    piece.readings = ((*piece.cells[:at], cell, *piece.cells[at + 1 :]),)


def stray_inside(rng: Random, piece: Piece, form: Form) -> None:
    """Leave quotes within a quoted cell as they are, not doubled."""
    at = rng.randint(1, len(piece.cells) - 1)
    cell = rng.choice(('he said "no" to it', 'a "b" c', 'the 5" one'))
    piece.text = _with_cell(piece, form, at, f'"{cell}"')
    piece.readings = ((*piece.cells[:at], cell, *piece.cells[at + 1 :]),)


def behind_quotes(rng: Random, piece: Piece, form: Form) -> None:
    """Put text behind a closing quote."""
    at = rng.randint(1, len(piece.cells) - 1)
    piece.text = _with_cell(piece, form, at, rng.choice(('"abc"def', '"abc" ', '"x"y"')))


def unclosed(rng: Random, piece: Piece, form: Form) -> None:
    """Open a quote that nothing closes: two of these never make a cell of several lines between them."""
    at = rng.randint(1, len(piece.cells) - 1)
    piece.text = _with_cell(piece, form, at, rng.choice(('"never closed', '"abc def')))


def _with_cell(piece: Piece, form: Form, at: int, written: str) -> str:
    cells = [record((cell,), form) for cell in piece.cells]
    # A cell with a line end would leave the record's other lines without a beginning.
    cells[at] = written
    return form.delimiter.join(cells)


@kind("short rows", _DAMAGE, ACCOUNTED)
def _short(rng: Random) -> Draft:
    return _spoiled(rng, _drafted(rng), short)


@kind("long rows", _DAMAGE, ACCOUNTED)
def _long(rng: Random) -> Draft:
    return _spoiled(rng, _drafted(rng), long)


@kind("stray quotes", _DAMAGE, ACCOUNTED)
def _stray(rng: Random) -> Draft:
    return _spoiled(rng, _quoting(rng), stray)


@kind("stray quotes in quotes", _DAMAGE, ACCOUNTED)
def _stray_inside(rng: Random) -> Draft:
    return _spoiled(rng, _quoting(rng), stray_inside)


@kind("text behind quotes", _DAMAGE, ACCOUNTED)
def _behind(rng: Random) -> Draft:
    return _spoiled(rng, _quoting(rng), behind_quotes)


@kind("unclosed quotes", _DAMAGE, ACCOUNTED)
def _unclosed(rng: Random) -> Draft:
    return _spoiled(rng, _quoting(rng), unclosed, most=3)


@kind("unclosed at the end", _DAMAGE, ACCOUNTED)
def _unclosed_at_the_end(rng: Random) -> Draft:
    made = _quoting(rng)
    last = made.rows()[-1]
    spoil(rng, last, made.form, unclosed)
    last.end = rng.choice((last.end, ""))
    return made


def _quoting(rng: Random) -> Draft:
    """Return a file whose other rows show that quotes enclose cells."""
    made = _drafted(rng)
    for piece in rng.sample(made.rows(), 6):
        at = rng.randint(1, len(piece.cells) - 1)
        piece.cells = (*piece.cells[:at], f"in{made.form.delimiter} two", *piece.cells[at + 1 :])
        piece.text = record(piece.cells, made.form)
    return made


@kind("all sorts of damage", _DAMAGE, ACCOUNTED)
def _all_sorts(rng: Random) -> Draft:
    return _spoiled(rng, _quoting(rng), short, long, stray, stray_inside, behind_quotes, unclosed, most=6)


@kind("damage at batch ends", _DAMAGE, ACCOUNTED)
def _damage_at_batch_ends(rng: Random) -> Draft:
    made = _spoiled(rng, _quoting(rng), short, long, stray, stray_inside, unclosed, most=6)
    made.settings["batch_mb"] = rng.choice((0.00005, 0.0001, 0.0003, 0.001))
    return made


@kind("damage in small batches", _DAMAGE, ACCOUNTED)
def _damage_in_small_batches(rng: Random) -> Draft:
    made = _spoiled(rng, _quoting(rng), short, long, stray, unclosed, most=6)
    made.settings["batch_rows"] = rng.choice((1, 2, 5))
    return made


@kind("damage in UTF-16", _DAMAGE, ACCOUNTED)
def _damage_in_utf16(rng: Random) -> Draft:
    form = Form(encoding=rng.choice(("utf-16-le", "utf-16-be")), byte_order_mark=True, delimiter=rng.choice(",;"))
    return _spoiled(rng, _drafted(rng, form), short, long)


@kind("damage beside lines", _DAMAGE, ACCOUNTED)
def _damage_beside_lines(rng: Random) -> Draft:
    table = any_table(rng, texts="rich", width=rng.randint(4, 8), rows=rng.randint(30, 60))
    made = draft(table, Form(delimiter=rng.choice(",;\t|")))
    for piece in rng.sample([one for one in made.rows() if "\n" not in one.text], 3):
        spoil(rng, piece, made.form, rng.choice((short, long, stray)))
    return made


@kind("two rows on a line", _DAMAGE, ACCOUNTED)
def _two_on_a_line(rng: Random) -> Draft:
    made = _drafted(rng)
    rows = made.rows()
    at = rng.randint(1, len(rows) - 3)
    first, second = rows[at], rows[at + 1]
    first.role, first.readings = "broken", (first.cells + second.cells,)
    first.text += made.form.delimiter + second.text
    made.pieces.remove(second)
    return made


@kind("another delimiter", _DAMAGE, ACCOUNTED)
def _another_delimiter(rng: Random) -> Draft:
    made = _drafted(rng, Form(delimiter=";"))
    piece = rng.choice(made.rows()[2:])
    cells = tuple(cell or "x" for cell in piece.cells if cell is None or not set(cell) & set(";\"'\n"))
    spoil(rng, piece, made.form, lambda _rng, one, _form: _on_one_line(one, cells))
    return made


def _on_one_line(piece: Piece, cells: Cells) -> None:
    piece.text = "|".join(cell or "" for cell in cells)
    piece.readings, piece.padded = ((piece.text,),), (piece.text, *(None,) * (len(piece.cells) - 1))


@kind("trailing delimiter", _DAMAGE, WHOLE | ACCOUNTED | REFUSED)
def _trailing_delimiter(rng: Random) -> Draft:
    made = _drafted(rng)
    # Every row says that there's one more field than the header names: nothing in it, but nobody can be sure.
    for piece in made.rows():
        piece.role, piece.readings = "broken", (piece.cells, (*piece.cells, None))
        piece.text += made.form.delimiter
    return made
