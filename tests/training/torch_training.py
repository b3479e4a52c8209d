"""The same small training in minidl and in torch, in float64: 100 steps of full batches."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from naive import close

from minidl import SGD, Dense, HalfMSE, Sequential, TanhActivation
from minidl.core.layer import Array
from minidl.randomness import Streams
from minidl.training import Arrays, Trainer, Training

STEPS, EPOCH_STEPS, BATCH = 100, 5, 8
RNG = np.random.default_rng(7)
X = RNG.normal(size=(EPOCH_STEPS * BATCH, 3))
Y = RNG.normal(size=(EPOCH_STEPS * BATCH, 2))


def net() -> Sequential:
    model = Sequential([Dense(4), TanhActivation(), Dense(2)])
    model.build((3,), 5, "float64")
    return model


def trainer(optimizer: Any, engine: Any = None, **settings: Any) -> Trainer:
    training = Training(epochs=STEPS // EPOCH_STEPS, batch_size=BATCH, shuffle=False, **settings)
    streams = Streams.from_seed(0)
    optimizer = copy.deepcopy(optimizer) or SGD(0.1)
    return Trainer(net(), loss=HalfMSE(), optimizer=optimizer, settings=training, streams=streams, engine=engine)


def ours(optimizer: Any, engine: Any = None, **settings: Any) -> dict[str, Array]:
    """The parameters after the training."""
    one = trainer(optimizer, engine, **settings)
    one.run(Arrays(X, Y))
    assert one.step == STEPS
    return {name: value.copy() for name, value in one.model.params.items()}


def torchs(
    make: Callable[[list[Any]], Any],
    schedule: Callable[[Any], Any] | None = None,
    before: Callable[[dict[str, Any]], None] | None = None,
    after: Callable[[dict[str, Any]], None] | None = None,
    named: bool = False,
) -> dict[str, Array]:
    """The same from torch.

    `make` makes the optimizer of the parameters (by name, if `named`), `schedule` its schedule, which is asked after
    every step; `before` is called with the parameters by name before each step of the optimizer, `after` after it.
    """
    import torch

    p = {name: torch.from_numpy(value.copy()).requires_grad_() for name, value in net().params.items()}
    optimizer = make(p if named else list(p.values()))
    scheduler = None if schedule is None else schedule(optimizer)
    for step in range(STEPS):
        rows = slice(step % EPOCH_STEPS * BATCH, (step % EPOCH_STEPS + 1) * BATCH)
        x, y = torch.from_numpy(X[rows]), torch.from_numpy(Y[rows])
        optimizer.zero_grad()
        out = torch.tanh(x @ p["0.W"] + p["0.b"]) @ p["2.W"] + p["2.b"]
        (((out - y) ** 2).mean() / 2).backward()
        if before is not None:
            before(p)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        if after is not None:
            after(p)
    return {name: value.detach().numpy() for name, value in p.items()}


def check(got: dict[str, Array], expected: dict[str, Array]) -> None:
    """Equal to 1e-9 of the largest entry, where 1e-6 is promised: 100 steps of float64 leave some 1e-14."""
    for name, value in expected.items():
        close(got[name], value, 1e-9)
        assert np.abs(got[name] - net().params[name]).max() > 1e-3 * np.abs(value).max()  # it was trained
