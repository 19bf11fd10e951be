"""Types, names and plans: what a file's columns are, and the MySQL table that holds them without changing a value."""

from engine.schema.binding import bind_new
from engine.schema.decide import decide
from engine.schema.documents import documents
from engine.schema.evidence import ColumnEvidence, Evidence, Shape
from engine.schema.existing import plan_existing
from engine.schema.gather import gather, with_nulls
from engine.schema.limits import refuse_too_many
from engine.schema.names import ROW_ID, WIDE, column_names, table_name
from engine.schema.plan import plan_new
from engine.schema.prove import CellFailure, Proof, prove
from engine.schema.types import parse_type
from engine.schema.wide import most_rows, worth_a_look

__all__ = [
    "ROW_ID",
    "WIDE",
    "CellFailure",
    "ColumnEvidence",
    "Evidence",
    "Proof",
    "Shape",
    "bind_new",
    "column_names",
    "decide",
    "documents",
    "gather",
    "most_rows",
    "parse_type",
    "plan_existing",
    "plan_new",
    "prove",
    "refuse_too_many",
    "table_name",
    "with_nulls",
    "worth_a_look",
]
