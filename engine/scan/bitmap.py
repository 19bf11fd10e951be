"""Where one byte value stands in a piece, a bit for each byte: how many stand before a place costs no search."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]

_ONE = np.uint64(1)


class Bitmap:
    """Counts marks up to any place, by the marks before each word of 64 bits and those in the word.

    Known as rank in G. Jacobson, "Space-efficient static trees and graphs", FOCS 1989.

    Args:
        codes: The piece, shape (bytes,).
        mark: The byte value that is a mark.
    """

    def __init__(self, codes: npt.NDArray[np.uint8], mark: int) -> None:
        # One word more than the marks need where their number is a multiple of 64: the end is a place as well.
        octets = np.zeros((len(codes) // 64 + 1) * 8, np.uint8)
        bits = np.packbits(codes == mark, bitorder="little")
        octets[: len(bits)] = bits
        self._words = octets.view("<u8")
        counts = np.bitwise_count(self._words)
        self._before = np.cumsum(counts, dtype=np.int64) - counts

    def before(self, places: Positions) -> Positions:
        """Count the marks before each place, from 0 to the number of bytes."""
        word = places >> 6
        below = self._words[word] & ((_ONE << (places & 63).astype(np.uint64)) - _ONE)
        before: Positions = self._before[word] + np.bitwise_count(below)
        return before
