"""Groups, frozen parameters and clipping: 100 steps as torch takes them, and alike in both engines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from torch_training import check, net, ours, torchs
from trainers import engines

from minidl import SGD, AdamW, ConfigError, Cosine, Optimizer, ParameterGroup
from minidl.optimizers import clip_by_value

GROUPS = [
    ParameterGroup("*.b", weight_decay=0.0),
    ParameterGroup("0.*", learning_rate_factor=0.5),
    ParameterGroup("2.W", weight_decay=0.9),
]


def grouped(p: dict[str, Any]) -> Any:
    import torch

    return torch.optim.AdamW(
        [
            {"params": [p["0.W"]], "lr": 0.01, "weight_decay": 0.3},
            {"params": [p["0.b"]], "lr": 0.01, "weight_decay": 0.0},
            {"params": [p["2.W"]], "lr": 0.02, "weight_decay": 0.9},
            {"params": [p["2.b"]], "lr": 0.02, "weight_decay": 0.0},
        ]
    )


def clip_norm(p: dict[str, Any], limit: float) -> None:
    """As clip_grad_norm_, which adds 1e-6 to the norm before it divides by it: that alone is seen at 1e-6."""
    import torch

    norm = torch.nn.utils.clip_grad_norm_(p.values(), float("inf"))
    for value in p.values():
        if value.grad is not None:
            value.grad *= min(1.0, limit / norm)


@engines
def test_groups_equal_those_of_torch(engine: Any) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare groups with")
    expected = torchs(grouped, lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 100), named=True)
    check(ours(AdamW(0.02, weight_decay=0.3, groups=GROUPS), engine(), schedule=Cosine()), expected)


@engines
def test_frozen_parameters_stay_and_the_norm_is_that_of_the_others(engine: Any) -> None:
    # Catches a norm over all parameters: the others would be clipped harder than by torch.
    torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare frozen parameters with")

    def clip(p: dict[str, Any]) -> None:
        p["0.W"].grad = None  # as with requires_grad = False
        clip_norm(p, 0.05)

    optimizer = SGD(0.5, momentum=0.5, groups=[ParameterGroup("0.W", frozen=True)])
    got = ours(optimizer, engine(), clip_norm=0.05)
    expected = torchs(lambda p: torch.optim.SGD(p, 0.5, momentum=0.5), before=clip)
    assert got["0.W"].tobytes() == net().params["0.W"].tobytes()
    check({**got, "0.W": 2 * got["0.W"]}, {**expected, "0.W": 2 * net().params["0.W"]})


@engines
@pytest.mark.parametrize("norm", [None, 0.04])
def test_clipping_by_value_and_then_by_norm_equals_that_of_torch(engine: Any, norm: float | None) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare clipping with")

    def clip(p: dict[str, Any]) -> None:
        torch.nn.utils.clip_grad_value_(p.values(), 0.02)
        if norm is not None:
            clip_norm(p, norm)

    got = ours(SGD(0.5), engine(), clip_value=0.02, clip_norm=norm)
    check(got, torchs(lambda p: torch.optim.SGD(p, 0.5), before=clip))


def test_clipping_by_value_by_heart() -> None:
    grads = np.array([3.0, -0.5, -4.0, 2.0])
    clip_by_value(grads, 2.0)
    assert grads.tolist() == [2.0, -0.5, -2.0, 2.0]


@dataclass(eq=False)
class Own(Optimizer):
    """Momentum, in one of several ways that are wrong."""

    how: str = ""

    def start(self, params: Any) -> Any:
        first = {"list": [np.zeros_like(params)], "number": {"m": 0.0}, "axis": {"m": np.zeros(())}}
        return first.get(self.how, {"m": np.zeros_like(params)})

    def update(self, params: Any, grads: Any, state: Any) -> Any:
        if self.how == "new":
            state["m"] = 0.5 * state["m"] + grads
        elif self.how == "more":
            state["n"] = np.zeros_like(params)
        params -= self.learning_rate * grads
        return params if self.how == "given" else None


@pytest.mark.parametrize("groups", [[], [ParameterGroup("0.*", learning_rate_factor=0.5)]], ids=["one", "two"])
@pytest.mark.parametrize("how", ["new", "more", "given"])
def test_an_optimizer_that_does_not_work_in_place_is_refused(how: str, groups: Any) -> None:
    # Caught here: an array that no checkpoint has, so that a run that was stopped would go on from another one; and
    # parameters that stay as they are.
    with pytest.raises(ConfigError, match=r"^Own: update must change params and the arrays of state in place"):
        ours(Own(0.1, how=how, groups=groups))


@pytest.mark.parametrize("how", ["list", "number", "axis"])
def test_a_state_that_is_no_dict_of_arrays_is_refused(how: str) -> None:
    with pytest.raises(ConfigError, match=r"^Own: start must give a dict of arrays with an axis, got "):
        ours(Own(0.1, how=how))
