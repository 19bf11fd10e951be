"""Dialect: what encoding, delimiter, quote, escape, line end and header a file has."""

from engine.dialect.again import look_again
from engine.dialect.detecting import detect

__all__ = ["detect", "look_again"]
