"""Headrace: CSV files into MySQL, whole, unchanged, once, with a record of what arrived."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.config import Feed, Settings
    from engine.errors import EngineError
    from engine.model import FileReport, FileStatus, Mode, RunReport
    from engine.pipeline import ingest_files, replay_rejects

__version__ = "0.1.0"

# Looked up on first use: `python -m engine.ingest --help` need not import Polars.
_HOMES = {
    "EngineError": "engine.errors",
    "Feed": "engine.config",
    "FileReport": "engine.model",
    "FileStatus": "engine.model",
    "Mode": "engine.model",
    "RunReport": "engine.model",
    "Settings": "engine.config",
    "ingest_files": "engine.pipeline",
    "replay_rejects": "engine.pipeline",
}

__all__ = [
    "EngineError",
    "Feed",
    "FileReport",
    "FileStatus",
    "Mode",
    "RunReport",
    "Settings",
    "ingest_files",
    "replay_rejects",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'engine' has no attribute {name!r}")
