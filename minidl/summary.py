"""What a model consists of: its layers with output shapes and parameters."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from math import prod

import numpy as np

from minidl.layer import Layer, Shape
from minidl.layers.sequential import Stack


@dataclass(frozen=True)
class LayerSummary:
    """One layer: its position and class, output shape, shapes of its own parameters, their number."""

    name: str
    output_shape: Shape
    parameters: dict[str, tuple[int, ...]]
    count: int


def summarize(model: Layer, input_shape: Shape) -> list[LayerSummary]:
    """Every layer of a model in order, containers opened; the model itself is not changed.

    A layer that stands twice is counted at its first place.

    Raises
    ------
    ShapeError
        Layers do not fit each other.
    """
    rows: list[LayerSummary] = []
    _walk(copy.deepcopy(model), input_shape, "", set(), rows)
    return rows


def _walk(layer: Layer, shape: Shape, prefix: str, seen: set[int], rows: list[LayerSummary]) -> Shape:
    if isinstance(layer, Stack):
        for i, child in enumerate(layer.children):
            shape = _walk(child, shape, f"{prefix}{i}.", seen, rows)
        return shape
    output = layer.build(shape, np.random.default_rng(0), np.float32)
    parameters = {} if id(layer) in seen else {name: value.shape for name, value in layer.params.items()}
    seen.add(id(layer))
    name = f"{prefix.rstrip('.')} {type(layer).__name__}".strip()
    rows.append(LayerSummary(name, output, parameters, sum(map(prod, parameters.values()))))
    return output
