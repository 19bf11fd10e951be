"""Scan: a file's bytes to batches of text columns, in bounded memory, with line numbers and byte offsets."""

from engine.scan.scanner import RESCUED, ScannedBatch, Scanner

__all__ = ["RESCUED", "ScannedBatch", "Scanner"]
