"""The peers' environment, which `make robustness` makes once."""

from __future__ import annotations

from pathlib import Path

from bench.environments import environment

REQUIREMENTS = Path(__file__).resolve().parent / "peers.txt"


def interpreter() -> Path:
    """Return the interpreter that has the peers.

    Raises:
        RuntimeError: Its environment can't be made.
    """
    return environment("robustness", REQUIREMENTS)
