"""The statements of `sql/mysql/` as they are sent: a comment's `%` would be taken for a parameter."""

from __future__ import annotations

from engine.sql import statement


def text(name: str) -> str:
    """Return a statement of `sql/mysql/` by its name without folder and suffix, without its comment lines."""
    lines = statement(f"mysql/{name}.sql").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("--")).strip()
