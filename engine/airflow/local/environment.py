"""The environment that every Airflow process gets, here, in the tests and in docker-compose.yml: one function."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Keys:
    """What the processes of one Airflow know and nobody else does."""

    # Encrypts connections and variables in Airflow's database: 32 bytes, URL-safe base64.
    fernet: str
    # Signs the tokens of users and tasks.
    jwt: str
    # Signs the web server's sessions.
    session: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """Where one Airflow is and what it works with.

    `broker_url` is the Redis of Celery workers; without one the scheduler runs the tasks itself (LocalExecutor).
    """

    home: Path
    dags: Path
    database_url: str
    # What the web server listens on, what people type, and what the other processes call.
    host: str
    port: int
    base_url: str
    internal_url: str
    keys: Keys
    parallelism: int
    broker_url: str | None = None
    worker_concurrency: int = 2


def environment(site: Site) -> dict[str, str]:
    """Return the variables that all processes of an Airflow must share.

    Args:
        site: `database_url` is `postgresql://…`; the driver is chosen here.
    """
    driver = "postgresql+psycopg2"
    database = site.database_url.replace("postgresql", driver, 1)
    executor = "LocalExecutor" if site.broker_url is None else "CeleryExecutor"
    shared = {
        "AIRFLOW_HOME": str(site.home),
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        "AIRFLOW__CORE__DAGS_FOLDER": str(site.dags),
        "AIRFLOW__CORE__EXECUTOR": executor,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        # LocalExecutor forks as many processes when it starts; its default is 32.
        "AIRFLOW__CORE__PARALLELISM": str(site.parallelism),
        "AIRFLOW__CORE__FERNET_KEY": site.keys.fernet,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{site.internal_url}/execution/",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
        "AIRFLOW__API__HOST": site.host,
        "AIRFLOW__API__PORT": str(site.port),
        "AIRFLOW__API__BASE_URL": site.base_url,
        "AIRFLOW__API__SECRET_KEY": site.keys.session,
        "AIRFLOW__API_AUTH__JWT_SECRET": site.keys.jwt,
        # A new DAG file is seen within seconds; the default is five minutes.
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        # A task that is told to stop notices within a second; the default is five.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        # A restart of the web server kills no running load: by default tasks end after three failed heartbeats (36 s).
        "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "20",
        # Nor does it cost a task that just begins one of its tries: up to two minutes instead of ten seconds.
        "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "8",
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
    }
    if site.broker_url is None:
        return shared
    return shared | {
        "AIRFLOW__CELERY__BROKER_URL": site.broker_url,
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{database}",
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(site.worker_concurrency),
    }
