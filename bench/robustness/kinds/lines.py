"""Kinds of line ends, blank lines, comments, footers and preambles."""

from __future__ import annotations

from random import Random

from bench.robustness.kinds.registry import ACCOUNTED, WHOLE, kind
from bench.robustness.tables import any_table
from bench.robustness.truth import Form
from bench.robustness.writing import Draft, Piece, draft

_LINES = "lines"


@kind("CRLF", _LINES, WHOLE)
def _crlf(rng: Random) -> Draft:
    return draft(any_table(rng), Form(line_end="\r\n", delimiter=rng.choice(",;\t")))


@kind("CR", _LINES, WHOLE)
def _cr(rng: Random) -> Draft:
    return draft(any_table(rng, texts="line"), Form(line_end="\r", delimiter=rng.choice(",;\t")))


@kind("mixed line ends", _LINES, WHOLE)
def _mixed(rng: Random) -> Draft:
    made = draft(any_table(rng, texts="line"))
    ends = rng.choice((("\n", "\r\n"), ("\n", "\r\n"), ("\n", "\r\n", "\r")))
    for piece in made.pieces:
        piece.end = rng.choice(ends)
    return made


@kind("no final newline", _LINES, WHOLE)
def _no_final_newline(rng: Random) -> Draft:
    made = draft(any_table(rng), Form(line_end=rng.choice(("\n", "\r\n"))))
    made.pieces[-1].end = ""
    return made


@kind("line ends in cells", _LINES, WHOLE)
def _line_ends_in_cells(rng: Random) -> Draft:
    # The header's line end and the one within cells differ.
    table = any_table(rng)
    made = draft(table, Form(line_end=rng.choice(("\n", "\r\n"))))
    inner = "\r\n" if made.form.line_end == "\n" else "\n"
    for piece in made.rows():
        piece.cells = tuple(None if cell is None else cell.replace("\n", inner) for cell in piece.cells)
        piece.text = piece.text.replace("\n", inner)
    return made


@kind("newlines at batch ends", _LINES, WHOLE)
def _newlines_at_batch_ends(rng: Random) -> Draft:
    made = draft(any_table(rng, rows=rng.randint(40, 120)), Form(line_end=rng.choice(("\n", "\r\n"))))
    made.settings["batch_mb"] = rng.choice((0.00005, 0.0001, 0.0003, 0.001))
    return made


@kind("blank lines", _LINES, WHOLE)
def _blank_lines(rng: Random) -> Draft:
    made = draft(any_table(rng), Form(line_end=rng.choice(("\n", "\r\n"))))
    for _ in range(rng.randint(1, 5)):
        made.put_before(rng.choice(made.rows()), Piece(text="", end=made.form.line_end, role="blank"))
    return made


@kind("blank lines at the end", _LINES, WHOLE)
def _trailing_blank_lines(rng: Random) -> Draft:
    made = draft(any_table(rng, width=rng.randint(3, 9)), Form(line_end=rng.choice(("\n", "\r\n"))))
    made.pieces += [Piece(text="", end=made.form.line_end, role="blank") for _ in range(rng.randint(1, 4))]
    return made


@kind("lines of blanks", _LINES, WHOLE | ACCOUNTED)
def _lines_of_blanks(rng: Random) -> Draft:
    made = draft(any_table(rng, texts="line"), Form(line_end=rng.choice(("\n", "\r\n"))))
    for _ in range(rng.randint(1, 3)):
        blank = Piece(text=" " * rng.randint(1, 4), end=made.form.line_end, role="noise")
        made.put_before(rng.choice(made.rows()), blank)
    return made


@kind("comment lines", _LINES, WHOLE | ACCOUNTED)
def _comments(rng: Random) -> Draft:
    made = draft(any_table(rng, texts="plain", rows=rng.randint(30, 60)), Form(comment="#"))
    for _ in range(rng.randint(1, 3)):
        words = rng.choice(("# exported by hand", "#", "# 2024-03-01 corrected", "#---"))
        made.put_before(rng.choice(made.rows()[2:]), Piece(text=words, end="\n", role="noise"))
    return made


@kind("footer", _LINES, ACCOUNTED)
def _footer(rng: Random) -> Draft:
    made = draft(any_table(rng, texts="line"), Form(delimiter=rng.choice(",;\t")))
    rows = len(made.rows())
    text = rng.choice((f"{rows} rows", "-- end of file --", f"Total{made.form.delimiter}{rows}", "EOF"))
    reading = tuple(text.split(made.form.delimiter))
    padded = reading + (None,) * (len(made.table.names) - len(reading))
    end = rng.choice(("\n", ""))
    made.pieces.append(Piece(text=text, end=end, role="broken", readings=(reading,), padded=padded))
    return made


@kind("preamble", _LINES, WHOLE)
def _preamble(rng: Random) -> Draft:
    lines = rng.sample(("Sales report", "Period: March; all shops", "", "created 2024-03-01, by Eva", "***"), 3)
    lines = lines[: rng.randint(1, 3)]
    made = draft(any_table(rng), Form(delimiter=rng.choice(",;\t"), skip_lines=len(lines)))
    made.pieces[:0] = [Piece(text=line, end="\n", role="above") for line in lines]
    made.told["skip_lines"] = len(lines)
    return made
