"""The summary: figures per file in 80 columns, then what needs attention, each with its next step."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from engine.model import FileReport, FileStatus, RunReport
from engine.text import clean, duration, size

_STYLES = {
    FileStatus.LOADED: "green",
    FileStatus.DUPLICATE: "cyan",
    FileStatus.HELD: "yellow",
    FileStatus.FAILED: "red",
}
_HEADER = ("file", "table", "status", "read", "loaded", "rejected", "size", "time")
# The first two are names, which may be cut; what follows never is.
_NAMES = 2
_STATUS = 2
# A name cut to less tells nothing.
_SHORTEST_NAME = 8
# More files than this are added up, so that the table stays one screen; those with a problem come first.
_MOST_FILES = 40
# So many remarks of a kind are shown; the JSON report has all.
_MOST_REMARKS = 20
# More duplicates than this are one remark, not one each.
_MOST_DUPLICATES = 3

Row = tuple[str, ...]


def print_summary(report: RunReport, console: Console, *, looked_in: Path | None = None) -> None:
    """Print what happened to each file, the totals, and the next step for each that isn't loaded.

    Figures are never cut. On a terminal that is too narrow, names are; elsewhere a line is as long as it needs.

    Args:
        report: The run.
        console: Where to.
        looked_in: The folder that was searched, named where there was nothing.
    """
    if report.files:
        for line in _table(report, console.width if console.is_terminal else None):
            console.print(line, soft_wrap=True)
    else:
        place = f" in {clean(str(looked_in))}" if looked_in is not None else ""
        console.print(Text(f"nothing to load{place}"), soft_wrap=True)
    remarks = list(_remarks(report))
    if remarks and report.files:
        console.print()
    for line in remarks:
        if console.is_terminal:
            line = _wrapped(line, console.width)  # noqa: PLW2901 - the same line, in pieces
        console.print(line, soft_wrap=True)


def _table(report: RunReport, width: int | None) -> Iterable[Text]:
    shown = _most_telling(report.files)
    rows = [_row(file, dry_run=report.dry_run) for file in shown]
    total = (
        "total",
        "",
        "",
        f"{report.rows_read:,}",
        f"{report.rows_loaded:,}",
        f"{report.rows_rejected:,}",
        size(sum(file.size_bytes for file in report.files)),
        duration(report.wall_seconds),
    )
    widths = [max(map(cell_len, column)) for column in zip(_HEADER, total, *rows, strict=True)]
    if width is not None:
        widths[:_NAMES] = _name_widths(widths, width)
    yield _line(_HEADER, widths, "bold")
    for file, row in zip(shown, rows, strict=True):
        yield _line(row, widths, "", status=_STYLES[file.status])
    if len(shown) < len(report.files):
        kept = {id(file) for file in shown}
        others = Counter(file.status.value for file in report.files if id(file) not in kept)
        counts = ", ".join(f"{count:,} {status}" for status, count in others.items())
        yield Text(f"… and {sum(others.values()):,} more files: {counts}")
    if len(report.files) > 1:
        yield _line(total, widths, "bold")


def _most_telling(files: Sequence[FileReport]) -> Sequence[FileReport]:
    """Choose the files that are shown: those with a problem before the others, in the order of the run."""
    if len(files) <= _MOST_FILES:
        return files
    order = sorted(range(len(files)), key=lambda at: (files[at].error is None, not files[at].rows_rejected, at))
    return [files[at] for at in sorted(order[:_MOST_FILES])]


def _row(file: FileReport, *, dry_run: bool) -> Row:
    would = dry_run and file.status is FileStatus.LOADED
    return (
        clean(file.path.name),
        clean(file.table),
        "would load" if would else file.status.value,
        f"{file.rows_read:,}",
        f"{file.rows_loaded:,}",
        f"{file.rows_rejected:,}",
        size(file.size_bytes),
        duration(file.seconds),
    )


def _name_widths(widths: Sequence[int], width: int) -> tuple[int, int]:
    """Share what the figures leave between the file's and the table's name; 0 leaves the table's out."""
    file, table = widths[:_NAMES]
    left = width - sum(widths[_NAMES:]) - 2 * (len(widths) - 1)
    if file + table <= left:
        return file, table
    if left < 2 * _SHORTEST_NAME:
        return min(file, max(left + 2, _SHORTEST_NAME)), 0
    # Three fifths for the file, and what one doesn't need for the other.
    table = min(table, max(left * 2 // 5, left - file))
    return min(file, left - table), table


def _line(row: Row, widths: Sequence[int], style: str, status: str = "") -> Text:
    line = Text(style=style)
    for at, (cell, width) in enumerate(zip(row, widths, strict=True)):
        if not width:
            continue
        if at:
            line.append("  ")
        if at <= _STATUS:
            line.append(set_cell_size(_shortened(cell, width), width), status if at == _STATUS else "")
        else:
            line.append(" " * (width - cell_len(cell)) + cell)
    line.rstrip()
    return line


def _shortened(name: str, width: int) -> str:
    """Cut a name in its middle: names that follow a pattern differ at their ends."""
    if cell_len(name) <= width:
        return name
    tail = (width - 1) // 2
    return set_cell_size(name, width - 1 - tail) + "…" + set_cell_size(name[::-1], tail)[::-1]


def _wrapped(line: Text, width: int) -> Text:
    """Wrap at blanks with a hanging indent; a path stays whole, so that it can be copied."""
    pieces = textwrap.wrap(line.plain, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return Text("\n".join(pieces), style=line.style)


def _remarks(report: RunReport) -> Iterable[Text]:
    problems = [_problem(file) for file in report.files if file.error is not None]
    rejects = [_rejected(file) for file in report.files if _rejects_unsaid(file)]
    repairs = [_repaired(file) for file in report.files if file.repairs_path is not None]
    duplicates = [file for file in report.files if file.status is FileStatus.DUPLICATE]
    many = len(duplicates) > _MOST_DUPLICATES
    notes = [
        Text(f"{clean(file.path.name)}: {clean(note)}")
        for file in report.files
        if not (many and file.status is FileStatus.DUPLICATE)
        for note in file.notes
    ]
    if many:
        notes.append(Text(f"{len(duplicates):,} files were loaded before; --on-duplicate load loads them again"))
    notes += [Text(clean(note)) for note in report.notes]
    for remarks, kind in (
        (problems, "problems"),
        (rejects, "files with rejected rows"),
        (repairs, "files with repaired rows"),
        (notes, "notes"),
    ):
        yield from remarks[:_MOST_REMARKS]
        if len(remarks) > _MOST_REMARKS:
            yield Text(f"… and {len(remarks) - _MOST_REMARKS:,} more {kind}; the JSON report (--json) has all")


def _problem(file: FileReport) -> Text:
    assert file.error is not None
    message = file.error.message if file.path.name in file.error.message else f"{file.path.name}: {file.error.message}"
    return Text(clean(message), style=_STYLES[file.status])


def _rejects_unsaid(file: FileReport) -> bool:
    """Tell whether there are rejects that the file's own problem doesn't point at already."""
    return file.rejects_path is not None and not (file.error and str(file.rejects_path) in file.error.message)


def _rejected(file: FileReport) -> Text:
    by_class = ", ".join(f"{count:,} {label}" for label, count in sorted(file.rejects_by_class.items()))
    rows = "1 row" if file.rows_rejected == 1 else f"{file.rows_rejected:,} rows"
    text = f"{file.path.name}: {rows} rejected ({by_class}), kept in {file.rejects_path} with the reasons beside it"
    return Text(clean(text), style="yellow")


def _repaired(file: FileReport) -> Text:
    rows = "1 row" if file.repaired_rows == 1 else f"{file.repaired_rows:,} rows"
    return Text(clean(f"{file.path.name}: {rows} repaired, listed in {file.repairs_path}"), style="yellow")
