"""Products equal NumPy's: parts of an axis, rows and lanes that are left over, rearranged weights, one lane."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.compiled.emit.products import add_product, affine, affine_lanes, gradient, side_by_side
from minidl.compiled.jit import jit

RNG = np.random.default_rng(0)


@jit
def run_affine(out, b, W, x, V, h, turned, uses):
    affine(out, b, side_by_side(turned, W, uses), x, V, h)


@jit
def run_affine_lanes(out, b, W, x, V, h, turned, uses):
    affine_lanes(out, b, side_by_side(turned, W, uses), x, V, h)


@jit
def run_add_product(out, start, W, x):
    add_product(out, start, W, x)


def numbers(*shape):
    return RNG.normal(size=shape)


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


# Inputs of x and of h, outputs, lanes: within one part, over several, none of h, a single lane. 28 lanes are two
# vectors of 64 bytes, one, and half of one.
SIZES = [(3, 4, 8, 4), (40, 33, 7, 64), (300, 150, 37, 64), (130, 0, 5, 28), (6, 5, 11, 1), (300, 150, 37, 1)]


@pytest.mark.parametrize(("inputs", "units", "outputs", "lanes"), SIZES)
@pytest.mark.parametrize("uses", [1, 10**6], ids=["in place", "side by side"])
def test_an_affine_map_is_that_of_numpy(inputs, units, outputs, lanes, uses):
    if lanes == 1:
        uses = 1  # weights in C order
    W, V, b = numbers(inputs, outputs), numbers(units, outputs), numbers(outputs)
    x, h = numbers(inputs, lanes), numbers(units, lanes)
    for run in [run_affine] if lanes == 1 else [run_affine, run_affine_lanes]:
        out = np.full((outputs, lanes), np.nan)
        run(out, b, W, x, V, h, np.empty((outputs, inputs)), uses)
        close(out, b[:, None] + W.T @ x + V.T @ h)


@pytest.mark.parametrize(("inputs", "outputs", "lanes"), [(3, 8, 4), (300, 37, 64), (300, 37, 28), (33, 3, 64)])
def test_a_product_is_added_where_it_starts_and_in_place(inputs, outputs, lanes):
    W, x, start = numbers(inputs, outputs), numbers(inputs, lanes), numbers(outputs, lanes)
    out = np.full((outputs, lanes), np.nan)
    run_add_product(out, start, W, x)
    close(out, start + W.T @ x)
    run_add_product(out, out, W, x)
    close(out, start + 2 * W.T @ x)


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 8), (37, 300), (5, 130)])
def test_a_product_with_the_rows_of_the_weights_is_that_of_numpy(inputs, outputs):
    W, x, start = numbers(inputs, outputs), numbers(outputs, 64), numbers(inputs, 64)
    out = np.full((inputs, 64), np.nan)
    run_add_product(out, start, W.T, x)
    close(out, start + W @ x)


@pytest.mark.parametrize(("rows", "columns", "time"), [(3, 5, 7), (4, 12, 1), (6, 7, 2), (150, 301, 9)])
def test_a_gradient_is_that_of_numpy(rows, columns, time):
    A, Z, G = numbers(time, rows, 64), numbers(time, columns, 64), np.full((rows, columns), np.nan)
    gradient(G, A, Z)
    close(G, np.einsum("tik,tjk->ij", A, Z))
