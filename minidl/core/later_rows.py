"""What a model says of the rows after its window: how many of them it reads."""

from __future__ import annotations

from minidl.core.layer import Layer
from minidl.core.walk import walk


class LaterRows:
    """A part of layers that read rows after a window too, of which a forecast is given what it may know."""

    @property
    def later_rows(self) -> int:
        """How many; the last ones of its input."""
        return 0


def later_rows(model: Layer) -> int:
    """How many rows after a window a model reads: the most that a layer of it does."""
    return max((layer.later_rows for _, layer in walk(model) if isinstance(layer, LaterRows)), default=0)
