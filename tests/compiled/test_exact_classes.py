"""Nothing is compiled as something else: kernels belong to exact classes, and changes are seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from both_engines import X, Y, built, trainer, windows

from minidl import (
    INFERENCE,
    MSE,
    SGD,
    ConfigError,
    Dense,
    HalfMSE,
    LastStep,
    RecurrentLayer,
    Repeat,
    Sequential,
    ShapeError,
    TanhActivation,
)
from minidl.compiled import LayerKernel, LossKernel, OptimizerKernel, explain, predictor, register_kernel
from minidl.compiled.engine import CompiledEngine
from minidl.data import Batch, Windows
from minidl.training import Arrays, Trainer


@dataclass(eq=False)
class Residual(Sequential):
    """y = x + f(x): a user's container."""

    def forward(self, x, ctx=INFERENCE):
        y, cache = super().forward(x, ctx)
        return x + y, cache

    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return (None if dx is None else dx + dy), grads


@dataclass(eq=False)
class OwnRepeat(Repeat):
    """Repeat by another name."""


@dataclass(eq=False, repr=False)
class OwnDense(Dense):
    """y = 2 (x W + b)."""

    def forward(self, x, ctx=INFERENCE):
        y, cache = super().forward(x, ctx)
        return 2 * y, cache

    def backward(self, dy, cache):
        return super().backward(2 * dy, cache)


class OwnTanh(TanhActivation):
    """A subclass."""


class OwnLoss(MSE):
    """Three times the MSE."""

    def value_and_gradient(self, *arguments):
        loss, dy = super().value_and_gradient(*arguments)
        return 3 * loss, 3 * dy


class OwnSGD(SGD):
    """Steps uphill."""

    def update(self, params, grads, state):
        super().update(params, -grads, state)


def double(layer):
    """`layer` with a forward of its own, put on the object."""
    layer.forward = lambda x, ctx=INFERENCE: (2 * x, x)
    return layer


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (Residual([Dense(3), TanhActivation()]), "Residual 0 has no kernel"),
        (OwnRepeat(Dense(3), times=2), "OwnRepeat 0 has no kernel"),
        (Repeat(Residual([Dense(3)]), times=2), "Residual 0.0 has no kernel"),
        (OwnDense(3), "OwnDense 0 has no kernel"),
        (OwnTanh(), "OwnTanh 0 has no kernel"),
        (RecurrentLayer(4, activation=OwnTanh()), "RecurrentLayer 0 has the activation OwnTanh, which has no kernel"),
        (
            RecurrentLayer(4, activation=Sequential([TanhActivation()])),
            "RecurrentLayer 0 has the activation Sequential, which has no kernel",
        ),
        (double(Dense(3)), "Dense 0 has another forward than its class"),
        (double(Sequential([Dense(3)])), "Sequential 0 has another forward than its class"),
    ],
)
def test_what_is_not_exactly_the_librarys_class_is_not_compiled_as_it(layer, reason):
    model = built(layer)
    assert explain(model, HalfMSE(), SGD(0.1)) == f"numpy: {reason}"
    predict = predictor(model)
    assert predict.engine == f"numpy: {reason}"
    np.testing.assert_array_equal(predict(X), model(X))
    with pytest.raises(ConfigError, match="the compiled engine cannot take this training: "):
        trainer(model, engine=CompiledEngine()).run(Arrays(X, Y))


@pytest.mark.parametrize("layer", [Dense(4), LastStep()], ids=["Dense", "LastStep"])
def test_a_layer_as_activation_is_named_with_the_kind_of_its_kernel(layer):
    model = Sequential([RecurrentLayer(4, activation=layer), LastStep(), Dense(1)])
    expected = (
        f"RecurrentLayer 0 has the activation {type(layer).__name__}, "
        "which has the kernel of another sort, LayerKernel for ActivationKernel"
    )
    assert explain(model, HalfMSE(), SGD(0.1)) == f"numpy: {expected}"
    with pytest.raises(ShapeError, match="RecurrentLayer: activation"):
        model.build((6, 3), 0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"loss": OwnLoss()}, "the loss OwnLoss has no kernel"),
        ({"optimizer": OwnSGD(0.1)}, "the optimizer OwnSGD has no kernel"),
    ],
)
def test_a_loss_or_optimizer_that_derives_from_the_librarys_is_refused(changes, reason):
    one = trainer(built(), engine=CompiledEngine(), **changes)
    before = one.parameters.values.copy()
    with pytest.raises(ConfigError, match=reason):
        one.run(Arrays(X, Y))
    assert np.array_equal(one.parameters.values, before)


def test_a_class_of_the_same_name_is_another_class():
    twin = type("Dense", (Dense,), {"__module__": "minidl.layers.dense", "__qualname__": "Dense"})
    assert explain(built(twin(3)), HalfMSE(), SGD(0.1)) == "numpy: Dense 0 has no kernel"


def test_kernels_of_users_are_looked_at_too():
    class Nothing(OwnDense):
        pass

    register_kernel(Nothing)(lambda layer: None)
    assert explain(built(Nothing(3)), HalfMSE(), SGD(0.1)) == "numpy: Nothing 0 has a kernel that is a NoneType"
    wrong = "has the kernel of another sort, LossKernel for LayerKernel or ActivationKernel"
    register_kernel(Nothing)(lambda layer: LossKernel(print))
    assert explain(built(Nothing(3)), HalfMSE(), SGD(0.1)).endswith(wrong)
    register_kernel(OwnLoss)(lambda loss: OptimizerKernel(print, lambda o: []))
    assert explain(built(), OwnLoss(), SGD(0.1)).endswith("another sort, OptimizerKernel for LossKernel")
    register_kernel(Nothing)(lambda layer: LayerKernel(print, print))
    assert explain(built(Nothing(3)), HalfMSE(), SGD(0.1)) == "compiled"


def test_a_trainer_with_steps_of_its_own_is_not_compiled():
    class OwnTrainer(Trainer):
        def train_step(self, batch):
            return super().train_step(Batch(batch.x[:1], batch.target[:1]))

    one = trainer(built(), engine=CompiledEngine())
    one.__class__ = OwnTrainer
    with pytest.raises(ConfigError, match="the OwnTrainer has a train_step of its own"):
        one.run(Arrays(X, Y))


def test_a_source_that_derives_from_windows_is_asked_batch_by_batch():
    class Noisy(Windows):
        """Its examples depend on how often it was asked, and for how many."""

        def gather(self, indices, x=None, y=None):
            batch = super().gather(indices)
            calls.append(len(batch.x))
            return Batch(batch.x + len(calls), batch.target)

    results = []
    for engine in (None, CompiledEngine()):
        calls = []
        plain = windows(90)
        one = trainer(built(), engine=engine, epochs=2)
        one.run(Noisy(plain.values, plain.starts, plain.time_steps, plain.target_index))
        results.append((calls, one.parameters.values))
    assert results[0][0] == results[1][0] == 2 * [16, 16, 16, 16, 16, 10]
    np.testing.assert_allclose(results[1][1], results[0][1], rtol=1e-11)


def test_a_change_of_the_stack_or_the_optimizer_in_between_is_seen():
    def change(one):
        one.model.layers[0].activation = TanhActivation() if one.epoch == 1 else OwnTanh()

    one = trainer(built(), engine=CompiledEngine())
    one.run(Arrays(X, Y))
    one.settings.epochs = 2
    change(one)
    one.run(Arrays(X, Y))
    one.settings.epochs = 3
    change(one)
    with pytest.raises(ConfigError, match="OwnTanh"):
        one.run(Arrays(X, Y))


def test_one_engine_for_two_trainings_gives_each_its_own_program():
    engine, results = CompiledEngine(), []
    for hidden in (4, 3):
        for used in (engine, CompiledEngine()):
            one = trainer(built(RecurrentLayer(hidden)), engine=used)
            one.run(Arrays(X, Y))
            results.append(one.parameters.values)
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[2], results[3])
