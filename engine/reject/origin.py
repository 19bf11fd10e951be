"""The first line of the reasons: which load the rows are from, and all that reading them as it did takes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from engine.config import Feed
from engine.errors import RejectError
from engine.model import Dialect, Mode
from engine.reject.lines import Json

# Raised when a key changes its meaning: an older engine then refuses what it would misread.
VERSION = 1
# A header of 4,096 columns with names of 64 characters of 4 bytes, and as much again for the feed, has room in it.
_LONGEST_LINE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where rejected rows come from.

    Attributes:
        source: The file that they were read from.
        dialect: Its dialect, every part of it.
        names: Its header's texts, "" for each field where it has no header.
        file_id, attempt, run_id, started_at: The load, as the ledger has it, and when it began.
        table, mode: Where it went and how.
        feed: What was agreed about it, the caller's options included.
        formats: How the file writes the dates and booleans of each column, where that isn't the usual way.
        replays: The load whose corrected rejects the source itself had, None for any other file.
    """

    source: Path
    dialect: Dialect
    names: tuple[str, ...]
    file_id: uuid.UUID
    attempt: int
    run_id: str
    started_at: datetime
    table: str
    mode: Mode
    feed: Feed
    formats: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    replays: uuid.UUID | None = None

    def as_json(self) -> dict[str, Json]:
        """Return it as the keys of the first line."""
        return {
            "version": VERSION,
            "source": str(self.source),
            "file_id": str(self.file_id),
            "attempt": self.attempt,
            "run_id": self.run_id,
            "started_at": self.started_at.isoformat(),
            "table": self.table,
            "mode": self.mode.value,
            "replays": str(self.replays) if self.replays else None,
            **{part.name: _plain(getattr(self.dialect, part.name)) for part in fields(Dialect)},
            "names": list(self.names),
            "formats": {name: list(formats) for name, formats in self.formats.items()},
            "feed": self.feed.model_dump(mode="json", exclude_unset=True),
        }


def _plain(value: Json | tuple[str, ...]) -> Json:
    return list(value) if isinstance(value, tuple) else value


def read_origin(path: Path) -> Origin:
    """Read the first line of a file of reasons.

    Raises:
        RejectError: There is no such file (`reject.no_sidecar`), or it isn't one of this engine's (`reject.foreign`).
    """
    try:
        with path.open("rb") as handle:
            line = handle.readline(_LONGEST_LINE_BYTES)
    except FileNotFoundError:
        raise RejectError(f"{path}: there is no such file", code="reject.no_sidecar") from None
    except OSError as error:
        raise RejectError(f"{path}: can't be read: {error.strerror}", code="reject.foreign") from None
    try:
        return _from_json(json.loads(line))
    except (KeyError, ValueError, TypeError, AttributeError, ValidationError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error).splitlines()[0]
        raise RejectError(
            f"{path}: its first line doesn't say which load the rows are from: {reason}", code="reject.foreign"
        ) from None


def _from_json(doc: dict[str, Json]) -> Origin:
    if doc["version"] != VERSION:
        raise ValueError(f"it is of version {doc['version']}, and this engine writes version {VERSION}")
    parts = {part.name: doc[part.name] for part in fields(Dialect) if part.name in doc}
    names, formats, replays = doc["names"], doc["formats"], doc["replays"]
    if not isinstance(names, list) or not isinstance(formats, dict):
        raise TypeError("its names or formats are none")
    return Origin(
        source=Path(str(doc["source"])),
        dialect=Dialect(**{name: tuple(part) if isinstance(part, list) else part for name, part in parts.items()}),  # type: ignore[arg-type]  # as they were written
        names=tuple(map(str, names)),
        file_id=uuid.UUID(str(doc["file_id"])),
        attempt=int(str(doc["attempt"])),
        run_id=str(doc["run_id"]),
        started_at=datetime.fromisoformat(str(doc["started_at"])),
        table=str(doc["table"]),
        mode=Mode(str(doc["mode"])),
        feed=Feed.model_validate(doc["feed"]),
        formats={name: tuple(map(str, some)) for name, some in formats.items() if isinstance(some, list)},
        replays=uuid.UUID(str(replays)) if replays else None,
    )
