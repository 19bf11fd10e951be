"""One tree of expected failures: each says what, where and what next, and whether a retry can help."""

from __future__ import annotations

from typing import ClassVar


class EngineError(Exception):
    """An expected failure with a stable code; anything else that escapes is a bug.

    Args:
        message: What went wrong and where, lower case, with the file, line, column or value.
        code: Stable, dotted, `room.reason` (for example `source.not_found`).
        next_step: What the user can do about it, one sentence without a final full stop.
        retryable: The same call may succeed later without anybody changing anything.
    """

    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, code: str, next_step: str | None = None, retryable: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.next_step = next_step
        self.retryable = retryable

    def __str__(self) -> str:
        return f"{self.message}; {self.next_step}" if self.next_step else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive the default pickling, and a task runner pickles errors.
        return _rebuild, (type(self), self.message, self.code, self.next_step, self.retryable)


def _rebuild(kind: type[EngineError], message: str, code: str, next_step: str | None, retryable: bool) -> EngineError:
    return kind(message, code=code, next_step=next_step, retryable=retryable)


class SettingsError(EngineError):
    """Settings, options or a feed that make no sense together."""

    exit_status: ClassVar[int] = 2


class SourceError(EngineError):
    """A file that is missing, unreadable, incomplete, or changed while it was read."""


class DialectError(EngineError):
    """A file whose encoding or CSV dialect can't be told or doesn't hold."""


class SchemaError(EngineError):
    """Columns that no table can hold, or that don't fit the table that exists."""


class ScanError(EngineError):
    """A file whose structure can't be read, or two readers that disagree about it."""


class RejectError(EngineError):
    """More rejected rows than the feed allows: nothing of the file is published."""


class QualityError(EngineError):
    """A file-level quality rule that the file breaks: nothing of the file is published."""


class LoadError(EngineError):
    """MySQL refused, changed or lost something, or can't be reached."""


class CatalogError(EngineError):
    """PostgreSQL refused something or can't be reached."""


class ArchiveError(EngineError):
    """A loaded file that can't be moved to the archive."""


class ServerError(EngineError):
    """A private server that can't be started or stopped."""
