"""Losses against their formulas in plain floats, PyTorch and central differences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minidl import (
    MAE,
    MSE,
    BinaryCrossEntropy,
    ConfigError,
    CrossEntropy,
    DataError,
    HalfMSE,
    ShapeError,
    WeightedLeads,
)

ALL = [HalfMSE, MSE, MAE]
FORMULAS = {
    HalfMSE: (lambda e: 0.5 * e * e, lambda e: e),
    MSE: (lambda e: e * e, lambda e: 2 * e),
    MAE: (lambda e: abs(e), lambda e: (e > 0) - (e < 0)),
}
numbers = st.floats(-100, 100, allow_subnormal=False)
pairs = hnp.array_shapes(min_dims=1, max_dims=3, max_side=4).flatmap(
    lambda shape: st.tuples(hnp.arrays(float, shape, elements=numbers), hnp.arrays(float, shape, elements=numbers))
)


@pytest.mark.parametrize("cls", ALL)
@given(pair=pairs)
def test_value_and_gradient_equal_the_formula(cls, pair):
    # Catches a sign, a factor 2, and a mean over the batch only. Sums of 64 terms: 1e-12 leaves room;
    # atol for errors so small that their squares underflow.
    y, target = pair
    value, slope = FORMULAS[cls]
    errors = (y - target).ravel().tolist()
    loss, dy = cls()(y, target)
    np.testing.assert_allclose(loss, sum(value(e) for e in errors) / len(errors), rtol=1e-12, atol=1e-100)
    expected = np.reshape([slope(e) / len(errors) for e in errors], y.shape)
    np.testing.assert_allclose(dy, expected, rtol=1e-12, atol=1e-100)
    assert isinstance(loss, float)


def test_small_numbers_by_heart():
    y, target = np.array([[3.0], [0.0], [1.0], [1.0]]), np.array([[1.0], [1.0], [1.0], [2.0]])
    expected = {
        HalfMSE: (0.75, [0.5, -0.25, 0, -0.25]),
        MSE: (1.5, [1, -0.5, 0, -0.5]),
        MAE: (1, [0.25, -0.25, 0, -0.25]),
    }
    for cls, (value, gradient) in expected.items():
        loss, dy = cls()(y, target)
        assert (loss, dy.ravel().tolist()) == (value, gradient)
        assert dy.shape == y.shape


@pytest.mark.parametrize("cls", ALL)
def test_the_gradient_equals_central_differences_of_the_value(cls):
    # Quadratic or piecewise linear: central differences are exact up to rounding, 1e-16 / 1e-4.
    rng = np.random.default_rng(0)
    y, target = rng.normal(size=(3, 2, 2)), rng.normal(size=(3, 2, 2))
    _, dy = cls()(y, target)
    for i in np.ndindex(y.shape):
        step = np.zeros_like(y)
        step[i] = 1e-4
        numeric = (cls()(y + step, target)[0] - cls()(y - step, target)[0]) / 2e-4
        np.testing.assert_allclose(dy[i], numeric, atol=1e-11)


@pytest.mark.parametrize("cls", ALL)
def test_arguments_are_not_written_to_and_dtype_is_kept(cls):
    y, target = np.ones((3, 1), "float32"), np.zeros((3, 1), "float32")
    y.flags.writeable = target.flags.writeable = False
    loss, dy = cls()(y, target)
    assert dy.dtype == "float32"
    assert type(loss) is float


@pytest.mark.parametrize("cls", ALL)
def test_the_gradient_goes_where_the_caller_says(cls):
    rng = np.random.default_rng(0)
    y, target = rng.normal(size=(2, 3, 1))
    out = np.full((3, 1), np.nan)
    loss, dy = cls()(y, target, out=out)
    assert dy is out
    expected = cls()(y, target)
    assert loss == expected[0]
    np.testing.assert_array_equal(dy, expected[1])


@pytest.mark.parametrize("cls", ALL)
def test_arrays_in_any_memory_layout_give_the_same(cls):
    rng = np.random.default_rng(0)
    y, target = rng.normal(size=(2, 3, 4, 2))
    turned = np.ascontiguousarray(y.transpose(1, 0, 2)).transpose(1, 0, 2)
    got, expected = cls()(turned, target), cls()(y, target)
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-15)
    np.testing.assert_array_equal(got[1], expected[1])


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize("shape", [(4,), (1, 4), (4, 2), (4, 1, 1), (1, 1)])
def test_different_shapes_are_refused_and_not_broadcast(cls, shape):
    # (4, 1) - (4,) would be (4, 4): the classic silent fault.
    with pytest.raises(ShapeError) as err:
        cls()(np.zeros((4, 1)), np.zeros(shape))
    assert (
        str(err.value) == f"{cls.__name__}: y has shape (4, 1), target {shape}; they must be the same, and not empty."
    )


@pytest.mark.parametrize("cls", ALL)
def test_nan_stays_nan(cls):
    assert np.isnan(cls()(np.array([np.nan, 1.0]), np.zeros(2))[0])


def labelled(seed: int = 0, shape: tuple[int, ...] = (5, 3), dtype: str = "float64") -> Any:
    """Logits (..., 3) and labels."""
    rng = np.random.default_rng(seed)
    return rng.normal(scale=3, size=shape).astype(dtype), rng.integers(shape[-1], size=shape[:-1])


def by_formula(y: Any, target: Any) -> tuple[float, Any]:
    """Mean of -log p_k and its gradient, row by row in plain floats."""
    K, n = y.shape[-1], target.size
    rows, loss = [], 0.0
    for row, k in zip(y.reshape(-1, K).tolist(), target.ravel().tolist(), strict=True):
        total = sum(math.exp(value) for value in row)
        p = [math.exp(value) / total for value in row]
        loss -= math.log(p[k]) / n
        rows.append([(value - (i == k)) / n for i, value in enumerate(p)])
    return loss, np.reshape(rows, y.shape)


@pytest.mark.parametrize("shape", [(5, 3), (4, 2, 3), (1, 2), (3, 1)])
def test_cross_entropy_equals_its_formula(shape):
    # Catches a missing one_hot, a mean over classes as well, and a sum over time.
    y, target = labelled(shape=shape)
    loss, dy = CrossEntropy()(y, target)
    expected = by_formula(y, target)
    np.testing.assert_allclose(loss, expected[0], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(dy, expected[1], rtol=1e-12, atol=1e-16)


def test_cross_entropy_equals_that_of_pytorch():
    torch = pytest.importorskip("torch")
    y, target = labelled(shape=(7, 4))
    logits = torch.tensor(y, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor(target))
    expected.backward()
    loss, dy = CrossEntropy()(y, target)
    np.testing.assert_allclose(loss, expected.item(), rtol=1e-14)
    np.testing.assert_allclose(dy, logits.grad.numpy(), rtol=1e-13, atol=1e-17)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cross_entropy_of_huge_logits_is_exact(dtype):
    # exp(1e4) overflows, and without the largest logit taken off the loss is NaN.
    y, target = np.array([[1e4, 0.0], [-1e4, 0.0], [1e4, 1e4]], dtype), np.array([1, 1, 0])
    loss, dy = CrossEntropy()(y, target)
    assert loss == pytest.approx((1e4 + math.log(2)) / 3, rel=1e-6 if dtype == "float32" else 1e-14)
    np.testing.assert_allclose(dy * 3, [[1, -1], [0, 0], [-0.5, 0.5]], rtol=1e-6)
    assert dy.dtype == dtype


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        ([0, 3, 4], DataError, r"^CrossEntropy: target: 3 at \[1\] and 1 more; labels of a model with 3 outputs are 0"),
        ([0, -1, 1], DataError, r"^CrossEntropy: target: -1 at \[1\]; labels"),
        ([0.0, 1.0, 2.0], DataError, r"^target: expected whole numbers, got float64; if they are, write astype\(int\)"),
        ([[0], [1], [2]], ShapeError, r"^CrossEntropy: y has shape \(3, 3\), target \(3, 1\); expected one label"),
    ],
)  # fmt: skip
def test_what_are_no_labels_is_refused(target, error, message):
    # A label of -1 would be the last class without a word.
    with pytest.raises(error, match=message):
        CrossEntropy()(np.zeros((3, 3)), target)


def any_pair(cls: Any, shape: tuple[int, ...], seed: int) -> Any:
    y, labels = labelled(seed, shape)
    return y, labels if cls is CrossEntropy else np.random.default_rng(seed + 1).normal(size=shape)


@pytest.mark.parametrize("cls", [*ALL, CrossEntropy])
@pytest.mark.parametrize("axes", [1, 2])
def test_a_weight_counts_as_an_example_that_stands_there_so_often(cls, axes):
    # Against rows repeated, without a weight. Catches a division by n.
    y, target = any_pair(cls, (4, 3, 2), 0)
    weight = np.array([2, 0, 1, 3]) if axes == 1 else np.random.default_rng(5).integers(4, size=(4, 3))
    counts = weight[:, None] * np.ones((4, 3), int) if axes == 1 else weight
    rows = np.repeat(np.arange(12), counts.ravel())
    loss, dy = cls()(y, target, weight)
    flat_y, flat_target = y.reshape(12, 2)[rows], target.reshape(12, *target.shape[2:])[rows]
    expected, d_rows = cls()(flat_y, flat_target)
    np.testing.assert_allclose(loss, expected, rtol=1e-13)
    summed = np.zeros((12, 2))
    np.add.at(summed, rows, d_rows)
    np.testing.assert_allclose(dy.reshape(12, 2), summed, rtol=1e-12, atol=1e-17)


@pytest.mark.parametrize("cls", [HalfMSE, MSE, CrossEntropy])
@pytest.mark.parametrize("weighted", [False, True])
def test_weighted_gradients_equal_central_differences(cls, weighted):
    y, target = any_pair(cls, (3, 2, 4), 1)
    weight = np.random.default_rng(2).uniform(0, 3, (3, 2)) if weighted else None
    _, dy = cls()(y, target, weight)
    for i in np.ndindex(y.shape):
        step = np.zeros_like(y)
        step[i] = 1e-5
        numeric = (cls()(y + step, target, weight)[0] - cls()(y - step, target, weight)[0]) / 2e-5
        np.testing.assert_allclose(dy[i], numeric, atol=1e-9)


@pytest.mark.parametrize("cls", [*ALL, CrossEntropy])
def test_where_nothing_counts_loss_and_gradient_are_zero(cls):
    y, target = any_pair(cls, (2, 3), 0)
    loss, dy = cls()(y, target, np.zeros(2))
    assert loss == 0
    assert not dy.any()


@pytest.mark.parametrize("cls", [*ALL, CrossEntropy])
def test_a_weight_of_another_shape_is_refused(cls):
    y, target = any_pair(cls, (2, 3), 0)
    with pytest.raises(ShapeError, match=r"^\w+: weight has shape \(3,\), target \(2.*\); expected the same"):
        cls()(y, target, np.ones(3))


@pytest.mark.parametrize("cls", [*ALL, CrossEntropy])
def test_weights_keep_the_dtype_and_the_place_of_the_gradient(cls):
    y, target = any_pair(cls, (2, 3), 0)
    out = np.empty((2, 3), "float32")
    loss, dy = cls()(y.astype("float32"), target if cls is CrossEntropy else target.astype("float32"), np.ones(2), out)
    assert dy is out
    expected = cls()(y, target)
    np.testing.assert_allclose(loss, expected[0], rtol=1e-5)
    np.testing.assert_allclose(dy, expected[1], rtol=1e-5, atol=1e-7)


def test_weights_of_classes_that_are_not_one_for_each_class_are_refused():
    with pytest.raises(
        ConfigError, match=r"^CrossEntropy: class_weights: expected one for each of the 3 classes, got 2"
    ):
        CrossEntropy(class_weights=[1, 2])(np.zeros((3, 3)), np.array([0, 1, 2]))


@pytest.mark.parametrize("loss", [CrossEntropy, BinaryCrossEntropy])
def test_weights_of_classes_that_leave_nothing_to_learn_are_refused(loss):
    with pytest.raises(ConfigError, match=r"class_weights: expected one above 0, got \[0\.0, 0\.0\]"):
        loss(class_weights=[0, 0])


@pytest.mark.parametrize("wrong", [-0.1, 1.1, np.nan])
def test_targets_that_are_no_probabilities_are_refused(wrong):
    with pytest.raises(
        DataError, match=r"^BinaryCrossEntropy: target: \S+ at \[1, 0\]; expected 0, 1 or a probability"
    ):
        BinaryCrossEntropy()(np.zeros((2, 1)), np.array([[0], [wrong]]))


def test_pytorch_weights_classes_in_the_same_way():
    torch = pytest.importorskip("torch")
    y, target = labelled(shape=(9, 3))
    weights = [1.0, 0.0, 2.5]
    expected = torch.nn.functional.cross_entropy(torch.tensor(y), torch.tensor(target), torch.tensor(weights).double())
    assert CrossEntropy(class_weights=weights)(y, target)[0] == pytest.approx(expected.item(), rel=1e-14)


def test_two_classes_are_one_logit():
    # softmax of (0, y) is (1 - σ(y), σ(y)).
    y, target = labelled(shape=(9, 1))[0], np.arange(9) % 2
    both = np.concatenate([np.zeros_like(y), y], axis=-1)
    for weights in (None, [0.5, 2.0]):
        expected, gradient = CrossEntropy(class_weights=weights)(both, target)
        loss, dy = BinaryCrossEntropy(class_weights=weights)(y, target[:, None])
        assert loss == pytest.approx(expected, rel=1e-14)
        np.testing.assert_allclose(dy[:, 0], gradient[:, 1], rtol=1e-13)


def test_weights_of_leads_multiply_those_of_classes() -> None:
    y, target = np.array([[0.3, -1.2], [2.0, 0.4]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    loss = WeightedLeads(BinaryCrossEntropy(class_weights=[1, 3]), [2, 5])
    value, gradient = loss(y, target)
    # 3 of a class and 2 or 5 of a lead: 3 · 2, 5; 2, 3 · 5.
    expected = BinaryCrossEntropy()(y, target, np.array([[6.0, 5.0], [2.0, 15.0]]))
    assert value == pytest.approx(expected[0], rel=1e-12)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-12)
