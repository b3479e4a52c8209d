"""The tanh of compiled code, over the whole range of its numbers."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.compiled import jit
from minidl.compiled.functions import tanh

# Measured 4.5 and 2.6; an error in one coefficient's sixth digit gives thousands.
BOUNDS = {"float32": 5.0, "float64": 3.0}


@jit
def all_of(x, y):
    for k in range(x.size):
        y[k] = tanh(x[k])


def computed(x):
    y = np.empty_like(x)
    all_of(x, y)
    return y


def over_the_whole_range(dtype):
    """Numbers of every size from the smallest to the largest, dense where tanh bends, of both signs."""
    info = np.finfo(dtype)
    magnitudes = np.exp(np.linspace(np.log(float(info.tiny)), np.log(float(info.max)) - 1e-6, 200_000))
    x = np.concatenate([magnitudes, np.linspace(0, 25, 400_001)]).astype(dtype)
    return np.concatenate([x, -x])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tanh_is_within_a_few_units_in_the_last_place(dtype):
    x = over_the_whole_range(dtype)
    wide = np.float64 if dtype == "float32" else np.longdouble
    if np.finfo(wide).nmant <= np.finfo(dtype).nmant:
        pytest.skip("no wider type here to compare with")
    expected = np.tanh(x.astype(wide))
    ulp = np.spacing(np.abs(expected.astype(dtype))).astype(wide)
    assert float((np.abs(computed(x) - expected) / ulp).max()) < BOUNDS[dtype]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tanh_is_one_at_infinity_and_nan_for_nan(dtype):
    x = np.array([np.inf, -np.inf, np.nan, 0.0, 1e30, -1e30], dtype)
    y = computed(x)
    near_one = 1 - BOUNDS[dtype] * np.finfo(dtype).epsneg
    assert near_one <= y[0] <= 1
    assert -1 <= y[1] <= -near_one
    assert np.isnan(y[2])
    assert y[3] == 0
    assert y[4] == y[0]
    assert y[5] == y[1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tanh_never_leaves_its_range(dtype):
    # 1 - y² is the slope: beyond 1 it would change its sign.
    assert np.abs(computed(over_the_whole_range(dtype))).max() <= 1
