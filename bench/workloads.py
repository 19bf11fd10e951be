"""What is loaded: the kinds of files, the tables that they go to, and what must be in these afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.files import wide
from bench.files.lineitem import lineitem_file
from bench.files.prose import prose_file
from bench.files.sales import sales_file
from engine.sql import quote_mysql

_FOLDER = Path(__file__).resolve().parent
_SALES_SQL = _FOLDER.parent / "sql" / "mysql" / "sales_data.sql"


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """A kind of file and its table.

    Attributes:
        name: What `--workload` calls it.
        shown: What the report calls it.
        rows: Of the file, unless `--rows` says otherwise.
        file: Makes the file of so many rows below a folder, or finds it.
        create_table: The statement that makes the table with all indexes; {table} is its name.
        columns: Those that the file fills, in its order.
        indexes: The secondary ones.
        content: Select list; whoever loads must come to the same values. It tells '' from NULL nowhere.
        nulls: Select list of one number: how many NULLs there are where the file has empty fields.
        feed: Keys of the engine's feed; none where the shipped ones have it.
    """

    name: str
    shown: str
    rows: int
    file: Callable[[int, Path], Path]
    table: str
    create_table: str
    columns: tuple[str, ...]
    indexes: dict[str, tuple[str, ...]]
    content: str
    nulls: str
    feed: str | None

    def create(self, *, indexes: bool = True) -> list[str]:
        """Return the statements that make the empty table."""
        made = [self.create_table.replace("{table}", quote_mysql(self.table))]
        if not indexes:
            dropped = ", ".join(f"DROP INDEX {quote_mysql(name)}" for name in self.indexes)
            made.append(f"ALTER TABLE {quote_mysql(self.table)} {dropped}")
        return made

    def build_indexes(self) -> str:
        """Return the one statement that builds all secondary indexes."""
        added = ", ".join(
            f"ADD INDEX {quote_mysql(name)} ({', '.join(map(quote_mysql, columns))})"
            for name, columns in self.indexes.items()
        )
        return f"ALTER TABLE {quote_mysql(self.table)} {added}"


def _all_of(*columns: str) -> str:
    """Return a select list that changes where any value does, whatever the order of the rows."""
    return f"COUNT(*), SUM(CRC32(CONCAT_WS('|', {', '.join(columns)})))"


def _wide_content() -> str:
    """Return the select list for the wide table: every second column never has an empty field."""
    names = list(wide.columns())
    casts = {"INT": "SIGNED", "BIGINT": "SIGNED", "SMALLINT": "SIGNED", "DOUBLE": "DECIMAL(20,6)"}
    values = {
        name: name if "CHAR" in kind else f"CAST({name} AS {casts.get(kind, kind)})"
        for name, kind in wide.columns().items()
    }
    sums = [f"SUM({values[name]})" for name in names[1::2] if name.startswith(("int", "decimal"))]
    return ", ".join([_all_of(*(values[name] for name in names[::2])), *sums])


SALES = Workload(
    name="sales",
    shown="sales_data",
    rows=1_000_000,
    file=sales_file,
    table="sales_data",
    create_table=_SALES_SQL.read_text(encoding="utf-8"),
    columns=("transaction_id", "customer_id", "product_name", "quantity", "price", "transaction_date", "region"),
    indexes={"idx_transaction_date": ("transaction_date",), "idx_customer_id": ("customer_id",)},
    # Whoever makes a table of its own has other decimals and dates in it, of the same value.
    content=_all_of(
        "transaction_id", "customer_id", "product_name", "quantity", "CAST(price AS DECIMAL(10,2))",
        "CAST(transaction_date AS DATE)", "COALESCE(region, '')",
    ),
    nulls="SUM(region IS NULL)",
    feed=None,
)  # fmt: skip
WIDE = Workload(
    name="wide",
    shown="100 mixed columns",
    rows=50_000,
    file=wide.wide_file,
    table="wide",
    create_table=wide.create_table(),
    columns=tuple(wide.columns()),
    indexes={"idx_date_00": ("date_00",), "idx_bigint_00": ("bigint_00",)},
    content=_wide_content(),
    nulls="SUM(int_01 IS NULL)",
    feed='[wide]\npattern = "wide_*.csv"\ntable = "wide"\ncreate_table = "wide.sql"\n',
)
PROSE = Workload(
    name="prose",
    shown="text with quotes and line ends",
    rows=150_000,
    file=prose_file,
    table="prose",
    create_table=(_FOLDER / "sql" / "prose.sql").read_text(encoding="utf-8"),
    columns=("ticket", "opened", "title", "body", "answer"),
    indexes={"idx_opened": ("opened",), "idx_ticket": ("ticket",)},
    content=_all_of("ticket", "CAST(opened AS DATE)", "title", "body", "answer"),
    nulls="0",
    feed='[prose]\npattern = "prose_*.csv"\ntable = "prose"\ncreate_table = "prose.sql"\n',
)
LINEITEM = Workload(
    name="lineitem",
    shown="TPC-H lineitem",
    rows=600_000,
    file=lineitem_file,
    table="lineitem",
    create_table=(_FOLDER / "sql" / "lineitem.sql").read_text(encoding="utf-8"),
    columns=(
        "l_orderkey", "l_partkey", "l_suppkey", "l_linenumber", "l_quantity", "l_extendedprice", "l_discount", "l_tax",
        "l_returnflag", "l_linestatus", "l_shipdate", "l_commitdate", "l_receiptdate", "l_shipinstruct", "l_shipmode",
        "l_comment",
    ),
    indexes={"idx_partkey_suppkey": ("l_partkey", "l_suppkey"), "idx_suppkey": ("l_suppkey",)},
    content=_all_of(
        "l_orderkey", "l_linenumber", "l_partkey", "l_suppkey", "CAST(l_quantity AS DECIMAL(12,2))",
        "CAST(l_extendedprice AS DECIMAL(12,2))", "CAST(l_discount AS DECIMAL(12,2))", "CAST(l_tax AS DECIMAL(12,2))",
        "l_returnflag", "l_linestatus", "CAST(l_shipdate AS DATE)", "CAST(l_receiptdate AS DATE)", "l_shipinstruct",
        "l_comment",
    ),
    nulls="0",
    feed='[lineitem]\npattern = "lineitem_*.csv"\ntable = "lineitem"\ncreate_table = "lineitem.sql"\n',
)  # fmt: skip
TABLES = {workload.name: workload for workload in (SALES, WIDE, PROSE, LINEITEM)}
