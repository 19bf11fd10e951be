"""Alerts: which file, what happened to it, and where to look, to everybody who is to be told."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from engine.airflow.channels import notifier
from engine.airflow.options import Channel, Occasion, Options, load_options
from engine.model import FileReport, FileStatus

if TYPE_CHECKING:
    from airflow.sdk import BaseNotifier

logger = logging.getLogger("headrace.alerts")

# One message about thousands of files is one message: the rest is behind its link.
_MOST_FINDINGS = 20
_SUBJECT_CHARS = 200
_MESSAGE_CHARS = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What is to be said of one file."""

    file: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """One message; texts are a line's worth, without characters that steer.

    Attributes:
        subject: The message in one line.
        link: The log of the task, or the page of the run.
        key: The same for every message about the same task of the same run.
    """

    occasion: Occasion
    subject: str
    findings: tuple[Finding, ...]
    dag_id: str
    run_id: str
    task_id: str
    link: str
    key: str

    @property
    def files_failed(self) -> bool:
        return self.occasion is Occasion.FAILURE


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Which task of which run an alert is about."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    link: str


def compose(occasion: Occasion, findings: Iterable[Finding], place: Place) -> Alert:
    """Make the message of what was found."""
    found = [Finding(file=_line(item.file, 300), message=_text(item.message)) for item in findings]
    first = found[0]
    others = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    verb = {
        Occasion.FAILURE: "failed",
        Occasion.REJECTS: "was loaded without its rejected rows",
        Occasion.QUALITY: "was loaded and fails a quality check",
    }[occasion]
    subject = _line(f"Headrace: {first.file}{others} {verb}: {first.message}", _SUBJECT_CHARS)
    if len(found) > _MOST_FINDINGS:
        rest = Finding(file="…", message=f"and {len(found) - _MOST_FINDINGS:,} more files: see the link")
        found = [*found[:_MOST_FINDINGS], rest]
    return Alert(
        occasion=occasion,
        subject=subject,
        findings=tuple(found),
        dag_id=place.dag_id,
        run_id=place.run_id,
        task_id=place.task_id,
        link=place.link,
        key=f"{place.dag_id}/{place.run_id}/{place.task_id}/{place.map_index}/{occasion.value}",
    )


def alert_failure(findings: Iterable[Finding], place: Place) -> None:
    """Tell of files that failed for good; nothing happens where nobody wants to be told."""
    _alert(Occasion.FAILURE, findings, place)


def alert_loaded(reports: Iterable[FileReport], place: Place) -> None:
    """Tell of rejected rows and failed checks of files that are loaded all the same."""
    loaded = [report for report in reports if report.status is FileStatus.LOADED]
    _alert(Occasion.REJECTS, (_rejects(report) for report in loaded if report.rows_rejected), place)
    _alert(Occasion.QUALITY, (item for report in loaded for item in _failed_checks(report)), place)


def send(alert: Alert, options: Options) -> dict[Channel, str]:
    """Send one alert through every channel at once, and wait no longer than `alert_timeout_s` for all of them.

    Returns:
        The channels that couldn't be reached, each with the reason; an alert that isn't sent never fails a task.
    """
    failures: dict[Channel, str] = {}

    def attempt(channel: Channel, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - whatever a client raises, the load isn't its business
            failures[channel] = f"{type(error).__name__}: {error}"

    # Importing their packages takes its time too, and isn't the services' fault.
    notifiers: dict[Channel, BaseNotifier] = {}
    for channel in options.alerts:
        attempt(channel, partial(_build, notifiers, channel, alert, options))
    threads = {}
    for channel, ready in notifiers.items():
        # A connection is looked up in the caller's context. Daemons: a hanging client doesn't keep the process.
        threads[channel] = threading.Thread(
            target=contextvars.copy_context().run,
            args=(attempt, channel, partial(ready.notify, {})),
            daemon=True,
            name=f"alert-{channel.value}",
        )
        threads[channel].start()
    end = time.monotonic() + options.alert_timeout_s
    for channel, thread in threads.items():
        thread.join(max(0.0, end - time.monotonic()))
        if thread.is_alive():
            failures[channel] = f"no answer within {options.alert_timeout_s:g} s"
    for channel, reason in failures.items():
        logger.warning("the alert was not sent by %s: %s", channel.value, reason)
    for channel in options.alerts:
        if channel not in failures:
            logger.info("alert sent by %s", channel.value)
    return failures


def _build(notifiers: dict[Channel, BaseNotifier], channel: Channel, alert: Alert, options: Options) -> None:
    notifiers[channel] = notifier(channel, alert, options)


def _alert(occasion: Occasion, findings: Iterable[Finding], place: Place) -> None:
    options = load_options()
    if not options.alerts or occasion not in options.alert_on:
        return
    if found := list(findings):
        send(compose(occasion, found, place), options)


def _rejects(report: FileReport) -> Finding:
    where = f"; they are in {report.rejects_path}" if report.rejects_path else ""
    return Finding(
        file=report.path.name,
        message=f"{report.rows_rejected:,} of {report.rows_read:,} rows were rejected{where}",
    )


def _failed_checks(report: FileReport) -> list[Finding]:
    return [
        Finding(
            file=report.path.name,
            message=f"{check.name}{f' of {check.column}' if check.column else ''} is {check.value}"
            f"{f': {check.message}' if check.message else ''}",
        )
        for check in report.checks
        if check.passed is False
    ]


def _line(text: str, most: int) -> str:
    """Return the text as one line: a line end in a subject would begin another header."""
    plain = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return plain if len(plain) <= most else plain[: most - 1] + "…"


def _text(text: str) -> str:
    plain = "".join(char if char.isprintable() or char == "\n" else " " for char in text).strip()
    return plain if len(plain) <= _MESSAGE_CHARS else plain[: _MESSAGE_CHARS - 1] + "…"
