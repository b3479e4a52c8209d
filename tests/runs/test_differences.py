"""Lines that tell how a config, an optimizer, a log or an array differs from what was saved."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minidl import SGD, Adam
from minidl.runs.reproducing import _array_difference, _checkpoint_difference, _log_difference
from minidl.runs.resuming import _another_optimizer, changed_values
from minidl.training import EpochRecord


@pytest.mark.parametrize(
    ("then", "now", "lines"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 3}]}}, ["a.b.1.c: 2 when the run was saved, 3 now"]),
        ({"a": [1, 2]}, {"a": [1]}, ["a: [1, 2] when the run was saved, [1] now"]),
        ({"a": 1, "gone": "x"}, {"new": None, "a": 2, "b": True}, [
            "a: 1 when the run was saved, 2 now",
            "b: null when the run was saved, true now",
            'gone: "x" when the run was saved, null now',
        ]),
        (None, {"a": 1}, [': null when the run was saved, {"a": 1} now']),
        ({"a": "x" * 58}, {"a": "x" * 59}, [f'a: "{"x" * 58}" when the run was saved, "{"x" * 56}... now']),
    ],
)  # fmt: skip
def test_values_of_a_config_that_differ_are_named_by_their_keys(then: Any, now: Any, lines: list[str]) -> None:
    assert list(changed_values(then, now)) == lines


def saved(optimizer: Any, **arrays: Any) -> Any:
    config = None if optimizer is None else {"optimizer": optimizer}
    return SimpleNamespace(state={"about": {"config": config}}, optimizer=arrays)


def test_another_optimizer_starts_afresh_and_other_arguments_do_only_if_its_arrays_are_others() -> None:
    one, other = np.zeros(3), np.zeros(4)
    now: Any = SimpleNamespace(optimizer=Adam(learning_rate=0.1), state={"m": one})
    whole = {"type": "Adam", **now.optimizer.to_config()}
    assert _another_optimizer(saved(whole, m=other), now) is None
    assert _another_optimizer(saved({"type": "Adam", "learning_rate": 0.2}, m=one), now) is None
    line = "optimizer: other arguments of Adam; its state starts afresh"
    assert _another_optimizer(saved({"type": "Adam", "learning_rate": 0.2}, m=other), now) == line
    assert _another_optimizer(saved({"learning_rate": 0.2}, m=one.astype("f4")), now) == line
    line = "optimizer: SGD when the run was saved, Adam now; its state starts afresh"
    assert _another_optimizer(saved({"type": "SGD", **SGD(learning_rate=0.1).to_config()}, m=one), now) == line
    assert _another_optimizer(saved(None, m=one), now) is None  # nobody knows which it was, and its arrays fit
    assert _another_optimizer(saved("Adam", m=one), now) is None


def test_the_first_number_of_a_log_that_differs_is_told_and_its_times_are_not() -> None:
    def log(**changes: Any) -> list[EpochRecord]:
        first: dict[str, Any] = {"epoch": 1, "step": 4, "train_loss": 0.5, "validation_loss": None}
        first |= {"validation_metrics": None, "learning_rate": 0.1, "seconds": 1.0}
        return [EpochRecord(**first), EpochRecord(**{**first, "epoch": 2, "step": 8, **changes})]

    assert _log_difference(log(), log(seconds=2.0)) is None
    said = "log.jsonl:2: train_loss was 0.5, is 0.25"
    assert _log_difference(log(), log(train_loss=0.25, learning_rate=0.2)) == said


def test_the_first_number_of_an_array_that_differs_is_told_by_bytes() -> None:
    w, nan = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([np.nan, 0.0])
    old = {"W": w, "b": nan}
    assert _array_difference("best", old, {"W": w.copy(), "b": nan.copy()}) is None
    other = np.array([[1.0, 2.5], [3.0, 5.0]])
    said = "checkpoints/best: W: 2 of 4 numbers, the first was 2.0, is 2.5"
    assert _array_difference("best", old, {"W": other, "b": nan}) == said
    said = "checkpoints/best: W: 0 of 1 numbers, the first was 0.0, is -0.0"  # equal, but not the same bytes
    assert _array_difference("best", {"W": np.array([0.0])}, {"W": np.array([-0.0])}) == said
    said = "checkpoints/last: has ['W', 'b'], the new one ['W']"
    assert _array_difference("last", old, {"W": w}) == said


def test_weights_are_compared_and_then_the_optimizers_arrays() -> None:
    def run(w: float, m: float) -> Any:
        arrays = SimpleNamespace(weights={"W": np.array([float(w)])}, optimizer={"m": np.array([float(m)])})
        experiment = SimpleNamespace(model=SimpleNamespace(params={}))
        return SimpleNamespace(experiment=experiment, checkpoint=lambda name, params: arrays)

    assert _checkpoint_difference(run(1, 2), run(1, 2), "last") is None
    said = "checkpoints/last: W: 1 of 1 numbers, the first was 1.0, is 3.0"
    assert _checkpoint_difference(run(1, 2), run(3, 4), "last") == said
    said = "checkpoints/last: m: 1 of 1 numbers, the first was 2.0, is 4.0"
    assert _checkpoint_difference(run(1, 2), run(1, 4), "last") == said
