"""What `minidl.testing.check_layer` checks of states: handed on, and the gradient through them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl.core.layer import Array, Context, Layer
from minidl.core.walk import walk
from minidl.testing.central_differences import relative_error
from minidl.testing.check_subject import Subject

TOLERANCE = 1e-6


def halves_equal_the_whole(s: Subject) -> None:
    """two half windows with the state handed over equal the whole"""
    x = s.x(time=4)
    y, cache = s.layer.forward(x)
    looks_back_only = all(layer.causal for _, layer in walk(s.layer))
    if s.layer.final_state(cache) is None or len(s.input_shape) != 2 or not looks_back_only:
        return
    _, first = s.layer.forward(x[:, :2])
    second, _ = s.layer.forward(x[:, 2:], Context(state=s.layer.final_state(first)))
    np.testing.assert_allclose(second, y[:, 2:] if y.ndim == 3 else y, rtol=1e-10, atol=1e-12)


def gradients_through_states(s: Subject) -> None:
    """gradients through the start and the final state equal central differences"""
    if type(s.layer).backward_from is Layer.backward_from:
        return
    x, rng = s.x(), np.random.default_rng(6)
    start = _floats(s.layer.final_state(s.layer.forward(s.x(seed=4))[1]))
    y, cache = s.layer.forward(x, Context(state=start))
    dy = rng.normal(size=y.shape)
    d_final = _random(start, s.layer.backward_from(dy, None, cache)[2], rng)

    def loss() -> float:
        y, cache = s.layer.forward(x, Context(state=start))
        return float(np.sum(dy * y) + sum(np.sum(d * end) for end, d in _pairs(s.layer.final_state(cache), d_final)))

    dx, grads, d_start = s.layer.backward_from(dy, d_final, cache)
    assert dx is not None, "backward_from returned None for dx"
    checked = [("x", x, dx), *((name, s.layer.params[name], grad) for name, grad in grads.items())]
    checked += [(f"start state {i}", part, grad) for i, (part, grad) in enumerate(_pairs(start, d_start))]
    errors = {name: relative_error(loss, value, grad.copy(), rng) for name, value, grad in checked}
    bad = [f"d{name} (relative error {error:.1e})" for name, error in errors.items() if not error <= TOLERANCE]
    assert not bad, "wrong gradient: " + ", ".join(bad)


def _floats(state: Any) -> Any:
    """A copy in float64, of which counts are real numbers too."""
    if isinstance(state, (tuple, list)):
        return tuple(map(_floats, state))
    return None if state is None else state.astype(np.float64)


def _random(state: Any, form: Any, rng: np.random.Generator) -> Any:
    """Random numbers for each part of a state that `form`, a gradient of it, has."""
    if state is None or form is None:
        return None
    if isinstance(state, (tuple, list)):
        return tuple(_random(part, of, rng) for part, of in zip(state, form, strict=True))
    return rng.normal(size=state.shape)


def _pairs(state: Any, gradient: Any) -> Iterator[tuple[Array, Array]]:
    """The parts of a state that have a gradient, with it."""
    if state is None or gradient is None:
        return
    if isinstance(state, (tuple, list)):
        for part, of in zip(state, gradient, strict=True):
            yield from _pairs(part, of)
    else:
        yield state, gradient
