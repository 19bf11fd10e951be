"""Kinds of header: names that no table takes as they are, and none at all."""

from __future__ import annotations

from random import Random

from bench.robustness.kinds.registry import WHOLE, kind
from bench.robustness.tables import Table, any_table, build, day, decimal, integer, numbered, text
from bench.robustness.truth import Form
from bench.robustness.writing import Draft, draft

_HEADER = "header"


def _renamed(rng: Random, *names: str, most: int = 3) -> Draft:
    """Give some columns of a table one of these names each."""
    table = any_table(rng, texts="line", width=rng.randint(5, 8))
    own = list(table.names)
    chosen = rng.sample(names, min(most, len(names)))
    for at, name in zip(rng.sample(range(len(own)), len(chosen)), chosen, strict=True):
        own[at] = name
    return draft(Table(names=tuple(own), rows=table.rows), Form(delimiter=rng.choice(",;\t")))


@kind("duplicate names", _HEADER, WHOLE)
def _duplicates(rng: Random) -> Draft:
    return _renamed(rng, "name", "name", "name", "name_2")


@kind("empty names", _HEADER, WHOLE)
def _empty(rng: Random) -> Draft:
    return _renamed(rng, "", "", "", "column_2", most=2)


@kind("padded names", _HEADER, WHOLE)
def _padded(rng: Random) -> Draft:
    return _renamed(rng, " a", "b ", "  c  ", "\ttabbed", "\u00a0x", most=2)


@kind("long names", _HEADER, WHOLE)
def _long(rng: Random) -> Draft:
    start = "a_rather_long_name_of_a_column_that_somebody_took_from_a_question"
    return _renamed(rng, start, start + "_1", start + "_2", "é" * 64, "n" * 64, "n" * 300)


@kind("reserved words", _HEADER, WHOLE)
def _reserved(rng: Random) -> Draft:
    return _renamed(rng, "select", "ORDER", "group", "key", "index", "rank", "table", "_row_id", "count", "groups")


@kind("punctuation in names", _HEADER, WHOLE)
def _punctuation(rng: Random) -> Draft:
    return _renamed(
        rng, "a`b", 'say "hi"', "100%", "%s", "{x}", "a.b", "back\\slash", "two\nlines", "--", ";", "a,b", "';--",
        "`); DROP TABLE t; --", "<b>", "=1+1", "$", "?", "a/b", "größe", "名前", "😀", "x\x00y",
    )  # fmt: skip


@kind("names equal but for case", _HEADER, WHOLE)
def _case(rng: Random) -> Draft:
    return _renamed(rng, "id", "ID", "Id", "Name", "NAME", "name", "ÄRA", "ära")


@kind("years for names", _HEADER, WHOLE)
def _years(rng: Random) -> Draft:
    first = rng.randint(1990, 2020)
    years = [(str(first + at), decimal) for at in range(rng.randint(3, 6))]
    return draft(build(rng, [("country", text("ascii")), *years], rng.randint(12, 30)))


@kind("no header", _HEADER, WHOLE)
def _none(rng: Random) -> Draft:
    columns = [("", numbered), ("", integer), ("", day), ("", decimal), ("", text("ascii"))]
    made = draft(build(rng, columns, rng.randint(12, 30)), Form(header=False, delimiter=rng.choice(",;\t")))
    if rng.random() < 0.5:
        made.told["header"] = False
    return made
