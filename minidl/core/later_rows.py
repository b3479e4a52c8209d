"""What a model says of the rows after its window: how many of them it reads."""

from __future__ import annotations

from typing import ClassVar

from minidl.core.layer import Layer
from minidl.core.walk import walk


class LaterRows:
    """A part of layers that read rows after a window too, of which a forecast is given what it may know."""

    # Whether its output is of one column, whose forecasts it reads as later rows itself.
    of_one_target: ClassVar[bool] = False

    @property
    def later_rows(self) -> int:
        """How many; the last ones of its input."""
        return 0


def later_rows(model: Layer) -> int:
    """How many rows after a window a model reads: the most that a layer of it does."""
    return max((layer.later_rows for _, layer in walk(model) if isinstance(layer, LaterRows)), default=0)


def of_one_target(model: Layer) -> str | None:
    """The name of a layer in a model that can only forecast one column; None: there is none."""
    found = (layer for _, layer in walk(model) if isinstance(layer, LaterRows) and layer.of_one_target)
    return next((type(layer).__name__ for layer in found), None)
