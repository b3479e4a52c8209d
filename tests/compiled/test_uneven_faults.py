"""Lengths are heeded in every kernel that must, and a fault planted in one of them is caught."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from both_engines import difference
from uneven import ONE, end_of

from minidl import (
    Bidirectional,
    Dense,
    HalfMSE,
    LastStep,
    MinidlError,
    RecurrentLayer,
    ReluActivation,
    Sequential,
)
from minidl.compiled import runtime
from minidl.compiled.engine import CompiledEngine
from minidl.compiled.kernels import glue, recurrent, sequence_ends
from minidl.training import Arrays


def without_lengths(kernel):
    return dataclasses.replace(kernel, ragged=None)


def shares_of_all_steps(share, weights, starts, steps, lengths, position, n):
    share[:] = 0
    share[:, :, :n] = 1 / (share.shape[0] * share.shape[1] * n)


def deep_sum():
    """A recurrence that grows a thousandfold a step: fine for two steps, infinite after a hundred."""
    model = Sequential([RecurrentLayer(1, activation=ReluActivation()), LastStep(), Dense(1)])
    model.build((None, 1), 0, "float64")
    model.params["0.W_hh"][:] = 1e3
    model.params["0.W_xh"][:] = 1e-6
    return model


def sums():
    model = Sequential([RecurrentLayer(1), LastStep(), Dense(1)])
    model.build((None, 1), 0, "float64")
    return model


def steps():
    model = Sequential([Dense(1)])
    model.build((None, 1), 0, "float64")
    return model


def both_ways():
    model = Sequential([Bidirectional(RecurrentLayer(1)), Dense(1)])
    model.build((None, 1), 0, "float64")
    for name in ("0.forward.W_hh", "0.backward.W_hh"):  # with larger ones a gradient through 130 zeros hides all else
        model.params[name][:] = 0.5
    return model


CASES = {
    "the last step": (sums, sequence_ends, "last_step", lambda layer: LAST_STEP),
    "the reversal": (both_ways, glue, "REVERSED", without_lengths(glue.REVERSED)),
    "the mask of the loss": (steps, runtime.NAMES, "gather_shares", shares_of_all_steps),
    "the end of a recurrence": (deep_sum, recurrent, "_ragged", lambda forward, backward: None),
}
LAST_STEP = without_lengths(sequence_ends.last_step(None))


def planted(monkeypatch, place, name, value):
    if isinstance(place, dict):
        from minidl.compiled import jit

        monkeypatch.setitem(place, name, jit(value))
    else:
        monkeypatch.setattr(place, name, value)


def differ(make):
    """How far the engines are apart after a training on sequences of 1 to 2 and of 130 steps."""
    rng = np.random.default_rng(0)
    model, lengths, x = make(), np.array([2, 1, 130, 2, 1, 2, 2]), rng.uniform(0.5, 1, size=(7, 130, 1))
    x[2] = 0
    y = rng.normal(size=(7, 130, 1) if model.output_lengths(ONE) is not None else (7, 1))
    ends = [end_of(model, Arrays(x, y, lengths), HalfMSE(), engine) for engine in (None, CompiledEngine())]
    return difference(ends[0][0], ends[1][0])


@pytest.mark.parametrize("name", CASES)
def test_lengths_are_heeded_in(name):
    assert differ(CASES[name][0]) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_planted_fault_is_caught_in(name, monkeypatch):
    make, *fault = CASES[name]
    planted(monkeypatch, *fault)
    recurrent._kernel.cache_clear()
    try:
        assert not differ(make) < 1e-6
    except MinidlError as err:
        assert "NaN" in str(err)  # noqa: PT017
    finally:
        recurrent._kernel.cache_clear()
