"""The ledger from its first row to its last, for whoever rebuilds what depends on it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.load.connection import Connection, Row
from engine.load.ledger import rows_as_it_is
from engine.model import Mode

# Rows without their reports are small; so many at a time make 10,000 loads ten queries.
_AT_A_TIME = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What the ledger's columns say of a load. `cataloged` is None while a worker is about to tell the catalog."""

    file_id: uuid.UUID
    attempt: int
    state: str
    target: str
    mode: Mode
    path: str
    size_bytes: int
    content_hash: bytes | None
    rows_read: int | None
    rows_loaded: int | None
    rows_rejected: int | None
    replays: uuid.UUID | None
    claimed_at: datetime
    ended_at: datetime
    cataloged: bool | None


def all_loads(connection: Connection) -> Iterator[Load]:
    """Yield every load of the ledger, by id; a page of them is held at a time."""
    after = b""
    while rows := rows_as_it_is(connection, "file_history", (after, _AT_A_TIME)):
        yield from map(_load, rows)
        assert isinstance(rows[-1][0], bytes)
        after = rows[-1][0]


def _load(row: Row) -> Load:
    (
        file_id,
        attempt,
        state,
        target,
        mode,
        path,
        size,
        content,
        read,
        loaded,
        rejected,
        replays,
        claimed,
        ended,
        told,
    ) = row
    assert isinstance(file_id, bytes)
    assert isinstance(claimed, datetime)
    assert isinstance(ended, datetime)
    return Load(
        file_id=uuid.UUID(bytes=file_id),
        attempt=int(str(attempt)),
        state=str(state),
        target=str(target),
        mode=Mode(str(mode)),
        path=str(path),
        size_bytes=int(str(size)),
        content_hash=content if isinstance(content, bytes) else None,
        rows_read=_number(read),
        rows_loaded=_number(loaded),
        rows_rejected=_number(rejected),
        replays=uuid.UUID(bytes=replays) if isinstance(replays, bytes) else None,
        claimed_at=claimed.replace(tzinfo=UTC),
        ended_at=ended.replace(tzinfo=UTC),
        cataloged=None if told is None else bool(told),
    )


def _number(value: object) -> int | None:
    return None if value is None else int(str(value))
