"""Losses: a number to make small, and its gradient.

``loss, dy = HalfMSE()(y, target)``. All are means over *all* entries of y: over the
batch, and over time and features where y has them; `CrossEntropy` over all labels.
With weights they are weighted means, divided by the sum of the weights.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import Configurable
from minidl.core.arrays import plain_array, show_place, whole_array
from minidl.core.errors import DataError, ShapeError
from minidl.core.registry import open_kind, register

Array = npt.NDArray[Any]


@open_kind("loss")
@dataclass(eq=False)
class Loss(Configurable, ABC):
    """A scalar L(y, target), and dL/dy of the shape of y."""

    # Whether targets are class labels, whole numbers, and not numbers of the shape of y.
    labels: ClassVar[bool] = False

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
            if weight.shape != target.shape[: weight.ndim]:
                raise ShapeError(
                    f"{type(self).__name__}: weight has shape {weight.shape}, target {target.shape}; "
                    "expected the same, or its first axes."
                )
            weight = weight.reshape(*weight.shape, *[1] * (y.ndim - weight.ndim))
        return self.value_and_gradient(y, target, weight, out)

    def check_shapes(self, y: tuple[int, ...], target: tuple[int, ...]) -> None:
        """Refuse a target that is not of the shape of y; see `__call__`."""
        if y != target or 0 in y:
            raise ShapeError(
                f"{type(self).__name__}: y has shape {y}, target {target}; they must be the same, and not empty."
            )

    def check_values(self, n_outputs: int, target: Array) -> None:
        """Refuse a target that cannot be one of a model with so many outputs; any number can, by default.

        Raises
        ------
        DataError
            There is such a target.
        """

    @abstractmethod
    def value_and_gradient(
        self, y: Array, target: Array, weight: Array | None, out: Array | None
    ) -> tuple[float, Array]:
        """(L, dL/dy); see `__call__`, which has checked all shapes and given `weight` as many axes as y has."""


def _shares(weight: Array | None, shape: tuple[int, ...]) -> Any:
    """What each entry of an array of this shape contributes to its mean: 1 / n, or weight / Σ weight.

    `weight` has the array's axes, some of length 1. Where all are 0, nothing contributes.
    """
    n = math.prod(shape)
    if weight is None:
        return 1 / n
    total = float(weight.sum(dtype=np.float64)) * (n / weight.size)
    return weight * (1 / total if total > 0 else 0.0)


@dataclass(eq=False)
class DifferenceLoss(Loss):
    """L = mean(l(e)), dL/dy = l'(e) / n, a function l of the error e = y - target; a subclass writes l and l'."""

    @abstractmethod
    def value(self, e: Array) -> Array:
        """l(e) for every entry, as a new array."""

    @abstractmethod
    def slope(self, e: Array) -> Array:
        """l'(e) for every entry; it may be `e` itself."""

    def total(self, e: Array) -> float:
        """Σ l(e)."""
        return float(self.value(e).sum(dtype=np.float64))

    def value_and_gradient(
        self, y: Array, target: Array, weight: Array | None, out: Array | None
    ) -> tuple[float, Array]:
        """(mean(l(e)), l'(e) / n), or with w / Σ w in place of 1 / n."""
        e, share = np.subtract(y, target, out=out), _shares(weight, y.shape)
        if weight is None:
            loss = self.total(e) / e.size
        else:
            loss = float(np.sum(share * self.value(e.astype(np.float64))))
        return loss, np.multiply(self.slope(e), share, out=e, casting="same_kind")


def _sum_of_squares(e: Array) -> float:
    flat = e.reshape(-1)
    with np.errstate(over="ignore"):
        total = float(np.dot(flat, flat))
    if not math.isfinite(total) and e.itemsize < 8:  # squares of 2e19 overflow in float32
        wide = flat.astype(np.float64)
        total = float(np.dot(wide, wide))
    return total


@register
@dataclass(eq=False)
class HalfMSE(DifferenceLoss):
    """L = ½ · mean((y - target)²), dL/dy = (y - target) / n  (textbook equations 9 and 10, averaged)."""

    def value(self, e: Array) -> Array:
        """½ e²."""
        return e * e / 2

    def slope(self, e: Array) -> Array:
        """e."""
        return e

    def total(self, e: Array) -> float:
        """½ Σ e², in one call of BLAS."""
        return _sum_of_squares(e) / 2


@register
@dataclass(eq=False)
class MSE(DifferenceLoss):
    """L = mean((y - target)²), dL/dy = 2 (y - target) / n."""

    def value(self, e: Array) -> Array:
        """e²."""
        return e * e

    def slope(self, e: Array) -> Array:
        """2 e."""
        return 2 * e

    def total(self, e: Array) -> float:
        """Σ e², in one call of BLAS."""
        return _sum_of_squares(e)


@register
@dataclass(eq=False)
class MAE(DifferenceLoss):
    """L = mean(|y - target|), dL/dy = sign(y - target) / n (0 where they are equal)."""

    def value(self, e: Array) -> Array:
        """|e|."""
        return np.abs(e)

    def slope(self, e: Array) -> Array:
        """sign(e)."""
        return np.sign(e)


@register
@dataclass(eq=False)
class CrossEntropy(Loss):
    """L = mean(-log p_k), with p = softmax(y) and k the label; dL/dy = (p - one_hot(k)) / n.

    softmax(y)_i = exp(y_i) / Σ_j exp(y_j), computed from y - max(y), so that
    no exponential overflows: -log p_k = log Σ_j exp(y_j - max y) - (y_k - max y).

    Shapes
    ------
    y (batch, K) or (batch, time, K), any real numbers ("logits"); target (batch,) or (batch, time), whole numbers
    from 0 to K - 1; n is the number of labels.

    References
    ----------
    Goodfellow, Bengio and Courville (2016), Deep learning, section 6.2.2.3. MIT Press.
    """

    labels: ClassVar[bool] = True

    def check_shapes(self, y: tuple[int, ...], target: tuple[int, ...]) -> None:
        """Refuse targets that are not one label for each row of outputs."""
        if y[:-1] != target or 0 in y:
            raise ShapeError(
                f"CrossEntropy: y has shape {y}, target {target}; expected one label for each row of outputs, "
                f"{y[:-1]}, not empty."
            )

    def check_values(self, n_outputs: int, target: Array) -> None:
        """Refuse labels that are not from 0 to K - 1."""
        wrong = (target < 0) | (target >= n_outputs)
        if wrong.any():
            place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
            more = f" and {int(wrong.sum()) - 1:,} more" if wrong.sum() > 1 else ""
            raise DataError(
                f"CrossEntropy: target: {target[place]} at {show_place(place)}{more}; "
                f"labels of a model with {n_outputs} outputs are 0 to {n_outputs - 1}."
            )

    def value_and_gradient(
        self, y: Array, target: Array, weight: Array | None, out: Array | None
    ) -> tuple[float, Array]:
        """(mean(-log p_k), (p - one_hot(k)) / n), or with w / Σ w in place of 1 / n."""
        k = target[..., None]
        p = np.subtract(y, y.max(axis=-1, keepdims=True), out=out)
        y_k = np.take_along_axis(p, k, axis=-1)
        np.exp(p, out=p)
        total = p.sum(axis=-1, keepdims=True)
        share = _shares(weight, k.shape)
        loss = float(np.sum((np.log(total) - y_k) * share, dtype=np.float64))
        p /= total
        np.put_along_axis(p, k, np.take_along_axis(p, k, axis=-1) - 1, axis=-1)
        return loss, np.multiply(p, share, out=p, casting="same_kind")
