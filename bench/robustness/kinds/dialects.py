"""Kinds of dialect: delimiters, quotes, escapes; everything in these files is regular and has to land."""

from __future__ import annotations

from random import Random

from bench.robustness.kinds.registry import WHOLE, kind
from bench.robustness.tables import Table, Texts, any_table, build, chosen, day, decimal, integer, numbered, text
from bench.robustness.truth import Form
from bench.robustness.writing import Draft, Piece, draft, record

_DIALECT = "dialect"


@kind("comma", _DIALECT, WHOLE)
def _comma(rng: Random) -> Draft:
    return draft(any_table(rng))


@kind("semicolon", _DIALECT, WHOLE)
def _semicolon(rng: Random) -> Draft:
    return draft(any_table(rng), Form(delimiter=";"))


@kind("tab", _DIALECT, WHOLE)
def _tab(rng: Random) -> Draft:
    made = draft(any_table(rng), Form(delimiter="\t"))
    made.suffix = rng.choice((".csv", ".tsv", ".txt"))
    return made


@kind("pipe", _DIALECT, WHOLE)
def _pipe(rng: Random) -> Draft:
    return draft(any_table(rng), Form(delimiter="|"))


@kind("colon", _DIALECT, WHOLE)
def _colon(rng: Random) -> Draft:
    columns = [("name", text("ascii")), ("uid", numbered), ("gid", integer), ("home", text("ascii")), ("day", day)]
    return draft(build(rng, columns, rng.randint(12, 40)), Form(delimiter=":"))


@kind("space", _DIALECT, WHOLE)
def _space(rng: Random) -> Draft:
    word = chosen("alpha", "beta", "gamma", "two words", "d-e")
    columns = [("id", numbered), ("label", word), ("amount", decimal), ("day", day), ("count", integer)]
    return draft(build(rng, columns, rng.randint(12, 40)), Form(delimiter=" "))


@kind("two pipes", _DIALECT, WHOLE)
def _two_pipes(rng: Random) -> Draft:
    return draft(any_table(rng), Form(delimiter=rng.choice(("||", "||", "::", "~|~", ";;"))))


@kind("apostrophe quotes", _DIALECT, WHOLE)
def _apostrophes(rng: Random) -> Draft:
    return draft(any_table(rng), Form(quote_char="'", delimiter=rng.choice(",;\t")), quote_all=rng.random() < 0.5)


@kind("all quoted", _DIALECT, WHOLE)
def _all_quoted(rng: Random) -> Draft:
    return draft(any_table(rng), Form(delimiter=rng.choice(",;\t|")), quote_all=True)


@kind("no quotes", _DIALECT, WHOLE)
def _no_quotes(rng: Random) -> Draft:
    return draft(any_table(rng, texts="plain"), Form(delimiter=rng.choice(",;\t|"), quote_char=None))


@kind("quotes as data", _DIALECT, WHOLE)
def _quotes_as_data(rng: Random) -> Draft:
    inches = chosen('5" pipe', 'screen 24"', 'a "good" one', "plain", "6' 2\"", None)
    columns = [("id", numbered), ("item", inches), ("other", text("plain")), ("price", decimal)]
    made = draft(build(rng, columns, rng.randint(12, 40)), Form(delimiter=rng.choice(",;\t|"), quote_char=None))
    if rng.random() < 0.5:
        made.told["quote_char"] = ""
    return made


@kind("quotes come late", _DIALECT, WHOLE)
def _quotes_come_late(rng: Random) -> Draft:
    # Behind what anybody looks at to tell a dialect.
    names = ("id", "label", "city", "note", "owner")
    makers = (numbered, *[text("ascii")] * 4), (numbered, *[text("rich")] * 4)
    plain, late = (list(zip(names, one, strict=True)) for one in makers)
    table = build(rng, plain, rng.randint(2_000, 5_000))
    return draft(Table(names=names, rows=table.rows + build(rng, late, 20).rows), Form(delimiter=rng.choice(",;\t")))


@kind("backslash escapes", _DIALECT, WHOLE)
def _backslash_escapes(rng: Random) -> Draft:
    # Some cell has to show it: else a backslash is a backslash.
    return _with_row(rng, Form(escape_char="\\", delimiter=rng.choice(",;\t")), 'he said "yes", twice')


@kind("escapes without quotes", _DIALECT, WHOLE)
def _escapes_without_quotes(rng: Random) -> Draft:
    form = Form(quote_char=None, escape_char="\\", delimiter=rng.choice(",;\t"))
    made = _with_row(rng, form, f"one{form.delimiter}two", texts="ascii")
    made.told["quote_char"] = ""
    return made


def _with_row(rng: Random, form: Form, telling: str, *, texts: Texts = "rich") -> Draft:
    """Return a file in which some cells hold a certain text."""
    made = draft(any_table(rng, texts=texts, width=5), form)
    for piece in rng.sample(made.rows(), 4):
        piece.cells = tuple(telling if at == 2 else cell for at, cell in enumerate(piece.cells))
        piece.text = record(piece.cells, form)
    return made


@kind("backslashes as data", _DIALECT, WHOLE)
def _backslashes_as_data(rng: Random) -> Draft:
    paths = chosen("C:\\temp\\new", "\\\\server\\share", "ends with \\", "\\N", "a\\nb", "\\", 'x\\"y')
    columns = [("id", numbered), ("path", paths), ("note", text("rich")), ("price", decimal)]
    return draft(build(rng, columns, rng.randint(12, 40)))


@kind("sep= line", _DIALECT, WHOLE)
def _sep_line(rng: Random) -> Draft:
    delimiter = rng.choice(";,\t|")
    made = draft(any_table(rng), Form(delimiter=delimiter, skip_lines=1))
    made.pieces.insert(0, Piece(text=f"sep={delimiter}", end="\n", role="above"))
    return made


@kind("empty and null", _DIALECT, WHOLE)
def _empty_and_null(rng: Random) -> Draft:
    sparse = chosen(None, None, "", "", "x")
    columns = [("id", numbered), ("a", sparse), ("b", sparse), ("n", chosen(None, "1", "22")), ("c", text("rich"))]
    made = draft(build(rng, columns, rng.randint(20, 60)), Form(delimiter=rng.choice(",;")))
    made.settings["batch_rows"] = rng.choice((1, 3, 7, 1000))
    return made
