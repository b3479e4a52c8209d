"""What a loss is, and the mean with weights."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import Configurable
from minidl.core.arrays import plain_array, whole_array
from minidl.core.errors import ConfigError, ShapeError
from minidl.core.registry import open_kind
from minidl.core.text import printable, short
from minidl.losses.distributions import Distribution

Array = npt.NDArray[Any]


@open_kind("loss")
@dataclass(eq=False)
class Loss(Configurable, ABC):
    """A scalar L(y, target), and dL/dy of the shape of y."""

    # Whether targets are class labels, whole numbers, and not numbers of the shape of y.
    labels: ClassVar[bool] = False
    # Whether targets are probabilities from 0 to 1, and so are the points of the outputs.
    probabilities: ClassVar[bool] = False
    # Whether `check_values` refuses some targets.
    restricted: ClassVar[bool] = False

    def __call__(
        self, y: Array, target: Array, weight: Array | None = None, out: Array | None = None
    ) -> tuple[float, Array]:
        """(L, dL/dy).

        Parameters
        ----------
        y : what the model puts out.
        target : what it should; see `check_shapes`.
        weight : what each entry counts for, at least 0, of the shape of `target` or of its first axes: (batch,) or
            (batch, time); None: 1. Where all are 0, so are L and dL/dy.
        out : receives the gradient when it is given.

        Raises
        ------
        ShapeError
            The shapes do not fit each other (they are not broadcast), or y is empty.
        DataError
            One of them is no array of numbers, or masked: masks are not honoured.
        """
        y, target = plain_array(y, "y"), (whole_array if self.labels else plain_array)(target, "target")
        self.check_shapes(y.shape, target.shape)
        self.check_values(y.shape[-1], target)
        if weight is not None:
            weight = plain_array(weight, "weight")
            self.check_weight(weight.shape, target.shape)
        own = self.counts(target)
        if own is not None:
            weight = own if weight is None else own * weight.reshape(*weight.shape, *[1] * (own.ndim - weight.ndim))
        if weight is not None:
            weight = weight.reshape(*weight.shape, *[1] * (y.ndim - weight.ndim))
        return self._checked(self.value_and_gradient(y, target, weight, out), y.shape)

    def _checked(self, found: Any, shape: tuple[int, ...]) -> tuple[float, Array]:
        """What `value_and_gradient` of somebody's own gave, if it is such a pair."""
        try:
            loss, dy = found
            if dy.shape == shape:
                return float(loss), dy
            given = f"an array of shape {dy.shape}"
        except (TypeError, ValueError, AttributeError):
            given = printable(short(found))
        raise ShapeError(
            f"{type(self).__name__}: value_and_gradient must give a number and dL/dy of the shape of y, {shape}, "
            f"not {given}."
        )

    @property
    def per_target(self) -> int:
        """How many outputs a model has for each number of the target, side by side along the last axis."""
        return 1

    def point(self, y: Array) -> Array:
        """The outputs that are forecasts of the targets, of their shape: what metrics and predictions are of."""
        return y

    def distribution(self, y: Array) -> Distribution | None:
        """What the outputs (..., K · per_target) say of each of the K numbers beyond the point; None: nothing."""
        return None

    def check_shapes(self, y: tuple[int, ...], target: tuple[int, ...]) -> None:
        """Refuse a target that is not of the shape of y, or of that of its points; see `__call__`."""
        per_target = self.per_target
        expected = target if per_target == 1 or not target else (*target[:-1], target[-1] * per_target)
        if y != expected or 0 in y:
            needed = "they must be the same"
            if per_target > 1:
                needed = f"the last axis of y must be {per_target} times as long, all others the same"
            raise ShapeError(f"{type(self).__name__}: y has shape {y}, target {target}; {needed}, and not empty.")

    def check_weight(self, weight: tuple[int, ...], target: tuple[int, ...]) -> None:
        """Refuse weights that are not of the shape of the target, or of its first axes."""
        if weight != target[: len(weight)]:
            raise ShapeError(
                f"{type(self).__name__}: weight has shape {weight}, target {target}; "
                "expected the same, or its first axes."
            )

    def check_values(self, n_outputs: int, target: Array) -> None:
        """Refuse a target that cannot be one of a model with so many outputs; any number can, by default.

        Raises
        ------
        DataError
            There is such a target.
        """

    def counts(self, target: Array) -> Array | None:
        """What each target counts for because of what it is, of their shape; None: all count alike.

        It is multiplied by the weights that examples have.
        """
        return None

    @abstractmethod
    def value_and_gradient(
        self, y: Array, target: Array, weight: Array | None, out: Array | None
    ) -> tuple[float, Array]:
        """(L, dL/dy); see `__call__`, which has checked all shapes and given `weight` as many axes as y has."""


def check_class_weights(loss: Loss, class_weights: Sequence[float] | None) -> None:
    """Refuse weights that leave nothing to learn.

    Raises
    ------
    ConfigError
        All of them are 0.
    """
    if class_weights is not None and not any(class_weights):
        raise ConfigError(f"{type(loss).__name__}: class_weights: expected one above 0, got {class_weights}.")


def by_target(y: Array, per_target: int) -> Array:
    """Outputs (..., K · per_target) as (..., K, per_target)."""
    return y.reshape(*y.shape[:-1], y.shape[-1] // per_target, per_target)


def shares(weight: Array | None, shape: tuple[int, ...]) -> Any:
    """What each entry of an array of this shape contributes to its mean: 1 / n, or weight / Σ weight.

    `weight` has the array's axes, some of length 1. Where all are 0, nothing contributes.
    """
    n = math.prod(shape)
    if weight is None:
        return 1 / n
    total = float(weight.sum(dtype=np.float64)) * (n / weight.size)
    return weight * (1 / total if total > 0 else 0.0)
