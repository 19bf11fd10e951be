"""Reject: rows that were read but not loaded, kept so that they load once they are corrected, and why they weren't."""

from engine.reject.listing import Pair, Why, find_pairs, look_at, reasons, sidecar_of
from engine.reject.origin import Origin, read_origin
from engine.reject.writing import RejectFile

__all__ = ["Origin", "Pair", "RejectFile", "Why", "find_pairs", "look_at", "read_origin", "reasons", "sidecar_of"]
