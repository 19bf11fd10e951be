"""Settings of the DAGs: `HEADRACE_*` of the environment and `.env`, checked when a DAG is parsed."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from engine.errors import SettingsError

_OFF = {"", "none", "off"}


class Channel(StrEnum):
    """A way to tell somebody."""

    SMTP = "smtp"
    SLACK = "slack"
    PAGERDUTY = "pagerduty"
    WEBHOOK = "webhook"


class Occasion(StrEnum):
    """What somebody wants to be told of."""

    FAILURE = "failure"
    REJECTS = "rejects"
    QUALITY = "quality"


class Options(BaseSettings):
    """When the DAG runs, how often it tries again, and who hears of failures.

    Attributes:
        schedule: A cron expression of five fields or a preset such as `@hourly`; None: only when it is triggered.
        on_arrival: A run starts when a complete file lies in the input folder.
        arrival_poll_s: How often the input folder is looked at for that.
        retry_delay_s: Wait before the second try; the one before the third is twice as long.
        alerts: Channels that are switched on.
        alert_on: Occasions on which they are used.
        alert_to: Recipients of e-mail.
        alert_timeout_s: How long a dead service may hold up the task that alerts.
    """

    model_config = SettingsConfigDict(
        env_prefix="HEADRACE_", env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    schedule: str | None = None
    on_arrival: bool = False
    arrival_poll_s: float = Field(default=5.0, gt=0)
    retries: int = Field(default=2, ge=0, le=20)
    retry_delay_s: float = Field(default=300.0, ge=0)
    alerts: Annotated[tuple[Channel, ...], NoDecode] = ()
    alert_on: Annotated[tuple[Occasion, ...], NoDecode] = (Occasion.FAILURE,)
    alert_to: Annotated[tuple[str, ...], NoDecode] = ()
    # The name of an Airflow connection for each channel.
    smtp_conn_id: str = "smtp_default"
    slack_conn_id: str = "slack_default"
    pagerduty_conn_id: str = "pagerduty_events_default"
    webhook_conn_id: str = "headrace_webhook"
    alert_timeout_s: float = Field(default=10.0, gt=0, le=120)

    @field_validator("schedule", mode="before")
    @classmethod
    def _no_schedule(cls, value: object) -> object:
        return None if isinstance(value, str) and value.strip().lower() in _OFF else value

    @field_validator("alerts", "alert_on", "alert_to", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        words = tuple(word.strip() for word in value.split(",") if word.strip())
        return () if [word.lower() for word in words] == ["none"] else words

    @property
    def retry_delay(self) -> timedelta:
        return timedelta(seconds=self.retry_delay_s)


def load_options() -> Options:
    """Read `HEADRACE_*` from the environment and `.env`.

    Raises:
        SettingsError: One of them makes no sense; the message names the variable, its value and the reason.
    """
    try:
        options = Options()
    except ValidationError as error:
        findings = []
        for item in error.errors(include_url=False):
            name = f"HEADRACE_{str(item['loc'][0]).upper()}"
            said = item["msg"].removeprefix("Value error, ")
            findings.append(f"{name} (is {item.get('input')!r}): {said[0].lower()}{said[1:]}")
        raise SettingsError("; ".join(findings), code="settings.invalid") from None
    if Channel.SMTP in options.alerts and not options.alert_to:
        raise SettingsError(
            "HEADRACE_ALERTS names smtp, but HEADRACE_ALERT_TO names nobody",
            code="settings.invalid",
            next_step="set HEADRACE_ALERT_TO to addresses, with commas between them",
        )
    return options
