"""A model whose outputs are point forecasts, whatever its loss has it put out: what tasks score and predict with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl.core.layer import INFERENCE, Array, Context, Grads, Layer, Shape
from minidl.losses import Loss


class Points(Layer):
    """y = point(model(x)); see `minidl.losses.Loss.point`. It is for what a model is used for, not for training.

    Parameters
    ----------
    model : built.
    loss : that it was trained with.
    """

    def __init__(self, model: Layer, loss: Loss) -> None:
        self.model = model
        self.loss = loss
        self.params = model.params

    def children(self) -> Mapping[str, Layer]:
        """The model."""
        return {"model": self.model}

    def build(self, input_shape: Shape, rng: Any, dtype: Any) -> Shape:
        """Refused: the model is built already."""
        raise NotImplementedError("Points: the model is built before.")

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        """The model's outputs, as points."""
        y, cache = self.model.forward(x, ctx)
        return self.loss.point(y), cache

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, Grads]:
        """Refused: a loss has a gradient by all outputs."""
        raise NotImplementedError("Points: there is no gradient of a point.")

    def output_lengths(self, lengths: Any) -> Any:
        """The model's."""
        return self.model.output_lengths(lengths)
