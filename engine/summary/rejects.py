"""Reject files for a person: what waits to be corrected, and what is wrong with each row."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Protocol

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from engine.model import RejectedFile, RejectState
from engine.summary.document import to_json
from engine.text import clean

_STYLES = {RejectState.LOADED: "yellow", RejectState.REPLAYED: "green"}
# What to do with the rows, by what became of the others.
_NEXT = {
    RejectState.LOADED: "",
    RejectState.REPLAYED: ", nothing is left to do",
    RejectState.HELD: ", nothing of its source is loaded: correct that",
    RejectState.FAILED: ", nothing of its source is loaded: correct that",
    RejectState.UNFINISHED: ", run the load again first",
    RejectState.OTHER_ATTEMPT: ", its source was loaded again since",
    RejectState.SUPERSEDED: ", the table was replaced since",
    RejectState.UNKNOWN: "",
}
# A column's name beyond this is cut, so that the message has room.
_MOST_NAME_CELLS = 20


class Reason(Protocol):
    """Why a row was rejected, as its file of reasons has it."""

    @property
    def line(self) -> int: ...
    @property
    def reject_class(self) -> str: ...
    @property
    def column(self) -> str | None: ...
    @property
    def message(self) -> str: ...
    @property
    def raw(self) -> str: ...


def print_rejects(files: Sequence[RejectedFile], console: Console) -> None:
    """Print the reject files that wait, each with its load and its first reason."""
    if not files:
        console.print(Text("no rejected rows wait to be corrected"), soft_wrap=True)
        return
    for file in files:
        console.print(Text(clean(str(file.path))), soft_wrap=True)
        if file.problem is not None:
            _print_wrapped(console, f"unreadable: {file.problem}", "red")
            continue
        by_class = ", ".join(f"{count:,} {name}" for name, count in sorted(file.rejects_by_class.items()))
        when = f"{file.started_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if file.started_at else ""
        said = f"{file.table}, {_rows(file.rows)} ({by_class}), {when}, {file.state.value}{_NEXT[file.state]}"
        _print_wrapped(console, said, _STYLES.get(file.state, ""))
        column = f", {file.first_column}" if file.first_column else ""
        _print_wrapped(console, f"line {file.first_line}{column}: {file.first_message}", "")
    open_files = [file for file in files if file.state is RejectState.LOADED]
    if open_files:
        rows = _rows(sum(file.rows for file in open_files))
        console.print(
            Text(f"\ncorrect them, then: python -m engine.rejects replay FILE ({rows} to go)"), soft_wrap=True
        )


def rejects_json(files: Sequence[RejectedFile]) -> str:
    """Write the same as JSON."""
    return to_json(
        {
            "version": 1,
            "files": [
                {
                    "path": str(file.path),
                    "state": file.state.value,
                    "source": str(file.source) if file.source else None,
                    "table": file.table,
                    "started_at": file.started_at.isoformat() if file.started_at else None,
                    "rows": file.rows,
                    "rejects_by_class": dict(file.rejects_by_class),
                    "first": {"line": file.first_line, "column": file.first_column, "message": file.first_message}
                    if file.first_line is not None
                    else None,
                    "problem": file.problem,
                }
                for file in files
            ],
        }
    )


def print_reasons(reasons: Iterable[Reason], console: Console, *, most: int) -> None:
    """Print what is wrong with each row: line, column, class and message, and the row itself below, cut to the width.

    Args:
        most: So many are printed; the rest is counted.
    """
    width = console.width if console.is_terminal else 80
    console.print(
        Text(f"{'line':>8}  {'column':{_MOST_NAME_CELLS}}  {'class':6}  what is wrong", style="bold"), soft_wrap=True
    )
    more = 0
    for at, reason in enumerate(reasons):
        if at >= most:
            more += 1
            continue
        column = _cut(clean(reason.column or ""), _MOST_NAME_CELLS)
        begin = f"{reason.line:>8,}  {set_cell_size(column, _MOST_NAME_CELLS)}  {clean(reason.reject_class):6}  "
        text = begin + clean(reason.message)
        if console.is_terminal:
            pieces = textwrap.wrap(text, width, subsequent_indent=" " * cell_len(begin), drop_whitespace=False)
            text = "\n".join(piece.rstrip() for piece in pieces)
        console.print(Text(text), soft_wrap=True)
        console.print(Text(" " * 10 + _cut(clean(reason.raw), width - 10), style="dim"), soft_wrap=True)
    if more:
        console.print(Text(f"… and {more:,} more (--limit)"), soft_wrap=True)


def _cut(text: str, cells: int) -> str:
    return text if cell_len(text) <= cells else set_cell_size(text, cells - 1) + "…"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _print_wrapped(console: Console, text: str, style: str) -> None:
    text, indent = clean(text), "  "
    if console.is_terminal:
        text = "\n".join(
            textwrap.wrap(
                text,
                console.width,
                initial_indent=indent,
                subsequent_indent=indent * 2,
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
    else:
        text = indent + text
    console.print(Text(text, style=style), soft_wrap=True)
