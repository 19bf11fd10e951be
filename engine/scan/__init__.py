"""Scan: a file's bytes to batches of text columns, in bounded memory, with line numbers and byte offsets."""

from engine.model import RESCUED
from engine.scan.batch import ScannedBatch
from engine.scan.scanner import Scanner

__all__ = ["RESCUED", "ScannedBatch", "Scanner"]
