"""The summary table: right-aligned figures per file, then what needs attention, in 80 columns."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from engine.model import FileReport, FileStatus, RunReport

_STYLES = {
    FileStatus.LOADED: "green",
    FileStatus.DUPLICATE: "cyan",
    FileStatus.HELD: "yellow",
    FileStatus.FAILED: "red",
}
# More files than this are added up by status, so that the table stays one screen; problems are always listed.
_MOST_FILES = 40


def print_summary(report: RunReport, console: Console) -> None:
    """Print what happened to each file, the totals, and the next step for each that isn't loaded."""
    if not report.files:
        console.print("nothing to load")
    else:
        console.print(_table(report))
    for file in report.files:
        for line in _remarks(file):
            console.print(line, soft_wrap=True)
    for note in report.notes:
        console.print(Text(clean(note)), soft_wrap=True)


def _table(report: RunReport) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_footer=True)
    seconds = f"{report.wall_seconds:.2f}"
    table.add_column("file", "total", overflow="ellipsis", no_wrap=True, ratio=2, min_width=12)
    table.add_column("table", "", overflow="ellipsis", no_wrap=True, ratio=1, min_width=8)
    table.add_column("status", "dry run" if report.dry_run else "", no_wrap=True)
    table.add_column("read", f"{report.rows_read:,}", justify="right", no_wrap=True)
    table.add_column("loaded", f"{report.rows_loaded:,}", justify="right", no_wrap=True)
    table.add_column("rejected", f"{report.rows_rejected:,}", justify="right", no_wrap=True)
    table.add_column("MB", f"{sum(file.size_bytes for file in report.files) / 1e6:,.1f}", justify="right", no_wrap=True)
    table.add_column("s", seconds, justify="right", no_wrap=True)
    shown = report.files if len(report.files) <= _MOST_FILES else report.files[:_MOST_FILES]
    for file in shown:
        table.add_row(
            escape(clean(file.path.name)),
            escape(clean(file.table)),
            Text(file.status.value, style=_STYLES[file.status]),
            f"{file.rows_read:,}",
            f"{file.rows_loaded:,}",
            f"{file.rows_rejected:,}",
            f"{file.size_bytes / 1e6:,.1f}",
            f"{file.seconds:.2f}",
        )
    if len(shown) < len(report.files):
        table.add_row(f"… and {len(report.files) - len(shown)} more", "", "", "", "", "", "", "")
    return table


def _remarks(file: FileReport) -> list[Text]:
    lines = []
    name = clean(file.path.name)
    if file.error is not None:
        lines.append(Text(f"{name}: {clean(file.error.message)}", style=_STYLES[file.status]))
    if file.rejects_path is not None:
        by_class = ", ".join(f"{count:,} {label}" for label, count in sorted(file.rejects_by_class.items()))
        lines.append(Text(f"{name}: rejected rows ({by_class}) are in {clean(str(file.rejects_path))}", style="yellow"))
    lines += [Text(f"{name}: {clean(note)}") for note in file.notes]
    return lines


def clean(text: str) -> str:
    """Show control characters instead of sending them: file content must not steer the terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
