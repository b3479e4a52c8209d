"""A plugin with a layer, a loss, an optimizer and a series, and a config that names them."""

from __future__ import annotations

import sys

from small import CONFIG

from minidl.core import registry

PLUGIN = '''
"""A layer, a loss, an optimizer and a series of a user's own."""
from dataclasses import dataclass
import numpy as np
from minidl import INFERENCE, DifferenceLoss, Layer, Optimizer, register
from minidl.data import CSVSeries


@register
@dataclass(eq=False)
class OwnScale(Layer):
    """y = factor x."""

    factor: float = 2.0

    def forward(self, x, ctx=INFERENCE):
        return x * self.factor, None

    def backward(self, dy, cache):
        return dy * self.factor, {}


@register
@dataclass(eq=False)
class OwnLoss(DifferenceLoss):
    """L = mean(e⁴) / 4."""

    def value(self, e):
        return e**4 / 4

    def slope(self, e):
        return e**3


@register
@dataclass(eq=False)
class OwnSign(Optimizer):
    """p ← p - η sign(g)."""

    def update(self, params, grads, state):
        params -= self.learning_rate * np.sign(grads)


@register
@dataclass(eq=False)
class OwnSeries(CSVSeries):
    """A CSVSeries under another name."""
'''
OWN = (
    CONFIG.replace("type: CSVSeries", "type: OwnSeries")
    .replace("loss: HalfMSE", "loss: OwnLoss")
    .replace("type: SGD", "type: OwnSign")
    .replace("    - {type: LastStep}\n", "    - {type: OwnScale, factor: 0.5}\n    - {type: LastStep}\n")
)


def forget() -> None:
    """As in a new process: nothing of the plugin is loaded."""
    for module in [module for module in sys.modules if module.startswith("minidl_plugin_")]:
        del sys.modules[module]
    for _, entries in registry._KINDS.values():
        for name in [name for name in entries if name.startswith("Own")]:
            del entries[name]
