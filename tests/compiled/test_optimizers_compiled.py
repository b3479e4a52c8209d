"""Each optimizer's kernel against the optimizer itself, number by number, and in a whole training."""

from __future__ import annotations

import numpy as np
import pytest
from both_engines import built, difference, train_both, windows

from minidl import SGD, Adagrad, Adam, AdamW, Lion, RMSProp
from minidl.compiled.kernel import _OWN, OptimizerKernel, kernel_of

OPTIMIZERS = {
    "SGD": SGD(0.1),
    "SGD, decay": SGD(0.1, weight_decay=0.2),
    "momentum": SGD(0.1, momentum=0.8, weight_decay=0.2),
    "nesterov": SGD(0.1, momentum=0.8, nesterov=True, weight_decay=0.2),
    "Adam": Adam(0.1),
    "Adam, decay": Adam(0.1, weight_decay=0.2),
    "AdamW": AdamW(0.1, weight_decay=0.2),
    "RMSProp": RMSProp(0.1, weight_decay=0.2),
    "RMSProp, momentum": RMSProp(0.1, decay=0.8, momentum=0.7, weight_decay=0.2),
    "Adagrad": Adagrad(0.1, weight_decay=0.2),
    "Lion": Lion(0.1, weight_decay=0.2),
}


def test_every_optimizer_of_the_library_is_among_them():
    own = {name for (_, name), (kind, _) in _OWN.items() if kind is OptimizerKernel}
    assert {type(optimizer).__name__ for optimizer in OPTIMIZERS.values()} == own


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_kernel_takes_the_steps_of_its_optimizer(name, dtype):
    # 100 steps, each with another learning rate; the state is compared too.
    optimizer, kernel = OPTIMIZERS[name], kernel_of(OPTIMIZERS[name])
    rng = np.random.default_rng(0)
    params = rng.normal(size=7).astype(dtype)
    other, state, kept = params.copy(), optimizer.start(params), optimizer.start(params)
    before = optimizer.learning_rate
    try:
        for step in range(100):
            optimizer.learning_rate = before / (1 + step)
            grads = rng.normal(size=7).astype(dtype)
            numbers = np.array(kernel.numbers(optimizer))
            kernel.update(other, grads.copy(), numbers, *(kept[name] for name in kernel.state(optimizer)))
            optimizer.update(params, grads, state)
    finally:
        optimizer.learning_rate = before
    tolerance = 1e-12 if dtype == "float64" else 1e-4
    assert difference(params, other) < tolerance
    assert all(difference(state[name], kept[name]) < tolerance for name in state)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_whole_trainings_agree(name):
    # 18 steps: by a giant rate, over more of them, a net makes more of the last bit than of anything else.
    numpy, compiled = train_both(built(), windows(90), epochs=3, optimizer=OPTIMIZERS[name])
    assert difference(numpy.parameters.values, compiled.parameters.values) < 1e-12
