"""What a person who has started Airflow wants to know, in lines of 80 characters where paths allow."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from engine.airflow.local.asking import DAG_ID
from engine.config import Settings


def card(url: str, user: str, password: str, settings: Settings) -> str:
    """Return address, user, password, the folder to drop files into, and how a run is triggered."""
    python = _short(Path(sys.executable))
    return f"""\

Airflow    {url}
user       {user}
password   {password}
drop files {_short(settings.input_dir)}

Trigger a run with the button of the DAG {DAG_ID}, or by

  api={url}/api/v2/dags
  token=$({python} -m engine.airflow.local token)
  curl -s $api/{DAG_ID}/dagRuns -d '{{"logical_date": null}}' \\
    -H "Authorization: Bearer $token" -H "Content-Type: application/json"

Ctrl-C or `make stop` ends it. Logs: {_short(settings.local_dir / "airflow" / "logs")}
"""


def _short(path: Path) -> str:
    """Return a path as it's typed in the folder that this is."""
    try:
        return str(Path(os.path.abspath(path)).relative_to(Path.cwd()))  # noqa: PTH100  # resolves no links, as .venv/bin/python is one
    except ValueError:
        return str(path)
