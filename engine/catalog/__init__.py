"""What arrived, column by column, in PostgreSQL: the only room that speaks it. Pages ask through `engine.catalog.browse`."""

from engine.catalog.catalog import Catalog
from engine.catalog.examining import examine
from engine.catalog.records import FileStart, IngestionStatus, start_of

__all__ = ["Catalog", "FileStart", "IngestionStatus", "examine", "start_of"]
