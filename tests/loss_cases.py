"""Every loss with examples of its own and its formula in PyTorch: one table that drives the tests of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from minidl import MAE, MSE, CrossEntropy, HalfMSE, Huber, LogCosh, Loss

Drawn = tuple[Any, Any]


@dataclass(frozen=True)
class Case:
    """A loss.

    Parameters
    ----------
    draw : ``draw(rng, shape, scale)``, outputs whose first axes are `shape` and their targets.
    torch : ``torch(torch, y, target)``, l of each target as a tensor, before any mean.
    """

    loss: Loss
    draw: Callable[[Any, tuple[int, ...], float], Drawn]
    torch: Callable[[Any, Any, Any], Any]

    def __str__(self) -> str:
        return repr(self.loss)


def numbers(rng: Any, shape: tuple[int, ...], scale: float) -> Drawn:
    """Two targets at each place, and outputs that differ from them by about `scale`."""
    target = rng.normal(size=(*shape, 2))
    return target + scale * rng.normal(size=target.shape), target


def classes(rng: Any, shape: tuple[int, ...], scale: float) -> Drawn:
    """Logits of three classes, and labels."""
    return scale * rng.normal(size=(*shape, 3)), rng.integers(3, size=shape)


def of_error(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """l of the error y - target."""
    return lambda torch, y, target: function(torch, y - target)


def huber(delta: float) -> Callable[[Any, Any, Any], Any]:
    return lambda torch, y, target: torch.nn.functional.huber_loss(y, target, reduction="none", delta=delta)


def cross_entropy(torch: Any, y: Any, target: Any) -> Any:
    found = torch.nn.functional.cross_entropy(y.reshape(-1, y.shape[-1]), target.reshape(-1), reduction="none")
    return found.reshape(target.shape)


CASES = [
    Case(HalfMSE(), numbers, of_error(lambda torch, e: e * e / 2)),
    Case(MSE(), numbers, of_error(lambda torch, e: e * e)),
    Case(MAE(), numbers, of_error(lambda torch, e: torch.abs(e))),
    Case(Huber(), numbers, huber(1.0)),
    Case(Huber(delta=0.3), numbers, huber(0.3)),
    Case(LogCosh(), numbers, of_error(lambda torch, e: torch.logaddexp(e, -e) - torch.log(torch.tensor(2.0).double()))),
    Case(CrossEntropy(), classes, cross_entropy),
]
EVERY = pytest.mark.parametrize("case", CASES, ids=str)


def weight_of(rng: Any, kind: int, target: Any) -> Any:
    """None, or weights for the first `kind` axes of the targets; some are 0."""
    if kind == 0:
        return None
    weight = rng.uniform(0, 3, target.shape[:kind])
    weight[rng.uniform(size=weight.shape) < 0.2] = 0
    return weight
