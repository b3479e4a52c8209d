"""Recurrent layers that are given by equations: one kernel for all of them, written from the traced cell.

The loop over time multiplies, and a program between the products does the rest of a
step; see cell_programs.py. Scratch holds, of n = hidden_size · lanes numbers each: the
state before the first step, states other than h after each step, the products of a step,
the kept pieces of all steps, the gradients of all products, dL/d(state), what products gave
back, gradients of vectors lane by lane, what W_h multiplies in all steps where that is not the output,
and with a mask what it gives back; after these vectors, zeros in place of biases, and
the matrices, rearranged.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minidl.compiled.emit.products import (
    add_gradient,
    add_product,
    affine_lanes,
    copy,
    fill,
    gradient,
    side_by_side,
    sums,
)
from minidl.compiled.emit.programs import backward_program, forward_program
from minidl.compiled.emit.vectors import view
from minidl.compiled.jit import jit, registered
from minidl.compiled.kernel import LayerKernel, Linked, Mask, Sizes
from minidl.compiled.kernels.cell_products import products_of
from minidl.compiled.kernels.cell_programs import programs
from minidl.compiled.kernels.cell_single import SinglePlan, single_kernel, single_plan
from minidl.compiled.kernels.cell_text import CellText
from minidl.compiled.kernels.glue import hold
from minidl.core.layer import Array
from minidl.layers.recurrent.cell import Cell
from minidl.layers.recurrent.design import design


@dataclass(frozen=True)
class _Sizes:
    """How many pieces of n numbers a cell has of each kind."""

    states: int
    slots: int
    kept: int
    given: int
    rows: int
    fed: int
    masked: bool
    matrices: tuple[str, ...]

    def scratch(self, layer: Any, x: Sizes, y: Sizes) -> int:
        """Numbers of scratch memory."""
        time, units, lanes = y
        steps = (time + 1) * (self.states - 1) + time * (self.kept + self.slots + self.fed)
        pieces = 1 + steps + self.slots + self.states + self.given + self.rows + self.masked
        rearranged = sum(int(layer.params[name].size) for name in self.matrices)
        return pieces * units * lanes + (self.rows + self.slots) * units + rearranged

    def state(self, layer: Cell, x: Sizes) -> Sequence[int]:
        """Features of each part of the state."""
        return [layer.hidden_size] * self.states


@jit
def silence(a: Array, lengths: Array, t: int) -> None:
    """0 in lanes that have ended."""
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            for k in range(a.shape[2]):
                if t >= lengths[k]:
                    a[i, j, k] = 0


@jit
def times(to: Array, a: Array, b: Array) -> None:
    """to = a ⊙ b."""
    out, left, right = view(to, 0, (to.size,)), view(a, 0, (to.size,)), view(b, 0, (to.size,))
    for k in range(out.size):
        out[k] = left[k] * right[k]


@jit
def add_times(to: Array, a: Array, b: Array) -> None:
    """to += a ⊙ b."""
    out, left, right = view(to, 0, (to.size,)), view(a, 0, (to.size,)), view(b, 0, (to.size,))
    for k in range(out.size):
        out[k] += left[k] * right[k]


@jit
def spread(to: Array, a: Array) -> None:
    """A number for each unit, in all lanes."""
    for i in range(to.shape[0]):
        fill(to[i], a[i])


_FUNCTIONS = (
    add_gradient, add_product, add_times, affine_lanes, copy, fill, gradient, hold, side_by_side, silence, spread,
    sums, times,
)  # fmt: skip
_NAMES = {f.__name__: f for f in _FUNCTIONS} | {"view": view}


def mask_of(layer: Cell, x: Sizes, y: Sizes) -> Mask:
    """For the units, by one mask for all steps."""
    return Mask(layer.recurrent_dropout, 1, layer.hidden_size)


def cell(layer: Cell) -> LayerKernel:
    """Any `Cell`."""
    gates = layer.all_gates()
    found = design(layer, gates, layer.states, list(layer.all_vectors()))
    made = programs(found)
    recurrent = [gate.name for gate in gates if gate.recurrent]
    heads = layer.n_heads() if layer.recurrent == "heads" else 0
    products = products_of(found, [gate.name for gate in gates], recurrent, heads)
    masked = layer.recurrent_dropout > 0
    even, ragged = (CellText(found, made, products, list(layer.params), masked, ragged) for ragged in (False, True))
    texts = [text for one in (even, ragged) for text in (one.forward(), one.backward())]
    late, vectors, matrices = len(products.late), len(found.vectors), tuple(products.matrices())
    sizes = _Sizes(len(found.states), len(found.slots), made.kept, late, vectors, even.fed, masked, matrices)
    texts += [even.went_on(), even.backward(linked=True), *([even.start()] if even.starts else [])]
    return _kernel(tuple(texts), made.forward, made.backward, sizes, single_plan(found, made, products))


@functools.cache
def _kernel(
    texts: tuple[str, ...], forward: tuple[Any, ...], backward: tuple[Any, ...], sizes: _Sizes, plan: SinglePlan
) -> LayerKernel:
    """That of cells with these texts and programs: two of them share their compiled code."""
    programs = {f"forward{i}": forward_program(program) for i, program in enumerate(forward)}
    programs |= {f"backward{i}": backward_program(program) for i, (_, program) in enumerate(backward)}
    functions: list[Any] = []
    for text in texts:
        # Another module's name, so that its content is part of the name of compiled code; see identity.py.
        known: dict[str, Any] = {"__name__": registered("minidl_cell").__name__, **_NAMES, **programs}
        exec(compile(text, "<cell>", "exec"), known)
        functions.append(jit(known[text.split("(")[0].removeprefix("def ")]))
    there, back, ragged_there, ragged_back, went_on, linked, *start = functions
    others = sizes.states - 1

    @jit
    def pass_on(x: Array, y: Array, scratch: Array, to: Array) -> None:
        time, H, lanes = y.shape
        n = H * lanes
        copy(view(to, 0, (n,)), view(y, (time - 1) * n, (n,)))
        copy(view(to, n, (others * n,)), view(scratch, n + time * others * n, (others * n,)))

    @jit
    def carry(x: Array, y: Array, scratch: Array) -> None:
        pass_on(x, y, scratch, scratch)

    ragged = ragged_there, ragged_back
    begin, mask = start[0] if start else None, mask_of if sizes.masked else None
    return LayerKernel(
        there, back, sizes.scratch, carry, sizes.state, begin, ragged=ragged, mask=mask, went_on=went_on,
        single=single_kernel(plan), linked=Linked(pass_on, linked),
    )  # fmt: skip
