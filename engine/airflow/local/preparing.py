"""What Airflow needs before its processes start: its tables, and the user who logs in."""

from __future__ import annotations

import hashlib
from importlib.metadata import version

from engine.errors import ServerError

# What the tables and the user depend on.
_DISTRIBUTIONS = ("apache-airflow", "apache-airflow-providers-fab")


def fingerprint(database_url: str, user: str, password: str) -> str:
    """Return a text that changes when the tables or the user have to be looked at again."""
    told = [*(version(name) for name in _DISTRIBUTIONS), database_url, user, password]
    return hashlib.sha256("\0".join(told).encode()).hexdigest()


def prepare(user: str, password: str) -> None:
    """Bring the tables of the database that the environment names up to date, and let `user` in with `password`.

    May be repeated: an existing user gets the password again and keeps the roles.

    Raises:
        ServerError: The user can't be created.
    """
    # Each of these takes seconds to import, and reads the environment.
    from airflow.cli.cli_parser import get_parser
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
    from airflow.utils.providers_configuration_loader import providers_configuration_loaded

    arguments = get_parser().parse_args(["db", "migrate"])
    arguments.func(arguments)

    @providers_configuration_loaded
    def ensure_user() -> None:
        with get_application_builder() as builder:
            security = builder.sm
            found = security.find_user(username=user)
            if found is not None:
                done = security.reset_password(found.id, password)
            else:
                role = security.find_role("Admin")
                done = security.add_user(user, user, "(Headrace)", f"{user}@localhost", role, password)
            if not done:
                raise ServerError(f"the user {user} can't be created", code="server.user")

    ensure_user()
