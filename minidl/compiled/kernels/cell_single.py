"""A recurrent layer for a single lane, as one window is forecast: its units are the lanes, and there is no way back.

Scratch holds the state before the first step; the states before and after each step; the
weights in the order of the slots, the units of each rounded up to whole vectors;
the sums of a step; and what x gives in all steps.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from minidl.compiled.emit.products import add_product, copy, fill
from minidl.compiled.emit.single import SingleStep, arranged, single_step
from minidl.compiled.emit.vectors import NARROW_BYTES, view
from minidl.compiled.jit import jit, registered
from minidl.compiled.kernel import Single, Sizes
from minidl.compiled.kernels.cell_products import Products
from minidl.compiled.kernels.cell_programs import KEPT, CellPrograms
from minidl.core.layer import Array
from minidl.layers.recurrent.design import Design

# What is placed takes a multiple of so many numbers, a line of the cache.
_LINE = 16

_TEXT = """\
def single(x, y, scratch, *given):
    time, H, _ = y.shape
    features, n = x.shape[1], up(H, {bytes} // y.itemsize)
    at = up({states} * H, {line})
    h = view(scratch, at, (time + 1, n))
    at += h.size
    s = view(scratch, at, (time + 1, {others}, n))
    at += s.size
    W_x = view(scratch, at, (features, {fed} * n))
    at += W_x.size
{weights}
    b = view(scratch, at, ({slots}, n))
    at += b.size
    rows = view(scratch, at, ({vectors}, n))
    at += rows.size
    kept = view(scratch, at, ({kept}, n))
    at += kept.size
    sums = view(scratch, at, ({slots}, n))
    at += sums.size
    fed = view(scratch, at, (time, {fed}, n))
    copy(h[0, :H], view(scratch, 0, (H,)))
    for i in range({others}):
        copy(s[0, i, :H], view(scratch, (i + 1) * H, (H,)))
    fill(fed, 0)
    by_x = view(fed, 0, (time, {fed} * n))
    add_product(by_x, by_x, view(x, 0, (time, features)).T, W_x)
    for t in range(time):
        a = view(fed, t * {fed} * n, ({fed}, n))
        h0, h1 = view(h, t * n, (1, n)), view(h, (t + 1) * n, (1, n))
        s0, s1 = s[t], s[t + 1]
{steps}
    if n == H:
        copy(y, h[1:])
    else:
        for t in range(time):
            copy(y[t], h[t + 1, :H])
"""
_WEIGHTS = """\
    W{i} = view(scratch, at, (H, {count} * n))
    at += W{i}.size
"""
_STEP = "        step{i}(sums, kept, h0, s0, h1, s1, rows, a, b, W{i}, {given}, {head})\n"


def rounded_up(n: int, step: int) -> int:
    """The smallest multiple of `step` that is not below n."""
    return (n + step - 1) // step * step


_up = jit(rounded_up)


class SinglePlan(NamedTuple):
    """What the kernel depends on.

    Parameters
    ----------
    steps : the products with W_h in a time step, and the equations after each.
    given : what each of them multiplies, as text.
    x : for each slot of x, the number of its gate in W_x.
    h : for each step, those of its slots in W_h.
    bias : for each slot, the name of the parameter, and the number of its gate in it.
    vectors : of the equations, in the same way.
    states, kept, masked, heads : how many there are of each.
    names : of W_x and W_h among the parameters.
    """

    steps: tuple[SingleStep, ...]
    given: tuple[str, ...]
    x: tuple[int, ...]
    h: tuple[tuple[int, ...], ...]
    bias: tuple[tuple[str, int], ...]
    vectors: tuple[tuple[str, int], ...]
    states: int
    kept: int
    masked: int
    heads: int = 0
    names: tuple[str, str] = ("W_x", "W_h")

    def text(self) -> str:
        """The kernel, in Python for numba."""
        numbers = range(len(self.steps))
        return _TEXT.format(
            bytes=NARROW_BYTES,
            line=_LINE,
            states=self.states,
            others=self.states - 1,
            fed=len(self.x),
            slots=len(self.bias),
            vectors=len(self.vectors),
            kept=self.kept,
            weights="".join(_WEIGHTS.format(i=i, count=len(self.h[i])) for i in numbers),
            steps="".join(_STEP.format(i=i, given=self.given[i], head=f"H // {self.heads or 1}") for i in numbers),
        )

    def scratch(self, layer: Any, x: Sizes, y: Sizes) -> int:
        """Numbers of scratch memory."""
        sums = len(self.bias) + y[0] * len(self.x)
        return len(self.content(layer, x, y)) + sums * self._padded(layer)

    def content(self, layer: Any, x: Sizes, y: Sizes) -> Array:
        """Zeros where the states stand, the weights, and 1 for a mask of recurrent dropout."""
        H, params = layer.hidden_size, layer.params
        n, W_x = self._padded(layer), params[self.names[0]]
        empty = np.zeros(len(self.bias) * H, W_x.dtype)
        W_h = _one_matrix(params["W_h"], H) if self.heads else params.get(self.names[1], empty)
        kept = np.zeros((self.kept, H), W_x.dtype)
        kept[: self.masked] = 1
        before = rounded_up(self.states * H, _LINE) + (y[0] + 1) * self.states * n
        biases = [_gate(params.get(name, empty), k, H) for name, k in self.bias]
        vectors = [_gate(params[name], k, H) for name, k in self.vectors]
        parts = [
            np.zeros(before, W_x.dtype),
            _wide([_gate(W_x, k, H) for k in self.x], n).reshape(-1),
            *(arranged(_wide([_gate(W_h, k, H) for k in step], n)) for step in self.h if step),
            *(_wide(some, n).reshape(-1) for some in (biases, vectors, kept) if len(some)),
        ]
        return np.concatenate(parts)

    def _padded(self, layer: Any) -> int:
        return rounded_up(layer.hidden_size, NARROW_BYTES // layer.params[self.names[0]].itemsize)


def single_plan(design: Design, programs: CellPrograms, products: Products) -> SinglePlan:
    """That of a cell."""
    late, fed, blocks = products.late, design.x_slots.stop, products.heads > 0
    read = set(programs.given.values())
    first, *rest = [
        tuple(one for one in program if one[:2] != ("store", KEPT) or one[2] in read) for program in programs.forward
    ]
    before = tuple(range(len(design.slots))[design.h_slots])
    steps = [SingleStep(first, fed, before, (), not late, blocks)]
    for number, run in enumerate(late.values(), 1):
        last = number == len(late)
        steps.append(SingleStep(rest[0] if last else (), fed, (run.slot,), before, last, blocks))
        before = *before, run.slot
    slots = [(run, i) for run in products.runs for i in range(run.count)]
    return SinglePlan(
        steps=tuple(steps),
        given=("view(h0, 0, (n,))", *(f"kept[{programs.given[gate]}]" for gate in late)),
        x=tuple(run.x + i for run, i in slots if run.x is not None),
        h=(tuple(run.h + i for run, i in slots if run.h is not None), *((run.h or 0,) for run in late.values())),
        bias=tuple(("b", (run.x or 0) + i) if run.b_h is None else ("b_h", run.b_h + i) for run, i in slots),
        vectors=tuple(design.vectors.values()),
        states=len(design.states),
        kept=programs.kept,
        masked=int(programs.mask),
        heads=products.heads,
    )


@functools.cache
def single_kernel(plan: SinglePlan) -> Single:
    """The kernel of all layers with this plan."""
    known: dict[str, Any] = {"__name__": registered("minidl_cell").__name__, **_NAMES}
    known |= {f"step{i}": single_step(step) for i, step in enumerate(plan.steps)}
    exec(compile(plan.text(), "<cell>", "exec"), known)
    states = plan.states

    @jit
    def carry(x: Array, y: Array, scratch: Array) -> None:
        time, H, _ = y.shape
        n = _up(H, NARROW_BYTES // y.itemsize)
        h = _up(states * H, _LINE)
        s = h + (time + 1) * n + time * (states - 1) * n
        copy(view(scratch, 0, (H,)), view(scratch, h + time * n, (H,)))
        for i in range(states - 1):
            copy(view(scratch, (i + 1) * H, (H,)), view(scratch, s + i * n, (H,)))

    return Single(jit(known["single"]), plan.scratch, carry, plan.content)


def _gate(array: Array, number: int, H: int) -> Array:
    """The columns of a gate."""
    return array[..., number * H : (number + 1) * H]


def _one_matrix(blocks: Array, H: int) -> Array:
    """W_h of a cell with heads, (heads, D, gates · D), as (H, gates · H)."""
    W = np.zeros((H, blocks.shape[2] // blocks.shape[1], H), blocks.dtype)
    for part, block in zip(np.split(np.arange(H), len(blocks)), blocks, strict=True):
        W[np.ix_(part, np.arange(W.shape[1]), part)] = block.reshape(len(part), -1, len(part))
    return W.reshape(H, -1)


def _wide(parts: Iterable[Array], n: int) -> Array:
    """Parts (..., units) as (..., parts, n), with zeros beyond the units."""
    stacked = np.stack(list(parts), axis=-2)
    return np.pad(stacked, [(0, 0)] * (stacked.ndim - 1) + [(0, n - stacked.shape[-1])])


_NAMES = {"add_product": add_product, "copy": copy, "fill": fill, "up": _up, "view": view}
