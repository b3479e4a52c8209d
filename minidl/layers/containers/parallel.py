"""Layers side by side on one input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

from minidl.core.errors import ConfigError, ShapeError
from minidl.core.layer import INFERENCE, Array, Context, Grads, Layer, Shape
from minidl.core.registry import register
from minidl.core.workspace import Workspace
from minidl.layers.containers.back import ChildBackward, StateContainer
from minidl.layers.containers.calls import forward_of
from minidl.layers.containers.container import by_position
from minidl.layers.containers.merging import Merge, merged, merged_shape, parts_of, summed


@register
@dataclass(eq=False)
class Parallel(StateContainer):
    """y = f_1(x) + ... + f_n(x), or y = [f_1(x), ..., f_n(x)] along the features.

    dL/dx is the sum over the branches.

    Parameters
    ----------
    branches : f_1 ... f_n, at least one layer; parameters are named ``0.…``, ``1.…``.
    merge : ``add`` (the branches give one shape) or ``concat`` (they differ in
        their features at most).

    Shapes
    ------
    x (batch, time, features) or (batch, features); y as the branches give it.
    """

    branches: list[Layer]
    _: KW_ONLY
    merge: Merge = "add"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.branches:
            raise ConfigError("Parallel: branches: expected at least one layer, got an empty list.")

    def children(self) -> Mapping[str, Layer]:
        """By position: "0", "1", ..."""
        return by_position(self.branches)

    def config_path(self, name: str) -> tuple[str | int, ...]:
        """``branches.<position>``."""
        return ("branches", int(name))

    def output_shape(self, input_shape: Shape) -> Shape:
        """That of every branch, or with their features in a row."""
        shapes = []
        for i, branch in enumerate(self.branches):
            try:
                shapes.append(branch.output_shape(input_shape))
            except ShapeError as err:
                raise self.placed(err, str(i)) from err
        return merged_shape(shapes, self.merge, "Parallel: branches")

    def output_lengths(self, lengths: Array | None) -> Array | None:
        """Those of the first branch; the others give the same shape."""
        return self.branches[0].output_lengths(lengths)

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        """Every branch's forward, merged."""
        made = [forward_of(branch, x, own) for branch, own in zip(self.branches, self.contexts(ctx), strict=True)]
        outputs = [y for y, _ in made]
        y = merged(outputs, self.merge, ctx.workspace or Workspace())
        return y, ([cache for _, cache in made], ctx.workspace, [part.shape[-1] for part in outputs])

    def back(self, dy: Array, cache: Any, child_backward: ChildBackward) -> tuple[Array | None, Grads]:
        """Every branch's backward on its part of dy; dx is their sum, None if one leaves it out."""
        caches, ws, widths = cache[0], cache[1] or Workspace(), cache[2]
        by_child: dict[str, Grads] = {}
        parts = []
        for i, part in enumerate(parts_of(dy, widths, self.merge)):
            dx, by_child[str(i)] = child_backward(i, self.branches[i], part, caches[i])
            parts.append(dx)
        return summed(parts, ws), self.summed_gradients(by_child, ws)
