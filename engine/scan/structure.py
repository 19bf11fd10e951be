"""Structure of a piece of CSV, found on its bytes: record ends, fields per record, quote regularity.

Everything is vectorised: places of record ends and quotes, counts of separators, never a loop over bytes or records. A
quote is regular only where it opens a field, closes one, or is doubled inside one (RFC 4180); the first that isn't ends
the piece, and the exact reader goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.model import Dialect
from engine.scan.bitmap import Bitmap, Positions

# What ends a line, by the dialect's `line_end`; a CR at the very end of a file is half of a CRLF that was cut.
LINE_ENDS = {"\n": rb"\r?\n|\r\Z", "\r": rb"\r", "any": rb"\r\n|\n|\r"}

_LF, _CR = 0x0A, 0x0D


@dataclass(frozen=True, kw_only=True, slots=True)
class Structure:
    """The complete records at the start of a piece, before the first irregular quote.

    Attributes:
        starts, ends: Byte offsets in the piece, shape (records,); an end lies behind the record's terminator.
        fields: Fields per record, shape (records,).
        terminator_bytes: Length of each record's terminator (1, 2 for CRLF, 0 for the last without one).
        quotes, doubled: Positions in the piece of every quote, and of the second of each doubled pair.
        irregular: The record behind the last complete one has a quote that isn't regular.
    """

    starts: Positions
    ends: Positions
    fields: Positions
    terminator_bytes: Positions
    quotes: Positions
    doubled: Positions
    irregular: bool

    @property
    def consumed(self) -> int:
        """Bytes of the complete records."""
        return int(self.ends[-1]) if len(self.ends) else 0


def structure(piece: bytes, dialect: Dialect, *, final: bool, stand_in: bool = False) -> Structure:
    """Find the complete regular records at the start of `piece`, which begins at a record start.

    Args:
        piece: UTF-8 text; delimiter and quote are single ASCII bytes.
        dialect: Delimiter, quote character and line end. Where it has an escape character or a comment, the first of
            them ends the piece like an irregular quote.
        final: No more text follows, so the last record may lack its terminator.
        stand_in: The delimiter stands for another, so that the first that is quoted ends the piece as well.
    """
    codes = np.frombuffer(piece, np.uint8)
    separators = Bitmap(codes, ord(dialect.delimiter))
    ends = line_ends(codes, dialect)
    if dialect.line_end == "any" and not final and piece.endswith(b"\r"):
        # It may be the first half of CRLF.
        ends = ends[:-1]
    quotes = doubled = np.empty(0, np.int64)
    limit: int | None = None
    if dialect.quote_char is not None and dialect.quote_char.encode() in piece:
        quotes = np.flatnonzero(codes == ord(dialect.quote_char))
        first = _first_irregular(codes, quotes, dialect)
        if first is not None:
            limit = int(quotes[first])
            quotes = quotes[:first]
        if stand_in:
            limit = _least(limit, _first_quoted(piece, dialect.delimiter.encode(), quotes, separators))
        ends = _outside(ends, quotes)
        # The second of a doubled pair re-opens (even index) right behind a close.
        opening = quotes[2::2]
        doubled = opening[opening == quotes[1:-1:2][: len(opening)] + 1] if len(quotes) > 2 else opening[:0]
    for odd in (_unlike_in_polars(piece, codes, dialect), _comments(piece, codes, dialect)):
        bare = _outside(odd, quotes)
        limit = _least(limit, int(bare[0]) if len(bare) else -1)
    if dialect.escape_char is not None:
        limit = _least(limit, _first_escape(piece, codes, dialect))
    ends = ends + 1
    if limit is not None:
        ends = ends[: int(np.searchsorted(ends, limit, "right"))]
    elif final and len(piece) and (not len(ends) or ends[-1] < len(piece)) and len(quotes) % 2 == 0:
        ends = np.append(ends, len(piece))
    starts = np.empty_like(ends)
    if len(ends):
        starts[0], starts[1:] = 0, ends[:-1]
    edge = int(ends[-1]) if len(ends) else 0
    return Structure(
        starts=starts,
        ends=ends,
        fields=_fields(separators, ends, quotes),
        terminator_bytes=_terminators(codes, ends, dialect, returns=b"\r" in piece),
        quotes=quotes[: int(np.searchsorted(quotes, edge))],
        doubled=doubled[: int(np.searchsorted(doubled, edge))],
        irregular=limit is not None or bool(final and len(quotes) % 2),
    )


def _least(limit: int | None, place: int) -> int | None:
    """Return the smaller of a limit, None for none, and a place, negative for none."""
    if place < 0:
        return limit
    return place if limit is None else min(limit, place)


def _first_quoted(piece: bytes, delimiter: bytes, quotes: Positions, separators: Bitmap) -> int:
    """Return where the first separator in quotes stands, -1 for none; quotes that aren't closed reach to the end."""
    bounds = separators.before(np.append(quotes, len(piece)) if len(quotes) % 2 else quotes)
    held = np.flatnonzero(bounds[1::2] > bounds[0::2])
    return piece.find(delimiter, int(quotes[2 * held[0]])) if len(held) else -1


def _first_escape(piece: bytes, codes: npt.NDArray[np.uint8], dialect: Dialect) -> int:
    r"""Find the first escape character, -1 for none, but for those of fields such as `\N` that stand for NULL anyhow."""
    escape = (dialect.escape_char or "").encode()
    first = piece.find(escape)
    tokens = [token.encode() for token in dialect.null_tokens if token.encode().startswith(escape)]
    if first < 0 or not tokens or len(escape) > 1:
        return first
    found = np.flatnonzero(codes == escape[0])
    bounds = [ord(dialect.delimiter), _LF, _CR]
    inner = found[(found > 0) & (found + max(map(len, tokens)) < len(codes))]
    inner = inner[np.isin(codes[inner - 1], bounds)]
    null = np.zeros(len(inner), np.bool_)
    for token in tokens:
        fits = np.isin(codes[inner + len(token)], bounds)
        for place, code in enumerate(token):
            fits &= codes[inner + place] == code
        null |= fits
    other = np.setdiff1d(found, inner[null], assume_unique=True)
    return int(other[0]) if len(other) else -1


def _comments(piece: bytes, codes: npt.NDArray[np.uint8], dialect: Dialect) -> Positions:
    """Find the lines, in quotes or not, that begin as comments do."""
    mark = (dialect.comment or "").encode()
    if not mark or mark not in piece:
        return np.empty(0, np.int64)
    found: Positions = np.flatnonzero(codes[: len(codes) - len(mark) + 1] == mark[0])
    before = codes[found - 1]
    starts = found == 0
    if dialect.line_end != "\r":
        starts |= before == _LF
    if dialect.line_end != "\n":
        starts |= before == _CR
    found = found[starts]
    for place, code in enumerate(mark):
        found = found[codes[found + place] == code]
    return found


def _unlike_in_polars(piece: bytes, codes: npt.NDArray[np.uint8], dialect: Dialect) -> Positions:
    """Find the bytes that are data here, but not in Polars where they stand outside quotes: such a record is irregular.

    An LF where CR ends a record, and a CR in front of a delimiter, which Polars 2.1.0 drops.
    """
    if dialect.line_end == "\r" and b"\n" in piece:
        return np.flatnonzero(codes == _LF)
    # One byte is found twenty times as fast as two.
    if dialect.line_end == "\n" and b"\r" in piece and b"\r" + dialect.delimiter.encode() in piece:
        return np.flatnonzero((codes[:-1] == _CR) & (codes[1:] == ord(dialect.delimiter)))
    return np.empty(0, np.int64)


def line_ends(codes: npt.NDArray[np.uint8], dialect: Dialect) -> Positions:
    """Find the last byte of each line terminator, in quotes or not."""
    if dialect.line_end == "\n":
        return np.flatnonzero(codes == _LF)
    returns = np.flatnonzero(codes == _CR)
    if dialect.line_end == "\r":
        return returns
    followed = returns[returns + 1 < len(codes)]
    followed = followed[codes[followed + 1] == _LF]
    return np.union1d(np.flatnonzero(codes == _LF), np.setdiff1d(returns, followed, assume_unique=True))


def _first_irregular(codes: npt.NDArray[np.uint8], quotes: Positions, dialect: Dialect) -> int | None:
    """Index in `quotes` of the first one that is neither opening, closing nor doubled."""
    delimiter, quote = ord(dialect.delimiter), ord(dialect.quote_char or '"')
    returns_end, feeds_end = dialect.line_end != "\n", dialect.line_end != "\r"
    opens, closes = quotes[0::2], quotes[1::2]
    before = codes[opens - 1]  # for a quote at 0 this wraps around, which the next line corrects
    ok_open = (before == delimiter) | (opens == 0)
    if feeds_end:
        ok_open |= before == _LF
    if returns_end:
        ok_open |= before == _CR
    # Right behind a closing quote: the second of a doubled pair.
    if len(opens) > 1:
        ok_open[1:] |= opens[1:] == closes[: len(opens) - 1] + 1
    # What would be behind the piece is taken for right: the record isn't complete then, or the file ends.
    inside = closes + 1 < len(codes)
    after = np.where(inside, codes[np.where(inside, closes + 1, 0)], delimiter)
    ok_close = (after == delimiter) | (after == quote)
    if feeds_end:
        ok_close |= after == _LF
    if returns_end:
        ok_close |= after == _CR
    else:
        two = closes + 2 < len(codes)
        second = np.where(two, codes[np.where(two, closes + 2, 0)], _LF)
        ok_close |= (after == _CR) & (second == _LF)
    bad = [2 * int(np.argmin(ok_open))] if not ok_open.all() else []
    if not ok_close.all():
        bad.append(2 * int(np.argmin(ok_close)) + 1)
    return min(bad) if bad else None


def _outside(positions: Positions, quotes: Positions) -> Positions:
    """Drop the positions between an opening quote and its close (or the end, where it isn't closed)."""
    if not len(quotes) or not len(positions):
        return positions
    edges = np.searchsorted(positions, quotes)
    first, last = edges[0::2], edges[1::2]
    if len(quotes) % 2:
        last = np.append(last, len(positions))
    held = last > first
    if not held.any():
        return positions
    change = np.zeros(len(positions) + 1, np.int8)
    # Regions don't overlap, so a position is never the start or the end of two; an end may meet the next start.
    change[first[held]] += 1
    change[last[held]] -= 1
    outside: npt.NDArray[np.bool_] = np.cumsum(change[:-1], dtype=np.int8) == 0
    return positions[outside]


def _fields(separators: Bitmap, ends: Positions, quotes: Positions) -> Positions:
    """Fields per record: its separators, less those between an opening quote and its close, and one."""
    fields = np.diff(separators.before(ends), prepend=0) + 1
    bounds = separators.before(quotes[: len(quotes) // 2 * 2])
    quoted = bounds[1::2] - bounds[0::2]
    held = np.flatnonzero(quoted)
    owners = np.searchsorted(ends, quotes[2 * held], "right")
    # Quotes behind the last record belong to none.
    inside = owners < len(ends)
    np.subtract.at(fields, owners[inside], quoted[held[inside]])
    return fields


def _terminators(codes: npt.NDArray[np.uint8], ends: Positions, dialect: Dialect, *, returns: bool) -> Positions:
    """Length of each record's terminator in bytes; `returns` tells whether there is any CR."""
    lengths = np.ones(len(ends), np.int64)
    if not len(ends):
        return lengths
    if returns and dialect.line_end != "\r":
        behind = ends > 1
        lengths += (codes[ends - 1] == _LF) & behind & (codes[np.where(behind, ends - 2, 0)] == _CR)
    # Only the last record of a file can lack a terminator; a CR there is what is left of a CRLF.
    closing = {"\n": (_LF, _CR), "\r": (_CR,), "any": (_LF, _CR)}[dialect.line_end]
    if int(codes[ends[-1] - 1]) not in closing:
        lengths[-1] = 0
    return lengths
