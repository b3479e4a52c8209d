"""RecurrentLayer and stacks of it against torch.nn.RNN: outputs, states and all gradients.

With the values that tests/reference/make_torch_reference.py stored, and, where torch
is installed, with torch itself on other numbers.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest
from naive import close
from reference.make_torch_reference import CASES, FILE, inputs, rnn

from minidl import Context, RecurrentLayer, ReluActivation, Sequential, TanhActivation

ACTIVATIONS = {"tanh": TanhActivation, "relu": ReluActivation}


@functools.cache
def stored():
    with np.load(FILE) as file:
        return dict(file)


def compute(case, given, dtype="float64"):
    """The same dict as `rnn` gives, from minidl."""
    layers, F, H, bias, nonlinearity, *_ = case
    model = Sequential([RecurrentLayer(H, activation=ACTIVATIONS[nonlinearity](), bias=bias) for _ in range(layers)])
    model.build(F, 0, dtype)
    model.bind({name: given[name].astype(dtype) for name in model.params})
    y, cache = model.forward(given["x"].astype(dtype), Context(state=tuple(given["h_0"].astype(dtype))))
    dx, grads = model.backward(given["dy"].astype(dtype), cache)
    h_T = np.array(model.final_state(cache))
    return {"y": y, "h_T": h_T, "dx": dx, **{"d" + name: value for name, value in grads.items()}}


def compare(got, expected, rtol):
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        close(got[name], value, rtol)


# Both sides compute in float64 with sums in another order; 24 steps through two layers add up
# to some 1e-14 of the largest entry. In float32 the eps is 1e-7.
@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-12), ("float32", 5e-5)])
@pytest.mark.parametrize("name", CASES)
def test_equals_the_stored_values_of_torch(name, dtype, rtol):
    # Catches everything that central differences and plain loops of our own might get wrong in the same way.
    arrays = {key.split("/")[1]: value for key, value in stored().items() if key.split("/")[0] == name}
    given = {key: value for key, value in arrays.items() if key in inputs(CASES[name], 0)}
    expected = {key: value for key, value in arrays.items() if key not in given}
    assert len(expected) == 3 + CASES[name][0] * (3 if CASES[name][3] else 2)
    compare(compute(CASES[name], given, dtype), expected, rtol)


@pytest.mark.parametrize("name", CASES)
def test_equals_torch_itself(name):
    pytest.importorskip("torch", reason="torch is not installed; its stored values are compared instead")
    given = inputs(CASES[name], seed=1000)
    compare(compute(CASES[name], given), rnn(CASES[name], given), 1e-12)
