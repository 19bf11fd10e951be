"""What was found and written when the catalog was brought in line with the ledger."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from engine.model import Reconciliation
from engine.summary.document import to_json
from engine.text import clean


def print_reconciliation(done: Reconciliation, console: Console) -> None:
    """Print the counts, one a line, then what a person should know."""
    would = "would be " if done.dry_run else ""
    lines = {
        "loads in the ledger": done.entries,
        "agreed already": done.agreed,
        f"{would}written": done.written,
        f"{would}closed as interrupted": done.interrupted,
        "being loaded now, left alone": done.busy,
        "unreadable in the ledger": done.unreadable,
    }
    width = max(map(len, lines))
    for label, count in lines.items():
        console.print(Text(f"{label:{width}}  {count:>9,}"), soft_wrap=True)
    for note in done.notes:
        console.print(Text(f"\n{clean(note)}"), soft_wrap=not console.is_terminal)


def reconciliation_json(done: Reconciliation) -> str:
    """Write the same as JSON."""
    return to_json(
        {
            "version": 1,
            "ok": True,
            "error": None,
            "dry_run": done.dry_run,
            "entries": done.entries,
            "agreed": done.agreed,
            "written": done.written,
            "interrupted": done.interrupted,
            "busy": done.busy,
            "unreadable": done.unreadable,
            "notes": list(done.notes),
        }
    )
