"""Statistics as bytes, so that parts measured by different processes can be added: a JSON header and Arrow IPC."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from typing import Final

import polars as pl
from pydantic import TypeAdapter, ValidationError

from engine.errors import EngineError
from engine.stats.aggregates import Aggregates
from engine.stats.distinct import Distinct, hashes_of
from engine.stats.parts import ColumnPart, Shape, TableParts
from engine.stats.sample import RowSample
from engine.stats.sketch import HashSketch

_MAGIC: Final = b"headrace stats 1\n"
_LENGTH_BYTES: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class _SketchHeader:
    size: int
    rows: int
    full: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Header:
    """All but the tables. `frame_bytes` are the lengths of the tables that follow."""

    polars: str
    # What this machine's hash makes of fixed values: other values mean hashes that can't be compared.
    fingerprint: tuple[int, ...]
    shape: Shape
    aggregates: tuple[Aggregates, ...]
    column_hashes: tuple[_SketchHeader | None, ...]
    sample_size: int
    sample_rows: int
    row_hashes: _SketchHeader
    key_hashes: tuple[_SketchHeader, ...]
    frame_bytes: tuple[int, ...]


@cache
def _adapter() -> TypeAdapter[_Header]:
    # Made when it's needed: it takes 20 ms, and a load in one process needs none.
    return TypeAdapter(_Header)


def write(parts: TableParts) -> bytes:
    """Return the parts of a table's statistics as bytes, lossless."""
    distinct = [part.distinct for part in parts.measured]
    frames = [_frame(each.sketch) if each.sketch is not None else each.values for each in distinct]
    frames += [parts.sample.frame, _frame(parts.row_hashes), *map(_frame, parts.key_hashes)]
    blobs = [_packed(frame) for frame in frames if frame is not None]
    header = _Header(
        polars=pl.__version__,
        fingerprint=_fingerprint(),
        shape=parts.shape,
        aggregates=tuple(part.aggregates for part in parts.measured),
        column_hashes=tuple(None if each.sketch is None else _head(each.sketch) for each in distinct),
        sample_size=parts.sample.size,
        sample_rows=parts.sample.rows,
        row_hashes=_head(parts.row_hashes),
        key_hashes=tuple(map(_head, parts.key_hashes)),
        frame_bytes=tuple(map(len, blobs)),
    )
    text = _adapter().dump_json(header)
    return b"".join((_MAGIC, len(text).to_bytes(_LENGTH_BYTES, "little"), text, *blobs))


def read(data: bytes) -> TableParts:
    """Return the parts that `write` made bytes of.

    Raises:
        EngineError: These are no statistics, or their hashes can't be compared with this process's.
    """
    start = len(_MAGIC) + _LENGTH_BYTES
    end = start + int.from_bytes(data[len(_MAGIC) : start], "little")
    if not data.startswith(_MAGIC) or len(data) < end:
        raise _unreadable("they have another format or are cut short")
    try:
        header = _adapter().validate_json(data[start:end])
    except ValidationError as error:
        raise _unreadable(f"their header is damaged: {error.errors()[0]['msg']}") from None
    if header.polars != pl.__version__ or header.fingerprint != _fingerprint():
        raise _unreadable(f"polars {header.polars} made them and this is {pl.__version__}, whose hashes differ")
    if len(data) != end + sum(header.frame_bytes):
        raise _unreadable("they are cut short")
    frames = []
    for size in header.frame_bytes:
        try:
            frames.append(pl.read_ipc(io.BytesIO(data[end : end + size])))
        except (pl.exceptions.PolarsError, OSError) as error:
            raise _unreadable(f"a table of theirs is damaged: {error}") from None
        end += size
    return _parts(header, frames)


def _parts(header: _Header, frames: list[pl.DataFrame]) -> TableParts:
    columns = len(header.shape.columns)
    measured = [
        ColumnPart(
            aggregates=aggregates,
            distinct=Distinct(values=frame, sketch=None)
            if head is None
            else Distinct(values=None, sketch=_sketch(head, frame)),
        )
        for aggregates, head, frame in zip(header.aggregates, header.column_hashes, frames[:columns], strict=True)
    ]
    return TableParts(
        shape=header.shape,
        measured=tuple(measured),
        sample=RowSample(size=header.sample_size, frame=frames[columns], rows=header.sample_rows),
        row_hashes=_sketch(header.row_hashes, frames[columns + 1]),
        key_hashes=tuple(
            _sketch(head, frame) for head, frame in zip(header.key_hashes, frames[columns + 2 :], strict=True)
        ),
    )


def _unreadable(reason: str) -> EngineError:
    return EngineError(
        f"stored statistics can't be used: {reason}",
        code="stats.unreadable",
        next_step="stage the file again, with the same version of polars on every worker",
    )


def _fingerprint() -> tuple[int, ...]:
    probes = (pl.Series([1, -1, None]), pl.Series([0.5]), pl.Series(["a", "a text of more than sixteen bytes"]))
    return tuple(int(value) for probe in probes for value in hashes_of(probe))


def _head(sketch: HashSketch) -> _SketchHeader:
    return _SketchHeader(size=sketch.size, rows=sketch.rows, full=sketch.full)


def _frame(sketch: HashSketch) -> pl.DataFrame:
    return pl.DataFrame({"hash": sketch.hashes, "count": sketch.counts}, schema={"hash": pl.UInt64, "count": pl.Int64})


def _sketch(head: _SketchHeader, frame: pl.DataFrame) -> HashSketch:
    return HashSketch(
        size=head.size,
        rows=head.rows,
        full=head.full,
        hashes=frame["hash"].to_numpy(),
        counts=frame["count"].to_numpy(),
    )


def _packed(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compression="zstd")
    return buffer.getvalue()
