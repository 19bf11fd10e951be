"""The age of the file."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model import QualityCheck
from engine.quality.facts import FileFacts
from engine.quality.registry import check


@check("freshness")
def freshness(facts: FileFacts) -> Iterator[QualityCheck]:
    """Measure the seconds from the file's last change to the start of its load."""
    if facts.mtime is None:
        yield QualityCheck(name="freshness", value="unknown", unit="text", message="the file has no modification time")
        return
    age_s = (facts.started_at - facts.mtime).total_seconds()
    message = "the file's modification time is in the future" if age_s < 0 else ""
    yield QualityCheck(name="freshness", value=age_s, unit="seconds", message=message)
