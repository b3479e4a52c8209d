"""Some of the features, in a given order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from minidl.core.arguments import NonNegativeInt
from minidl.core.errors import ConfigError, ShapeError
from minidl.core.layer import INFERENCE, Array, Context, Grads, Layer, Shape
from minidl.core.registry import register, suggest
from minidl.core.walk import walk
from minidl.core.workspace import Workspace


class NamedColumns:
    """A part of layers whose arguments may call the columns of an experiment's data by their names."""

    _names: tuple[str, ...] = ()

    def places_of(self, features: Sequence[int | str], key: str) -> list[int]:
        """The positions of these features, which the argument `key` gives.

        Raises
        ------
        ShapeError
            One is a name, and nobody has said what the columns are called.
        """
        places, who = [], type(self).__name__
        for feature in features:
            if isinstance(feature, str):
                if not self._names:
                    raise ShapeError(
                        f"{who}: the name {feature!r} means a column of an experiment's data; "
                        "elsewhere give its position.",
                        (key,),
                    )
                if feature not in self._names:
                    raise ShapeError(f"{who}: there is no feature {feature!r}{suggest(feature, self._names)}", (key,))
                places.append(self._names.index(feature))
            else:
                places.append(feature)
        return places

    def columns_of(self, features: Sequence[int | str], input_size: int | None, key: str) -> list[int]:
        """As `places_of`, for an input of this size.

        Raises
        ------
        ShapeError
            They do not fit it.
        """
        places, who = self.places_of(features, key), type(self).__name__
        if input_size is None or max(places) >= input_size or (self._names and len(self._names) != input_size):
            known = f"of the {len(self._names)} columns {', '.join(self._names)}" if self._names else "from 0 on"
            raise ShapeError(f"{who}: {[*features]} {known} do not fit {input_size} features.", (key,))
        return places


@register
@dataclass(eq=False)
class SelectFeatures(NamedColumns, Layer):
    """y = x[..., features],  dL/dx = dy at these features and 0 at the others.

    Parameters
    ----------
    features : positions from 0 on, or the names of the data's columns, which an
        experiment knows; each once.

    Shapes
    ------
    x (batch, time, input_size) or (batch, input_size); y the same with ``len(features)``.
    """

    features: Annotated[list[NonNegativeInt | str], Meta(min_length=1)]

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.features)) < len(self.features):
            raise ConfigError(f"SelectFeatures: features: each stands once, got {self.features}.")

    @property
    def places(self) -> list[int]:
        """The positions of the features."""
        return self.places_of(self.features, "features")

    def output_shape(self, input_shape: Shape) -> Shape:
        """As many features as were named."""
        self.columns_of(self.features, input_shape[-1], "features")
        return (*input_shape[:-1], len(self.features))

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        """A copy of these features."""
        places = self.columns_of(self.features, x.shape[-1], "features")
        ws = ctx.workspace or Workspace()
        y = np.take(x, places, axis=-1, out=ws.array("y", (*x.shape[:-1], len(places)), x.dtype), mode="clip")
        return y, (places, x.shape, x.dtype, ctx.workspace)

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, Grads]:
        """dy at these features, zero elsewhere."""
        places, shape, dtype, ws = cache
        if dy.shape != (*shape[:-1], len(places)):
            raise ShapeError(f"SelectFeatures: expected dy of shape {(*shape[:-1], len(places))}, got {dy.shape}.")
        dx = (ws or Workspace()).array("dx", shape, np.result_type(dtype, dy.dtype))
        dx[...] = 0
        dx[..., places] = dy
        return dx, {}


def name_features(model: Layer, names: Sequence[str]) -> None:
    """Tell the layers of a model what the columns of its data are called."""
    for _, layer in walk(model):
        if isinstance(layer, NamedColumns):
            vars(layer)["_names"] = tuple(names)
