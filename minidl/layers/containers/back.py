"""The way back through containers, which is the same with the gradients of their states and without."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from minidl.core.errors import ShapeError
from minidl.core.layer import Array, Grads, Layer
from minidl.layers.containers.calls import backward_from_of, backward_of
from minidl.layers.containers.container import Container

# From the number of a child, the child, dL/d(its output) and its cache: (dL/d(its input), gradients).
ChildBackward = Callable[[int, Layer, Array, Any], tuple[Array | None, Grads]]


@dataclass(eq=False)
class StateContainer(Container):
    """A container that says once how it goes back (`back`), with the gradients of its children's states or without.

    Its state, and the gradient of one, is a tuple with one entry for each child.
    """

    @abstractmethod
    def back(self, dy: Array, cache: Any, child_backward: ChildBackward) -> tuple[Array | None, Grads]:
        """(dL/dx, gradients), as `backward`; every child is called by `child_backward`."""

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, Grads]:
        """Every child's backward; see the class."""
        return self.back(dy, cache, backward_of)

    def backward_from(self, dy: Array, d_final: Any, cache: Any) -> tuple[Array | None, Grads, Any]:
        """Every child's backward_from; see `Layer.backward_from`."""
        n = len(self.children())
        if d_final is not None and not (isinstance(d_final, (tuple, list)) and len(d_final) == n):
            raise ShapeError(
                f"{type(self).__name__}: expected a gradient of the final state of {n} entries, one a layer."
            )
        d_start: list[Any] = [None] * n

        def child_backward(i: int, child: Layer, dy: Array, cache: Any) -> tuple[Array | None, Grads]:
            dx, grads, d_start[i] = backward_from_of(child, dy, None if d_final is None else d_final[i], cache)
            return dx, grads

        dx, grads = self.back(dy, cache, child_backward)
        return dx, grads, tuple(d_start)
