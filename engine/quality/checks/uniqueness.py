"""Declared keys that are there once only."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model import QualityCheck
from engine.quality.facts import FileFacts
from engine.quality.registry import check


@check("uniqueness")
def uniqueness(facts: FileFacts) -> Iterator[QualityCheck]:
    """Measure, for each declared key, the share of rows that don't repeat an earlier one's key.

    The column is the key's columns joined with ",". A key with a NULL repeats nothing.
    """
    profile = facts.profile
    for key in facts.keys:
        repeated = profile.duplicate_keys.get(key)
        if repeated is None:
            continue
        yield QualityCheck(
            name="uniqueness",
            column=",".join(key),
            value=(profile.rows - repeated) / profile.rows if profile.rows else 1.0,
            unit="ratio",
            # Distinct keys are at most as many as distinct rows, so exact rows mean exact keys.
            message="" if profile.duplicate_rows_exact else "may be estimated from a sample of key hashes",
        )
