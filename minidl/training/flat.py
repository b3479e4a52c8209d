"""All parameters of a model in one vector, all gradients in another.

Layers work on views of them, so optimizer, clipping and norm are one call each.
A model can get other arrays at any time: it is built again, copied, trained by
somebody else. `FlatParameters.follow` finds that out and takes the model's values
over, so that nobody trains a vector that no model looks at any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.core.errors import ConfigError, ShapeError
from minidl.core.layer import Array, Grads, Layer, parts
from minidl.core.workspace import Workspace


class FlatParameters:
    """Two vectors, and their views by parameter name.

    Parameters
    ----------
    model : built; its parameters become views of `values` with the same content.

    Raises
    ------
    ConfigError
        The model has no parameters (it was not built, or there is nothing to train),
        parameters of different dtypes, or a layer whose `bind` does not take them.
    """

    def __init__(self, model: Layer) -> None:
        params = model.params
        if not params:
            raise ConfigError(f"{type(model).__name__} has no parameters to train; was build() called?")
        dtypes = {str(value.dtype): name for name, value in params.items()}
        if len(dtypes) > 1:
            named = ", ".join(f"{name} is {dtype}" for dtype, name in dtypes.items())
            raise ConfigError(f"{type(model).__name__}: its parameters must be of one dtype; {named}.")
        self.model = model
        self.values: Array = np.concatenate([value.reshape(-1) for value in params.values()])
        self.grads: Array = np.zeros_like(self.values)
        self.views: dict[str, Array] = self._views(params, self.values)
        self.grad_views: dict[str, Array] = self._views(params, self.grads)
        self._bind()

    def __reduce__(self) -> Any:
        # Copies of views would be views of nothing: a copy is made anew, from its own model.
        return FlatParameters, (self.model,)

    @staticmethod
    def _views(params: Mapping[str, Array], flat: Array) -> Grads:
        views, start = {}, 0
        for name, value in params.items():
            views[name] = flat[start : start + value.size].reshape(value.shape)
            start += value.size
        return views

    def named(self, flat: Array) -> dict[str, Array]:
        """Views of another vector of this length by the parameters' names."""
        return self._views(self.views, flat)

    def _bind(self) -> None:
        bound = {id(view) for view in self.views.values()}
        before = {id(value): value for value in self.model.params.values() if id(value) not in bound}
        self.model.bind(self.views)
        for layer in parts(self.model):
            if any(id(value) in before for value in vars(layer)["_params"].values()):
                raise ConfigError(
                    f"{type(self.model).__name__}: bind() left its {type(layer).__name__} with its old parameters; "
                    "a layer that holds others must hand every one of them its part in bind()."
                )
        if not self._belongs(self.model.params):
            raise ConfigError(f"{type(self.model).__name__}: bind() did not take the arrays that it was given.")
        self._look()

    def _look(self) -> None:
        """Note what shows in a microsecond whether a layer was touched: its parameters, and who its children are."""
        self._seen = [
            (vars(layer), vars(layer)["_params"], layer.children, dict(layer.children()))
            for layer in parts(self.model)
            if vars(layer)["_params"] or layer.children()
        ]

    def touched(self) -> bool:
        """Whether a layer was given other parameters or children since; a quick look before each step."""
        for own, params, children, seen in self._seen:
            if own["_params"] is not params or (seen and children() != seen):
                return True
        return False

    def _belongs(self, params: Mapping[str, Array]) -> bool:
        views = self.views
        return len(params) == len(views) and all(_same(params.get(name), view) for name, view in views.items())

    def follow(self) -> None:
        """Take over what the model has become since: other values, in arrays of its own.

        Raises
        ------
        ConfigError
            It has parameters of other names, shapes or dtype.
        """
        params = self.model.params
        if self._belongs(params):
            self._look()
            return
        was, now = ({name: (v.shape, v.dtype) for name, v in arrays.items()} for arrays in (self.views, params))
        if was != now:
            changed = next(name for name in [*was, *now] if was.get(name) != now.get(name))
            raise ConfigError(
                f"{type(self.model).__name__}: its parameters are not those that this Trainer was made for "
                f"(the first that differs is {changed}); make a new Trainer."
            )
        for name, view in self.views.items():
            view[...] = params[name]
        self._bind()

    def lend_gradients(self, workspace: Workspace) -> None:
        """Make layers write their gradients into the flat vector when they run with this workspace."""
        for name, view in self.grad_views.items():
            *path, leaf = name.split(".")
            place = workspace
            for part in path:
                place = place.child(part)
            place.lend("d" + leaf, view)

    def collect(self, grads: Grads) -> None:
        """Bring in the gradients that a layer returned in arrays of its own.

        Raises
        ------
        ShapeError
            One is missing, has another shape, or is of no parameter.
        """
        if grads.keys() != self.grad_views.keys():
            missing, unknown = self.grad_views.keys() - grads.keys(), grads.keys() - self.grad_views.keys()
            what = (
                f"no gradient of {min(missing)}" if missing else f"a gradient of {min(unknown)}, which is no parameter"
            )
            raise ShapeError(f"{type(self.model).__name__}: backward returned {what}.")
        for name, view in self.grad_views.items():
            got = grads[name]
            if got is not view:
                if got.shape != view.shape:
                    raise ShapeError(
                        f"{type(self.model).__name__}: backward returned a gradient of shape {got.shape} for {name}, "
                        f"whose shape is {view.shape}."
                    )
                view[...] = got


def _same(array: Array | None, view: Array) -> bool:
    """Whether an array is this view, or another one of the same numbers in memory."""
    if array is view:
        return True
    if array is None or (array.shape, array.dtype, array.strides) != (view.shape, view.dtype, view.strides):
        return False
    return bool(array.__array_interface__["data"][0] == view.__array_interface__["data"][0])
