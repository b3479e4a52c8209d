"""Buffers that a caller lends to layers from call to call.

Layers hold no buffers: a trainer owns one Workspace and passes it along, so its
steps allocate nothing. A workspace serves one forward and its backward at a time.
Containers give every child the workspace of its position, so a layer that stands
twice in a stack gets two sets of buffers. A copy of a workspace is a new one, empty.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

P = TypeVar("P")

# Sizes kept per buffer name: the batch, and the smaller one at the end of an epoch.
KEPT_SIZES = 2


class Workspace:
    """Named buffers, made at first use and reused while their shape stays the same."""

    def __init__(self) -> None:
        self._slots: dict[str, dict[Hashable, Any]] = {}
        self._children: dict[str, Workspace] = {}

    def __reduce__(self) -> Any:
        # Buffers hold views of one another and plans views of buffers; copied, they would come apart.
        return Workspace, ()

    def child(self, name: str) -> Workspace:
        """The workspace of a part, always the same one for the same name."""
        found = self._children.get(name)
        if found is None:
            found = self._children[name] = Workspace()
        return found

    def plan(self, name: str, key: Hashable, make: Callable[..., P], *args: Any) -> P:
        """What `make(*args)` returned when it was called for (name, key); made on first use."""
        slot = self._slots.get(name)
        if slot is None:
            slot = self._slots[name] = {}
        found: P | None = slot.get(key)
        if found is None:
            while len(slot) >= KEPT_SIZES:
                del slot[next(iter(slot))]
            found = slot[key] = make(*args)
        return found

    def array(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """A buffer with undefined content, or the array that was lent under this name."""
        return self.plan(name, (shape, np.dtype(dtype)), np.empty, shape, dtype)

    def lend(self, name: str, array: npt.NDArray[Any]) -> None:
        """Make `array` the buffer of this name, for example a view of a flat gradient vector."""
        self._slots.setdefault(name, {})[array.shape, array.dtype] = array
