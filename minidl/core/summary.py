"""What a model consists of: its layers with output shapes and parameters."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from math import prod

import numpy as np

from minidl.core.layer import Layer, Shape
from minidl.core.walk import own_parameters, walk_shapes


@dataclass(frozen=True)
class LayerSummary:
    """One layer: its position and class, output shape, shapes of its own parameters, their number."""

    name: str
    output_shape: Shape
    parameters: dict[str, tuple[int, ...]]
    count: int


def summarize(model: Layer, input_shape: Shape) -> list[LayerSummary]:
    """Every layer of a model in order, containers opened (they have a line if they have parameters of their own).

    The model itself is not changed.

    A layer that stands twice is counted at its first place.

    Raises
    ------
    ShapeError
        Layers do not fit each other.
    """
    twin = copy.deepcopy(model)
    twin.build(input_shape, np.random.default_rng(0), np.float32)
    rows: list[LayerSummary] = []
    seen: set[int] = set()
    for path, layer, shape in walk_shapes(twin, input_shape):
        own = own_parameters(layer)
        parameters = {} if id(layer) in seen else {name: value.shape for name, value in own.items()}
        seen.add(id(layer))
        if own or not layer.children():
            name = f"{path} {type(layer).__name__}".strip()
            rows.append(LayerSummary(name, layer.output_shape(shape), parameters, sum(map(prod, parameters.values()))))
    return rows
