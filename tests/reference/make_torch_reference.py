"""Makes torch_reference.npz: what PyTorch computes for the same weights.

    pip install torch==2.13.0
    python tests/reference/make_torch_reference.py

The tests compare minidl with this file where torch is not installed, and with torch
itself where it is. Only `rnn` and `optimize` import torch.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("torch_reference.npz")

# name: layers, input size, hidden size, bias, nonlinearity, batch, time
CASES = {
    "one layer": (1, 3, 4, True, "tanh", 2, 5),
    "one layer, no bias": (1, 3, 4, False, "tanh", 2, 5),
    "one layer, relu": (1, 2, 5, True, "relu", 3, 4),
    "the textbook's deep net": (2, 6, 2, False, "tanh", 3, 24),
    "two layers": (2, 3, 4, True, "tanh", 2, 5),
    "two layers, relu, no bias": (2, 2, 3, False, "relu", 3, 4),
    "40 units": (1, 3, 40, True, "tanh", 2, 3),
    "two layers of 40 units, relu": (2, 3, 40, True, "relu", 2, 3),
    "one unit, one step, one row": (1, 1, 1, True, "tanh", 1, 1),
}

# name: torch's class, its arguments
OPTIMIZERS = {
    "SGD": ("SGD", {"lr": 0.1}),
    "momentum": ("SGD", {"lr": 0.1, "momentum": 0.9}),
    "Adam": ("Adam", {"lr": 0.01}),
    "Adam, other decays": ("Adam", {"lr": 0.3, "betas": (0.5, 0.75), "eps": 1e-3}),
}
STEPS = 7


def inputs(case, seed):
    """x, dy, h_0 and the weights by minidl's names, all random, in steps of 1/256 (which compress)."""
    layers, F, H, bias, _, batch, time = case
    rng = np.random.default_rng(seed)

    def draw(*shape, scale=1.0):
        return np.round(rng.normal(0, scale, shape) * 256) / 256

    arrays = {"x": draw(batch, time, F), "dy": draw(batch, time, H), "h_0": draw(layers, batch, H)}
    for i in range(layers):
        arrays[f"{i}.W_xh"] = draw(F if i == 0 else H, H, scale=0.7)
        arrays[f"{i}.W_hh"] = draw(H, H, scale=1 / np.sqrt(H))
        if bias:
            arrays[f"{i}.b_h"] = draw(H)
    return arrays


def rnn(case, given):
    """y, h_T, dx and the gradients from torch.nn.RNN in float64, its two biases being b_h and 0."""
    import torch

    layers, F, H, bias, nonlinearity, *_ = case
    net = torch.nn.RNN(F, H, layers, nonlinearity, bias=bias, batch_first=True, dtype=torch.float64)
    torches = {"W_xh": "weight_ih_l", "W_hh": "weight_hh_l", "b_h": "bias_ih_l"}
    with torch.no_grad():
        for i in range(layers):
            for ours, theirs in torches.items():
                if f"{i}.{ours}" in given:
                    getattr(net, f"{theirs}{i}").copy_(torch.from_numpy(given[f"{i}.{ours}"].T))
            if bias:
                getattr(net, f"bias_hh_l{i}").zero_()
    x = torch.from_numpy(given["x"]).requires_grad_()
    y, h_T = net(x, torch.from_numpy(given["h_0"]))
    y.backward(torch.from_numpy(given["dy"]))
    got = {"y": y.detach().numpy(), "h_T": h_T.detach().numpy(), "dx": x.grad.numpy()}
    for i in range(layers):
        for ours, theirs in torches.items():
            if f"{i}.{ours}" in given:
                got[f"d{i}.{ours}"] = getattr(net, f"{theirs}{i}").grad.numpy().T
    return got


def gradients():
    """Parameters and the gradient of every step, one row each: given, so that only the rule is compared."""
    rng = np.random.default_rng(11)
    return rng.normal(size=4), rng.normal(size=(STEPS, 4)) * [1, 10, 0.01, 0]


def optimize(name):
    """The parameters after every step, one row each."""
    import torch

    start, grads = gradients()
    cls, arguments = OPTIMIZERS[name]
    p = torch.from_numpy(start.copy()).requires_grad_()
    optimizer = getattr(torch.optim, cls)([p], **arguments)
    rows = []
    for g in grads:
        p.grad = torch.from_numpy(g.copy())
        optimizer.step()
        rows.append(p.detach().numpy().copy())
    return np.array(rows)


def main():
    """Write the file."""
    arrays = {}
    for seed, (name, case) in enumerate(CASES.items()):
        given = inputs(case, seed)
        for key, value in {**given, **rnn(case, given)}.items():
            arrays[f"{name}/{key}"] = value
    for name in OPTIMIZERS:
        arrays[f"optimizer/{name}"] = optimize(name)
    np.savez_compressed(FILE, **arrays)
    print(f"{FILE}: {len(arrays)} arrays, {FILE.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
