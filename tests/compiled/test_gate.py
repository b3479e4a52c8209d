"""Nothing is compiled as something else, and nothing reaches compiled code unchecked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from both_engines import trainer, windows

from minidl import (
    INFERENCE,
    MSE,
    SGD,
    ConfigError,
    Dense,
    HalfMSE,
    LastStep,
    MinidlError,
    RecurrentLayer,
    Repeat,
    Sequential,
    ShapeError,
    TanhActivation,
)
from minidl.compiled import LayerKernel, LossKernel, OptimizerKernel, explain, predictor, register_kernel
from minidl.compiled.engine import CompiledEngine
from minidl.compiled.gate import own
from minidl.data import Batch, Windows
from minidl.training import Arrays, Trainer

X = np.random.default_rng(0).normal(size=(40, 6, 3))
Y = np.random.default_rng(1).normal(size=(40, 1))


def built(*layers, dtype="float64"):
    model = Sequential([*(layers or [RecurrentLayer(4)]), LastStep(), Dense(1)])
    model.build((6, 3), 5, dtype)
    return model


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


@pytest.mark.parametrize(
    "y",
    [
        Y[:39],
        Y[:3],
        np.concatenate([Y, Y]),
        Y[:, :, None],
        np.concatenate([Y, Y], 1),
        np.zeros((40, 0)),
        np.zeros((0, 1)),
        np.float64(1),
    ],
    ids=lambda y: str(np.shape(y)),
)
def test_targets_of_another_length_or_shape_are_refused_before_the_first_step(y):
    one = trainer(built(), engine=CompiledEngine())
    before = one.parameters.values.copy()
    with pytest.raises(ShapeError):
        one.run(Arrays(X, np.asarray(y)))
    assert np.array_equal(one.parameters.values, before)
    assert one.step == 0


def test_targets_may_lack_the_axis_of_the_single_output_in_both_engines():
    for engine in (None, CompiledEngine()):
        pair = [trainer(built(), engine=engine) for _ in range(2)]
        pair[0].run(Arrays(X, Y))
        pair[1].run(Arrays(X.tolist(), Y[:, 0].tolist()))
        assert pair[0].parameters.values.tobytes() == pair[1].parameters.values.tobytes()


def test_a_target_of_another_shape_is_refused_in_the_same_words_by_both_engines():
    for shape in ((40, 2), (40, 1, 1), (40, 6, 1)):
        lines = []
        for engine in (None, CompiledEngine()):
            with pytest.raises(ShapeError) as caught:
                trainer(built(), engine=engine, batch_size=40).run(Arrays(X, np.zeros(shape)))
            lines.append(str(caught.value))
        wanted = f"y: targets have shape {shape[1:]} an example, but the model's output has (1,)."
        assert lines[0] == lines[1] == wanted


@pytest.mark.parametrize("x", [X[:, :, :2], X[:, 0], X[:, :0], X[:, :, :, None]], ids=lambda x: str(x.shape))
def test_inputs_of_another_shape_are_refused_by_both_engines(x):
    for engine in (None, CompiledEngine()):
        with pytest.raises(ShapeError, match=r"RecurrentLayer: expected x of shape|^x: .* not empty, got"):
            trainer(built(), engine=engine).run(Arrays(x, Y))


@pytest.mark.parametrize("damage", ["starts", "float places", "values"])
def test_windows_that_were_changed_to_lie_outside_their_rows_are_refused(damage):
    source = windows(64)
    if damage == "starts":
        source.starts[5] = 10**6
    elif damage == "float places":
        source.starts[5] = -1
    else:
        object.__setattr__(source, "values", source.values[:30])
    with pytest.raises(ShapeError, match="do not lie within"):
        trainer(built(), engine=CompiledEngine(), shuffle=False, batch_size=64).run(source)


@pytest.mark.parametrize("kind", [">f8", "f2", "i8", "u1", "?"])
def test_numbers_of_any_type_order_and_stride_train_the_same(kind):
    x = (10 * X).astype(kind)
    wide = np.repeat(x, 2, axis=2)[..., ::2]
    results = []
    for engine in (None, CompiledEngine()):
        one = trainer(built(), engine=engine)
        one.run(Arrays(wide, (10 * Y).astype(kind)))
        results.append(one.parameters.values)
    np.testing.assert_allclose(results[1], results[0], rtol=1e-10)


@pytest.mark.parametrize("bad", [np.array([["1.5"]] * 40), np.ones((40, 1), complex), np.array([[None]] * 40)])
def test_what_is_no_number_is_refused(bad):
    with pytest.raises(MinidlError):
        trainer(built(), engine=CompiledEngine()).run(Arrays(X, bad))


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


@pytest.mark.parametrize(
    "array", [np.ones(5), np.ones(6, "f4"), np.ones(6, ">f8"), np.ones(12)[::2], np.ones((6, 1)), None]
)
def test_what_compiled_code_writes_to_must_be_exactly_of_that_type_and_size(array):
    own(np.ones(6), np.float64, 6, "m")
    with pytest.raises(ShapeError, match="m: expected 6 numbers of type float64 in one piece, got "):
        own(array, np.float64, 6, "m")
    locked = np.ones(6)
    locked.flags.writeable = False
    with pytest.raises(ShapeError):
        own(locked, np.float64, 6, "m")


class TestForecasts:
    """Each case with both predictors: what one refuses, the other refuses."""

    def predictors(self):
        model = built()
        return predictor(model), predictor_of_numpy(model)

    @pytest.mark.parametrize(
        "x", [X[:0], X[0, :0], X[:, :0], X[..., :2], X[0, 0], 1.0, X[None]], ids=lambda x: str(np.shape(x))
    )
    def test_a_window_of_another_shape_is_a_shape_error(self, x):
        for predict in self.predictors():
            with pytest.raises(ShapeError):
                predict(x)

    def test_lists_integers_and_strided_arrays_are_taken(self):
        compiled, numpy = self.predictors()
        for x in (X[:5].tolist(), (10 * X[:5]).astype(int), np.asfortranarray(X[:5]), X[:5].astype(">f8"), X[::-1]):
            np.testing.assert_allclose(compiled(x), numpy(x), rtol=1e-12)
            np.testing.assert_allclose(compiled(x[0]), numpy(x[0]), rtol=1e-12)

    @pytest.mark.parametrize("x", [np.full((6, 3), "1.0"), np.ones((6, 3), complex), np.array([[None] * 3] * 6), "abc"])
    def test_what_is_no_number_is_refused(self, x):
        for predict in self.predictors():
            predict(X[0])
            with pytest.raises(MinidlError):
                predict(x)

    @pytest.mark.parametrize("batch", [1, 4])
    @pytest.mark.parametrize("shape", [(1,), (4,), (1, 1), (4, 1), (2, 3), (4, 3, 1), (1, 4, 3), (), (0,), (0, 3)])
    def test_a_step_of_another_shape_is_a_shape_error(self, batch, shape):
        for predict in self.predictors():
            with pytest.raises(ShapeError):
                predict.stream(batch=batch)(np.ones(shape))

    def test_a_step_for_several_sequences_is_not_one_row_for_all(self):
        for predict in self.predictors():
            with pytest.raises(ShapeError, match=r"stream: expected x of shape \(4, features\), got \(3,\)"):
                predict.stream(batch=4)(np.ones(3))

    @pytest.mark.parametrize(
        "state", [(np.ones((1, 1)), None, None), (np.ones((2, 4)), None, None), (np.ones(4), None, None)]
    )
    def test_a_state_of_another_shape_is_a_shape_error(self, state):
        for predict in self.predictors():
            with pytest.raises(ShapeError, match=r"RecurrentLayer: expected a start state of shape \(1, 4\)"):
                predict.stream(state)(np.ones(3))

    def test_the_model_may_change_afterwards(self):
        model = built()
        predict, expected = predictor(model), model(X)
        model.layers.append(Dense(2))
        model.build((6, 3), 9)
        np.testing.assert_allclose(predict(X), expected, rtol=1e-12)


def predictor_of_numpy(model):
    from minidl.compiled.prediction import NumpyPredictor

    return NumpyPredictor(model, "numpy")
