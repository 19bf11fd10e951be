"""Load: the only room that speaks MySQL. Batches in transactions with their ledger rows, tables made visible whole."""

from engine.load.address import Address
from engine.load.batch import already_in, enter_ledger, load_batch, load_within, send
from engine.load.connection import Connection
from engine.load.ledger import Entry
from engine.load.loaders import Loaders
from engine.load.receipt import add_totals, compare, subtract_totals
from engine.load.refusal import Refused
from engine.load.retrying import repeat
from engine.load.sending import Destination, UnexpectedResult

__all__ = [
    "Address",
    "Connection",
    "Destination",
    "Entry",
    "Loaders",
    "Refused",
    "UnexpectedResult",
    "add_totals",
    "already_in",
    "compare",
    "enter_ledger",
    "load_batch",
    "load_within",
    "repeat",
    "send",
    "subtract_totals",
]
