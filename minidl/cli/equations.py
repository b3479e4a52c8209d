"""Print the equations of a cell, such as LSTMLayer: one time step forward, its gradient, and the sums over time."""

from __future__ import annotations

import argparse

from minidl.cli.common import load_plugins
from minidl.cli.layer_argument import layer_in_file, made
from minidl.core.errors import ConfigError
from minidl.core.layer import Layer
from minidl.core.output import show
from minidl.core.registry import lookup, names
from minidl.layers.recurrent.cell import Cell
from minidl.layers.recurrent.notation import LATEX, TEXT
from minidl.layers.recurrent.printing import page


def run(args: argparse.Namespace) -> int:
    """The page with the equations."""
    load_plugins(args)
    layer = layer_in_file(args.cell) if ":" in args.cell else lookup(Layer, args.cell)
    if not (isinstance(layer, type) and issubclass(layer, Cell)):
        cells = ", ".join(name for name in names(Layer) if issubclass(lookup(Layer, name), Cell))
        raise ConfigError(f"{layer.__name__} is not a cell, a layer that is given by equations; cells: {cells}.")
    if not layer.is_its_equations():
        raise ConfigError(f"{layer.__name__} has a forward or backward of its own, which its equations do not tell.")
    show(*page(made(layer, args, {"hidden_size": 1}), LATEX if args.latex else TEXT))
    return 0
