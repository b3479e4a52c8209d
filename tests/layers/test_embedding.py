"""Embedding: rows by hand and beside torch's, lengths, and what is no symbol."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import SGD, Context, CrossEntropy, DataError, Dense, Embedding, LastStep, LSTMLayer, Sequential, fit

W = np.array([[1.0, 2], [3, 4], [5, 6]])


def built() -> Embedding:
    layer = Embedding(3, output_size=2)
    layer.build((None, 1), np.random.default_rng(0), "float64")
    layer.params["W"] = W
    return layer


@pytest.mark.parametrize("dtype", ["int64", "uint8", "float32", "float64"])
def test_rows_are_looked_up_and_gradients_of_the_same_symbol_add_up(dtype: str) -> None:
    layer = built()
    y, cache = layer.forward(np.array([[[2], [0]], [[2], [2]]], dtype))
    np.testing.assert_array_equal(y, [[[5, 6], [1, 2]], [[5, 6], [5, 6]]])
    dx, grads = layer.backward(np.array([[[1.0, 2], [3, 4]], [[5, 6], [7, 8]]]), cache)
    np.testing.assert_array_equal(grads["W"], [[3, 4], [0, 0], [13, 16]])
    assert dx is not None
    assert (dx.shape, dx.any()) == ((2, 2, 1), False)


def test_several_symbols_of_a_row_stand_one_after_the_other() -> None:
    np.testing.assert_array_equal(built()(np.array([[0, 2], [1, 0]])), [[1, 2, 5, 6], [3, 4, 1, 2]])


def test_padding_is_no_symbol_and_counts_in_no_gradient() -> None:
    layer, ctx = built(), Context(lengths=np.array([2, 1]), input_gradient=False)
    y, cache = layer.forward(np.array([[[1.0], [2]], [[0], [np.nan]]]), ctx)
    np.testing.assert_array_equal(y[0], W[[1, 2]])
    dx, grads = layer.backward(np.array([[[1.0, 1], [1, 1]], [[1, 1], [np.nan, 9]]]), cache)
    assert dx is None
    np.testing.assert_array_equal(grads["W"], np.ones((3, 2)))


@pytest.mark.parametrize(("x", "what"), [(3, "3"), (-1, "-1"), (0.5, "0.5"), (np.nan, "nan"), (np.inf, "inf")])
def test_what_is_no_symbol_is_refused(x: float, what: str) -> None:
    with pytest.raises(DataError, match=rf"^Embedding: x holds {what}; expected whole numbers from 0 to 2\.$"):
        built().forward(np.array([[[1], [x]]]))


def test_equal_to_torch() -> None:
    torch: Any = pytest.importorskip("torch", reason="torch is not installed")
    x, dy = np.random.default_rng(0).integers(3, size=(4, 5, 1)), np.random.default_rng(1).normal(size=(4, 5, 2))
    net = torch.nn.Embedding.from_pretrained(torch.tensor(W), freeze=False)
    expected = net(torch.tensor(x[..., 0]))
    expected.backward(torch.tensor(dy))
    y, cache = built().forward(x)
    np.testing.assert_array_equal(y, expected.detach().numpy())
    np.testing.assert_allclose(built().backward(dy, cache)[1]["W"], net.weight.grad.numpy(), rtol=1e-12)


def test_a_model_that_reads_symbols_learns_from_whole_numbers() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(5, size=(60, 6, 1))
    model = Sequential([Embedding(5, output_size=4), LSTMLayer(8), LastStep(), Dense(5)])
    history = fit(model, x, x[:, -1, 0], loss=CrossEntropy(), optimizer=SGD(0.5, momentum=0.9), epochs=30)
    assert history[-1].train_loss < 0.2 * history[0].train_loss
