"""Faults: the engine killed, cut off and disturbed on purpose, run again, and what is in the table then."""
