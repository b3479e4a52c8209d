"""100 steps with each optimizer against torch's own, in both engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from torch_training import check, ours, torchs
from trainers import engines

from minidl import SGD, Adagrad, Adam, AdamW, Optimizer, RMSProp

torch = pytest.importorskip("torch", reason="torch is not installed: optimizers are compared with their formulas only")
optim = torch.optim

CASES: dict[str, tuple[Optimizer, Callable[[list[Any]], Any]]] = {
    "SGD": (SGD(0.2), lambda p: optim.SGD(p, 0.2)),
    "momentum, decay": (
        SGD(0.1, momentum=0.9, weight_decay=0.05),
        lambda p: optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.05),
    ),
    "nesterov": (
        SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.05),
        lambda p: optim.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.05),
    ),
    "Adam": (Adam(0.02), lambda p: optim.Adam(p, 0.02)),
    "Adam, decay": (Adam(0.02, weight_decay=0.1), lambda p: optim.Adam(p, 0.02, weight_decay=0.1)),
    "AdamW": (AdamW(0.02), lambda p: optim.AdamW(p, 0.02)),
    "AdamW, decay": (
        AdamW(0.02, beta1=0.8, beta2=0.9, epsilon=1e-4, weight_decay=0.5),
        lambda p: optim.AdamW(p, 0.02, (0.8, 0.9), 1e-4, 0.5),
    ),
    "RMSProp": (RMSProp(), lambda p: optim.RMSprop(p)),
    "RMSProp, momentum": (
        RMSProp(0.005, decay=0.9, momentum=0.8, epsilon=1e-4, weight_decay=0.1),
        lambda p: optim.RMSprop(p, 0.005, 0.9, 1e-4, 0.1, 0.8),
    ),
    "Adagrad": (Adagrad(), lambda p: optim.Adagrad(p)),
    "Adagrad, decay": (
        Adagrad(0.1, epsilon=1e-4, weight_decay=0.1),
        lambda p: optim.Adagrad(p, 0.1, weight_decay=0.1, eps=1e-4),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_100_steps_equal_those_of_torch(name: str) -> None:
    optimizer, theirs = CASES[name]
    check(ours(optimizer), torchs(theirs))


@pytest.mark.slow
@engines
@pytest.mark.parametrize("name", CASES)
def test_100_steps_equal_those_of_torch_in_both_engines(name: str, engine: Any) -> None:
    optimizer, theirs = CASES[name]
    check(ours(optimizer, engine()), torchs(theirs))


def test_weights_decay_and_do_not_in_silence() -> None:
    # Catches a decay that is read and not used, which the comparison would miss if it were tiny.
    plain, decayed = ours(AdamW(0.02, weight_decay=0.0)), ours(AdamW(0.02, weight_decay=0.5))
    assert np.abs(decayed["0.W"]).sum() < 0.8 * np.abs(plain["0.W"]).sum()
