"""Initializers: moments, limits, orthonormality, seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import ConfigError
from minidl.core.initializers import Initializer, glorot_uniform, normal_fan_in, orthogonal, zeros
from minidl.core.registry import lookup, names

ALL = [normal_fan_in, glorot_uniform, orthogonal, zeros]
sides = st.integers(1, 12)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_normal_fan_in_has_mean_zero_and_deviation_one_over_root_fan_in():
    # n = 200,000 draws: the mean scatters by σ/√n, the deviation by σ/√(2n); five times that is allowed.
    # Catches fan-out for fan-in (the sides differ), and 1/fan-in for its root.
    w = normal_fan_in((25, 8_000), rng(), "float64")
    sigma, n = 1 / 5, w.size
    assert abs(w.mean()) < 5 * sigma / math.sqrt(n)
    assert abs(w.std() - sigma) < 5 * sigma / math.sqrt(2 * n)
    # A normal distribution has its fourth moment at 3 σ⁴ (a uniform one at 1.8); scatter √(96/n) σ⁴.
    assert abs((w**4).mean() / sigma**4 - 3) < 5 * math.sqrt(96 / n)


@pytest.mark.parametrize(("shape", "fan_sum"), [((100, 300), 400), ((300, 100), 400), ((20, 10), 30)])
def test_glorot_uniform_fills_its_interval_evenly(shape, fan_sum):
    # limit² = 6 / (fan-in + fan-out); a uniform variable on ±limit has variance limit²/3.
    limit = math.sqrt(6 / fan_sum)
    w = glorot_uniform(shape, rng(), "float64")
    n = w.size
    assert np.abs(w).max() <= limit
    assert np.abs(w).max() > limit * (1 - 20 / n)  # the largest of n draws misses the end by 1/n on average
    assert abs(w.mean()) < 5 * limit / math.sqrt(3 * n)
    assert abs(w.var() / (limit**2 / 3) - 1) < 5 * math.sqrt(0.8 / n)


@given(rows=sides, columns=sides)
def test_orthogonal_has_orthonormal_rows_or_columns(rows, columns):
    q = orthogonal((rows, columns), rng(), "float64")
    product = q.T @ q if rows >= columns else q @ q.T
    np.testing.assert_allclose(product, np.eye(min(rows, columns)), atol=1e-13)  # a QR of size 12 in float64
    assert q.flags.c_contiguous


def test_orthogonal_is_uniform_over_all_such_matrices():
    # Without the signs of R's diagonal, LAPACK's QR gives Q a preferred sign: in one dimension always the same.
    signs = np.array([orthogonal((1, 1), rng(seed), "float64").item() for seed in range(400)])
    assert set(signs.tolist()) == {-1, 1}
    assert abs(signs.mean()) < 5 / math.sqrt(400)
    # The first entry of a uniform 2x2 rotation or reflection has mean 0 and mean square 1/2.
    corner = np.array([orthogonal((2, 2), rng(seed), "float64")[0, 0] for seed in range(400)])
    assert abs(corner.mean()) < 5 * math.sqrt(0.5 / 400)
    assert abs((corner**2).mean() - 0.5) < 5 * math.sqrt(0.125 / 400)
    trace = np.array([np.trace(orthogonal((3, 3), rng(seed), "float64")) for seed in range(400)])
    assert abs(trace.mean()) < 5 / math.sqrt(400)  # for uniform ones E[trace] = 0 and E[trace²] = 1


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2)])
def test_orthogonal_on_something_that_is_no_matrix(shape):
    with pytest.raises(ConfigError) as err:
        orthogonal(shape, rng(), "float64")
    assert str(err.value) == f"orthogonal: needs a matrix; got the shape {shape}."


def test_zeros_are_zeros_and_draw_nothing():
    generator = rng()
    assert not zeros((3, 2), generator, "float64").any()
    assert generator.normal() == rng().normal()


@pytest.mark.parametrize("initializer", ALL)
@given(rows=sides, columns=sides, dtype=st.sampled_from(["float32", "float64"]))
def test_shape_and_dtype_are_as_asked_and_the_array_is_new(initializer, rows, columns, dtype):
    w = initializer((rows, columns), rng(), dtype)
    assert (w.shape, w.dtype) == ((rows, columns), np.dtype(dtype))
    assert w.flags.writeable
    assert not np.shares_memory(w, initializer((rows, columns), rng(), dtype))


@pytest.mark.parametrize("initializer", [normal_fan_in, glorot_uniform, zeros])
def test_biases_get_values_too(initializer):
    assert initializer((5,), rng(), "float32").shape == (5,)


@pytest.mark.parametrize("initializer", [normal_fan_in, glorot_uniform, orthogonal])
def test_one_seed_gives_one_array_and_another_seed_another(initializer):
    first, again, other = (initializer((4, 3), rng(seed), "float64") for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("initializer", [normal_fan_in, glorot_uniform, orthogonal])
def test_float32_is_float64_rounded(initializer):
    # One seed starts the same model in both precisions.
    single, double = (initializer((4, 3), rng(), dtype) for dtype in ("float32", "float64"))
    np.testing.assert_array_equal(single, double.astype("float32"))


def test_all_are_registered_under_their_names():
    assert {name: lookup(Initializer, name) for name in names(Initializer)}.items() >= {
        f.__name__: f for f in ALL
    }.items()
