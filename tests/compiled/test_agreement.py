"""Both engines train to the same parameters.

The tolerances are the issue's: relative to the largest parameter, 1e-12 in
float64 and 1e-5 in float32 after 100 steps. The engines add up sums in another
order, so the last bits differ. A deliberate fault in a kernel (a sign in dW_hh,
one step too few, lanes beyond the batch counted) is far above them.
"""

from __future__ import annotations

import numpy as np
import pytest
from both_engines import difference, train_both, windows

from minidl import (
    MAE,
    MSE,
    SGD,
    Adam,
    Dense,
    HalfMSE,
    IdentityActivation,
    LastStep,
    LayerNorm,
    Quantile,
    RecurrentLayer,
    ReluActivation,
    Repeat,
    Sequential,
    SigmoidActivation,
    Softmax,
    TanhActivation,
)
from minidl.compiled import explain
from minidl.compiled.examples import examples
from minidl.training import Arrays

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
# 90 windows in batches of 16: six steps an epoch, the last of ten windows. 17 epochs: 102 steps.
EPOCHS, N = 17, 90


def slow(value):
    """A case that compiles code of its own and is much like its neighbours: part of the full run only."""
    return pytest.param(value, marks=pytest.mark.slow)


def net(hidden, activation=None):
    return Sequential([RecurrentLayer(hidden, activation=activation or TanhActivation()), LastStep(), Dense(1)])


def check(model, *, dtype="float64", time_steps=6, features=3, every_step=False, source=None, **arguments):
    model.build((time_steps, features) if time_steps else (features,), 5, dtype)
    for name, value in model.params.items():
        if name.endswith("W_hh"):  # a unit that feeds itself strongly is chaotic: it magnifies the last bit at will
            value *= 0.5
    source = source or windows(N, time_steps=time_steps, features=features, every_step=every_step, dtype=dtype)
    arguments = {"epochs": EPOCHS, **arguments}
    numpy, compiled = train_both(model, source, **arguments)
    assert numpy.step == compiled.step >= 100
    assert difference(numpy.parameters.values, compiled.parameters.values) < TOLERANCE[dtype]
    # The parameters have moved, so the agreement is not one of two standstills.
    assert difference(numpy.parameters.values, model_vector(model)) > 1e-3
    for a, b in zip(numpy.history, compiled.history, strict=True):
        assert a.train_loss == pytest.approx(b.train_loss, rel=TOLERANCE[dtype])
    for name, value in numpy.state.items():
        assert difference(value, compiled.state[name]) < TOLERANCE[dtype]


def model_vector(model):
    return np.concatenate([value.reshape(-1) for value in model.params.values()])


@pytest.mark.parametrize("dtype", [slow("float32"), "float64"])
@pytest.mark.parametrize("hidden", [slow(1), 4, 16, 33])
def test_one_layer_of_any_width_agrees(hidden, dtype):
    check(net(hidden), dtype=dtype)


@pytest.mark.parametrize("dtype", [slow("float32"), "float64"])
@pytest.mark.parametrize("hidden", [slow((1, 1)), (2, 2), slow((5, 3)), (4, 16), (33, 2)], ids=str)
def test_two_layers_with_and_without_bias_agree(hidden, dtype):
    first, second = (RecurrentLayer(h, bias=bias) for h, bias in zip(hidden, (True, False), strict=True))
    check(Sequential([first, second, LastStep(), Dense(1, bias=False)]), dtype=dtype)


@pytest.mark.parametrize("batch_size", [1, 7, 8, 64, 65, 128])
def test_odd_batch_sizes_agree(batch_size):
    epochs = max(1, 100 * batch_size // N + 1)
    check(net(4), batch_size=batch_size, epochs=epochs, source=windows(N))


def test_one_time_step_of_one_feature_agrees():
    check(net(3), time_steps=1, features=1)


@pytest.mark.parametrize(
    "activation",
    [ReluActivation(), slow(SigmoidActivation()), slow(IdentityActivation())],
    ids=lambda a: type(a).__name__,
)
def test_activations_alone_and_in_the_recurrence_and_layers_of_rows_agree_at_every_step(activation):
    rows = [LayerNorm(), Dense(3), Softmax()]
    model = Sequential([Dense(4), activation, *rows, RecurrentLayer(3, activation=activation), Dense(1)])
    check(model, every_step=True, optimizer=SGD(0.02))


def test_nested_stacks_of_rows_without_a_time_axis_agree():
    rng = np.random.default_rng(1)
    source = Arrays(rng.normal(size=(N, 3)), rng.normal(size=(N, 2)))
    model = Sequential([Repeat(Sequential([Dense(5), TanhActivation()]), times=2), Sequential([Dense(2)])])
    check(model, time_steps=None, source=source)


@pytest.mark.parametrize(
    ("loss", "optimizer", "dtype"),
    [
        (MAE(), SGD(0.05, momentum=0.9), "float64"),
        (MSE(), Adam(0.01), "float64"),
        pytest.param(MAE(), SGD(0.05, momentum=0.9), "float32", marks=pytest.mark.slow),
        (MSE(), Adam(0.01), "float32"),
    ],
    ids=lambda part: part if isinstance(part, str) else type(part).__name__,
)
def test_losses_and_optimizers_with_their_state_agree(loss, optimizer, dtype):
    # 21 parameters: some vectors, and some numbers that are left over.
    check(Sequential([Dense(1)]), features=20, every_step=True, loss=loss, optimizer=optimizer, dtype=dtype)


@pytest.mark.parametrize("leads", [1, 4])
@pytest.mark.parametrize("every_step", [False, True])
def test_compiled_code_reads_the_labels_that_windows_gather(every_step, leads):
    source, order = windows(N, every_step=every_step, leads=leads), np.array([7, 0, 89])
    part, expected = examples(source, order, 2), source.gather(order).target
    assert part.target == expected.shape[1:]
    for i, start in enumerate(part.target_starts):
        steps = [part.targets[start + t * part.target_step :][:leads] for t in range(6 if every_step else 1)]
        assert np.array(steps).reshape(expected[i].shape).tolist() == expected[i].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("loss", [HalfMSE(), Quantile([0.3, 0.5])])
@pytest.mark.parametrize("every_step", [False, True])
def test_several_leads_agree(every_step, loss):
    model = Sequential([RecurrentLayer(5), *([] if every_step else [LastStep()]), Dense(4 * loss.per_target)])
    check(model, source=windows(N, every_step=every_step, leads=4), loss=loss)


def test_clipping_agrees():
    check(net(4), clip_norm=0.05)


def test_the_models_above_are_all_taken():
    assert explain(net(4), HalfMSE(), SGD(0.1)) == "compiled"
