"""What the compiled engine takes for the same training: it looks at the numbers, not at where they stand."""

from __future__ import annotations

from minidl.compiled.engine import _arguments
from minidl.losses import Huber


def test_a_number_that_may_stand_where_another_one_stood_is_another_number() -> None:
    loss = Huber()
    for i in range(20):
        loss.delta = float(f"{i}.25")
        before = _arguments(loss)
        loss.delta = 1.0  # gives its place back, which the next number takes
        loss.delta = float(f"{i}.75")
        assert _arguments(loss) != before
    assert _arguments(loss) == _arguments(loss)
