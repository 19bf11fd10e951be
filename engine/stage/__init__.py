"""Stage: proved rows as the text that LOAD DATA reads, in memory, or as files that a manifest lists."""

from engine.stage.batches import remove_batches, write_batch, write_whole
from engine.stage.manifest import MANIFEST, Counts, Manifest, read_manifest, write_manifest
from engine.stage.text import FORMAT, source_format, stage, stage_source

__all__ = [
    "FORMAT",
    "MANIFEST",
    "Counts",
    "Manifest",
    "read_manifest",
    "remove_batches",
    "source_format",
    "stage",
    "stage_source",
    "write_batch",
    "write_manifest",
    "write_whole",
]
