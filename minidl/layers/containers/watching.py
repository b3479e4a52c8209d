"""What every layer of a model puts out for a batch: hidden states by layer.

A copy of the model, which shares the weights, is watched while it computes; the model itself is not touched.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.core.arrays import numbers_array
from minidl.core.layer import INFERENCE, Array, Context, Layer
from minidl.core.lengths import checked_lengths, longest_first, without_padding
from minidl.core.walk import walk

Forward = Callable[..., tuple[Array, Any]]


def outputs_of_layers(model: Layer, x: Any, lengths: Any = None) -> dict[str, Array]:
    """The output of each layer inside a model for a batch, by its path; see `Container.states`."""
    x = numbers_array(x, f"{type(model).__name__}: x")
    found = None if lengths is None else checked_lengths(lengths, x)
    places: Any = slice(None)
    if found is not None:
        x, found, places = longest_first(x, found)
    twin = copy.deepcopy(model, {id(value): value for value in model.params.values()})
    outputs: dict[str, Array] = {}
    ways: dict[int, list[str]] = {}
    layers = [(path, layer) for path, layer in walk(twin) if path]
    for path, layer in layers:
        ways.setdefault(id(layer), []).append(path)
    for layer in {id(layer): layer for _, layer in layers}.values():
        vars(layer)["forward"] = _watched(layer, ways[id(layer)], outputs)
    twin.forward(x, INFERENCE if found is None else Context(lengths=found))
    return {path: outputs[path][places] for path, _ in layers if path in outputs}


def _watched(layer: Layer, ways: list[str], outputs: dict[str, Array]) -> Forward:
    """The layer's forward, which notes what it returns at its next place; the last place takes what comes after."""
    forward: Forward = layer.forward
    paths = iter(ways)

    def watched(x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        y, cache = forward(x, ctx)
        after = None if ctx.lengths is None else layer.output_lengths(ctx.lengths)
        outputs[next(paths, ways[-1])] = np.array(without_padding(y, after))
        return y, cache

    return watched
