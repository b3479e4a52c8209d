"""Gradients against central differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.core.layer import Array, Context, Layer

# Arrays up to this size are checked entry by entry, larger ones along random directions.
TINY = 64
DIRECTIONS = 16
STEP = 1e-5


def check_gradients(
    layer: Layer, x: Array, *, tolerance: float = 1e-6, seed: int = 0, training: bool = False
) -> dict[str, float]:
    """Compare backward with central differences of L = Σ dy ⊙ layer(x), for a random dy.

    (L(p + ε) - L(p - ε)) / 2ε with ε = 1e-5, for x and every parameter: entry by
    entry up to 64 entries, else along 16 random directions of unit length.

    Parameters
    ----------
    layer : built in float64.
    x : its input, float64.
    tolerance : largest allowed relative error.
    seed : of dy, and of the random numbers that the layer draws: the same in every call.
    training : check the layer's behaviour while it trains.

    Returns
    -------
    The relative error of each array: largest absolute difference, less what
    rounding alone can make of it, over largest absolute value.

    Raises
    ------
    AssertionError
        An error is above `tolerance`, or an array is not float64; all such arrays are named.
    """
    for name, value in {"x": x, **layer.params}.items():
        assert value.dtype == np.float64, f"check_gradients: {name} must be float64, is {value.dtype}"
    rng = np.random.default_rng(seed)
    x = x.copy()

    def forward() -> tuple[Array, Any]:
        return layer.forward(x, Context(training=training, rng=np.random.default_rng(seed)))

    y, cache = forward()
    dy = rng.normal(size=y.shape)
    dx, grads = layer.backward(dy, cache)
    errors = {}
    for name, value in {"x": x, **layer.params}.items():
        gradient = dx if name == "x" else grads[name]
        assert gradient is not None, f"backward returned no gradient for {name}"
        errors[name] = relative_error(lambda: float(np.sum(dy * forward()[0])), value, gradient.copy(), rng)
    bad = {name: error for name, error in errors.items() if not error <= tolerance}
    assert not bad, "wrong gradient: " + ", ".join(f"d{name} (relative error {e:.1e})" for name, e in bad.items())
    return errors


def relative_error(loss: Callable[[], float], value: Array, gradient: Array, rng: np.random.Generator) -> float:
    """Largest difference between a gradient and the central differences of `loss`, over the largest value of both."""
    if value.size <= TINY:
        directions = np.eye(value.size)
    else:
        directions = rng.normal(size=(DIRECTIONS, value.size))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    start = value.copy()
    numeric, noise = np.empty(len(directions)), 0.0
    for i, direction in enumerate(directions):
        step = STEP * direction.reshape(value.shape)
        np.add(start, step, out=value)
        above = loss()
        np.subtract(start, step, out=value)
        below = loss()
        numeric[i] = (above - below) / (2 * STEP)
        # Where the loss does not depend on the value, differences are rounding noise.
        noise = max(noise, 100 * np.finfo(np.float64).eps * max(abs(above), abs(below)) / STEP)
    value[...] = start
    exact = directions @ gradient.reshape(-1)
    scale = max(np.abs(exact).max(), np.abs(numeric).max(), 1e-12)
    return float(max(np.abs(exact - numeric).max() - noise, 0.0) / scale)
