"""The built-in source formats, one module each; importing one registers it."""

from engine.source.formats import bzip2, gz, plain, xz, zst

__all__ = ["bzip2", "gz", "plain", "xz", "zst"]
