"""The ways to load a file, each as a command that can be measured."""

from bench.variants.variant import Command, Ground, Told, Variant

__all__ = ["Command", "Ground", "Told", "Variant"]
