"""Hold what the checks measured against the rules of a feed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from engine.config import FileRule
from engine.errors import SettingsError
from engine.model import QualityCheck
from engine.quality.facts import FileFacts
from engine.quality.registry import registered


def assess(facts: FileFacts, rules: tuple[FileRule, ...]) -> tuple[QualityCheck, ...]:
    """Run every check and hold its measurements against the rules.

    A rule without a column holds for the check's measurement of the whole file, or, where there is none, for that of
    each column.

    Returns:
        The measurements, by name of the check. `passed` is None where no rule concerns one.

    Raises:
        SettingsError: A rule names a check or a column that isn't there, or has no limit.
    """
    measured = [(each, list(each.measure(facts))) for each in registered()]
    names = {each.name for each, _ in measured} | {result.name for _, results in measured for result in results}
    columns = [column.column for column in facts.profile.columns]
    for rule in rules:
        _require(rule.check, names, f"rule on check {rule.check!r}: there is no such check", "checks")
        if rule.minimum is None and rule.maximum is None:
            raise SettingsError(
                f"rule on check {rule.check!r} has no limit",
                code="quality.limit",
                next_step="give a minimum or maximum",
            )
    for each, results in measured:
        for rule in rules:
            if rule.check == each.name and rule.column in columns and each.findings:
                _add_finding(results, rule)
    checks = [result for _, results in measured for result in results]
    for rule in rules:
        checks = _held_against(checks, rule)
    return tuple(checks)


def _add_finding(results: list[QualityCheck], rule: FileRule) -> None:
    """Add the 0 of a column where nothing was found, so that there is something to hold against the rule."""
    if not any(result.column == rule.column for result in results):
        results.append(QualityCheck(name=rule.check, column=rule.column, value=0, unit="count"))


def _held_against(checks: list[QualityCheck], rule: FileRule) -> list[QualityCheck]:
    named = [result for result in checks if result.name == rule.check]
    if rule.column is not None:
        columns = {result.column for result in named if result.column is not None}
        _require(
            rule.column, columns, f"rule on check {rule.check!r}: it measures no column {rule.column!r}", "columns"
        )
        concerned = [result for result in named if result.column == rule.column]
    else:
        concerned = [result for result in named if result.column is None] or named
    return [_judged(result, rule) if any(result is each for each in concerned) else result for result in checks]


def _judged(result: QualityCheck, rule: FileRule) -> QualityCheck:
    fault = _fault(result, rule)
    messages = [message for message in (result.message, fault) if message]
    return replace(result, passed=not fault and result.passed is not False, message="; ".join(messages))


def _fault(result: QualityCheck, rule: FileRule) -> str:
    """Return how a measurement breaks a rule, "" if it doesn't. What couldn't be measured breaks it."""
    value = result.value
    if isinstance(value, str):
        return "can't be held against the rule"
    if rule.minimum is not None and value < rule.minimum:
        return f"{value:.10g} is below the minimum of {rule.minimum:.10g}"
    if rule.maximum is not None and value > rule.maximum:
        return f"{value:.10g} is above the maximum of {rule.maximum:.10g}"
    return ""


def _require(name: str, existing: Iterable[str], message: str, what: str) -> None:
    known = sorted(existing)
    if name not in known:
        raise SettingsError(message, code="quality.rule", next_step=f"{what} there are: {', '.join(known) or 'none'}")
