"""All parameters of a model in one vector, all gradients in another.

Layers work on views of them, so optimizer, clipping and norm are one call each.
"""

from __future__ import annotations

import numpy as np

from minidl.errors import ConfigError
from minidl.layer import Array, Grads, Layer
from minidl.workspace import Workspace


class FlatParameters:
    """Two vectors, and their views by parameter name.

    Parameters
    ----------
    model : built; its parameters become views of `values` with the same content.

    Raises
    ------
    ConfigError
        The model has no parameters (it was not built, or there is nothing to train).
    """

    def __init__(self, model: Layer) -> None:
        if not model.params:
            raise ConfigError(f"{type(model).__name__} has no parameters to train; was build() called?")
        self.values = np.concatenate([value.reshape(-1) for value in model.params.values()])
        self.grads = np.zeros_like(self.values)
        self.views = self._views(model, self.values)
        self.grad_views = self._views(model, self.grads)
        model.bind(self.views)

    @staticmethod
    def _views(model: Layer, flat: Array) -> Grads:
        views, start = {}, 0
        for name, value in model.params.items():
            views[name] = flat[start : start + value.size].reshape(value.shape)
            start += value.size
        return views

    def lend_gradients(self, workspace: Workspace) -> None:
        """Make layers write their gradients into the flat vector when they run with this workspace."""
        for name, view in self.grad_views.items():
            *path, leaf = name.split(".")
            place = workspace
            for part in path:
                place = place.child(part)
            place.lend("d" + leaf, view)

    def collect(self, grads: Grads) -> None:
        """Bring in the gradients that a layer returned in arrays of its own."""
        for name, view in self.grad_views.items():
            if grads[name] is not view:
                view[...] = grads[name]
