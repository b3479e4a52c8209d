"""The loop of cells forward; see cell_loop.py for what stands where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from minidl.core.layer import Array
from minidl.core.lengths import inside
from minidl.layers.recurrent.cell_loop import Call, CellArrays
from minidl.layers.recurrent.products import Product


def counts(lengths: Array | None, batch: int, time: int) -> list[int]:
    """How many sequences reach each step."""
    return [batch] * time if lengths is None else [int(n) for n in inside(lengths, time).sum(axis=0)]


def forward(
    arrays: CellArrays, x: Array, start: Mapping[str, Array], params: Mapping[str, Array], lengths: Array | None
) -> Array:
    """Run the equations over all steps; returns all h_t, (batch, time, hidden), a read-only view.

    Parameters
    ----------
    start : the state's parts before the first step, (batch, hidden), or (hidden,) for all sequences alike.
    lengths : see `minidl.core.layer.Context`.
    """
    batch, time, features, _ = arrays.size
    arrays.weights.load(dict(params))
    arrays.X[:, :features] = x.transpose(1, 2, 0)
    for name, (parameter, row) in arrays.design.vectors.items():
        arrays.V[name][:, 0] = params[parameter].reshape(-1, arrays.size[3])[row]
    for state, array in arrays.S.items():
        array[0] = np.atleast_2d(start[state]).T
    n = counts(lengths, batch, time)
    if lengths is not None:
        for t in range(time):
            arrays.X[t, :features, n[t] :] = 0
    fed = arrays.A.reshape(time, -1, batch)[:, : len(arrays.weights.columns)]
    np.matmul(arrays.weights.W_xb_T, arrays.X, out=fed)
    if lengths is None:
        arrays.calls = arrays.calls or [step_calls(arrays, t, batch) for t in range(time)]
        for calls in arrays.calls:
            for function, args in calls:
                function(*args)
    else:
        _ragged(arrays, n)
    return arrays.y


def _ragged(arrays: CellArrays, n: Sequence[int]) -> None:
    """Each step computes the sequences that have one; the state of those that have ended is 0."""
    nodes = arrays.design.graph.nodes
    # Multiplied with gradients that are 0 there. States and vectors are numbers in any case, and not made here.
    made = [place for place in arrays.design.products.values() if nodes[place].op != "input"]
    for t, count in enumerate(n):
        for function, args in step_calls(arrays, t, count) if count else ():
            function(*args)
        for state in arrays.S.values():
            state[t + 1][:, count:] = 0
        for place in made:
            arrays.places[place].at(t, arrays.size[0])[..., count:] = 0


def step_calls(arrays: CellArrays, t: int, n: int) -> list[Call]:
    """What is called in one step, for the first n sequences."""
    design, weights = arrays.design, arrays.weights
    calls: list[Call] = []
    if weights.product is not None:
        h = arrays.S[design.states[0]][t][:, :n]
        made = arrays.scratch(len(design.slots) - design.n_front, n)
        pieces = arrays.A[t, design.n_front :, :, :n]
        middle = design.n_middle
        calls += _product(arrays, weights.product, h, made)
        if middle:
            calls.append((np.add, (pieces[:middle], made[:middle], pieces[:middle])))
        if middle < len(made):
            calls.append((np.add, (made[middle:], weights.b_h, pieces[middle:])))
    calls += [operation.call(t, n) for operation in arrays.early]
    for gate, product in weights.late.items():
        given = arrays.value(design.products[gate])
        made = arrays.scratch(1, n)
        piece = arrays.A[t, design.slots.index(gate), :, :n]
        calls += _product(arrays, product, given.at(t, n), made)  # type: ignore[union-attr]
        calls.append((np.add, (piece, made[0], piece)))
    return calls + [operation.call(t, n) for operation in arrays.late]


def _product(arrays: CellArrays, product: Product, h: Array, made: Array) -> list[Call]:
    """h W_h, of the units that recurrent dropout leaves in."""
    if arrays.mask is None:
        return [(product.forward, (h, made))]
    left = np.empty_like(h)
    return [(np.multiply, (h, arrays.mask[:, : h.shape[1]], left)), (product.forward, (left, made))]
