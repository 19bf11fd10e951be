"""Quality checks: what is measured of a file, and the rules it is held against."""

from engine.quality.facts import FileFacts
from engine.quality.registry import check, check_names
from engine.quality.rules import assess

__all__ = ["FileFacts", "assess", "check", "check_names"]
