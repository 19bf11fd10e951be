"""What is asked of a running Airflow through its REST API."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from engine.errors import ServerError

# The first login makes the web server import Flask: seconds, and more on a busy machine.
_TIMEOUT_S = 30.0
DAG_ID = "csv_to_mysql_with_metadata"
PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")


@dataclass(frozen=True, kw_only=True, slots=True)
class Api:
    """One Airflow's address. Nothing goes through a proxy: it's on this machine, or on its own network."""

    url: str

    def unhealthy(self, since: datetime | None = None) -> tuple[str, ...]:
        """Return the components that have shown no sign of life (since then); all of them where nobody answers."""
        try:
            _, told = self._ask("GET", "/api/v2/monitor/health")
        except (OSError, http.client.HTTPException, ValueError):
            return ("api_server", *PARTS)
        return tuple(part for part in PARTS if not _is_well(told.get(part) or {}, part, since))

    def token(self, user: str, password: str) -> str:
        """Return a token for the REST API.

        Raises:
            ServerError: The password is wrong, or nobody answers.
        """
        try:
            status, told = self._ask("POST", "/auth/token", body={"username": user, "password": password})
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ServerError(
                f"{self.url} doesn't answer: {error}", code="server.no_answer", next_step="start it with `make airflow`"
            ) from None
        if status != HTTPStatus.CREATED:
            raise ServerError(f"{self.url} refuses the password of {user}", code="server.password")
        return str(told["access_token"])

    def dag_problem(self, token: str, since: datetime) -> str | None:
        """Return why the DAG can't be read; None where it was read since then, "" where neither is known yet.

        Raises:
            ServerError: Nobody answers.
        """
        try:
            status, dag = self._ask("GET", f"/api/v2/dags/{DAG_ID}", token=token)
            # One that an earlier Airflow has read stays known, whatever has become of it.
            if status == HTTPStatus.OK and not dag["is_stale"] and _is_after(dag["last_parsed_time"], since):
                return None
            _, told = self._ask("GET", "/api/v2/importErrors", token=token)
            return "\n".join(
                f"{one['filename']}: {one['stack_trace'].strip().splitlines()[-1]}"
                for one in told["import_errors"]
                if one["filename"] == f"{DAG_ID}.py" and _is_after(one["timestamp"], since)
            )
        except (OSError, http.client.HTTPException, KeyError, ValueError) as error:
            raise ServerError(f"{self.url} doesn't answer: {error}", code="server.no_answer") from None

    def _ask(
        self, method: str, path: str, *, token: str | None = None, body: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Return the status and the JSON of an answer.

        Raises:
            OSError: Nobody answers.
            http.client.HTTPException: It isn't HTTP.
            ValueError: It isn't JSON.
        """
        address = urlsplit(self.url)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        with closing(http.client.HTTPConnection(str(address.hostname), address.port, timeout=_TIMEOUT_S)) as connection:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())


def _is_well(told: Mapping[str, str | None], part: str, since: datetime | None) -> bool:
    if told.get("status") != "healthy":
        return False
    if since is None or part == "metadatabase":
        return True
    # What it says of an Airflow that was stopped a moment ago is healthy, too.
    return _is_after(told.get(f"latest_{part}_heartbeat"), since)


def _is_after(moment: str | None, since: datetime) -> bool:
    return moment is not None and datetime.fromisoformat(moment) >= since
