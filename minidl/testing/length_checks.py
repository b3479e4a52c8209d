"""Checks of `check_layer` for sequences of different length; see `minidl.core.lengths` for what is promised."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.core.layer import Array, Context
from minidl.core.lengths import check_lengths, inside
from minidl.core.workspace import Workspace
from minidl.testing.check_subject import Subject

TIME = 5
SOME_LENGTHS = ((5, 3, 1), (3, 3, 2))


class _Padded:
    """What a layer makes of a batch with lengths; dy is 0 in the padding."""

    def __init__(self, s: Subject, lengths: Array, seed: int, ctx: Context) -> None:
        there = inside(lengths, TIME)
        x = np.where(there[..., None], s.x(time=TIME), 10 * s.x(time=TIME, seed=seed))
        self.after = s.layer.output_lengths(lengths)
        y, cache = s.layer.forward(x, ctx)
        self.state = s.layer.final_state(cache)
        dy = np.random.default_rng(3).normal(size=y.shape)
        if self.after is None:
            assert y.ndim == 2, f"output_lengths returned None, but y has shape {y.shape}"
        else:
            check_lengths(self.after, y.shape, "output_lengths")
            dy *= inside(self.after, y.shape[1])[..., None]
        dx, grads = s.layer.backward(dy, cache)
        assert dx is not None, "backward returned None for dx"
        assert not dx[~there].any(), "dx is not 0 in the padding, where dy is"
        self.x, self.dy, self.lengths = x, dy, lengths
        self.dx, self.y = dx.copy(), y.copy()
        self.grads = {"d" + name: value.copy() for name, value in grads.items()}

    def row(self, a: Array, i: int, lengths: Array | None) -> Array:
        """Sequence i of an array, without padding."""
        return a[i : i + 1] if lengths is None else a[i : i + 1, : lengths[i]]


def padded_equals_alone(s: Subject) -> None:
    """a padded batch equals each sequence alone: output, gradients and state"""
    for lengths in _lengths_for(s):
        got = _Padded(s, lengths, 6, Context(lengths=lengths))
        sums = {name: np.zeros_like(value) for name, value in got.grads.items()}
        for i in range(len(lengths)):
            y, cache = s.layer.forward(got.row(got.x, i, lengths))
            state = s.layer.final_state(cache)
            dx, grads = s.layer.backward(got.row(got.dy, i, got.after), cache)
            assert dx is not None, "backward returned None for dx"
            _close("y", got.row(got.y, i, got.after), y)
            _close("dx", got.row(got.dx, i, lengths), dx)
            for mine, alone in zip(_arrays(got.state), _arrays(state), strict=True):
                _close("final_state", mine[i : i + 1], alone)
            for name, value in grads.items():
                sums["d" + name] += value
        for name, value in got.grads.items():
            _close(name, value, sums[name])


def padding_changes_nothing(s: Subject) -> None:
    """what stands in the padding of x changes no bit elsewhere, also with a lent workspace"""
    lent = Workspace()
    for lengths in _lengths_for(s):
        results = []
        for seed, workspace in ((6, None), (7, None), (8, lent), (9, lent)):
            got = _Padded(s, lengths, seed, Context(lengths=lengths, workspace=workspace))
            rows = [got.row(got.y, i, got.after) for i in range(len(lengths))]
            results.append([a.tobytes() for a in (*rows, got.dx, *got.grads.values(), *_arrays(got.state))])
        assert all(found == results[0] for found in results), f"lengths {lengths.tolist()}: it does"


def _lengths_for(s: Subject) -> list[Array]:
    return [np.array(lengths, np.int64) for lengths in SOME_LENGTHS] if len(s.input_shape) == 2 else []


def _arrays(state: Any) -> list[Array]:
    if isinstance(state, (tuple, list)):
        return [array for part in state for array in _arrays(part)]
    return [] if state is None else [np.asarray(state)]


def _close(name: str, actual: Array, expected: Array) -> None:
    np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-12, err_msg=name)
