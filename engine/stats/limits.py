"""Where exact counting ends and sampling begins: one record, so that tests can move the border."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# So few values are counted and ordered one by one in Python, in a fraction of what a plan costs before it sees the first.
FEW_ROWS: Final = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much each part of the statistics may remember. Parts merge only if their limits are equal.

    Attributes:
        exact_values, exact_bytes: A column's values are counted one by one while it has at most this many distinct
            ones and, for text, they have at most this many UTF-8 bytes in all.
        column_hashes: Smallest hashes kept of a column beyond that; the relative standard error of its distinct
            count is 1/sqrt(column_hashes - 2), 0.8 %.
        row_hashes: Smallest hashes kept of whole rows and of each key.
        sample_cells, sample_rows_min, sample_rows_max: Rows sampled are `sample_cells` over the number of columns,
            but within the two. 16,384 rows bound the error of a quantile's rank by 1.3 % at 99 % confidence.
        sample_chars: Where a text in the sample is cut.
        top_seen: How often the sample must hold a value before it counts as a frequent one.
    """

    exact_values: int = 65_536
    exact_bytes: int = 4 * 1024 * 1024
    column_hashes: int = 16_384
    row_hashes: int = 131_072
    sample_cells: int = 1_000_000
    sample_rows_min: int = 1_024
    sample_rows_max: int = 16_384
    sample_chars: int = 256
    top_seen: int = 5

    def sample_rows(self, columns: int) -> int:
        """Return how many rows the sample of a table of so many columns holds."""
        return min(max(self.sample_cells // max(columns, 1), self.sample_rows_min), self.sample_rows_max)
