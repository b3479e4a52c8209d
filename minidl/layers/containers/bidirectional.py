"""A layer that reads a sequence from both ends."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar

from minidl.core.errors import ShapeError
from minidl.core.layer import INFERENCE, Array, Context, Grads, Layer, Shape
from minidl.core.lengths import check_lengths, time_reversed
from minidl.core.registry import register
from minidl.core.workspace import Workspace
from minidl.layers.containers.back import ChildBackward, StateContainer
from minidl.layers.containers.calls import forward_of
from minidl.layers.containers.merging import Merge, merged, merged_shape, parts_of, summed


@register
@dataclass(eq=False)
class Bidirectional(StateContainer):
    """y_t = [f(x)_t, g(x reversed)_t'] with t' the same step in the reversed sequence, or their sum.

    f and g are two copies of one layer with parameters of their own, named
    ``forward.…`` and ``backward.…``. Each sequence is reversed within its own length.
    Every output knows the whole sequence: the model cannot be fed step by step.

    Parameters
    ----------
    layer : what f and g are copies of; it keeps the time axis.
    merge : ``concat`` (features of f, then of g) or ``add``.

    Shapes
    ------
    x (batch, time, features); y (batch, time, 2 · outputs), or (batch, time, outputs) added.

    References
    ----------
    Schuster and Paliwal (1997), Bidirectional recurrent neural networks. IEEE Trans. Signal Processing 45.
    """

    layer: Layer
    _: KW_ONLY
    merge: Merge = "concat"
    _directions: dict[str, Layer] = field(init=False, repr=False, default_factory=dict)
    causal: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._directions = {name: copy.deepcopy(self.layer) for name in ("forward", "backward")}

    def children(self) -> Mapping[str, Layer]:
        """f as "forward", g as "backward"."""
        return self._directions

    def config_path(self, name: str) -> tuple[str | int, ...]:
        """``layer``, which both are copies of."""
        return ("layer",)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Of both directions together."""
        try:
            shape = self._directions["forward"].output_shape(input_shape)
        except ShapeError as err:
            raise self.placed(err, "forward") from err
        if len(input_shape) != 2 or len(shape) != 2 or shape[0] != input_shape[0]:
            name = type(self.layer).__name__
            raise ShapeError(
                f"Bidirectional: {name} makes {shape} of {input_shape}; it must keep a time axis.", ("layer",)
            )
        return merged_shape([shape, shape], self.merge, "Bidirectional: both directions")

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        """Both directions, the second on the reversed sequence."""
        if x.ndim != 3:
            raise ShapeError(f"Bidirectional: expected x of shape (batch, time, features), got {x.shape}.")
        if ctx.lengths is not None:
            check_lengths(ctx.lengths, x.shape, "Bidirectional")
        f, g = self._directions.values()
        for_f, for_g = self.contexts(ctx)
        there, cache_f = forward_of(f, x, for_f)
        back, cache_g = forward_of(g, time_reversed(x, ctx.lengths), for_g)
        y = merged([there, time_reversed(back, ctx.lengths)], self.merge, ctx.workspace or Workspace())
        return y, ([cache_f, cache_g], ctx.workspace, [there.shape[-1], back.shape[-1]], ctx.lengths)

    def back(self, dy: Array, cache: Any, child_backward: ChildBackward) -> tuple[Array | None, Grads]:
        """Each direction's backward; dx is the sum, None if one leaves it out."""
        caches, ws, widths, lengths = cache[0], cache[1] or Workspace(), cache[2], cache[3]
        f, g = self._directions.values()
        there, back = parts_of(dy, widths, self.merge)
        dx_f, own_f = child_backward(0, f, there, caches[0])
        dx_g, own_g = child_backward(1, g, time_reversed(back, lengths), caches[1])
        dx = summed([dx_f, None if dx_g is None else time_reversed(dx_g, lengths)], ws)
        return dx, self.summed_gradients({"forward": own_f, "backward": own_g}, ws)

    def final_state(self, cache: Any) -> Any:
        """None: what comes after a window would change its outputs, so no state leads from one to the next."""
        return None
