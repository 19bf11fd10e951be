"""Load: the only room that speaks MySQL. Batches in transactions with their ledger rows, tables made visible whole."""

from engine.load.batch import Destination, UnexpectedResult, enter_ledger, load_batch, send
from engine.load.connection import Address, Connection
from engine.load.ledger import Entry
from engine.load.loaders import Loaders
from engine.load.receipt import add_totals, compare
from engine.load.refusal import Refused

__all__ = [
    "Address",
    "Connection",
    "Destination",
    "Entry",
    "Loaders",
    "Refused",
    "UnexpectedResult",
    "add_totals",
    "compare",
    "enter_ledger",
    "load_batch",
    "send",
]
