"""The files of a new cell: a working one with two states, and its test."""

from __future__ import annotations

import importlib.util
import keyword
import os
import re
from pathlib import Path

from minidl.core.errors import ConfigError
from minidl.core.layer import Layer
from minidl.core.output import show
from minidl.core.registry import names
from minidl.files.appending import write_new

CELL = '''\
"""A recurrent layer of my own. Check it, see its gradient, and train it:

minidl check-layer {name}.py:{cls} --args '{{hidden_size: 4}}'
minidl equations {name}.py:{cls}
minidl train CONFIG --plugin {name}.py    with the layer - {{type: {cls}, hidden_size: 8}} in its model
"""

import numpy as np

from minidl import Cell, register, sigmoid


@register
class {cls}(Cell):
    """c_t = σ(f) c_{{t-1}} + (1 - σ(f)) tanh(g),  h_t = σ(o) c_t;  f, g, o = x_t W_x + h_{{t-1}} W_h + b."""

    gates = ("f", "g", "o")  # what x and h are multiplied for; the library makes W_x, W_h and b
    states = ("h", "c")  # what is handed from step to step; the first is the output, and what W_h multiplies

    def equations(self, f, g, o, c):
        # Gates, and the states before the step, by name. Each number for itself: NumPy's functions, sigmoid, where.
        keep = sigmoid(f)
        c_next = keep * c + (1 - keep) * np.tanh(g)
        return sigmoid(o) * c_next, c_next  # the states after the step, in their order; the gradient is derived
'''
TEST = '''\
"""The tests of {name}.py: run them with pytest test_{name}.py"""

import numpy as np
from {name} import {cls}

from minidl import sigmoid
from minidl.testing import check_layer


def test_it_keeps_what_a_layer_promises():
    check_layer({cls}(4), input_shape=(None, 3))  # among it: the gradient against central differences


def test_it_is_its_equations_step_by_step():
    layer = {cls}(4)
    layer.build((None, 3), np.random.default_rng(0), "float64")
    x = np.random.default_rng(1).normal(size=(2, 5, 3))  # batch, time, features
    y, _ = layer.forward(x)
    h, c = np.zeros((2, 4)), np.zeros((2, 4))
    for t in range(5):
        a = x[:, t] @ layer.params["W_x"] + h @ layer.params["W_h"] + layer.params["b"]
        f, g, o = np.split(a, 3, axis=1)  # gate after gate
        c = sigmoid(f) * c + (1 - sigmoid(f)) * np.tanh(g)
        h = sigmoid(o) * c
        np.testing.assert_allclose(y[:, t], h, rtol=1e-12)
'''


def write_cell(name: str) -> None:
    """Write NAME.py and test_NAME.py to this folder.

    Raises
    ------
    ConfigError
        The name cannot be that of a module, or there is something of that name.
    """
    name = name.removesuffix(".py")
    if not re.fullmatch(r"[A-Za-z]\w{0,99}", name, re.ASCII) or keyword.iskeyword(name):
        raise ConfigError(f"NAME: expected the name of a Python module, such as my_cell, got {name!r}.")
    class_name = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    files = {Path(f"{name}.py"): CELL, Path(f"test_{name}.py"): TEST}
    for path in files:
        if os.path.lexists(path):
            raise ConfigError(f"{path}: exists already; choose another name.")
    if class_name in names(Layer):
        raise ConfigError(f"NAME: there is a layer {class_name} already; choose another name.")
    if importlib.util.find_spec(name) is not None:
        raise ConfigError(f"NAME: there is a module {name} already; choose another name.")
    for path, text in files.items():
        write_new(path, text.format(name=name, cls=class_name).encode())
    written = " and ".join(map(str, files))
    show(f"{written}: written; next: minidl check-layer {name}.py:{class_name} --args '{{hidden_size: 4}}'")
