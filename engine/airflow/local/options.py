"""What a user may choose about a private Airflow, by `HEADRACE_AIRFLOW_*` in the environment or `.env`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.config import Settings
from engine.embedded import ServerUrls
from engine.errors import SettingsError

# The shell's AIRFLOW_HOME, for one, may be another Airflow's.
_NOT_INHERITED = ("AIRFLOW", "INGEST_", "HEADRACE_", "OPENLINEAGE_", "PYTHONDONTWRITEBYTECODE")
_PASSED_ON = ("AIRFLOW__", "AIRFLOW_CONN_", "AIRFLOW_VAR_", "HEADRACE_", "INGEST_", "OPENLINEAGE_")


class Options(BaseSettings):
    """How a private Airflow is started."""

    model_config = SettingsConfigDict(
        env_prefix="HEADRACE_AIRFLOW_", env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    user: str = Field(default="admin", min_length=1)
    # One is made up and kept where none is given.
    password: SecretStr | None = None
    port: int = Field(default=8080, ge=1, le=65535)
    # Tasks that run at once. Two a core: a load waits for MySQL half of its time.
    parallelism: int = Field(default_factory=lambda: max(4, 2 * (os.cpu_count() or 2)), ge=1, le=256)
    # Celery workers with a Redis of their own; 0 lets the scheduler run the tasks.
    celery: int = Field(default=0, ge=0, le=64)
    # Tasks that one of them runs at once; named as for docker compose, whose workers it's for, too.
    worker_concurrency: int = Field(default=2, ge=1, le=64, validation_alias="HEADRACE_WORKER_CONCURRENCY")
    # How long running tasks may go on when everything is told to stop.
    stop_s: float = Field(default=30.0, ge=0)


def load_options(**overrides: object) -> Options:
    """Read the environment and `.env`, with `overrides` (those not None) on top.

    Raises:
        SettingsError: An option makes no sense.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        options = Options(**given)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        (first, *_) = error.errors(include_url=False)
        field = str(first["loc"][0]).upper()
        name = field if field.startswith("HEADRACE_") else f"HEADRACE_AIRFLOW_{field}"
        raise SettingsError(
            f"{name} (is {first['input']!r}): {first['msg'].lower()}", code="settings.invalid"
        ) from None
    if options.password is not None and not options.password.get_secret_value():
        # An empty variable in the environment is the shell's way of not setting it.
        return options.model_copy(update={"password": None})
    return options


def inherited() -> dict[str, str]:
    """Return this process's environment without what is about some other Airflow."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
    # Tasks that start programs find those of this environment first.
    kept["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
    # A company's proxy knows nothing of this machine's own addresses.
    for name in ("NO_PROXY", "no_proxy"):
        kept[name] = ",".join(filter(None, [kept.get(name), "127.0.0.1", "localhost"]))
    return kept


def passed_on() -> dict[str, str]:
    """Return the variables of the environment and `.env` that Airflow's processes get as well."""
    # The same file that the settings read; tests read none.
    named = Options.model_config.get("env_file")
    from_file = dotenv_values(Path(str(named))) if named else {}
    found = {name: value for name, value in from_file.items() if value is not None}
    # What the tasks need not know.
    own = ("HEADRACE_AIRFLOW_USER", "HEADRACE_AIRFLOW_PASSWORD")
    given = found | dict(os.environ)
    return {name: value for name, value in given.items() if name.startswith(_PASSED_ON) and name not in own}


def engine_environment(settings: Settings, urls: ServerUrls) -> dict[str, str]:
    """Return the engine's settings as the tasks get them: whole, with absolute paths, whatever folder they run in."""
    chosen = {name: getattr(settings, name) for name in settings.model_fields_set}
    folders = {"data_dir": settings.data_dir.absolute(), "local_dir": settings.local_dir.absolute()}
    where = {"mysql_url": urls.mysql_url, "catalog_url": urls.catalog_url}
    return {f"INGEST_{name.upper()}": _text(value) for name, value in (chosen | folders | where).items()}


def _text(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
