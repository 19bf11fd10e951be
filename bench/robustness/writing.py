"""From a table to a file: records written one by one by Python's csv, spoiled by a kind, and put together."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from bench.robustness.tables import Table
from bench.robustness.truth import Broken, Cells, CsvFile, Form, Truth

_LINE_END = re.compile("\r\n|\n|\r")
# `above` is what stands over the header, `noise` what is no record, such as a comment.
Role = Literal["above", "header", "row", "broken", "noise", "blank"]


@dataclass(kw_only=True, slots=True)
class Piece:
    """One record (or what stands in its place) and its terminator.

    `cells` are what a row was written from. `readings` and `padded` are those of `Broken`.
    """

    text: str
    end: str
    role: Role
    cells: Cells = ()
    readings: tuple[Cells, ...] = ()
    padded: Cells | None = None


@dataclass(kw_only=True, slots=True)
class Draft:
    """A file in the making.

    Attributes:
        told: What the engine's feed has to say.
        settings: The engine's settings.
        squeeze: What is done to the finished bytes, such as compressing them.
    """

    table: Table
    form: Form
    pieces: list[Piece]
    told: dict[str, object] = field(default_factory=dict)
    settings: dict[str, object] = field(default_factory=dict)
    suffix: str = ".csv"
    squeeze: Callable[[bytes], bytes] | None = None

    def rows(self) -> list[Piece]:
        """Return the pieces that are regular rows."""
        return [piece for piece in self.pieces if piece.role == "row"]

    def put_before(self, where: Piece, new: Piece) -> None:
        """Put a piece in front of another."""
        self.pieces.insert(next(at for at, piece in enumerate(self.pieces) if piece is where), new)


def draft(table: Table, form: Form | None = None, *, quote_all: bool = False) -> Draft:
    """Write a table record by record."""
    form = form or Form()
    pieces = [
        Piece(text=record(cells, form, quote_all=quote_all), end=form.line_end, role="row", cells=cells)
        for cells in table.rows
    ]
    if form.header:
        header = record(table.names, form, quote_all=quote_all)
        pieces.insert(0, Piece(text=header, end=form.line_end, role="header"))
    return Draft(table=table, form=form, pieces=pieces)


def record(cells: Cells, form: Form, *, quote_all: bool = False) -> str:
    """Write one record with Python's csv, cell by cell: so "" is told from nothing, and a delimiter may be longer."""
    return form.delimiter.join(_cell(cell, form, quote_all=quote_all) for cell in cells)


def _cell(cell: str | None, form: Form, *, quote_all: bool) -> str:
    if cell is None:
        return ""
    if cell == "" and form.quote_char:
        return form.quote_char * 2
    written = io.StringIO(newline="")
    quoting = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL if form.quote_char else csv.QUOTE_NONE
    csv.writer(
        written,
        delimiter=form.delimiter[0],
        quotechar=form.quote_char,
        escapechar=form.escape_char,
        doublequote=form.escape_char is None,
        quoting=quoting,  # type: ignore[arg-type]  # csv's own numbers
        # Both characters, so that cells with either are quoted.
        lineterminator="\r\n",
    ).writerow([cell])
    return written.getvalue().removesuffix("\r\n")


def finish(made: Draft, kind: str, number: int) -> CsvFile:
    """Put a file together, and note where everything is."""
    form = made.form
    data = _mark(form) if form.byte_order_mark else b""
    line = 1
    rows, lines, starts, broken, noise = [], [], [], [], []
    for piece in made.pieces:
        if piece.role == "row":
            rows.append(piece.cells)
            lines.append(line)
            starts.append(len(data))
        elif piece.role == "broken":
            broken.append(
                Broken(
                    first_line=line,
                    last_line=line + len(_LINE_END.findall(piece.text)),
                    byte_start=len(data),
                    byte_end=len(data) + len(piece.text.encode(form.encoding, "surrogateescape")),
                    readings=piece.readings,
                    padded=piece.padded,
                )
            )
        elif piece.role == "noise":
            noise.append(line)
        line += len(_LINE_END.findall(piece.text + piece.end))
        data += (piece.text + piece.end).encode(form.encoding, "surrogateescape")
    return CsvFile(
        kind=kind,
        number=number,
        name=f"{kind.replace(' ', '_')}_{number}{made.suffix}",
        data=made.squeeze(data) if made.squeeze else data,
        form=form,
        truth=Truth(
            names=made.table.names if form.header else None,
            width=len(made.table.names),
            rows=tuple(rows),
            lines=tuple(lines),
            starts=tuple(starts),
            broken=tuple(broken),
            noise=tuple(noise),
            formats=made.table.formats,
        ),
        told=made.told,
        settings=made.settings,
    )


def _mark(form: Form) -> bytes:
    marks = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
    return marks[form.encoding]
