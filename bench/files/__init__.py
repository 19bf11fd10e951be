"""The files that are measured with, made from fixed seeds: once, and the same bytes every time."""
