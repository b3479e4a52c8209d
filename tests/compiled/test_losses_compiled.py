"""Every loss in compiled code equals the loss in NumPy: its kernel alone, and a training with lengths and weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from both_engines import difference
from loss_cases import CASES, Case
from uneven import end_of

from minidl import (
    MAE,
    SGD,
    CrossEntropy,
    Dense,
    HalfMSE,
    LastStep,
    RecurrentLayer,
    Sequential,
    SumOfLosses,
)
from minidl.compiled import explain, kernel
from minidl.compiled.choice import uneven_obstacle
from minidl.compiled.engine import CompiledEngine
from minidl.compiled.kernel import kernel_of
from minidl.training import Arrays

TIME, LANES, N = 3, 8, 5


def into_lanes(a: Any, dtype: Any) -> Any:
    """(lanes, time, numbers) or (lanes, time) as kernels have it: (time, numbers, lanes)."""
    return np.ascontiguousarray(np.atleast_3d(a).transpose(1, 2, 0), dtype)


def from_lanes(a: Any) -> Any:
    return a.transpose(2, 0, 1)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4, 1e30])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_a_kernel_computes_what_the_loss_does(case: Case, scale: float, dtype: Any, tolerance: float) -> None:
    # Catches lanes beyond the batch that count, a mean over lanes, and what overflows on one side only.
    y, target = case.draw(np.random.default_rng(0), (LANES, TIME), scale)
    y, target = y.astype(dtype), target if case.loss.labels else target.astype(dtype)
    lanes, kernel = into_lanes(y, dtype), kernel_of(case.loss)
    dy = np.full_like(lanes, np.nan)
    if case.counts is not None:
        pytest.skip("it always has shares")
    loss = kernel.loss(lanes, into_lanes(target, dtype), dy, N)
    expected, gradient = case.loss(y[:N], target[:N])
    assert loss == pytest.approx(expected, rel=tolerance)
    largest = np.abs(gradient).max()
    np.testing.assert_allclose(from_lanes(dy)[:N], gradient, rtol=tolerance, atol=tolerance * largest)
    assert not from_lanes(dy)[N:].any()


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("scale", [1.0, 1e30])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_a_kernel_with_shares_computes_a_weighted_mean(case: Case, scale: float, dtype: Any, tolerance: float) -> None:
    rng = np.random.default_rng(1)
    y, target = case.draw(rng, (LANES, TIME), scale)
    y, target = y.astype(dtype), target if case.loss.labels else target.astype(dtype)
    weight = rng.uniform(0, 2, target.shape)
    weight[N:] = 0
    weight[1, 2] = 0
    counts = weight if case.counts is None else weight * case.counts(target)  # the engine counts before
    lanes = into_lanes(y, dtype)
    dy = np.full_like(lanes, np.nan)
    share = into_lanes(counts / counts.sum(), dtype)
    loss = kernel_of(case.loss).weighted(lanes, into_lanes(target, dtype), dy, share)
    expected, gradient = case.loss(y, target, weight)
    assert loss == pytest.approx(expected, rel=tolerance)
    np.testing.assert_allclose(from_lanes(dy), gradient, rtol=tolerance, atol=tolerance * np.abs(gradient).max())


@pytest.mark.parametrize(
    "case", [CASES[-1], *(pytest.param(case, marks=pytest.mark.slow) for case in CASES[:-1])], ids=str
)
@pytest.mark.parametrize("every_step", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_both_engines_train_alike_with_lengths_and_weights(case: Case, every_step: bool) -> None:
    rng = np.random.default_rng(2)
    x, lengths, weight = rng.normal(size=(45, 6, 3)), rng.integers(1, 7, 45), rng.uniform(0, 2, 45)
    y, target = case.draw(rng, (45, 6) if every_step else (45,), 1.0)
    model = Sequential([RecurrentLayer(5), *([] if every_step else [LastStep()]), Dense(y.shape[-1])])
    model.build((6, 3), 2, "float64")
    assert explain(model, case.loss, SGD(0.1)) == "compiled"
    for arrays in (Arrays(x, target), Arrays(x, target, lengths, weight)):
        expected, losses = end_of(model, arrays, case.loss, None)
        found, others = end_of(model, arrays, case.loss, CompiledEngine())
        assert difference(expected, found) < 1e-12
        np.testing.assert_allclose(others, losses, rtol=1e-11)


def test_a_sum_is_left_to_numpy_for_a_loss_in_it_without_a_kernel_and_said() -> None:
    @dataclass(eq=False)
    class Own(HalfMSE):
        """It may compute something else than its parent."""

    model = Sequential([RecurrentLayer(5), Dense(2)])
    model.build((6, 3), 2, "float64")
    weighted = CrossEntropy(class_weights=[1, 2])
    for losses, reason in (
        ([HalfMSE(), SumOfLosses([MAE(), Own()])], "the loss Own has no kernel"),
        ([CrossEntropy(), weighted], "the loss CrossEntropy in a sum has weights of its own"),
    ):
        assert explain(model, SumOfLosses(losses), SGD(0.1)) == f"numpy: {reason}"
    assert explain(model, weighted, SGD(0.1)) == "compiled"


def test_a_sum_leaves_weights_to_numpy_for_a_kernel_in_it_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(eq=False)
    class Own(HalfMSE):
        """Its kernel knows no shares."""

    monkeypatch.setitem(kernel._FACTORIES, Own, lambda loss: kernel.LossKernel(print))
    model, loss = Sequential([Dense(2)]), SumOfLosses([HalfMSE(), Own()])
    assert uneven_obstacle(model, loss, lengths=False, weights=False) is None
    expected = "the examples have weights, and the loss Own has no kernel for them"
    assert uneven_obstacle(model, loss, lengths=False, weights=True) == expected
    assert kernel.kernel_of(loss).weighted is None
