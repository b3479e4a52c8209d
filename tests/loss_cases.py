"""Every loss with examples of its own and its formula in PyTorch: one table that drives the tests of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from minidl import (
    MAE,
    MSE,
    BinaryCrossEntropy,
    CrossEntropy,
    GaussianNLL,
    HalfMSE,
    Huber,
    LogCosh,
    Loss,
    Quantile,
    SumOfLosses,
    WeightedLeads,
)

Drawn = tuple[Any, Any]


@dataclass(frozen=True)
class Case:
    """A loss.

    Parameters
    ----------
    draw : ``draw(rng, shape, scale)``, outputs whose first axes are `shape` and their targets.
    torch : ``torch(torch, y, target)``, l of each target as a tensor, before any mean.
    counts : what each target counts for by itself.
    """

    loss: Loss
    draw: Callable[[Any, tuple[int, ...], float], Drawn]
    torch: Callable[[Any, Any, Any], Any]
    counts: Callable[[Any], Any] | None = None

    def __str__(self) -> str:
        return repr(self.loss)


def numbers(rng: Any, shape: tuple[int, ...], scale: float) -> Drawn:
    """Two targets at each place, and outputs that differ from them by about `scale`."""
    target = rng.normal(size=(*shape, 2))
    return target + scale * rng.normal(size=target.shape), target


def three_and_a_half(target: Any) -> Any:
    """What the two targets at each place count for."""
    return np.broadcast_to([3, 0.5], target.shape)


def classes(rng: Any, shape: tuple[int, ...], scale: float) -> Drawn:
    """Logits of three classes, and labels."""
    return scale * rng.normal(size=(*shape, 3)), rng.integers(3, size=shape)


def of_error(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """l of the error y - target."""
    return lambda torch, y, target: function(torch, y - target)


def huber(delta: float) -> Callable[[Any, Any, Any], Any]:
    return lambda torch, y, target: torch.nn.functional.huber_loss(y, target, reduction="none", delta=delta)


def probabilities(rng: Any, shape: tuple[int, ...], scale: float) -> Drawn:
    """Two logits at each place, and targets of which some are 0 or 1."""
    return scale * rng.normal(size=(*shape, 2)), np.clip(rng.uniform(-0.5, 1.5, (*shape, 2)), 0, 1)


def cross_entropy(smoothing: float) -> Callable[[Any, Any, Any], Any]:
    def losses(torch: Any, y: Any, target: Any) -> Any:
        entropy = torch.nn.CrossEntropyLoss(reduction="none", label_smoothing=smoothing)
        return entropy(y.reshape(-1, y.shape[-1]), target.reshape(-1)).reshape(target.shape)

    return losses


def binary_cross_entropy(smoothing: float) -> Callable[[Any, Any, Any], Any]:
    entropy = "binary_cross_entropy_with_logits"
    return lambda torch, y, target: getattr(torch.nn.functional, entropy)(
        y, target * (1 - smoothing) + smoothing / 2, reduction="none"
    )


def several(per_target: int, most: float = 1e100) -> Callable[..., Drawn]:
    """Two targets at each place, and outputs for each, side by side."""

    def draw(rng: Any, shape: tuple[int, ...], scale: float) -> Drawn:
        target = min(scale, most) * rng.normal(size=(*shape, 2))
        return np.minimum(scale, 30) * rng.normal(size=(*shape, 2 * per_target)), target

    return draw


def pinball(levels: list[float]) -> Callable[[Any, Any, Any], Any]:
    def losses(torch: Any, y: Any, target: Any) -> Any:
        e, tau = target[..., None] - y.reshape(*target.shape, len(levels)), torch.tensor(levels, dtype=y.dtype)
        return torch.maximum(tau * e, (tau - 1) * e).mean(dim=-1)

    return losses


def gaussian(floor: float) -> Callable[[Any, Any, Any], Any]:
    def losses(torch: Any, y: Any, target: Any) -> Any:
        variance = torch.exp(y[..., 1::2]) + floor
        return torch.nn.functional.gaussian_nll_loss(
            y[..., ::2], target, variance, full=True, eps=1e-300, reduction="none"
        )

    return losses


SQUARED = 1e15  # the gradient has the square of the error, which is a number in float32

BOTH = [HalfMSE(), MAE()]
ENTROPIES = [CrossEntropy(), CrossEntropy(label_smoothing=0.2)]


def both_entropies(torch: Any, y: Any, target: Any) -> Any:
    return cross_entropy(0.0)(torch, y, target) + cross_entropy(0.2)(torch, y, target)


CASES = [
    Case(HalfMSE(), numbers, of_error(lambda torch, e: e * e / 2)),
    Case(MSE(), numbers, of_error(lambda torch, e: e * e)),
    Case(MAE(), numbers, of_error(lambda torch, e: torch.abs(e))),
    Case(Huber(), numbers, huber(1.0)),
    Case(Huber(delta=0.3), numbers, huber(0.3)),
    Case(Quantile(), several(3), pinball([0.1, 0.5, 0.9])),
    Case(Quantile([0.3]), numbers, pinball([0.3])),
    Case(GaussianNLL(), several(2, SQUARED), gaussian(1e-6)),
    Case(GaussianNLL(0.1), several(2, SQUARED), gaussian(0.1)),
    Case(LogCosh(), numbers, of_error(lambda torch, e: torch.logaddexp(e, -e) - torch.log(torch.tensor(2.0).double()))),
    Case(SumOfLosses(BOTH, [2, 0.5]), numbers, of_error(lambda torch, e: e * e + torch.abs(e) / 2)),
    Case(SumOfLosses(ENTROPIES), classes, both_entropies),
    Case(
        WeightedLeads(MSE(), [3, 0.5]),
        numbers,
        of_error(lambda torch, e: e * e),
        lambda target: np.broadcast_to([3, 0.5], target.shape),
    ),
    Case(BinaryCrossEntropy(), probabilities, binary_cross_entropy(0.0)),
    Case(BinaryCrossEntropy(0.2, [0.5, 3]), probabilities, binary_cross_entropy(0.2), lambda t: 0.5 + 2.5 * t),
    Case(CrossEntropy(), classes, cross_entropy(0.0)),
    Case(CrossEntropy(label_smoothing=0.1), classes, cross_entropy(0.1)),
    Case(CrossEntropy(0.3, [1, 0, 2.5]), classes, cross_entropy(0.3), lambda t: np.array([1, 0, 2.5])[t]),
]
EVERY = pytest.mark.parametrize("case", CASES, ids=str)


def weight_of(rng: Any, kind: int, target: Any) -> Any:
    """None, or weights for the first `kind` axes of the targets; some are 0."""
    if kind == 0:
        return None
    weight = rng.uniform(0, 3, target.shape[:kind])
    weight[rng.uniform(size=weight.shape) < 0.2] = 0
    return weight
