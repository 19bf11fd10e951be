"""What is measured in turn, each with its variants and the ground for their runs."""

from bench.parts.part import Arena, Part

__all__ = ["Arena", "Part"]
