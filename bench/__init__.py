"""Measurements of the engine beside plain LOAD DATA, of its memory, and of its rooms."""
