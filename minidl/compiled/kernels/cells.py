"""Recurrent layers that are given by equations: one kernel for all of them, written from the traced cell.

The loop over time multiplies, and a program between the products does the rest of a
step; see cell_programs.py. Scratch holds, of n = hidden_size · lanes numbers each: the
state before the first step, states other than h after each step, the products of a step,
the kept pieces of all steps, the gradients of all products, dL/d(state), what products gave
back, and gradients of vectors lane by lane; after these vectors, zeros in place of biases, and
the matrices, rearranged.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minidl.compiled.emit.products import add_back, add_product, affine, copy, fill, gradient, side_by_side, sums
from minidl.compiled.emit.programs import backward_program, forward_program
from minidl.compiled.emit.vectors import view
from minidl.compiled.jit import jit, registered
from minidl.compiled.kernel import LayerKernel, Sizes
from minidl.compiled.kernels.cell_products import products_of
from minidl.compiled.kernels.cell_programs import programs
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
    matrices: tuple[str, ...]

    def scratch(self, layer: Any, x: Sizes, y: Sizes) -> int:
        """Numbers of scratch memory."""
        time, units, lanes = y
        steps = (time + 1) * (self.states - 1) + time * (self.kept + self.slots)
        pieces = 1 + steps + self.slots + self.states + self.given + self.rows
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


_FUNCTIONS = (add_back, add_product, affine, copy, fill, gradient, hold, side_by_side, silence, sums)
_NAMES = {f.__name__: f for f in _FUNCTIONS} | {"view": view}


def cell(layer: Cell) -> LayerKernel:
    """Any `Cell`."""
    gates = layer.all_gates()
    found = design(layer, gates, layer.states, list(layer.all_vectors()))
    made = programs(found)
    recurrent = [gate.name for gate in gates if gate.recurrent]
    heads = layer.n_heads() if layer.recurrent == "heads" else 0
    products = products_of(found, [gate.name for gate in gates], recurrent, heads)
    names = list(layer.params)
    texts = [
        text
        for ragged in (False, True)
        for one in [CellText(found, made, products, names, ragged)]
        for text in (one.forward(), one.backward())
    ]
    late, vectors, matrices = len(products.late), len(found.vectors), tuple(products.matrices())
    sizes = _Sizes(len(found.states), len(found.slots), made.kept, late, vectors, matrices)
    return _kernel(tuple(texts), made.forward, made.backward, sizes)


@functools.cache
def _kernel(texts: tuple[str, ...], forward: tuple[Any, ...], backward: tuple[Any, ...], sizes: _Sizes) -> LayerKernel:
    """That of cells with these texts and programs: two of them share their compiled code."""
    programs = {f"forward{i}": forward_program(program) for i, program in enumerate(forward)}
    programs |= {f"backward{i}": backward_program(program) for i, (_, program) in enumerate(backward)}
    functions: list[Any] = []
    for text in texts:
        # Another module's name, so that its content is part of the name of compiled code; see identity.py.
        known: dict[str, Any] = {"__name__": registered("minidl_cell").__name__, **_NAMES, **programs}
        exec(compile(text, "<cell>", "exec"), known)
        functions.append(jit(known["forward" if len(functions) % 2 == 0 else "backward"]))
    there, back, ragged_there, ragged_back = functions
    others = sizes.states - 1

    @jit
    def carry(x: Array, y: Array, scratch: Array) -> None:
        time, H, lanes = y.shape
        n = H * lanes
        copy(view(scratch, 0, (n,)), view(y, (time - 1) * n, (n,)))
        copy(view(scratch, n, (others * n,)), view(scratch, n + time * others * n, (others * n,)))

    ragged = ragged_there, ragged_back
    return LayerKernel(there, back, sizes.scratch, carry, sizes.state, ragged=ragged)
