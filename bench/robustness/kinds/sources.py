"""Kinds of storage: compressed files, whole, joined and cut."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pyarrow as pa

from bench.robustness.kinds.damage import long, short, spoil
from bench.robustness.kinds.registry import ACCOUNTED, REFUSED, WHOLE, kind
from bench.robustness.tables import any_table
from bench.robustness.truth import Form
from bench.robustness.writing import Draft, draft

_SOURCE = "source"


def _zstd(data: bytes) -> bytes:
    return bytes(pa.compress(data, codec="zstd", asbytes=True))


def _gzip(data: bytes) -> bytes:
    # Without the time, so that the same seed gives the same bytes.
    return gzip.compress(data, mtime=0)


_SQUEEZERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": _gzip,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": _zstd,
}


def _squeezed(made: Draft, suffix: str, *, then: Callable[[bytes], bytes] | None = None) -> Draft:
    squeeze = _SQUEEZERS[suffix]
    made.form = replace(made.form, compression=suffix)
    made.squeeze = squeeze if then is None else lambda data: then(squeeze(data))
    made.suffix = f".csv.{suffix}"
    return made


@kind("gz", _SOURCE, WHOLE)
def _gz(rng: Random) -> Draft:
    return _squeezed(draft(any_table(rng), Form(delimiter=rng.choice(",;\t"))), "gz")


@kind("bz2", _SOURCE, WHOLE)
def _bz2(rng: Random) -> Draft:
    return _squeezed(draft(any_table(rng), Form(delimiter=rng.choice(",;\t"))), "bz2")


@kind("xz", _SOURCE, WHOLE)
def _xz(rng: Random) -> Draft:
    return _squeezed(draft(any_table(rng), Form(delimiter=rng.choice(",;\t"))), "xz")


@kind("zst", _SOURCE, WHOLE)
def _zst(rng: Random) -> Draft:
    return _squeezed(draft(any_table(rng), Form(delimiter=rng.choice(",;\t"))), "zst")


@kind("joined archives", _SOURCE, WHOLE)
def _joined(rng: Random) -> Draft:
    made = draft(any_table(rng))
    suffix = rng.choice(tuple(_SQUEEZERS))
    squeeze = _SQUEEZERS[suffix]
    made = _squeezed(made, suffix)
    # Cut anywhere, within a record too.
    share = rng.random()
    made.squeeze = lambda data: squeeze(data[: int(share * len(data))]) + squeeze(data[int(share * len(data)) :])
    return made


@kind("cut archives", _SOURCE, REFUSED)
def _cut(rng: Random) -> Draft:
    suffix, share = rng.choice(tuple(_SQUEEZERS)), rng.uniform(0.3, 0.97)
    return _squeezed(draft(any_table(rng, rows=200)), suffix, then=lambda data: data[: int(share * len(data))])


@kind("damage in archives", _SOURCE, ACCOUNTED)
def _damage(rng: Random) -> Draft:
    made = draft(any_table(rng, texts="line", width=6, rows=rng.randint(30, 60)))
    for piece in rng.sample(made.rows(), rng.randint(1, 4)):
        spoil(rng, piece, made.form, rng.choice((short, long)))
    return _squeezed(made, rng.choice(tuple(_SQUEEZERS)))
