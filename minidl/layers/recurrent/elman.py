"""The Elman recurrent layer. Its time loop is in loop.py, in two memory layouts, and in ragged.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import PositiveInt
from minidl.core.arrays import plain_array
from minidl.core.errors import ShapeError
from minidl.core.initializers import Initializer, normal_fan_in, zeros
from minidl.core.layer import INFERENCE, Array, Bounded, Context, Grads, Layer, Shape, built, n_features
from minidl.core.lengths import check_lengths
from minidl.core.registry import register
from minidl.core.states import by_name
from minidl.core.workspace import Workspace
from minidl.layers.activations import Activation, TanhActivation
from minidl.layers.recurrent.loop import (
    SLAB_LIMIT,
    LayerSteps,
    RowRecurrence,
    SlabRecurrence,
    Steps,
)
from minidl.layers.recurrent.ragged import RaggedRecurrence


@register
@dataclass(eq=False, repr=False)
class RecurrentLayer(Layer):
    """Elman RNN: h_t = f(x_t W_xh + h_{t-1} W_hh + b_h), at every time step.

    Textbook equations 1-6 forward (U or Q = W_xh, W1 or W2 = W_hh) and 15-22
    backward, with the sums over time that equations 19-22 leave to the reader:

        da_t  = (dy_t + da_{t+1} W_hhᵀ) ⊙ f'(a_t)
        dW_xh = Σ_t x_tᵀ da_t      dW_hh = Σ_t h_{t-1}ᵀ da_t      db_h = Σ_t da_t
        dx_t  = da_t W_xhᵀ

    Parameters
    ----------
    hidden_size : number of units, at least 1.
    activation : the layer f. An `Activation` runs fast; any other layer that keeps
        the shape and has no parameters works too.
    bias : whether b_h is there.
    input_initializer, recurrent_initializer, bias_initializer : start values of
        W_xh, W_hh and b_h.

    Shapes
    ------
    x (batch, time, input_size); y (batch, time, hidden_size), all time steps:
    put LastStep() after it for the last one only. W_xh (input_size, hidden_size);
    W_hh (hidden_size, hidden_size); b_h (hidden_size,). State: h_0 (batch, hidden_size);
    `backward_from` returns its gradient.

    References
    ----------
    Elman (1990), Finding structure in time. Cognitive Science 14.
    """

    hidden_size: PositiveInt
    _: KW_ONLY
    activation: Layer = field(default_factory=TanhActivation)
    bias: bool = True
    input_initializer: Initializer = normal_fan_in
    recurrent_initializer: Initializer = normal_fan_in
    bias_initializer: Initializer = zeros

    def output_shape(self, input_shape: Shape) -> Shape:
        """Units in place of features."""
        if len(input_shape) != 2 or input_shape[1] is None:
            raise ShapeError(f"RecurrentLayer: expected input of shape (time, features), got {input_shape}.")
        H = self.hidden_size
        try:
            kept = self.activation.output_shape((H,)) == (H,)
        except ShapeError as err:
            raise ShapeError(f"RecurrentLayer: activation {err}", ("activation", *err.path)) from err
        if not kept:
            name = type(self.activation).__name__
            raise ShapeError(f"RecurrentLayer: activation {name} must keep the shape ({H},).", ("activation",))
        return (input_shape[0], H)

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: npt.DTypeLike) -> Shape:
        """Allocate W_xh, W_hh and b_h; see `Layer.build`."""
        output, H = self.output_shape(input_shape), self.hidden_size
        self.activation.build((H,), rng, dtype)
        if self.activation.params:
            name = type(self.activation).__name__
            raise ShapeError(
                f"RecurrentLayer: activation {name} has parameters ({', '.join(self.activation.params)}); "
                "inside a recurrence it must have none.",
                ("activation",),
            )
        # Generators of their own: these draws do not depend on the shape of W_xh.
        hh_rng, b_rng = rng.spawn(2)
        self.params = {
            "W_xh": self.input_initializer((n_features(input_shape), H), rng, dtype),
            "W_hh": self.recurrent_initializer((H, H), hh_rng, dtype),
        }
        if self.bias:
            self.params["b_h"] = self.bias_initializer((H,), b_rng, dtype)
        return output

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        """All h_t, from h_0 = ``ctx.state`` (None: zeros)."""
        params = built(self)
        F, H = params["W_xh"].shape
        if x.ndim != 3 or x.shape[2] != F or 0 in x.shape:
            raise ShapeError(
                f"RecurrentLayer: expected x of shape (batch, time, {F}) with at least one time step, got {x.shape}."
            )
        batch, time, dtype = x.shape[0], x.shape[1], params["W_xh"].dtype
        state = None if ctx.state is None else plain_array(ctx.state, "RecurrentLayer: the start state")
        if state is not None and state.shape != (batch, H):
            raise ShapeError(f"RecurrentLayer: expected a start state of shape {(batch, H)}, got {state.shape}.")
        ws = ctx.workspace or Workspace()
        layout: Callable[..., SlabRecurrence | RowRecurrence] = SlabRecurrence if H < SLAB_LIMIT else RowRecurrence
        if ctx.lengths is not None:
            check_lengths(ctx.lengths, x.shape, "RecurrentLayer")
            layout = RaggedRecurrence
        size = (batch, time, F, H, self.bias, dtype)
        plan = ws.plan("plan", (layout, *size), layout, *size)
        f = self.activation
        steps: Steps = f if isinstance(f, Activation) else LayerSteps(f, ctx, plan.transposed)
        cache = (plan, steps, ctx.input_gradient, ctx.workspace, ctx.lengths)
        return plan.forward(x, state, params, steps, ctx.lengths), cache

    def bounded(self, y: Array, cache: Any) -> Mapping[str, Bounded]:
        """All h_t, where f has bounds."""
        bounds = self.activation.bounds if isinstance(self.activation, Activation) else None
        return {} if bounds is None else {"h": Bounded(y, *bounds)}

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, Grads]:
        """Backpropagation through time; the equations stand at the class."""
        plan, steps, input_gradient, ws, _ = cache
        if dy.shape != plan.y.shape:
            raise ShapeError(f"RecurrentLayer: expected dy of shape {plan.y.shape}, got {dy.shape}.")
        lent = ws or Workspace()
        grads = {name: lent.array("d" + name, value.shape, value.dtype) for name, value in self.params.items()}
        dx = plan.backward(dy, steps, grads, input_gradient)
        # The plan writes dx to a buffer of its own, which a second backward writes again.
        return dx.copy(order="K") if ws is None and dx is not None else dx, grads

    def backward_from(self, dy: Array, d_final: Any, cache: Any) -> tuple[Array | None, Grads, Any]:
        """As `backward`, where the final state is used too: it is the last y, and dL/dh_0 = da_1 W_hhᵀ."""
        plan, lengths = cache[0], cache[4]
        if d_final is not None:
            who = "RecurrentLayer: expected a gradient of the final state"
            behind = by_name(d_final, {"h": (len(dy), self.hidden_size)}, who)["h"]
            last = dy.shape[1] - 1 if lengths is None else lengths - 1
            dy = dy.copy()
            dy[np.arange(len(dy)), last] += behind
        dx, grads = self.backward(dy, cache)
        return dx, grads, plan.start_gradient()

    def final_state(self, cache: Any) -> Any:
        """h_T, or h after the last step of each sequence, (batch, hidden_size)."""
        return cache[0].final_state().copy()
