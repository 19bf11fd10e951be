"""The JSON document of a bench: written, and read again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.machine import machine, peer_versions, versions
from bench.results import Measured
from bench.targets import verdicts

# Raised when a key changes its meaning or goes.
VERSION = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """What a bench wrote."""

    started_at: str
    machine: dict[str, Any]
    versions: dict[str, str]
    measured: tuple[Measured, ...]


def write(path: Path, began: datetime, found: Sequence[Measured]) -> None:
    """Write all that was measured, with machine, versions and what must be reached."""
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {
        "version": VERSION,
        "started_at": began.isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "peers": peer_versions(),
        "measured": [one.document() for one in found],
        "must_reach": [one.document() for one in verdicts(found)],
    }
    path.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def read(path: Path) -> Document:
    """Read a document.

    Raises:
        ValueError: It's of another version.
    """
    told = json.loads(path.read_text(encoding="utf-8"))
    if told.get("version") != VERSION:
        raise ValueError(f"{path}: version {told.get('version')} of the document, not {VERSION}; measure again")
    return Document(
        started_at=told["started_at"],
        machine=told["machine"],
        versions=told["versions"],
        measured=tuple(Measured.of_document(one) for one in told["measured"]),
    )
