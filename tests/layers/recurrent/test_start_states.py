"""Start states of cells: learned ones, and the gradients of given ones and of final ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import Cell, Context, GRULayer, LSTMLayer, MinGRULayer, ShapeError, SLSTMLayer

B, T, F, H = 3, 4, 2, 2
LENGTHS = np.array([4, 2, 2])
CELLS = [LSTMLayer(H, peepholes=True), GRULayer(H), GRULayer(H, reset_after=False), MinGRULayer(H), SLSTMLayer(H)]


def parts(state: Any) -> list[Any]:
    return list(state) if isinstance(state, tuple) else [state]


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: type(cell).__name__)
def test_gradients_of_start_and_final_states_equal_central_differences(cell: Cell, lengths: Any) -> None:
    """L = Σ dy y + Σ d_final final_state. Catches d_final entering at the last step of the batch, not the sequence."""
    rng = np.random.default_rng(0)
    cell.build((None, F), rng, "float64")
    x, dy = rng.normal(size=(B, T, F)), rng.normal(size=(B, T, H))
    if lengths is not None:
        dy[np.arange(T) >= lengths[:, None]] = 0
    start = [rng.normal(size=(B, H)) for _ in cell.states]
    if isinstance(cell, SLSTMLayer):
        start[2] = np.abs(start[2]) + 1  # n, which h is divided by
    d_final = [rng.normal(size=(B, H)) for _ in cell.states]

    def handed(arrays: list[Any]) -> Any:
        return tuple(arrays) if len(arrays) > 1 else arrays[0]

    def loss() -> float:
        y, cache = cell.forward(x, Context(state=handed(start), lengths=lengths))
        ends = sum((d * end).sum() for d, end in zip(d_final, parts(cell.final_state(cache)), strict=True))
        return float((dy * y).sum() + ends)

    _, cache = cell.forward(x, Context(state=handed(start), lengths=lengths))
    dx, grads, d_start = cell.backward_from(dy, handed(d_final), cache)
    checked = [*zip(start, parts(d_start), strict=True), (x, dx), *((cell.params[k], grads[k]) for k in grads)]
    for array, gradient in checked:
        numeric = np.empty_like(array)
        for place in np.ndindex(array.shape):
            value = array[place]
            array[place] = value + 1e-5
            above = loss()
            array[place] = value - 1e-5
            numeric[place] = (above - loss()) / 2e-5
            array[place] = value
        np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-8)


def test_a_start_that_is_learned_is_where_every_sequence_begins_unless_one_is_given() -> None:
    cell = LSTMLayer(H, learnable_start=True)
    cell.build((None, F), np.random.default_rng(0), "float64")
    np.testing.assert_array_equal(cell.params["c_0"], [0, 0])
    cell.params["h_0"], cell.params["c_0"] = np.array([0.5, -1]), np.array([2.0, 0.1])
    x, dy = np.ones((B, T, F)), np.ones((B, T, H))
    state = tuple(np.tile(cell.params[name], (B, 1)) for name in ("h_0", "c_0"))
    own, own_cache = cell.forward(x)
    given, given_cache = cell.forward(x, Context(state=state))
    np.testing.assert_array_equal(own, given)
    _, grads, d_start = cell.backward_from(dy, None, own_cache)
    np.testing.assert_allclose(grads["c_0"], d_start[1].sum(axis=0))
    assert grads["h_0"].all()
    assert not cell.backward(dy, given_cache)[1]["h_0"].any()


def test_a_gradient_of_another_number_of_parts_is_refused() -> None:
    cell = LSTMLayer(H)
    cell.build((None, F), np.random.default_rng(0), "float64")
    _, cache = cell.forward(np.ones((B, T, F)))
    with pytest.raises(ShapeError, match=r"^LSTMLayer: expected a gradient of the final state of 2 arrays \(h, c\)\.$"):
        cell.backward_from(np.ones((B, T, H)), np.ones((B, H)), cache)


def test_an_encoder_whose_last_state_starts_a_decoder_learns_as_in_torch() -> None:
    torch: Any = pytest.importorskip("torch", reason="torch is not installed")
    rng = np.random.default_rng(2)
    cells = [LSTMLayer(H), LSTMLayer(H)]
    nets = [torch.nn.LSTM(F, H, batch_first=True).double() for _ in cells]
    order = np.r_[0:H, 2 * H : 4 * H, H : 2 * H]  # of our i, o, f, g those of torch's i, f, g, o
    for cell, net in zip(cells, nets, strict=True):
        cell.build((None, F), rng, "float64")
        with torch.no_grad():
            net.weight_ih_l0.copy_(torch.tensor(cell.params["W_x"][:, order].T))
            net.weight_hh_l0.copy_(torch.tensor(cell.params["W_h"][:, order].T))
            net.bias_ih_l0.copy_(torch.tensor(cell.params["b"][order]))
            net.bias_hh_l0.zero_()
    read, written = rng.normal(size=(B, T, F)), rng.normal(size=(B, 3, F))
    _, state = nets[0](torch.tensor(read))
    y_torch, _ = nets[1](torch.tensor(written), state)
    y_torch.square().sum().backward()
    _, first = cells[0].forward(read)
    y, second = cells[1].forward(written, Context(state=cells[0].final_state(first)))
    _, _, d_state = cells[1].backward_from(2 * y, None, second)
    _, grads, _ = cells[0].backward_from(np.zeros((B, T, H)), d_state, first)
    np.testing.assert_allclose(y, y_torch.detach().numpy(), rtol=1e-11)
    np.testing.assert_allclose(grads["W_h"][:, order].T, nets[0].weight_hh_l0.grad.numpy(), rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(grads["W_x"][:, order].T, nets[0].weight_ih_l0.grad.numpy(), rtol=1e-10, atol=1e-14)
