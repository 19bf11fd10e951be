"""Types, names and plans: what a file's columns are, and the MySQL table that holds them without changing a value."""

from engine.schema.binding import bind_new
from engine.schema.decide import decide
from engine.schema.evidence import ColumnEvidence, Evidence, Shape
from engine.schema.existing import plan_existing
from engine.schema.gather import gather, with_nulls
from engine.schema.limits import refuse_too_many
from engine.schema.names import ROW_ID, column_names, table_name
from engine.schema.plan import plan_new
from engine.schema.prove import CellFailure, Proof, prove
from engine.schema.types import parse_type

__all__ = [
    "ROW_ID",
    "CellFailure",
    "ColumnEvidence",
    "Evidence",
    "Proof",
    "Shape",
    "bind_new",
    "column_names",
    "decide",
    "gather",
    "parse_type",
    "plan_existing",
    "plan_new",
    "prove",
    "refuse_too_many",
    "table_name",
    "with_nulls",
]
