"""The conductor: the only room that knows the others."""

from engine.pipeline.run import ingest_files

__all__ = ["ingest_files"]
