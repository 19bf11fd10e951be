"""The ways to tell somebody, each through Airflow's own notifier and an Airflow connection."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from engine.airflow.options import Channel, Options

if TYPE_CHECKING:
    from airflow.sdk import BaseNotifier

    from engine.airflow.alerts import Alert

# PagerDuty cuts a summary at 1,024 characters, Slack refuses a text of more than 40,000.
_SUMMARY_CHARS = 1000
_SLACK_CHARS = 8000


def notifier(channel: Channel, alert: Alert, options: Options) -> BaseNotifier:
    """Build the official notifier of a channel for one alert, with nothing left in it for a template to render.

    Each provider is imported only here: none costs anything until it is switched on and needed.
    """
    timeout_s = options.alert_timeout_s
    match channel:
        case Channel.SMTP:
            from airflow.providers.smtp.notifications.smtp import SmtpNotifier

            return SmtpNotifier(
                to=list(options.alert_to),
                subject=alert.subject,
                html_content=_html(alert),
                smtp_conn_id=options.smtp_conn_id,
                # A plain "mixed" mail of one HTML part.
                custom_headers={"X-Headrace-Run": alert.run_id.encode("ascii", "replace").decode()},
            )
        case Channel.SLACK:
            from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier

            return SlackWebhookNotifier(
                slack_webhook_conn_id=options.slack_conn_id,
                text=_slack(alert),
                unfurl_links=False,
                timeout=max(1, int(timeout_s)),
            )
        case Channel.PAGERDUTY:
            from airflow.providers.pagerduty.notifications.pagerduty import PagerdutyNotifier

            return PagerdutyNotifier(
                summary=alert.subject[:_SUMMARY_CHARS],
                severity="error" if alert.files_failed else "warning",
                source="headrace",
                dedup_key=alert.key,
                custom_details=_document(alert),
                links=[{"href": alert.link, "text": "log"}],
                pagerduty_events_conn_id=options.pagerduty_conn_id,
            )
        case Channel.WEBHOOK:
            from airflow.providers.http.notifications.http import HttpNotifier

            return HttpNotifier(
                http_conn_id=options.webhook_conn_id,
                endpoint="",
                json=_document(alert),
                headers={"Content-Type": "application/json"},
                extra_options={"timeout": timeout_s},
            )


def _document(alert: Alert) -> dict[str, Any]:
    return {
        "event": alert.occasion.value,
        "subject": alert.subject,
        "dag_id": alert.dag_id,
        "run_id": alert.run_id,
        "task_id": alert.task_id,
        "files": [{"name": finding.file, "message": finding.message} for finding in alert.findings],
        "link": alert.link,
    }


def _html(alert: Alert) -> str:
    rows = "".join(
        f"<tr><td><b>{html.escape(finding.file)}</b></td>"
        f"<td><pre style='white-space:pre-wrap;margin:0'>{html.escape(finding.message)}</pre></td></tr>"
        for finding in alert.findings
    )
    return (
        f"<p>{html.escape(alert.subject)}</p><table cellpadding='6'>{rows}</table>"
        f"<p><a href='{html.escape(alert.link, quote=True)}'>Log of the task</a></p>"
        f"<p>{html.escape(f'{alert.dag_id}, {alert.task_id}, run {alert.run_id}')}</p>"
    )


def _slack(alert: Alert) -> str:
    """Return mrkdwn in which a name or a value of the file can't mention a channel or make a link."""
    lines = [f"*{_mrkdwn(alert.subject)}*"]
    lines += [f"• {_mrkdwn(finding.file)}: {_mrkdwn(finding.message)}" for finding in alert.findings]
    text = "\n".join(lines)[:_SLACK_CHARS]
    return f"{text}\n<{_mrkdwn(alert.link)}|log of the task>"


def _mrkdwn(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
