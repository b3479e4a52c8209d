"""RecurrentLayer: h_t = f(b + W_xhᵀ x_t + W_hhᵀ h_{t-1}) and backpropagation through time.

Scratch holds the start state h_0 (zeros while training), the gradients da_t, zeros in
place of a bias, and the weights, rearranged.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from minidl.compiled.emit import functions
from minidl.compiled.emit.products import add_gradient, add_product, affine, copy, fill, gradient, side_by_side, sums
from minidl.compiled.emit.programs import Instruction
from minidl.compiled.emit.single import SingleStep
from minidl.compiled.emit.vectors import view
from minidl.compiled.jit import jit
from minidl.compiled.kernel import ActivationKernel, LayerKernel, Linked, Sizes, kernel_of
from minidl.compiled.kernels.activations import identity_function, relu_function
from minidl.compiled.kernels.cell_programs import H1, SLOTS
from minidl.compiled.kernels.cell_single import SinglePlan, single_kernel
from minidl.compiled.kernels.glue import add_to, hold
from minidl.core.layer import Array


def _functions(activation: ActivationKernel) -> tuple[Any, Any]:
    function, slope = activation.function, activation.slope

    @jit
    def activate(a: Array) -> None:
        flat = view(a, 0, (a.size,))
        for k in range(flat.size):
            flat[k] = function(flat[k])

    @jit
    def gate(dh: Array, h: Array) -> None:
        flat, y = view(dh, 0, (dh.size,)), view(h, 0, (h.size,))
        for k in range(flat.size):
            flat[k] = flat[k] * slope(y[k])

    return activate, gate


# The library's own activations as instructions of a step.
_OPERATIONS: dict[Any, tuple[Instruction, ...]] = {
    functions.tanh: (("tanh", 0),),
    functions.sigmoid: (("sigmoid", 0),),
    relu_function: (("maximum", 0, 0.0),),
    identity_function: (),
}


@functools.cache
def _both(activation: ActivationKernel) -> tuple[Any, Any]:
    activate, gate = _functions(activation)

    @jit
    def forward(x: Array, y: Array, scratch: Array, W_xh: Array, W_hh: Array, b_h: Array) -> None:
        time, H, lanes = y.shape
        h = view(scratch, 0, (H, lanes))
        weights_at = (time + 1) * H * lanes + H
        W_x = side_by_side(view(scratch, weights_at, W_xh.T.shape), W_xh, time * lanes)
        W_h = side_by_side(view(scratch, weights_at + W_xh.size, W_hh.T.shape), W_hh, time * lanes)
        for t in range(time):
            affine(y[t], b_h, W_x, x[t], W_h, h)
            activate(y[t])
            h = y[t]

    @jit
    def backward_from(
        x: Array, y: Array, dy: Array, dx: Array, scratch: Array, after: Array, W_xh: Array, W_hh: Array,
        dW_xh: Array, dW_hh: Array,
    ) -> Any:  # fmt: skip
        time, H, lanes = y.shape
        da = view(scratch, H * lanes, (time, H, lanes))
        copy(da[-1], dy[-1])
        if after.size:
            add_to(da[-1], after)
        gate(da[-1], y[-1])
        for t in range(time - 2, -1, -1):
            add_product(da[t], dy[t], W_hh.T, da[t + 1])
            gate(da[t], y[t])
        gradient(dW_xh, x, da)
        gradient(dW_hh, y[:-1], da[1:])
        for t in range(len(dx)):
            fill(dx[t], 0)
            add_product(dx[t], dx[t], W_xh.T, da[t])
        return da

    return forward, backward_from


@functools.cache
def _kernel(activation: ActivationKernel, bias: bool) -> LayerKernel:
    both = _with_bias(*_both(activation), bias)
    linked = Linked(pass_on, _linked(_both(activation)[1], bias))
    operation = _OPERATIONS.get(activation.function)
    return LayerKernel(
        *both, scratch_size, carry, state, ragged=_ragged(*both), went_on=_went_on(bias), linked=linked,
        single=None if operation is None else single_kernel(_single_plan(operation)),
    )  # fmt: skip


def _single_plan(operation: tuple[Instruction, ...]) -> SinglePlan:
    """That of a cell with one gate and one equation."""
    instructions = (("load", SLOTS, 0), *operation, ("store", H1, 0, len(operation)))
    return SinglePlan(
        steps=(SingleStep(instructions, 1, (0,), (), True, False),),
        given=("view(h0, 0, (n,))",),
        x=(0,),
        h=((0,),),
        bias=(("b_h", 0),),
        vectors=(),
        states=1,
        kept=0,
        masked=0,
        names=("W_xh", "W_hh"),
    )


def _went_on(bias: bool) -> Any:
    number = 4 if bias else 3  # of dW_hh, among parameters and gradients

    @jit
    def went_on(x: Array, y: Array, scratch: Array, *weights: Array) -> None:
        """dW_hh += h_0 da_1ᵀ."""
        _, H, lanes = y.shape
        add_gradient(weights[number], view(scratch, 0, (1, H, lanes)), view(scratch, H * lanes, (1, H, lanes)))

    return went_on


def _ragged(forward: Any, backward: Any) -> tuple[Any, Any]:
    """The same for lanes of different length: after its last step a lane keeps its h, so that all stays finite."""

    @jit
    def forward_ragged(x: Array, y: Array, scratch: Array, lengths: Array, *params: Array) -> None:
        forward(x, y, scratch, *params)
        for t in range(1, y.shape[0]):
            hold(y[t : t + 1], y[t - 1 : t], lengths, t)

    @jit
    def backward_ragged(
        x: Array, y: Array, dy: Array, dx: Array, scratch: Array, lengths: Array, *params: Array
    ) -> None:
        backward(x, y, dy, dx, scratch, *params)

    return forward_ragged, backward_ragged


def _linked(backward_from: Any, bias: bool) -> Any:
    if bias:

        @jit
        def linked(
            x: Array, y: Array, dy: Array, dx: Array, scratch: Array, after: Array, before: Array,
            W_xh: Array, W_hh: Array, b_h: Array, dW_xh: Array, dW_hh: Array, db_h: Array,
        ) -> None:  # fmt: skip
            da = backward_from(x, y, dy, dx, scratch, after, W_xh, W_hh, dW_xh, dW_hh)
            sums(db_h, da)
            to_start(before, W_hh, da[0])

        return linked

    @jit
    def linked_without_bias(
        x: Array, y: Array, dy: Array, dx: Array, scratch: Array, after: Array, before: Array,
        W_xh: Array, W_hh: Array, dW_xh: Array, dW_hh: Array,
    ) -> None:  # fmt: skip
        to_start(before, W_hh, backward_from(x, y, dy, dx, scratch, after, W_xh, W_hh, dW_xh, dW_hh)[0])

    return linked_without_bias


@jit
def to_start(before: Array, W_hh: Array, da: Array) -> None:
    """dL/dh_0 = W_hh da_1."""
    to = view(before, 0, da.shape)
    fill(to, 0)
    add_product(to, to, W_hh.T, da)


def _with_bias(forward: Any, backward_from: Any, bias: bool) -> tuple[Any, Any]:
    @jit
    def backward(
        x: Array, y: Array, dy: Array, dx: Array, scratch: Array, W_xh: Array, W_hh: Array, dW_xh: Array, dW_hh: Array
    ) -> Any:
        return backward_from(x, y, dy, dx, scratch, view(scratch, 0, (0,)), W_xh, W_hh, dW_xh, dW_hh)

    if bias:

        @jit
        def all_gradients(
            x: Array, y: Array, dy: Array, dx: Array, scratch: Array, W_xh: Array, W_hh: Array, b_h: Array,
            dW_xh: Array, dW_hh: Array, db_h: Array,
        ) -> None:  # fmt: skip
            da = backward(x, y, dy, dx, scratch, W_xh, W_hh, dW_xh, dW_hh)
            sums(db_h, da)

        return forward, all_gradients

    @jit
    def without_bias(x: Array, y: Array, scratch: Array, W_xh: Array, W_hh: Array) -> None:
        time, H, lanes = y.shape
        forward(x, y, scratch, W_xh, W_hh, view(scratch, (time + 1) * H * lanes, (H,)))

    return without_bias, backward


@jit
def pass_on(x: Array, y: Array, scratch: Array, to: Array) -> None:
    """h_T becomes the h_0 of what comes next."""
    last = y[-1]
    copy(view(to, 0, (last.size,)), last)


@jit
def carry(x: Array, y: Array, scratch: Array) -> None:
    """h_T becomes h_0."""
    pass_on(x, y, scratch, scratch)


def scratch_size(layer: Any, x: Sizes, y: Sizes) -> int:
    """h_0, da, zeros for a bias and the weights, rearranged."""
    time, H, lanes = y
    return (time + 1) * H * lanes + H + (x[1] + H) * H


def state(layer: Any, x: Sizes) -> Sequence[int]:
    """Of h_0."""
    return (layer.hidden_size,)


def recurrent(layer: Any) -> LayerKernel:
    """RecurrentLayer."""
    return _kernel(kernel_of(layer.activation), layer.bias)
