"""What a look at servers, machine and folders has found, in 80 columns, and the same as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from engine.model import Examination, Examined, Finding, Severity
from engine.summary.document import Json, to_json
from engine.text import clean

_STYLES = {Severity.PROBLEM: "red", Severity.ADVICE: "yellow", Severity.OK: "green"}
_WIDTH = 80
_INDENT = 11


def print_examination(done: Examination, console: Console, *, full: bool = False) -> None:
    """Print the findings by place, those that want something first, and what is fine in a line.

    Args:
        done: What was looked at.
        console: Where to.
        full: Give what is fine a line each, with what was seen.
    """
    width = console.width if console.is_terminal else _WIDTH
    for place in done.places:
        console.print(Text(clean(place.name), style="bold"), soft_wrap=True)
        for line in _place(place, width, full=full):
            console.print(line, soft_wrap=True)
        console.print()
    console.print(Text(_verdict(done)), soft_wrap=True)


def examination_json(done: Examination) -> str:
    """Write the same as JSON."""
    places: list[Json] = [
        {"name": place.name, "findings": [_document(finding) for finding in place.findings]} for place in done.places
    ]
    return to_json({"version": 1, "ok": done.ok, "places": places})


def _document(finding: Finding) -> Json:
    return {
        "check": finding.check,
        "severity": finding.severity.value,
        "found": finding.found,
        "why": finding.why or None,
        "fix": finding.fix or None,
        "sql": finding.sql,
    }


def _place(place: Examined, width: int, *, full: bool) -> Iterator[Text]:
    for severity in (Severity.PROBLEM, Severity.ADVICE):
        for finding in place.findings:
            if finding.severity is severity:
                yield from _finding(finding, width)
    good = [finding for finding in place.findings if finding.severity is Severity.OK]
    if good:
        told = [f"{one.check}: {one.found}" for one in good] if full else [", ".join(one.check for one in good)]
        for line in told:
            yield from _labelled(Severity.OK.value, line, width, _STYLES[Severity.OK])


def _finding(finding: Finding, width: int) -> Iterator[Text]:
    yield from _labelled(finding.severity.value, f"{finding.check}: {finding.found}", width, _STYLES[finding.severity])
    yield from _labelled("why", finding.why, width)
    if finding.sql is not None:
        # Not wrapped: it is to be copied.
        yield from _labelled("statement", f"{finding.sql};", None)
    yield from _labelled("fix", finding.fix, width)


def _labelled(label: str, text: str, width: int | None, style: str = "") -> Iterator[Text]:
    told = clean(text)
    lines = [told] if width is None else textwrap.wrap(told, max(20, width - _INDENT), break_long_words=False)
    for number, line in enumerate(lines):
        yield Text.assemble((f"{label if not number else '':{_INDENT}}", style), line)


def _verdict(done: Examination) -> str:
    counts = {
        severity: sum(one.severity is severity for place in done.places for one in place.findings)
        for severity in Severity
    }
    problems, advised = counts[Severity.PROBLEM], counts[Severity.ADVICE]
    said = "nothing would stop a load" if not problems else f"{_count(problems, 'problem')} would stop a load"
    return f"{said}; {_count(advised, 'thing')} could be better" if advised else said


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
