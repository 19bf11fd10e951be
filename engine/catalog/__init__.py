"""What arrived, column by column, in PostgreSQL: the only room that speaks it."""

from engine.catalog.catalog import Catalog
from engine.catalog.records import FileStart, IngestionStatus

__all__ = ["Catalog", "FileStart", "IngestionStatus"]
