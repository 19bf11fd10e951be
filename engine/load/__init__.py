"""Load: the only room that speaks MySQL. Batches in transactions with their ledger rows, tables made visible whole."""

from engine.load.address import Address
from engine.load.batch import already_in, enter_ledger, load_batch, load_within, send
from engine.load.connection import Connection
from engine.load.control import Control
from engine.load.examining import examine
from engine.load.history import Load, all_loads
from engine.load.judging import Demand
from engine.load.ledger import Entry
from engine.load.loaders import Loaders
from engine.load.receipt import add_totals, compare, subtract_totals
from engine.load.refusal import TOO_WIDE, Refused
from engine.load.retrying import repeat
from engine.load.sending import Destination, UnexpectedResult
from engine.load.upsert import Upsert, upsert

__all__ = [
    "TOO_WIDE",
    "Address",
    "Connection",
    "Control",
    "Demand",
    "Destination",
    "Entry",
    "Load",
    "Loaders",
    "Refused",
    "UnexpectedResult",
    "Upsert",
    "add_totals",
    "all_loads",
    "already_in",
    "compare",
    "enter_ledger",
    "examine",
    "load_batch",
    "load_within",
    "repeat",
    "send",
    "subtract_totals",
    "upsert",
]
