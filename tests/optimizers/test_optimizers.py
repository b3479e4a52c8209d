"""Optimizers against their formulas in plain floats, and against stored values of torch."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.make_torch_reference import FILE, OPTIMIZERS, gradients, optimize

from minidl import SGD, Adam, ConfigError
from minidl.optimizers import clip_global_norm


@functools.cache
def stored():
    with np.load(FILE) as file:
        return dict(file)


def run(optimizer, start, grads, dtype="float64"):
    """The parameters after every step, one row each."""
    params = start.astype(dtype)
    state = optimizer.start(params)
    rows = []
    for g in grads:
        optimizer.update(params, g.astype(dtype), state)
        rows.append(params.copy())
    return np.array(rows)


def sgd_by_hand(p, grads, learning_rate, momentum):
    v, rows = 0.0, []
    for g in grads:
        v = momentum * v + g
        p = p - learning_rate * v
        rows.append(p)
    return rows


def adam_by_hand(p, grads, learning_rate, beta1, beta2, epsilon):
    """Algorithm 1 of Kingma and Ba, line by line."""
    m = v = 0.0
    rows = []
    for t, g in enumerate(grads, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        p = p - learning_rate * m_hat / (math.sqrt(v_hat) + epsilon)
        rows.append(p)
    return rows


numbers = st.floats(-10, 10, allow_subnormal=False)
rates = st.floats(1e-4, 1)
decays = st.floats(0, 0.99)


# A dozen operations on numbers up to 100: 1e-12 leaves room.
@given(p=numbers, g=st.lists(numbers, min_size=1, max_size=6), rate=rates, momentum=decays)
def test_sgd_equals_its_formula(p, g, rate, momentum):
    # Catches the sign of the momentum, a velocity that forgets, a step by g instead of v.
    got = run(SGD(rate, momentum=momentum), np.array([p]), np.array(g)[:, np.newaxis])
    np.testing.assert_allclose(got[:, 0], sgd_by_hand(p, g, rate, momentum), rtol=1e-12, atol=1e-12)


@given(p=numbers, g=st.lists(numbers, min_size=1, max_size=6), rate=rates, beta1=decays, beta2=decays)
def test_adam_equals_algorithm_1(p, g, rate, beta1, beta2):
    # Catches a missing bias correction, swapped decays, epsilon inside the root.
    got = run(Adam(rate, beta1=beta1, beta2=beta2, epsilon=1e-3), np.array([p]), np.array(g)[:, np.newaxis])
    expected = adam_by_hand(p, g, rate, beta1, beta2, 1e-3)
    np.testing.assert_allclose(got[:, 0], expected, rtol=1e-11, atol=1e-11)


def ours(name):
    cls, arguments = OPTIMIZERS[name]
    arguments = dict(arguments)
    if "betas" in arguments:
        arguments["beta1"], arguments["beta2"] = arguments.pop("betas")
    if "eps" in arguments:
        arguments["epsilon"] = arguments.pop("eps")
    return {"SGD": SGD, "Adam": Adam}[cls](arguments.pop("lr"), **arguments)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_equals_the_stored_values_of_torch(name):
    # One entry has a gradient of zero throughout: Adam divides by epsilon alone there.
    np.testing.assert_allclose(run(ours(name), *gradients()), stored()[f"optimizer/{name}"], rtol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_equals_torch_itself(name):
    pytest.importorskip("torch", reason="torch is not installed; its stored values are compared instead")
    np.testing.assert_allclose(run(ours(name), *gradients()), optimize(name), rtol=1e-12)


def test_two_steps_by_heart():
    grads = np.array([[1.0], [1.0]])
    assert run(SGD(0.5), np.array([2.0]), grads).tolist() == [[1.5], [1.0]]
    assert run(SGD(0.5, momentum=0.5), np.array([2.0]), grads).tolist() == [[1.5], [0.75]]
    # Adam's first step is the learning rate against the sign of g, whatever the size of g.
    for g in (1e-3, 1.0, 1e3):
        step = run(Adam(0.25), np.array([2.0]), np.array([[g], [-g]]))
        np.testing.assert_allclose(step[0], [1.75], rtol=1e-4)


def test_adam_starts_with_the_defaults_of_the_paper():
    adam = Adam()
    assert (adam.learning_rate, adam.beta1, adam.beta2, adam.epsilon) == (0.001, 0.9, 0.999, 1e-8)


@pytest.mark.parametrize("optimizer", [SGD(0.1), SGD(0.1, momentum=0.9), Adam()])
def test_steps_change_the_callers_arrays_in_place_and_keep_their_dtype(optimizer):
    # The parameters are views of one flat vector: a new array would leave the model behind.
    for dtype in ("float32", "float64"):
        params = np.ones(3, dtype)
        view = params[1:]
        state = optimizer.start(params)
        arrays = dict(state)
        optimizer.update(params, np.ones(3, dtype), state)
        assert (view < 1).all()
        assert params.dtype == dtype
        assert all(state[name] is value for name, value in arrays.items())
        assert {value.dtype for name, value in state.items() if name != "t"} <= {np.dtype(dtype)}


@pytest.mark.parametrize("optimizer", [SGD(0.1, momentum=0.9), Adam(0.1)])
def test_a_state_that_is_copied_continues_the_same(optimizer):
    # A checkpoint keeps the state's arrays: nothing of it may hide in the optimizer.
    start, grads = gradients()
    whole = run(optimizer, start, grads)
    params, state = start.copy(), optimizer.start(start)
    for g in grads[:3]:
        optimizer.update(params, g.copy(), state)
    saved = {name: value.copy() for name, value in state.items()}
    optimizer.update(params.copy(), np.full(4, 9.0), state)  # somebody else's step in between
    for g in grads[3:]:
        optimizer.update(params, g.copy(), saved)
    np.testing.assert_array_equal(params, whole[-1])


def test_sgd_without_momentum_has_no_state():
    assert SGD(0.1).start(np.ones(3)) == {}
    assert list(SGD(0.1, momentum=0.9).start(np.ones(3))) == ["velocity"]
    assert {name: value.tolist() for name, value in Adam().start(np.ones(2)).items()} == {
        "m": [0, 0],
        "v": [0, 0],
        "t": [0],
    }


class TestClipping:
    def test_scales_three_four_to_length_one(self):
        grads = np.array([3.0, -4.0])
        assert clip_global_norm(grads, 1.0) == 5
        np.testing.assert_allclose(grads, [0.6, -0.8], rtol=1e-15)

    def test_leaves_shorter_ones_alone_bit_for_bit(self):
        for limit in (5.0, 7.0):
            grads = np.array([3.0, -4.0])
            assert clip_global_norm(grads, limit) == 5
            assert grads.tolist() == [3, -4]

    @given(g=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=5), limit=st.floats(1e-3, 1e3))
    def test_keeps_the_direction_and_the_limit(self, g, limit):
        grads = np.array(g)
        norm = clip_global_norm(grads, limit)
        # atol: squares of numbers below 1e-154 underflow, and so may what is scaled.
        np.testing.assert_allclose(norm, math.hypot(*g), rtol=1e-12, atol=1e-100)
        assert math.hypot(*grads) <= limit * (1 + 1e-12)
        np.testing.assert_allclose(grads * max(1.0, norm / limit), g, rtol=1e-12, atol=1e-100)

    def test_keeps_float32(self):
        grads = np.full(4, 10, "float32")
        clip_global_norm(grads, 1.0)
        assert grads.dtype == "float32"
        np.testing.assert_allclose(grads, 0.5, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(0), "SGD: learning_rate: expected `float` > 0.0, got 0"),
        (lambda: SGD(-0.1), "SGD: learning_rate: expected `float` > 0.0, got -0.1"),
        (lambda: SGD("0.1"), "SGD: learning_rate: expected `float`, got `str` '0.1'"),
        (lambda: SGD(0.1, momentum=1), "SGD: momentum: expected `float` < 1.0, got 1"),
        (lambda: SGD(0.1, momentum=-0.5), "SGD: momentum: expected `float` >= 0.0, got -0.5"),
        (lambda: Adam(beta1=1.0), "Adam: beta1: expected `float` < 1.0, got 1.0"),
        (lambda: Adam(beta2=-1.0), "Adam: beta2: expected `float` >= 0.0, got -1.0"),
        (lambda: Adam(epsilon=0.0), "Adam: epsilon: expected `float` > 0.0, got 0.0"),
    ],
)
def test_arguments_out_of_range_are_refused(make, message):
    with pytest.raises(ConfigError) as err:
        make()
    assert str(err.value) == message


def test_clipping_keeps_gradients_whose_squares_overflow():
    grads = np.full(2, 1e20, "float32")
    norm = clip_global_norm(grads, 1.0)
    np.testing.assert_allclose(norm, np.sqrt(2) * 1e20, rtol=1e-6)  # float32 holds 1e20 to 6e-8
    np.testing.assert_allclose(grads, np.sqrt(0.5), rtol=1e-6)
