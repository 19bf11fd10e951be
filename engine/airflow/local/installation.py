"""One private Airflow made ready: databases, port, environment, tables, user."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from engine import embedded
from engine.airflow.local.asking import Api
from engine.airflow.local.environment import Site, environment
from engine.airflow.local.home import Home
from engine.airflow.local.options import Options, engine_environment, inherited, passed_on
from engine.airflow.local.preparing import fingerprint
from engine.config import Settings
from engine.embedded.private import write_private
from engine.embedded.process import free_port, is_free
from engine.errors import ServerError
from engine.log import logger

_TOP = Path(__file__).resolve().parents[3]
# The name of its database, and of the role that owns it, in the private PostgreSQL.
_DATABASE = "airflow"


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    """What is known of an Airflow before it runs."""

    home: Home
    settings: Settings
    options: Options
    port: int
    redis_port: int | None
    database_url: SecretStr
    environment: Mapping[str, str]

    @property
    def api(self) -> Api:
        return Api(url=f"http://127.0.0.1:{self.port}")

    @property
    def password(self) -> str:
        return password_of(self.home, self.options)


def password_of(home: Home, options: Options) -> str:
    """Return the password of the user who logs in: the given one, else one that is made up once and kept."""
    return options.password.get_secret_value() if options.password is not None else home.secret("password")


def install(home: Home, settings: Settings, options: Options) -> Installation:
    """Start the databases, choose ports, and make tables and user where something has changed.

    Raises:
        ServerError: A server doesn't start, or Airflow's tables can't be made.
    """
    dags = _TOP / "dags"
    if not dags.is_dir():
        raise ServerError(
            f"{dags}: no DAGs there", code="server.no_dags", next_step="run this from a checkout, not from a wheel"
        )
    urls = embedded.ensure(settings)
    database_url = embedded.further_database(settings, _DATABASE)
    for folder in (settings.input_dir, settings.staging_dir, settings.archive_dir, settings.rejects_dir):
        folder.mkdir(parents=True, exist_ok=True)
    port = _port(options.port)
    redis_port = free_port() if options.celery else None
    url = f"http://127.0.0.1:{port}"
    site = Site(
        home=home.path,
        dags=dags,
        database_url=database_url.get_secret_value(),
        host="127.0.0.1",
        port=port,
        base_url=url,
        internal_url=url,
        keys=home.keys(),
        parallelism=options.parallelism,
        broker_url=f"redis://:{home.secret('redis-password')}@127.0.0.1:{redis_port}/0" if redis_port else None,
        worker_concurrency=options.worker_concurrency,
    )
    fixed = environment(site)
    for name in _unheard(passed_on(), fixed):
        logger.warning("%s is chosen here and what you set isn't used; HEADRACE_* of .env.example can be set", name)
    made = Installation(
        home=home,
        settings=settings,
        options=options,
        port=port,
        redis_port=redis_port,
        database_url=database_url,
        environment=inherited() | passed_on() | engine_environment(settings, urls) | fixed,
    )
    _prepare(made)
    return made


def _unheard(given: Mapping[str, str], fixed: Mapping[str, str]) -> list[str]:
    """Return the variables that somebody has set and that this Airflow needs to be something else."""
    return sorted(name for name, value in fixed.items() if given.get(name, value) != value)


def _port(wanted: int) -> int:
    if is_free(wanted):
        return wanted
    port = free_port()
    logger.warning("port %d is taken; HEADRACE_AIRFLOW_PORT chooses another, this time it's %d", wanted, port)
    return port


def _prepare(made: Installation) -> None:
    stamp = made.home.path / "prepared"
    wanted = fingerprint(made.database_url.get_secret_value(), made.options.user, made.password)
    if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted:
        return
    logger.info("making Airflow's tables and the user %s (once, some 20 s)", made.options.user)
    who = {"HEADRACE_AIRFLOW_USER": made.options.user, "HEADRACE_AIRFLOW_PASSWORD": made.password}
    with made.home.log("prepare").open("wb") as log:
        done = subprocess.run(
            [sys.executable, "-m", "engine.airflow.local", "prepare"],
            check=False,
            cwd=made.home.path,
            env={**made.environment, **who},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    if done.returncode != 0:
        raise ServerError(
            f"Airflow's tables can't be made; the last words:\n{made.home.last_lines('prepare')}",
            code="server.prepare",
            next_step=f"see {made.home.log('prepare')}",
        )
    write_private(stamp, wanted)
