"""Prints the part of a lock that runs Headrace with Airflow: without what only its developers and tests need.

`python .ci/runtime.py pyproject.toml requirements-airflow.lock`. Needs nothing but Python: it runs before anything
is installed. Who needs a package stands below it in the lock ("# via").
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path


def runtime(project: str, lock: str) -> Iterator[str]:
    """Yield the lock's entries, hashes included, of all that the project and its extra `airflow` need."""
    told = tomllib.loads(project)
    wanted = [
        *told["project"]["dependencies"],
        *told["project"]["optional-dependencies"]["airflow"],
        # Without build isolation nothing is fetched that isn't locked.
        *told["build-system"]["requires"],
        "setuptools",
        "editables",
    ]
    entries = re.split(r"^(?=\S)(?!#)", lock, flags=re.MULTILINE)
    by_name = {_name(entry): entry for entry in entries if "==" in entry}
    needed_by = {name: set(_needing(entry)) for name, entry in by_name.items()}
    chosen = {_name(one) for one in wanted} & by_name.keys()
    while more := {name for name, needing in needed_by.items() if needing & chosen} - chosen:
        chosen |= more
    return (entry for name, entry in by_name.items() if name in chosen)


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=!~ ;]", requirement.strip(), maxsplit=1)[0].lower().replace("_", "-").replace(".", "-")


def _needing(entry: str) -> Iterator[str]:
    """Yield the packages named in an entry's comment, one a line or behind `# via`."""
    _, _, comment = entry.partition("# via")
    for line in comment.splitlines():
        name = line.strip(" #")
        if name and " " not in name:
            yield _name(name)


if __name__ == "__main__":
    sys.stdout.writelines(runtime(*(Path(name).read_text(encoding="utf-8") for name in sys.argv[1:])))
