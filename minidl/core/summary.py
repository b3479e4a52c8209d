"""What a model consists of: its layers with output shapes and parameters, as a table for people."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import prod

import numpy as np
import numpy.typing as npt

from minidl.core.layer import Layer, Shape
from minidl.core.text import aligned, printable
from minidl.core.walk import own_parameters, walk_shapes


@dataclass(frozen=True)
class LayerSummary:
    """One layer: its position and class, output shape, shapes of its own parameters, their number."""

    name: str
    output_shape: Shape
    parameters: dict[str, tuple[int, ...]]
    count: int


@dataclass(frozen=True, repr=False)
class Summary:
    """A model's layers in order; as text, and in a notebook, it is a table of them.

    Parameters
    ----------
    input_shape : of one example.
    rows : the layers.
    dtype : of the parameters.
    """

    input_shape: Shape
    rows: Sequence[LayerSummary]
    dtype: str

    @property
    def parameters(self) -> int:
        """How many numbers are learned."""
        return sum(row.count for row in self.rows)

    def lines(self) -> list[str]:
        """The table, and the number of parameters."""
        return [*aligned(self._cells(), left=3), self._total()]

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        head, *rows = (_html_row(cells, "td" if i else "th") for i, cells in enumerate(self._cells()))
        total = f"<caption>{escape(self._total())}</caption>"
        return f"<table>{total}<thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"

    def _total(self) -> str:
        return f"total: {self.parameters} parameters, {self.dtype}"

    def _cells(self) -> list[list[str]]:
        cells = [["layer", "output shape", "parameters", "count"], ["input", str(self.input_shape), "", ""]]
        for row in self.rows:
            shapes = "  ".join(f"{name} {shape}" for name, shape in row.parameters.items())
            cells.append([row.name, str(row.output_shape), shapes, str(row.count)])
        return cells


def _html_row(cells: list[str], tag: str) -> str:
    """Notebooks put what stands in a table on the right, where the count belongs alone."""
    *texts, count = (escape(printable(cell)) for cell in cells)
    left = "".join(f'<{tag} style="text-align:left">{text}</{tag}>' for text in texts)
    return f"<tr>{left}<{tag}>{count}</{tag}></tr>"


def summarize(model: Layer, input_shape: Shape, dtype: npt.DTypeLike = np.float32) -> Summary:
    """Every layer of a model in order, containers opened (they have a line if they have parameters of their own).

    The model itself is not changed.

    A layer that stands twice is counted at its first place.

    Raises
    ------
    ShapeError
        Layers do not fit each other.
    """
    twin = copy.deepcopy(model)
    twin.build(input_shape, np.random.default_rng(0), dtype)
    rows: list[LayerSummary] = []
    seen: set[int] = set()
    for path, layer, shape in walk_shapes(twin, input_shape):
        own = own_parameters(layer)
        parameters = {} if id(layer) in seen else {name: value.shape for name, value in own.items()}
        seen.add(id(layer))
        if own or not layer.children():
            name = f"{path} {type(layer).__name__}".strip()
            rows.append(LayerSummary(name, layer.output_shape(shape), parameters, sum(map(prod, parameters.values()))))
    return Summary(input_shape, rows, str(np.dtype(dtype)))
