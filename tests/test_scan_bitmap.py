"""As many marks stand before a place as one counts there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.scan.bitmap import Bitmap


@given(text=st.lists(st.sampled_from([b",", b"a", b'"']), max_size=300).map(b"".join))
def test_counts_before_every_place(text: bytes) -> None:
    places = np.arange(len(text) + 1)
    found = Bitmap(np.frombuffer(text, np.uint8), ord(",")).before(places)
    assert found.tolist() == [text[:place].count(b",") for place in places.tolist()]


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 127, 128, 1 << 20])
def test_the_end_of_marks_alone_is_a_place(size: int) -> None:
    marks = Bitmap(np.full(size, ord(","), np.uint8), ord(","))
    assert marks.before(np.array([0, size // 2, size])).tolist() == [0, size // 2, size]
