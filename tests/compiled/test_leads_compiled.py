"""Several leads at once in compiled code: `StepsAhead`, windows with later rows, and `WeightedLeads`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from both_engines import difference, trainer, windows
from uneven import end_of, padded

from minidl import MAE, MSE, SGD, Dense, Dropout, GaussianNLL, Sequential, StepsAhead, SumOfLosses, WeightedLeads
from minidl.compiled import explain
from minidl.compiled.engine import CompiledEngine
from minidl.compiled.engines import engine_line
from minidl.compiled.kernel import kernel_of
from minidl.data import Windows
from minidl.data.later import Later
from minidl.training import Arrays

F, LEADS = 3, 3
LOSS = WeightedLeads(SumOfLosses([GaussianNLL(), GaussianNLL(0.1)], [1, 2]), [3, 0.5, 1])


def built(time_steps: int, outputs: int = 2) -> Sequential:
    model = Sequential([Dropout(0.2), Dense(outputs), StepsAhead(LEADS)])
    model.build((time_steps, F), 5, "float64")
    return model


def with_later_rows(n: int) -> Windows:
    """Windows of random rows, a third of whose labels is not known, with rows after them in which one column came."""
    known = np.random.default_rng(4).uniform(size=n + 8) > 0.3
    later = Later((0,), frozenset({2}), count=LEADS - 1)
    return replace(windows(n, leads=LEADS), starts=np.arange(n), known=known, later=later)


@pytest.mark.parametrize("threads", [2, pytest.param(1, marks=pytest.mark.slow)])
def test_both_engines_train_alike_on_later_rows_with_weights_of_leads(threads: int) -> None:
    # Catches windows without their later rows, rows that are not hidden, and a mean over a thread's own leads.
    source, model = with_later_rows(90), built(6 + LEADS - 1)
    assert source.uneven
    arguments: Any = {"batch_size": 24, "optimizer": SGD(0.1)}
    compiled = trainer(model, loss=LOSS, engine=CompiledEngine(), threads=threads, **arguments)
    assert engine_line(compiled, "compiled", source) == "compiled"
    expected, losses = end_of(model, source, LOSS, None, **arguments)
    found, others = end_of(model, source, LOSS, CompiledEngine(), threads=threads, **arguments)
    assert difference(expected, found) < 1e-12
    np.testing.assert_allclose(others, losses, rtol=1e-12)


@pytest.mark.slow
def test_both_engines_train_alike_on_sequences_of_different_length() -> None:
    rng = np.random.default_rng(2)
    x, y, lengths = rng.normal(size=(45, 7, F)), rng.normal(size=(45, LEADS)), rng.integers(1, 8, 45)
    ends, model, loss = [], built(7, 1), WeightedLeads(MAE(), [1, 2, 0.3])
    for filling in (0.0, np.nan):
        source = Arrays(padded(x, lengths, filling), y, lengths)
        expected, losses = end_of(model, source, loss, None, batch_size=11)
        found, others = end_of(model, source, loss, CompiledEngine(), batch_size=11)
        assert difference(expected, found) < 1e-12
        np.testing.assert_allclose(others, losses, rtol=1e-12)
        ends.append(found.tobytes())
    assert len(set(ends)) == 1


@pytest.mark.parametrize("time_steps", [1, 2, 3, 5])
def test_the_kernel_of_steps_ahead_computes_what_the_layer_does(time_steps: int) -> None:
    # Catches steps of another lane's length, and a first step that gets the gradient of one lead only.
    layer, rng, n = StepsAhead(LEADS), np.random.default_rng(0), 8
    x, dy = rng.normal(size=(n, time_steps, 2)), rng.normal(size=(n, LEADS * 2))
    lanes, back = np.ascontiguousarray(x.transpose(1, 2, 0)), np.ascontiguousarray(dy.T[None])
    kernel, scratch = kernel_of(layer), np.zeros(0)
    for lengths in (None, rng.integers(1, time_steps + 1, n)):
        ends = np.full(n, time_steps) if lengths is None else lengths
        expected, dx = np.empty_like(dy), np.empty_like(x)
        for k in range(n):
            y, cache = layer.forward(x[k : k + 1, : ends[k]])
            expected[k], dx[k] = y[0], 0
            dx[k, : ends[k]] = layer.backward(dy[k : k + 1], cache)[0]
        y, found = np.empty_like(back), np.zeros_like(lanes)
        forward, backward = (kernel.forward, kernel.backward) if lengths is None else kernel.ragged
        more = () if lengths is None else (lengths,)
        forward(lanes, y, scratch, *more)
        for _ in range(2):  # what was written in the step before must not add up
            backward(lanes, y, back, found, scratch, *more)
        np.testing.assert_array_equal(y[0].T, expected)
        np.testing.assert_allclose(found.transpose(2, 0, 1), dx, rtol=1e-15)


def test_weights_of_leads_in_a_sum_are_left_to_numpy_and_a_loss_of_them_without_a_kernel() -> None:
    class Own(MSE):
        """It may compute something else than its parent."""

    weighted = WeightedLeads(MSE(), [1, 2, 3])
    for loss, reason in (
        (SumOfLosses([MAE(), weighted]), "the loss WeightedLeads in a sum has weights of its own"),
        (WeightedLeads(Own(), [1, 2, 3]), "the loss Own has no kernel"),
    ):
        assert explain(built(5, 1), loss, SGD(0.1)) == f"numpy: {reason}"
    assert explain(built(5, 1), WeightedLeads(weighted, [1, 2, 3]), SGD(0.1)) == "compiled"
