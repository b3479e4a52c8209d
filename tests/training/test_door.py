"""The Python door: what turns into an array of numbers trains as that array would, whichever way it comes in."""

from __future__ import annotations

import fractions
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from doors import ROWS, Foreign, N, Tensor, X, Y, dense, frame, net, refused, series, trained, weights
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minidl import (
    MAE,
    MSE,
    SGD,
    ConfigError,
    DataError,
    Dense,
    HalfMSE,
    MinidlError,
    RecurrentLayer,
    Sequential,
    ShapeError,
    fit,
)
from minidl.core.arrays import plain_array
from minidl.core.layer import Array
from minidl.data import Batch
from minidl.metrics import mae, r2, rmse
from minidl.randomness import Streams
from minidl.training import Arrays, Callback, Trainer, Training, predict


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (lambda: X.tolist(), lambda: Y.tolist()),
        (lambda: tuple(X), lambda: tuple(Y[:, 0])),
        (lambda: X, lambda: Y[:, 0]),
        (lambda: X, lambda: series(Y[:, 0])),
        (lambda: Tensor(X), lambda: Tensor(Y, detached=True)),
        (lambda: X.astype(">f8"), lambda: Y.astype(np.longdouble)),
        (lambda: np.ma.masked_array(X), lambda: np.ma.masked_array(Y, mask=False)),
        (lambda: X.astype(object), lambda: [[fractions.Fraction(float(v))] for v in Y[:, 0]]),
        (lambda: np.repeat(X, 2, axis=2)[:, :, ::2], lambda: np.asfortranarray(Y)),
        (Foreign, lambda: Y),
    ],
    ids=["lists", "tuples", "1-D", "Series", "tensors", "longdouble", "no mask", "objects", "strided", "__array__"],
)
def test_what_turns_into_an_array_of_numbers_trains_to_the_same_bits(x: Any, y: Any) -> None:
    assert trained(net(), x(), y()) == trained(net(), X, Y)


def test_a_validation_table_has_the_columns_of_the_other_in_their_order() -> None:
    # As numbers without names it would be scored with features in each other's places.
    right, turned = (frame()[columns] for columns in (["a", "b", "c"], ["c", "b", "a"]))
    message = r"^validation x: its columns are c, b, a, those of x a, b, c\.$"
    refused(dense(), right, Y, DataError, message, validation=(turned, Y))
    both = right.assign(d=Y[:, 0])
    message = r"^validation y: its columns are d, those of y c\.$"
    refused(dense(), right, both[["c"]], DataError, message, validation=(right, both[["d"]]))
    for validation in ((right, Y), (right.to_numpy(), both[["d"]])):
        assert trained(dense(), right, both[["d"]], validation=validation)


def test_a_table_trains_as_its_values_do() -> None:
    expected = trained(dense(), ROWS, Y)
    assert trained(dense(), frame(), series(Y[:, 0])) == expected
    assert trained(dense(), frame().astype("Float64"), frame()[["a"]] * 0 + Y) == expected


@pytest.mark.slow  # importing PyTorch takes seconds
def test_tensors_of_pytorch_train_to_the_same_bits() -> None:
    torch = pytest.importorskip("torch")
    x, y = torch.tensor(X, requires_grad=True), torch.tensor(Y[:, 0])
    assert trained(net(), x, y) == trained(net(), X, Y)
    refused(net(), x.bfloat16(), y, DataError, r"^x: cannot be made an array of numbers: Got unsupported ScalarType")


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool", "float16"])
def test_integers_and_booleans_are_numbers(dtype: str) -> None:
    x, y = (X * 3).astype(dtype), (Y * 3).astype(dtype)
    assert trained(net(), x, y) == trained(net(), x.astype(float), y.astype(float))


def test_what_is_narrow_takes_no_more_memory_than_float32() -> None:
    kept = [Arrays(X.astype(kind), Y).x.dtype for kind in ("float16", ">f4", "float32", "longdouble", "float64")]
    assert kept == [np.float32] * 3 + [np.float64] * 2
    assert Arrays(frame().astype("float32"), Y).x.dtype == np.float32


def test_targets_at_every_step_may_lack_the_axis_of_the_single_output_too() -> None:
    def every_step() -> Sequential:
        model = Sequential([RecurrentLayer(4), Dense(1)])
        model.build((5, 3), 0, "float64")
        return model

    assert trained(every_step(), X, X[:, :, 0]) == trained(every_step(), X, X[:, :, :1])


def test_a_model_that_was_not_built_is_built_for_x_from_the_seed() -> None:
    built = net(built=False)
    built.build((5, 3), Streams.from_seed(7).weights, "float32")
    assert trained(net(built=False), X.tolist(), Y, seed=7) == trained(built, X, Y, seed=7)
    assert trained(net(built=False), X, Y, seed=8) != trained(built, X, Y, seed=7)
    assert trained(dense(built=False), frame(), series(Y[:, 0]))
    alone = Dense(1)
    trained(alone, ROWS, Y)
    assert alone.params["W"].shape == (3, 1)


def test_a_built_model_keeps_its_weights_and_its_dtype() -> None:
    model = net(dtype="float32")
    start = model.params["0.W_xh"].copy()
    trained(model, X, Y, optimizer=SGD(1e-9))
    np.testing.assert_allclose(model.params["0.W_xh"], start, atol=1e-6)


@pytest.mark.parametrize("model", [Sequential, None, "pm25_deep", [Dense(1)]], ids=["class", "None", "name", "list"])
def test_what_is_no_model_is_refused(model: Any) -> None:
    with pytest.raises(ConfigError, match=r"^fit: model: expected a Layer, got "):
        fit(model, X, Y, loss=MSE(), optimizer=SGD(0.1))


class Never(Callback):
    def on_start(self, trainer: Trainer) -> None:
        raise AssertionError("a callback was called")


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ((X, Y), ConfigError, r"^examples: expected a source of examples such as Arrays\(x, y\), got tuple\.$"),
        (X, ConfigError, r"^examples: expected a source .* got ndarray\.$"),
        (Arrays(X, np.ones((N, 2))), ShapeError, r"^y: targets have shape \(2,\)"),
    ],
)
@pytest.mark.parametrize("validation", [False, True])
def test_the_trainer_has_the_same_door_and_calls_nobody_before_it(
    source: Any, error: Any, message: str, validation: bool
) -> None:
    made = Trainer(net(), loss=MSE(), optimizer=SGD(0.1), settings=Training(), streams=Streams.from_seed(0))
    sources = (Arrays(X, Y), source) if validation else (source, None)
    with pytest.raises(error, match=message.replace("^", "^validation ") if validation else message):
        made.run(*sources, callbacks=[Never()])


def test_the_trainer_takes_objects_for_all_its_parts() -> None:
    parts: dict[str, Any] = {
        "loss": MSE(), "optimizer": SGD(0.1), "settings": Training(), "streams": Streams.from_seed(0)
    }  # fmt: skip
    wrong = {"loss": MSE, "optimizer": "SGD", "settings": {"epochs": 3}, "streams": 0}
    for name, value in wrong.items():
        with pytest.raises(ConfigError, match=f"^Trainer: {name}: expected "):
            Trainer(net(), **{**parts, name: value})


def test_predict_and_a_call_of_the_model_have_the_same_door() -> None:
    model = net()
    expected = model(X)
    for x in (X.tolist(), Tensor(X), X.astype(object), Foreign()):
        assert model(x).tobytes() == expected.tobytes()
    assert dense()(frame()).tobytes() == dense()(ROWS).tobytes()
    assert model((X * 3).astype(int)).tobytes() == model((X * 3).astype(int).astype(float)).tobytes()
    with pytest.raises(DataError, match=r"^Sequential: x: holds text"):
        model("abc")
    with pytest.raises(DataError, match=r"^Sequential: x: .* masked"):
        model(np.ma.masked_array(X, X > 1))
    with pytest.raises(ConfigError, match=r"^predict: expected a source of examples such as Arrays"):
        predict(model, X)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "measure", [HalfMSE(), MSE(), MAE(), r2, mae, rmse], ids=lambda m: getattr(m, "__name__", repr(m))
)
def test_losses_and_scores_have_the_same_door(measure: Callable[..., Any]) -> None:
    def value(y: Any, target: Any) -> float:
        found = measure(y, target)
        return float(found[0] if isinstance(found, tuple) else found)

    y, target = [1, 2, 4], [3, 2, 8]
    expected = value(np.array(y, float), np.array(target, float))
    for kind in (list, tuple, np.array, lambda v: Tensor(np.array(v)), lambda v: np.array(v, object), series):
        assert value(kind(y), kind(target)) == expected
    with pytest.raises(DataError, match=r"^target: holds text"):
        measure(y, ["a", "b", "c"])
    # The gradient of a masked error was divided by all entries, and the mask lost on the way.
    with pytest.raises(DataError, match=r"^target: the value at \[1\] is masked; masks are not honoured"):
        measure(y, np.ma.masked_array([3.0, 2, 8], [False, True, False]))
    with pytest.raises(ShapeError):
        measure(y, [[3.0], [2.0], [8.0]])


def test_a_source_of_a_users_own_keeps_its_class_when_its_targets_get_their_axis() -> None:
    class Noting(Arrays):
        def gather(self, indices: Any) -> Batch:
            gathered.append(len(indices))
            return super().gather(indices)

    gathered: list[int] = []
    made = Trainer(
        net(), loss=MSE(), optimizer=SGD(0.1), settings=Training(epochs=1, batch_size=5), streams=Streams.from_seed(0)
    )
    made.run(Noting(X, Y[:, 0]))
    assert gathered == [5, 5, 2]  # and not once more, which a source that draws random numbers would show


KINDS = st.sampled_from(["f8", "f4", "f2", ">f8", "i8", "u1", "?", "c16", "U3", "S2", "M8[s]", "O"])
NUMBERS = "f4", "f8", "f2", ">f8", "i8", "u1", "?"
CONTAINERS: list[Callable[[Array], Any]] = [
    lambda a: a, lambda a: a.tolist(), tuple, lambda a: np.ma.masked_array(a), lambda a: a[::-1][::-1],
    np.asfortranarray, lambda a: list(map(np.asarray, a)), memoryview,
]  # fmt: skip


@given(
    shapes=st.tuples(hnp.array_shapes(max_dims=3, min_side=0, max_side=4), hnp.array_shapes(max_dims=3, max_side=4)),
    kinds=st.tuples(KINDS, KINDS),
    fit_together=st.booleans(),
    containers=st.tuples(st.sampled_from(CONTAINERS), st.sampled_from(CONTAINERS)),
    data=st.data(),
)
def test_any_two_arrays_train_as_plain_ones_or_are_refused_in_one_line_with_the_weights_as_they_were(
    shapes: Any, kinds: Any, fit_together: bool, containers: Any, data: st.DataObject
) -> None:
    if fit_together:
        shapes = (4, 3), (4,)
    x, y = (data.draw(hnp.arrays(kind, shape, fill=st.nothing())) for kind, shape in zip(kinds, shapes, strict=True))
    try:
        given_x, given_y = containers[0](x), containers[1](y)
    except (TypeError, ValueError):  # no memoryview of text, dates or objects
        return
    model = dense()
    before = weights(model)
    refusal = None
    try:
        with np.errstate(all="ignore"):
            after = trained(model, given_x, given_y)
    except MinidlError as err:
        refusal = err
    if refusal is None:
        assert kinds[0] in NUMBERS
        assert kinds[1] in NUMBERS
        assert after == trained(dense(), x.astype(float), y.astype(float))
    else:
        assert len(str(refusal).splitlines()) == 1
        # A step may have been taken where numbers grow while it trains, but not for numbers that were broken before.
        assert weights(model) == before or str(refusal).startswith("epoch ")


@given(hnp.arrays(st.sampled_from(["f8", "f4"]), hnp.array_shapes(max_dims=3)))
def test_a_plain_array_comes_in_as_it_is(array: Array) -> None:
    assert plain_array(array, "x") is array
