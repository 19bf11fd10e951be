"""Statistics of a table's columns and rows, in one pass and in parts that add up exactly."""

from engine.stats.limits import Limits
from engine.stats.surplus import SurplusStats
from engine.stats.table import TableStats

__all__ = ["Limits", "SurplusStats", "TableStats"]
