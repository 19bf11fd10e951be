"""The kinds of pollution: each makes files from a seed and says how such a file may end."""

from bench.robustness.kinds import damage, dialects, encodings, headers, lines, sources, structure, values
from bench.robustness.kinds.registry import KINDS, Kind, files_of

__all__ = [
    "KINDS",
    "Kind",
    "damage",
    "dialects",
    "encodings",
    "files_of",
    "headers",
    "lines",
    "sources",
    "structure",
    "values",
]
