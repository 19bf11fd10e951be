"""Which encoding Latin text is in, told by whether its words could be words of one language.

A byte beyond ASCII is a letter in nearly every encoding, but seldom one that the rest of the word goes with: `Müller` of
cp1252 is `M³ller` in cp850. Where several encodings give words, and not the same ones, none is
certain.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# In the order of preference where they give the same text.
ENCODINGS = ("cp1252", "iso8859-15", "cp1250", "iso8859-2", "cp850", "cp437", "cp852", "mac_roman", "cp1254")
# Most of their signs are blanks and powers in others, so that nearly any byte makes sense: only letters tell.
_DOS = frozenset({"cp850", "cp437", "cp852"})
_ENOUGH_WORDS = 3
# The share of words that may be none. Where there are few, another encoding is out with its first word that is none, and
# that it takes more languages says nothing.
_MOST_FAILING = 0.05
_FEW_WORDS = 10

_ALPHABETS = tuple(
    frozenset(letters)
    for letters in (
        "äöüß",
        "éèêëàâîïôùûüçœæ",
        "áéíóúñüª°º",
        "ãõáéíóúâêôçàªº",
        "àèéìòóùî",
        "åäöé",
        "æøåé",
        "ëïéèöü",
        "ðþáéíóúýæö",
        "ąćęłńóśźż",
        "áčďéěíňóřšťúůýž",
        "áäčďéíĺľňóôŕšťúýž",
        "áéíóöőúüű",
        "ăâîșțşţ",
        "čćđšž",
        "çğ\u0131i̇öşüâî",
    )
)
_TOKEN = re.compile(r"[^\s,;|/\"()]*[^\x00-\x7f\s][^\s,;|/\"()]*")
# Signs that stand right before a letter, right behind one, and between two; any of them, and the others, by themselves.
_DASHES = frozenset("\u2013\u2014\xb7")
# Quotation marks open in one language and close in another: „Tag“, »Tag«.
_QUOTATION = frozenset("\u2018\u2019“”«»\u2039\u203a")
_BEFORE = _DASHES | _QUOTATION | frozenset("„\u201a¿¡…µ°©")
_BEHIND = _DASHES | _QUOTATION | frozenset("…®™²³ªº°")
_BETWEEN = _DASHES | frozenset("\u2019\xad")
_SIGNS = _BEFORE | _BEHIND | _BETWEEN | frozenset("•€£¥§±½¼¾\xd7÷¢\xb9\xa0")


@dataclass(frozen=True, kw_only=True, slots=True)
class Readings:
    """Encodings in which nearly all words could be words: the most likely ones, and the one that no other rivals."""

    best: tuple[str, ...] = ()
    certain: str | None = None


def latin_readings(words: bytes, encodings: Sequence[str]) -> Readings:
    """Tell in which encodings nearly all words could be words, and of as few languages as possible.

    Args:
        words: Those of a sample that hold bytes beyond ASCII, with blanks between.
        encodings: Those of `ENCODINGS` in which the sample can be decoded.
    """
    texts = {name: words.decode(name, "replace") for name in encodings}
    tokens = {name: [token for token in _TOKEN.findall(text) if "\ufffd" not in token] for name, text in texts.items()}
    failing = {name: sum(not _is_word(token) for token in some) for name, some in tokens.items()}
    likely = [name for name in texts if tokens[name] and failing[name] <= _MOST_FAILING * len(tokens[name])]
    if not likely:
        return Readings()
    least = min(failing[name] for name in likely)
    languages = {name: _languages(tokens[name]) for name in likely}
    fewest = min(languages[name] for name in likely if failing[name] == least)
    best = tuple(name for name in likely if failing[name] == least and languages[name] == fewest)
    many = len(tokens[best[0]]) >= _FEW_WORDS
    rivals = {
        texts[name]
        for name in likely
        if failing[name] < least + (2 if many else 1) and (not many or languages[name] <= fewest)
    }
    certain = len(rivals) == 1 and (best[0] not in _DOS or _has_letters(texts[best[0]]))
    return Readings(best=best, certain=best[0] if certain else None)


def _languages(tokens: Sequence[str]) -> int:
    """Count the languages that it takes to explain the words, each time the one that explains most of the rest."""
    rest = [letters for token in tokens if (letters := _letters(token))]
    count = 0
    while rest:
        alphabet = max(_ALPHABETS, key=lambda one: sum(letters <= one for letters in rest))
        left = [letters for letters in rest if not letters <= alphabet]
        if len(left) == len(rest):
            break
        rest, count = left, count + 1
    return count


def _letters(token: str) -> frozenset[str]:
    return frozenset(char for char in token.lower() if char > "\x7f" and char.isalpha())


def _has_letters(text: str) -> bool:
    """Tell whether some words, and most, have letters among their characters beyond ASCII."""
    tokens = _TOKEN.findall(text)
    lettered = sum(any(char > "\x7f" and char.isalpha() for char in token) for token in tokens)
    return lettered >= _ENOUGH_WORDS and 2 * lettered > len(tokens)


def _is_word(token: str) -> bool:
    letters = _letters(token)
    for place, char in enumerate(token):
        before, behind = token[place - 1 : place], token[place + 1 : place + 2]
        # Capitals begin a word, or are all of it.
        if char.isupper() and (before.islower() or (before.isupper() and behind.islower())):
            return False
        if (
            char > "\x7f"
            and not char.isalpha()
            and char not in _allowed(before=before.isalpha(), behind=behind.isalpha())
        ):
            return False
    # Words of other scripts are all beyond ASCII.
    if letters and len(token) > 1 and not any(char.isascii() and char.isalpha() for char in token):
        return False
    return not letters or any(letters <= alphabet for alphabet in _ALPHABETS)


def _allowed(*, before: bool, behind: bool) -> frozenset[str]:
    """Return the signs that can stand between letters or the lack of them."""
    if before and behind:
        return _BETWEEN
    return _BEHIND if before else (_BEFORE if behind else _SIGNS)
