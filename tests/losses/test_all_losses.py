"""What holds of every loss: PyTorch's values and gradients, central differences, weights, dtypes, huge numbers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from loss_cases import EVERY, Case, weight_of

from minidl import (
    MSE,
    BinaryCrossEntropy,
    ConfigError,
    CrossEntropy,
    DataError,
    DifferenceLoss,
    GaussianNLL,
    Loss,
    Quantile,
    ShapeError,
    SumOfLosses,
    WeightedLeads,
)


def by_torch(case: Case, y: Any, target: Any, weight: Any) -> tuple[float, Any]:
    """The weighted mean of l over all targets, and its gradient."""
    torch = pytest.importorskip("torch")
    outputs = torch.tensor(y, requires_grad=True)
    found = case.torch(torch, outputs, torch.tensor(target))
    counts = np.ones(found.shape)
    if weight is not None:
        counts *= weight.reshape(*weight.shape, *[1] * (found.ndim - weight.ndim))
    if case.counts is not None:
        counts *= case.counts(target)
    counts = torch.tensor(counts)
    loss = (counts * found).sum() / counts.sum()
    loss.backward()
    return loss.item(), outputs.grad.numpy()


@EVERY
@pytest.mark.parametrize("scale", [1e-4, 1.0, 30.0, 1e4, 1e100])
@pytest.mark.parametrize("axes", [0, 1, 2])
def test_value_and_gradient_equal_those_of_pytorch(case: Case, scale: float, axes: int) -> None:
    # Catches a sign, a factor, a mean over the batch only or over outputs as well, and a division by n with weights.
    rng = np.random.default_rng(axes)
    y, target = case.draw(rng, (4, 3), scale)
    weight = weight_of(rng, axes, target)
    loss, dy = case.loss(y, target, weight)
    expected, gradient = by_torch(case, y, target, weight)
    np.testing.assert_allclose(loss, expected, rtol=1e-6 if scale < 1 else 1e-12)  # log cosh in plain form loses digits
    np.testing.assert_allclose(dy, gradient, rtol=1e-9, atol=1e-12 * np.abs(gradient).max())


@EVERY
@pytest.mark.parametrize("axes", [0, 2, 3])
def test_the_gradient_equals_central_differences(case: Case, axes: int) -> None:
    rng = np.random.default_rng(7)
    y, target = case.draw(rng, (3, 2), 1.0)
    weight = rng.uniform(0, 2, target.shape[:axes]) * rng.integers(2, size=target.shape[:axes]) if axes else None
    _, dy = case.loss(y, target, weight)
    for i in np.ndindex(y.shape):
        step = np.zeros_like(y)
        step[i] = 1e-5
        numeric = (case.loss(y + step, target, weight)[0] - case.loss(y - step, target, weight)[0]) / 2e-5
        np.testing.assert_allclose(dy[i], numeric, atol=1e-9)


@EVERY
def test_a_weight_counts_as_an_example_that_stands_there_so_often(case: Case) -> None:
    y, target = case.draw(np.random.default_rng(0), (5,), 1.0)
    counts = np.array([2, 0, 1, 3, 1])
    rows = np.repeat(np.arange(5), counts)
    loss, dy = case.loss(y, target, counts)
    expected, d_rows = case.loss(y[rows], target[rows])
    np.testing.assert_allclose(loss, expected, rtol=1e-13)
    summed = np.zeros_like(y)
    np.add.at(summed, rows, d_rows)
    np.testing.assert_allclose(dy, summed, rtol=1e-12, atol=1e-17)


@EVERY
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1e6, 1e30])
def test_in_single_precision_it_is_the_same_and_huge_numbers_do_not_overflow(
    case: Case, weighted: bool, scale: float
) -> None:
    # 1e30 squared is beyond float32.
    rng = np.random.default_rng(1)
    y, target = case.draw(rng, (4, 3), scale)
    y, target = y.astype("float32"), target if case.loss.labels else target.astype("float32")
    weight = rng.uniform(1, 2, 4) if weighted else None
    wide = target if case.loss.labels else target.astype("float64")
    expected, gradient = case.loss(y.astype("float64"), wide, weight)
    loss, dy = case.loss(y, target, weight)
    assert dy.dtype == "float32"
    assert np.isfinite(loss)
    assert loss == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(dy, gradient, rtol=1e-5, atol=1e-6 * np.abs(gradient).max())


@EVERY
def test_nothing_is_written_to_but_what_receives_the_gradient(case: Case) -> None:
    y, target = case.draw(np.random.default_rng(0), (4, 3), 1.0)
    y.flags.writeable = target.flags.writeable = False
    out = np.full(y.shape, np.nan)
    loss, dy = case.loss(y, target, np.ones(4), out)
    assert dy is out
    expected = case.loss(y, target)
    assert type(loss) is float
    assert loss == pytest.approx(expected[0], rel=1e-13)
    np.testing.assert_allclose(dy, expected[1], rtol=1e-12, atol=1e-17)


@EVERY
def test_nan_stays_nan_and_where_nothing_counts_all_is_zero(case: Case) -> None:
    y, target = case.draw(np.random.default_rng(0), (4, 3), 1.0)
    loss, dy = case.loss(y, target, np.zeros((4, 3)))
    assert loss == 0
    assert not dy.any()
    y[1, 1, 0] = np.nan
    assert np.isnan(case.loss(y, target)[0])


def test_losses_that_mean_something_else_by_an_output_are_not_summed() -> None:
    # A mean and a logarithm of a variance are no two quantiles, and a logit is no number.
    levels = Quantile([0.1, 0.9])
    for losses in ([GaussianNLL(), levels], [Quantile([0.2, 0.9]), levels], [BinaryCrossEntropy(), MSE()]):
        with pytest.raises(ConfigError, match="mean something else by the same outputs"):
            SumOfLosses(losses)
    for losses in ([GaussianNLL(), GaussianNLL(0.1)], [levels, Quantile([0.1, 0.9])], [MSE(), Quantile([0.5])]):
        SumOfLosses([*losses, WeightedLeads(losses[0], [1, 2])])


@pytest.mark.parametrize(
    ("found", "given"),
    [
        (1.0, "1.0"),
        ((1.0, None), "(1.0, None)"),
        ((1.0, np.ones(2)), "an array of shape (2,)"),
        (([1.0], np.ones((3, 2))), "([1.0], array(["),
    ],
)
def test_what_is_no_loss_with_its_gradient_is_refused_in_one_line(found: Any, given: str) -> None:
    class Own(Loss):
        def value_and_gradient(self, *_: Any) -> Any:
            return found

    message = "Own: value_and_gradient must give a number and dL/dy of the shape of y, (3, 2), not "
    with pytest.raises(ShapeError, match=f"^{re.escape(message + given)}"):
        Own()(np.zeros((3, 2)), np.zeros((3, 2)))


def test_a_loss_is_a_float_whatever_its_author_gives() -> None:
    class Own(Loss):
        def value_and_gradient(self, y: Any, *_: Any) -> Any:
            return np.float32(1), y

    assert type(Own()(np.zeros((3, 2)), np.zeros((3, 2)))[0]) is float


@pytest.mark.parametrize("wrong", ["value", "slope"])
@pytest.mark.parametrize("weight", [None, np.ones(3)])
def test_a_difference_loss_that_sums_by_itself_is_refused(wrong: str, weight: Any) -> None:
    # Caught here: a sum that is broadcast, and so counted for every entry.
    class Own(DifferenceLoss):
        def value(self, e: Any) -> Any:
            return (e * e).sum(axis=0) if wrong == "value" else e * e

        def slope(self, e: Any) -> Any:
            return 2 * e.sum(axis=0) if wrong == "slope" else 2 * e

    message = f"Own: {wrong} must give an array of the shape of e, (3, 2), not (2,)."
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        Own()(np.ones((3, 2)), np.zeros((3, 2)), weight)


def test_labels_for_one_output_are_answered_with_the_loss_of_two_classes() -> None:
    with pytest.raises(DataError, match=r"^CrossEntropy: target: 1 at \[1\]; a model with one .* BinaryCrossEntropy"):
        CrossEntropy()(np.zeros((2, 1)), np.array([0, 1]))
