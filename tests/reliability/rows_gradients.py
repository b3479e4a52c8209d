"""Row 13: wrong gradients."""

from __future__ import annotations

import inspect
import random
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minidl import RecurrentLayer, Sequential, TanhActivation
from minidl.layers import activations, dense, sequence_ends
from minidl.layers.containers import container
from minidl.layers.recurrent.loop import RowRecurrence, SlabRecurrence
from minidl.testing.checks import check_gradients
from tests.reliability.harness import ROOT, Outcome, row

# Faults in backward: where, what stands there, and what stands there instead.
Faulty = tuple[Any, str, str, str]
SLAB, ROWS_LAYOUT = SlabRecurrence, RowRecurrence
WRITTEN = "grads[name][...] = part"
FAULTS: list[Faulty] = [
    *[
        (SLAB, "backward", WRITTEN, f'{WRITTEN} if name != "{name}" else {wrong}')
        for name, wrong in (
            *(("W_hh", wrong) for wrong in ("-part", "part.T", "0")),
            *(("W_xh", wrong) for wrong in ("-part", "2 * part", "part[:, ::-1]")),
            *(("b_h", wrong) for wrong in ("-part", "part[::-1]", "part / 2")),
        )
    ],
    (SLAB, "backward", 'self.N_hh[...] = self.weights["W_hh"]', 'self.N_hh[...] = self.weights["W_hh"].T'),
    (SLAB, "backward", 'self.N_hh[...] = self.weights["W_hh"]', "self.N_hh[...] = 0"),
    (SLAB, "backward", 'self.N_hh[...] = self.weights["W_hh"]', 'self.N_hh[...] = -self.weights["W_hh"]'),
    (SLAB, "backward", "self.dy[...] = dy", "self.dy[...] = dy[:, ::-1]"),
    (SLAB, "backward", "self.dy[...] = dy", "self.dy[...] = dy[::-1]"),
    (SLAB, "backward", "self.dy[...] = dy", "self.dy[...] = 1.001 * dy"),
    (SLAB, "backward", "steps.slope(self.h[1:], self.slope)", "steps.slope(self.h[:-1], self.slope)"),
    (SLAB, "backward", "np.matmul(self.da, self.Z_T", "np.matmul(self.da[::-1], self.Z_T"),
    (SLAB, "backward", 'self.W_xh[...] = self.weights["W_xh"]', 'self.W_xh[...] = -self.weights["W_xh"]'),
    (
        SLAB,
        "backward",
        "np.matmul(self.W_xh, self.da, out=self.dx)",
        "np.matmul(self.W_xh, self.da[::-1], out=self.dx)",
    ),
    (
        SLAB,
        "backward",
        "np.add.reduce(self.dM_steps, 0, out=self.dM)",
        "np.add.reduce(self.dM_steps[1:], 0, out=self.dM)",
    ),
    (
        SLAB,
        "backward",
        "np.add.reduce(self.dM_steps, 0, out=self.dM)",
        "np.add.reduce(self.dM_steps[:-1], 0, out=self.dM)",
    ),
    (SLAB, "forward", "part[...] = params[name]", 'part[...] = params[name] * (1.01 if name == "W_hh" else 1)'),
    (ROWS_LAYOUT, "_run_back", "gate(dy[-1], da[-1], da[-1])", "gate(dy[0], da[-1], da[-1])"),
    (ROWS_LAYOUT, "_run_back", "gate(dy[-1], da[-1], da[-1])", "gate(-dy[-1], da[-1], da[-1])"),
    (ROWS_LAYOUT, "_run_back", "dot(after, self.W_hh_T, dh)", "dot(after, self.W_hh_T.T, dh)"),
    (ROWS_LAYOUT, "_run_back", "dot(after, self.W_hh_T, dh)", "dot(da[-1], self.W_hh_T, dh)"),
    (ROWS_LAYOUT, "_run_back", "dot(after, self.W_hh_T, dh)", "dh[...] = 0"),
    (ROWS_LAYOUT, "_run_back", "dy[-2::-1]", "dy[:0:-1]"),
    (ROWS_LAYOUT, "_run_back", "add(dh, dy_t, dh)", "pass"),
    (ROWS_LAYOUT, "_run_back", "add(dh, dy_t, dh)", "np.subtract(dh, dy_t, dh)"),
    (ROWS_LAYOUT, "_run_back", "gate(dh, here, here)", "here[...] = dh"),
    (ROWS_LAYOUT, "_run_back", "zip(self.steps_back, dy[-2::-1]", "zip(self.steps_back[:-1], dy[-2:0:-1]"),
    (ROWS_LAYOUT, "backward", "dot(h[:-1].reshape(-1, H).T", "dot(h[1:].reshape(-1, H).T"),
    (ROWS_LAYOUT, "backward", 'dot(self.x.T, rows, out=grads["W_xh"])', 'dot(-self.x.T, rows, out=grads["W_xh"])'),
    (ROWS_LAYOUT, "backward", "np.add.reduce(rows, 0", "np.add.reduce(rows[1:], 0"),
    (ROWS_LAYOUT, "backward", "dot(rows, self.W_xh.T, out=self.dx)", "dot(-rows, self.W_xh.T, out=self.dx)"),
    (ROWS_LAYOUT, "backward", "steps.slope(h[1:], da)", "steps.slope(h[:-1], da)"),
    (activations.TanhActivation, "slope", "np.square(y, out=out)", "np.copyto(out, y)"),
    (activations.TanhActivation, "slope", "np.subtract(1, out, out=out)", "np.subtract(1.0001, out, out=out)"),
    (
        activations.SigmoidActivation,
        "slope",
        "np.multiply(np.subtract(1, y), y, out=out)",
        "np.subtract(1, y, out=out)",
    ),
    (activations.SigmoidActivation, "slope", "np.subtract(1, y)", "np.subtract(0.5, y)"),
    (activations.ReluActivation, "slope", "np.greater(y, 0", "np.less_equal(y, 0"),
    (activations.IdentityActivation, "slope", "out.fill(1)", "out.fill(0)"),
    (activations.Activation, "backward", "np.multiply(dx, dy, out=dx)", "np.multiply(dx, dx, out=dx)"),
    (dense.Dense, "backward", "rows.T.dot(dy", "(-rows.T).dot(dy"),
    (dense.Dense, "backward", "np.add.reduce(dy, 0", "np.add.reduce(dy[1:], 0"),
    (dense.Dense, "backward", "dx = dy.dot(W.T", "dx = (-dy).dot(W.T"),
    (dense.Dense, "backward", "dx = dy.dot(W.T", "dx = (1.00001 * dy).dot(W.T"),
    (sequence_ends.LastStep, "backward", "dx[:, -1] = dy", "dx[:, 0] = dy"),
    (sequence_ends.LastStep, "backward", "dx[:, -1] = dy", "dx[:] = dy[:, None]"),
    (container.Container, "summed_gradients", "np.add(grads[full], value", "np.subtract(grads[full], value"),
    (container.Container, "summed_gradients", "if full in grads:", "if False:"),
]


def subjects() -> Iterator[tuple[str, Any, tuple[int, ...]]]:
    """Layers and input shapes (without the batch) on which the planted faults must show."""
    sys.path.insert(0, str(ROOT / "tests"))
    from tests.layers.test_layer_contract import CASES

    for name, (layer, shape) in CASES.items():
        sizes = tuple(5 if n is None else n for n in shape)
        if layer.example_input((1, *sizes), np.random.default_rng(0)).dtype.kind == "f":  # symbols have no slope
            yield name, layer, sizes
    shared = RecurrentLayer(2)
    yield "a layer that stands twice", Sequential([shared, TanhActivation(), shared]), (4, 2)


def gradient_error(layer: Any, shape: tuple[int, ...]) -> str | None:
    """What central differences say against a layer in float64."""
    layer.build(shape, np.random.default_rng(1), np.dtype("float64"))
    x = np.random.default_rng(2).normal(size=(3, *shape))
    try:
        with np.errstate(all="ignore"):
            errors = check_gradients(layer, x)
    except (AssertionError, ValueError, IndexError) as err:
        return str(err) or type(err).__name__
    return None if max(errors.values()) < 1e-6 else str(errors)


def planted(place: Any, method: str, old: str, new: str) -> Callable[[], None]:
    """Put a fault into a method; return what takes it out again."""
    whole = place.__dict__[method]
    source = textwrap.dedent(inspect.getsource(whole))
    assert old in source, f"{place.__name__}.{method} has no {old!r} any more"
    space = dict(vars(sys.modules[place.__module__]))
    exec(compile(source.replace(old, new), f"<{new}>", "exec"), space)
    setattr(place, method, space[method])
    return lambda: setattr(place, method, whole)


@row(13, "wrong gradient", full=1, sample=1)
def wrong_gradients(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """All layers against central differences; then each planted fault must show on one of them."""
    layers = list(subjects())
    for name, layer, shape in layers:
        error = gradient_error(layer, shape)
        outcome.check(error is None, f"{name}: {error}")
    for place, method, old, new in FAULTS:
        remove = planted(place, method, old, new)
        likely = sorted(layers, key=lambda item: type(item[1]) is not place)
        try:
            caught = any(gradient_error(layer, shape) is not None for _, layer, shape in likely)
        finally:
            remove()
        outcome.check(caught, f"not noticed: {place.__name__}.{method}: {new}")
    outcome.note = f"{len(layers)} layers, {len(FAULTS)} planted faults"
