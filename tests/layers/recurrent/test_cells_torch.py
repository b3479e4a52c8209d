"""LSTM and GRU beside PyTorch's: outputs, all gradients and final states, over random sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import Bidirectional, Cell, Context, GRULayer, LSTMLayer, RecurrentLayer, Sequential

torch: Any = pytest.importorskip("torch", reason="torch is not installed")

# By layer: of each of torch's gates, the number of ours.
ORDER: dict[type, tuple[int, ...]] = {LSTMLayer: (0, 2, 3, 1), GRULayer: (1, 0, 2), RecurrentLayer: (0,)}
NAMES = {RecurrentLayer: ("W_xh", "W_hh", "b_h")}  # of its parameters, where they are not W_x, W_h and b


def rows(W: Any, order: tuple[int, ...]) -> Any:
    """Our columns, gate after gate, as torch's rows."""
    parts = np.split(W, len(order), axis=-1)
    return np.concatenate([parts[k] for k in order], axis=-1).T


def hand_over(cell: Any, params: dict[str, Any], net: Any, ending: str) -> None:
    """Give torch's layer our weights."""
    order, H = ORDER[type(cell)], cell.hidden_size
    W_x, W_h, b = NAMES.get(type(cell), ("W_x", "W_h", "b"))
    with torch.no_grad():
        getattr(net, f"weight_ih_{ending}").copy_(torch.tensor(rows(params[W_x], order)))
        getattr(net, f"weight_hh_{ending}").copy_(torch.tensor(rows(params[W_h], order)))
        getattr(net, f"bias_ih_{ending}").copy_(torch.tensor(rows(params[b], order)))
        hh = getattr(net, f"bias_hh_{ending}")
        hh.zero_()
        if isinstance(cell, GRULayer):
            hh[2 * H :] = torch.tensor(params["b_h"])


def gradients(cell: Any, net: Any, ending: str) -> dict[str, Any]:
    """Torch's, in our order."""
    order, H = ORDER[type(cell)], cell.hidden_size
    back = tuple(np.argsort(order))
    W_ih, W_hh, b_ih, b_hh = (
        getattr(net, f"{name}_{ending}").grad.numpy().T for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    W_x, W_h, b = NAMES.get(type(cell), ("W_x", "W_h", "b"))
    found = {W_x: rows(W_ih, back).T, W_h: rows(W_hh, back).T, b: rows(b_ih, back)}
    return found | ({"b_h": b_hh[2 * H :]} if isinstance(cell, GRULayer) else {})


def close(found: Any, expected: Any, tolerance: float) -> None:
    scale = max(1e-30, float(np.abs(expected).max()))
    np.testing.assert_allclose(found / scale, np.asarray(expected) / scale, rtol=0, atol=tolerance)


def one_case(kind: type[Cell], seed: int) -> None:
    rng = np.random.default_rng(seed)
    H, F, T, B = (int(rng.integers(1, high)) for high in (12, 6, 10, 7))
    depth, both = int(rng.integers(1, 4)), bool(rng.integers(2))
    dtype, tolerance = [("float64", 1e-12), ("float32", 3e-5)][int(rng.integers(2))]
    make = torch.nn.LSTM if kind is LSTMLayer else torch.nn.GRU
    net = make(F, H, num_layers=depth, batch_first=True, bidirectional=both).to(getattr(torch, dtype))
    cells = [kind(H) for _ in range(depth)]
    model = Sequential([Bidirectional(cell) if both else cell for cell in cells])
    model.build((None, F), rng, dtype)
    for key, value in model.params.items():
        model.params[key] = value + (0.3 * rng.standard_normal(value.shape)).astype(dtype)
    lengths = np.sort(rng.integers(1, T + 1, B))[::-1].copy() if rng.integers(2) else None
    if lengths is not None:
        lengths[0] = T
    x, dy = (rng.standard_normal((B, T, n)).astype(dtype) for n in (F, H * (1 + both)))
    places = {"": "forward." if both else ""} | ({"_reverse": "backward."} if both else {})
    for i, cell in enumerate(cells):
        for ending, place in places.items():
            own = {k.removeprefix(f"{i}.{place}"): v for k, v in model.params.items() if k.startswith(f"{i}.{place}")}
            hand_over(cell, own, net, f"l{i}{ending}")
    given = torch.tensor(x, requires_grad=True)
    if lengths is None:
        y_torch, state = net(given)
    else:
        packed = torch.nn.utils.rnn.pack_padded_sequence(given, torch.tensor(lengths), batch_first=True)
        y_packed, state = net(packed)
        y_torch, _ = torch.nn.utils.rnn.pad_packed_sequence(y_packed, batch_first=True, total_length=T)
        dy[np.arange(T) >= lengths[:, None]] = 0
    y_torch.backward(torch.tensor(dy))
    y, cache = model.forward(x, Context(lengths=lengths))
    y = y.copy()
    if lengths is not None:
        y[np.arange(T) >= lengths[:, None]] = 0
    dx, grads = model.backward(dy, cache)
    close(y, y_torch.detach().numpy(), tolerance)
    close(dx, given.grad.numpy(), tolerance)
    for i, cell in enumerate(cells):
        for ending, place in places.items():
            for name, expected in gradients(cell, net, f"l{i}{ending}").items():
                close(grads[f"{i}.{place}{name}"], expected, tolerance)
    if not both:
        ours = model.final_state(cache)
        theirs = state if kind is LSTMLayer else (state,)
        for i in range(depth):
            mine = ours[str(i)] if isinstance(ours, dict) else ours[i]
            for part, expected in zip(mine if kind is LSTMLayer else (mine,), theirs, strict=True):
                close(part, expected.detach().numpy()[i], tolerance)


@pytest.mark.parametrize("kind", [LSTMLayer, GRULayer])
@pytest.mark.parametrize("seed", range(12))
def test_equal_to_torch(kind: type[Cell], seed: int) -> None:
    one_case(kind, seed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [LSTMLayer, GRULayer])
def test_equal_to_torch_two_hundred_times(kind: type[Cell]) -> None:
    for seed in range(1000, 1200):
        one_case(kind, seed)


@pytest.mark.parametrize("kind", [LSTMLayer, GRULayer])
def test_a_start_state_is_where_torch_starts_too(kind: type[Cell]) -> None:
    rng = np.random.default_rng(5)
    cell = kind(4)
    cell.build((None, 3), rng, "float64")
    net = (torch.nn.LSTM if kind is LSTMLayer else torch.nn.GRU)(3, 4, batch_first=True).double()
    hand_over(cell, cell.params, net, "l0")
    x, h, c = rng.standard_normal((2, 6, 3)), rng.standard_normal((2, 4)), rng.standard_normal((2, 4))
    state: Any = (h, c) if kind is LSTMLayer else h
    parts = [torch.tensor(part[None]) for part in ((h, c) if kind is LSTMLayer else (h,))]
    expected = net(torch.tensor(x), tuple(parts) if kind is LSTMLayer else parts[0])[0].detach().numpy()
    close(cell.forward(x, Context(state=state))[0], expected, 1e-12)
