"""What the robustness bench found: tables for people, a document for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from bench.robustness.job import Setting
from bench.robustness.kinds import KINDS
from bench.robustness.truth import CsvFile
from bench.robustness.verdict import BAD, Judgement, Verdict

LETTERS = {
    Verdict.WHOLE: "W",
    Verdict.ACCOUNTED: "A",
    Verdict.REFUSED: "R",
    Verdict.COLLATERAL: "K",
    Verdict.UNSEEN: "U",
    Verdict.CHANGED: "C",
    Verdict.LOST: "L",
    Verdict.CRASH: "X",
    Verdict.HANG: "H",
}
LEGEND = (
    "W whole: all rows landed equal. A accounted: broken rows reported, all others landed equal. "
    "R refused: nothing landed, and it says why. K: regular rows reported as broken. "
    "Bad: U broken rows landed as if nothing were wrong, C changed values or columns, L rows lost without a word, "
    "X crash, H hang."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One tool's verdict on one file, under one setting."""

    tool: str
    setting: Setting
    file: CsvFile
    judgement: Judgement

    @property
    def is_due(self) -> bool:
        return self.judgement.verdict in KINDS[self.file.kind].due


def table(outcomes: Iterable[Outcome], tools: Sequence[str], *, markdown: bool = False) -> Table:
    """Return a table of verdicts: kinds down, tools across."""
    counts: dict[tuple[str, str], Counter[Verdict]] = {}
    for outcome in outcomes:
        counts.setdefault((outcome.file.kind, outcome.tool), Counter())[outcome.judgement.verdict] += 1
    kinds = [name for name in KINDS if any((name, tool) in counts for tool in tools)]
    shown = Table(box=box.MARKDOWN) if markdown else Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    shown.add_column("kind of file", no_wrap=True)
    shown.add_column("due", no_wrap=True)
    for tool in tools:
        shown.add_column(tool)
    group = ""
    for name in kinds:
        if KINDS[name].group != group and group and not markdown:
            shown.add_section()
        group = KINDS[name].group
        cells = [_cell(counts.get((name, tool), Counter()), KINDS[name].due, markdown=markdown) for tool in tools]
        shown.add_row(name, "".join(LETTERS[one] for one in Verdict if one in KINDS[name].due), *cells)
    if not markdown:
        shown.add_section()
    totals = [sum((counts.get((name, tool), Counter()) for name in kinds), Counter()) for tool in tools]
    shown.add_row("files", "", *(f"{total.total():,}" for total in totals))
    shown.add_row("bad", "", *(_bad_cell(total, markdown=markdown) for total in totals))
    return shown


def _cell(counts: Counter[Verdict], due: frozenset[Verdict], *, markdown: bool) -> Text:
    """Write one kind of one tool: how many files ended how."""
    parts = Text()
    for verdict in Verdict:
        if not counts[verdict]:
            continue
        if parts:
            # One below the other: seven tools fit a terminal of 80 columns only so.
            parts.append(" " if markdown else "\n")
        style = "bold red" if verdict in BAD else "green" if verdict in due else "yellow"
        written = f"{LETTERS[verdict]}{counts[verdict]}"
        parts.append(f"**{written}**" if markdown and verdict in BAD else written, style)
    return parts


def _bad_cell(total: Counter[Verdict], *, markdown: bool) -> Text:
    bad = sum(total[verdict] for verdict in BAD)
    if not bad:
        return Text("0", "bold green")
    return Text(f"**{bad:,}**" if markdown else f"{bad:,}", "bold red")


def not_due(outcomes: Iterable[Outcome]) -> list[dict[str, object]]:
    """Return what didn't end as it has to, as plain values."""
    return [
        {
            "tool": outcome.tool,
            "setting": outcome.setting,
            "kind": outcome.file.kind,
            "file": outcome.file.name,
            "verdict": outcome.judgement.verdict.value,
            "why": outcome.judgement.why[:300],
            "collateral": outcome.judgement.collateral,
        }
        for outcome in outcomes
        if not outcome.is_due
    ]


def counts(outcomes: Iterable[Outcome]) -> dict[str, dict[str, dict[str, dict[str, int]]]]:
    """Return how many files ended how: by setting, kind and tool."""
    found: dict[str, dict[str, dict[str, dict[str, int]]]] = {}
    for one in outcomes:
        tools = found.setdefault(one.setting, {}).setdefault(one.file.kind, {})
        verdicts = tools.setdefault(one.tool, {})
        verdicts[one.judgement.verdict.value] = verdicts.get(one.judgement.verdict.value, 0) + 1
    return found
