"""Kinds of encoding, and characters that trip readers."""

from __future__ import annotations

from random import Random

from bench.robustness.kinds.registry import ACCOUNTED, REFUSED, WHOLE, kind
from bench.robustness.tables import any_table, build, chosen, day, decimal, numbered, with_column
from bench.robustness.truth import Form
from bench.robustness.writing import Draft, draft

_ENCODING = "encoding"
_WESTERN = ("Müller", "François", "Señor Núñez", "Straße", "Ærøskøbing", "crème brûlée", "plain", "Ångström", "así")
_SIGNS = ("10 € each", "it\u2019s", "“quoted”", "a \u2013 b", "wait…")
_ELSEWHERE = {
    "cp1250": ("Łódź", "Kraków", "žluťoučký kůň", "Győr", "Škoda", "plain"),
    "cp1251": ("Москва", "Санкт-Петербург", "Дмитрий", "привет", "plain"),
    "shift_jis": ("東京都", "大阪市", "こんにちは", "カタカナ", "plain"),
    "gb18030": ("北京市", "上海", "你好", "plain"),
    "iso8859-7": ("Αθήνα", "Θεσσαλονίκη", "καλημέρα", "plain"),
}


def _in(rng: Random, encoding: str, words: tuple[str, ...]) -> Draft:
    """Return a file with these words in an encoding of one's own."""
    word = chosen(*words)
    columns = [("id", numbered), ("name", word), ("place", word), ("price", decimal), ("day", day)]
    table = build(rng, columns, rng.randint(12, 40))
    return draft(table, Form(encoding=encoding, delimiter=rng.choice(",;\t")))


@kind("UTF-8 with mark", _ENCODING, WHOLE)
def _utf8_mark(rng: Random) -> Draft:
    return draft(any_table(rng), Form(byte_order_mark=True), quote_all=rng.random() < 0.3)


@kind("UTF-16 with mark", _ENCODING, WHOLE)
def _utf16_mark(rng: Random) -> Draft:
    encoding = rng.choice(("utf-16-le", "utf-16-be"))
    return draft(any_table(rng), Form(encoding=encoding, byte_order_mark=True, delimiter=rng.choice(",;\t")))


@kind("UTF-16 without mark", _ENCODING, WHOLE)
def _utf16(rng: Random) -> Draft:
    return draft(any_table(rng, texts="ascii"), Form(encoding=rng.choice(("utf-16-le", "utf-16-be"))))


@kind("latin-1", _ENCODING, WHOLE | REFUSED)
def _latin1(rng: Random) -> Draft:
    return _in(rng, "latin-1", _WESTERN)


@kind("cp1252", _ENCODING, WHOLE | REFUSED)
def _cp1252(rng: Random) -> Draft:
    return _in(rng, "cp1252", _WESTERN + _SIGNS)


@kind("encoding told", _ENCODING, WHOLE)
def _encoding_told(rng: Random) -> Draft:
    encoding = rng.choice(("latin-1", "cp1252", *_ELSEWHERE))
    made = _in(rng, encoding, _ELSEWHERE.get(encoding, _WESTERN))
    made.told["encoding"] = encoding
    return made


@kind("encoding found", _ENCODING, WHOLE | REFUSED)
def _encoding_found(rng: Random) -> Draft:
    encoding = rng.choice(tuple(_ELSEWHERE))
    return _in(rng, encoding, _ELSEWHERE[encoding])


@kind("bad bytes in UTF-8", _ENCODING, ACCOUNTED)
def _bad_bytes(rng: Random) -> Draft:
    made = draft(any_table(rng, texts="line", width=rng.randint(4, 7), rows=rng.randint(30, 60)))
    for piece in rng.sample(made.rows(), rng.randint(1, 3)):
        piece.role = "broken"
        # In front of the first cell: 0xE9 is é in latin-1, the others are in no UTF-8 at all.
        piece.text = rng.choice(("\udce9", "\udcff", "\udcc3", "\udc80")) + piece.text
    return made


@kind("characters that trip", _ENCODING, WHOLE)
def _odd_characters(rng: Random) -> Draft:
    odd = chosen(
        "\ufeffmark", "a\u2028b", "a\u2029b", "a\x85b", "a\x0bb", "a\x0cb", "a\u00a0b", "\u200bzero", "\u202eright",
        "\U0001f600\u200d\U0001f469", "\U0001d518", "e\u0301", "é", "\U0010ffff", "\x1a end", "ß", "ss", "\u0130", "\u0131", "\ufb00",
    )  # fmt: skip
    return draft(with_column(rng, "odd", odd))


@kind("NUL in cells", _ENCODING, WHOLE)
def _nul(rng: Random) -> Draft:
    return draft(with_column(rng, "nul", chosen("a\x00b", "\x00", "x\x00", "plain", None)))


@kind("terminal commands", _ENCODING, WHOLE)
def _terminal(rng: Random) -> Draft:
    commands = chosen("\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x07", "\x08\x08", "\x7f", "\x9b31m", "a\rb", "ok")
    return draft(with_column(rng, "said", commands))
