"""The conductor: the only room that knows the others."""

from engine.pipeline.examining import examine
from engine.pipeline.reconciling import reconcile
from engine.pipeline.rejected import rejected_files, rejected_reasons
from engine.pipeline.replaying import replay_rejects
from engine.pipeline.run import ingest_files

__all__ = ["examine", "ingest_files", "reconcile", "rejected_files", "rejected_reasons", "replay_rejects"]
