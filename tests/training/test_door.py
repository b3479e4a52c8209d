"""The Python door: what turns into an array of numbers trains as that array would, all else is refused at once."""

from __future__ import annotations

import datetime
import decimal
import fractions
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minidl import (
    MAE,
    MSE,
    SGD,
    Adam,
    ConfigError,
    DataError,
    Dense,
    HalfMSE,
    LastStep,
    Layer,
    MinidlError,
    NumericalError,
    RecurrentLayer,
    Sequential,
    ShapeError,
    TanhActivation,
    fit,
)
from minidl.core.arrays import plain_array
from minidl.core.layer import Array
from minidl.data import Batch
from minidl.metrics import mae, r2, rmse
from minidl.randomness import Streams
from minidl.training import Arrays, Callback, Trainer, Training, predict

N = 12
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(N, 5, 3)), RNG.normal(size=(N, 1))
ROWS = RNG.normal(size=(N, 3))  # examples without a time axis


def net(*, built: bool = True, dtype: str = "float64") -> Sequential:
    model = Sequential([RecurrentLayer(4), LastStep(), Dense(1)])
    if built:
        model.build((5, 3), 0, dtype)
    return model


def dense(*, built: bool = True) -> Sequential:
    model = Sequential([Dense(3), TanhActivation(), Dense(1)])
    if built:
        model.build((3,), 0, "float64")
    return model


def weights(model: Layer) -> bytes:
    return b"".join(value.tobytes() for value in model.params.values())


def trained(model: Layer, x: Any, y: Any, **more: Any) -> bytes:
    """The weights after a training."""
    fit(model, x, y, **{"loss": HalfMSE(), "optimizer": SGD(0.05), "batch_size": 5, "epochs": 2, **more})
    return weights(model)


def refused(model: Layer, x: Any, y: Any, error: type[MinidlError], message: str, **more: Any) -> None:
    """One line, and no step taken."""
    before = weights(model)
    with pytest.raises(error, match=message) as caught:
        trained(model, x, y, **more)
    assert weights(model) == before
    assert len(str(caught.value).splitlines()) == 1


def frame(values: Array = ROWS, **columns: Any) -> Any:
    pandas = pytest.importorskip("pandas")
    made = pandas.DataFrame(values, columns=["a", "b", "c"])
    return made.assign(**columns)


def series(values: Any) -> Any:
    return pytest.importorskip("pandas").Series(values)


class Tensor:
    """As PyTorch's: one that a gradient is wanted of becomes an array only when it is detached."""

    def __init__(self, values: Array, detached: bool = False) -> None:
        self.values, self.detached = values, detached

    def detach(self) -> Tensor:
        return Tensor(self.values, detached=True)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        if not self.detached:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        return self.values


class Foreign:
    """Somebody's container that knows how to become an array."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        return X


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


BROKEN = {
    "text": (X.astype(str), DataError, r"^x: holds text \('0\.1\d+' is the first\); expected numbers\.$"),
    "bytes": (X.astype("S"), DataError, r"^x: holds text "),
    "complex": (X + 0j, DataError, r"^x: holds complex numbers "),
    "dates": (X.astype("M8[s]"), DataError, r"^x: holds dates \(datetime"),
    "objects": ([[[datetime.date(2020, 1, 1)] * 3] * 5] * N, DataError, r"^x: holds datetime\.date.* at \[0, 0, 0\]; "),
    "decimals": ([[decimal.Decimal(1)] * 3] * N, DataError, r"^x: holds Decimal\('1'\) of type Decimal at \[0, 0\]"),
    "none among numbers": ([[1.0, None, 2.0]] * N, DataError, r"^x: holds None of type NoneType at \[0, 1\]"),
    "ragged": ([[1.0], [1.0, 2.0]], DataError, r"^x: cannot be made an array of numbers: "),
    "none": (None, DataError, r"^x: is None, not an array of numbers\.$"),
    "dict": ({"a": [1]}, DataError, r"^x: is a dict, not an array of numbers\.$"),
    "generator": ((row for row in X), DataError, r"^x: is a generator, not an array"),
    "escape": ("\x1b[31m", DataError, r"^x: holds text \('\\x1b\[31m' is the first\)"),
    "huge int": ([[10**400] * 3] * N, DataError, r"^x: cannot be made an array of numbers: int too large"),
    "number": (3.0, ShapeError, r"^x: expected examples of shape .*, not empty, got \(\)\.$"),
    "one axis": (X[:, 0, 0], ShapeError, r"got \(12,\); of one feature, they are x\[:, None\]\.$"),
    "no examples": (X[:0], ShapeError, r"^x: expected examples .*, not empty, got \(0, 5, 3\)\.$"),
    "no features": (X[:, :, :0], ShapeError, r"not empty, got \(12, 5, 0\)\.$"),
    "features": (X[:, :, :2], ShapeError, r"^RecurrentLayer: expected x of shape .* \(x\.shape = \(12, 5, 2\)\)\.$"),
    "no time axis": (ROWS, ShapeError, r"^RecurrentLayer: expected x of shape .* \(x\.shape = \(12, 3\)\)\.$"),
}


@pytest.mark.parametrize(("x", "error", "message"), BROKEN.values(), ids=BROKEN)
def test_inputs_that_are_no_numbers_or_of_another_shape_are_refused(x: Any, error: Any, message: str) -> None:
    refused(net(), x, Y, error, message)


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (np.ones((N + 20, 1)), ShapeError, r"^y: has 32 targets for 12 examples in x; each needs its own\.$"),
        (Y[:5], ShapeError, r"^y: has 5 targets for 12 examples in x"),
        (Y[:0], ShapeError, r"^y: has 0 targets for 12 examples"),
        (1.0, ShapeError, r"^y: has one number targets|^y: has one number"),
        (
            np.ones((N, 2)),
            ShapeError,
            r"^y: targets have shape \(2,\) an example, but the model's output has \(1,\)\.$",
        ),
        (np.ones((N, 5, 1)), ShapeError, r"^y: targets have shape \(5, 1\) an example"),
        (np.ones((N, 5)), ShapeError, r"^y: targets have shape \(5,\) an example"),
        (["a"] * N, DataError, r"^y: holds text \('a' is the first\); expected numbers\.$"),
        (None, DataError, r"^y: is None"),
    ],
    ids=["longer", "shorter", "none", "number", "wider", "every step", "every step 2-D", "text", "None"],
)
def test_targets_that_do_not_belong_to_the_inputs_are_refused(y: Any, error: Any, message: str) -> None:
    # Longer targets trained in silence, shorter ones were an IndexError after some steps.
    refused(net(), X, y, error, message)


@pytest.mark.parametrize("place", ["x", "y", "list of rows"])
def test_a_mask_is_refused_as_nothing_looks_at_it(place: str) -> None:
    mask = np.zeros(X.shape, bool)
    mask[3, 1, 2] = mask[5, 0, 0] = True
    x: Any = np.ma.masked_array(X, mask)
    if place == "y":
        refused(
            net(), X, np.ma.masked_array(Y, Y[4] == Y), DataError, r"^y: the value at \[4, 0\] is masked; masks are"
        )
    elif place == "x":
        refused(net(), x, Y, DataError, r"^x: 2 values are masked, the first at \[3, 1, 2\]; masks are not honoured")
    else:
        refused(net(), list(x), Y, DataError, r"^x: the value at \[1, 2\] is masked")


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_nan_and_infinity_are_refused_with_their_array_and_first_place(value: float, shown: str) -> None:
    x, y = X.copy(), Y.copy()
    x[7, 2, 1] = x[9, 0, 0] = x[9, 0, 1] = value
    y[4] = value
    refused(net(), x, Y, NumericalError, rf"^the inputs \(x\) have {shown} at \[7, 2, 1\] and 2 more; training takes")
    refused(
        net(),
        X,
        y,
        NumericalError,
        rf"^the targets \(y\) have {shown} at \[4, 0\]; training takes finite numbers only\.$",
    )
    held_out = {"validation": (X, y)}
    refused(net(), X, Y, NumericalError, rf"^the validation targets \(y\) have {shown} at \[4, 0\]", **held_out)


def test_of_inputs_and_targets_that_are_both_broken_the_inputs_are_named() -> None:
    refused(net(), np.full_like(X, np.nan), np.full_like(Y, np.nan), NumericalError, r"^the inputs \(x\) have NaN")


def test_a_number_that_the_parameters_dtype_cannot_hold_is_refused() -> None:
    x = X.copy()
    x[2, 1, 0] = -1e300
    message = r"^the inputs \(x\) have -1e\+300, which float32 cannot hold, at \[2, 1, 0\]; "
    refused(net(dtype="float32"), x, Y, NumericalError, message)
    refused(net(dtype="float32"), X, Y, NumericalError, r"^the validation inputs", validation=(x, Y))


def test_missing_values_and_texts_of_a_table_are_refused_with_their_column() -> None:
    missing = frame().astype("Float64")
    missing.iloc[3, 1] = None
    refused(dense(), missing, Y, DataError, r"^x: holds <NA> of type NAType at \[3, 1\], column b; expected numbers\.$")
    text = frame(c=["calm"] * N)
    refused(dense(), text, Y, DataError, r"^x: holds 'calm' of type str at \[0, 2\], column c; expected numbers\.$")


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("loss", MSE, r"^Trainer: loss: expected a Loss, got the class MSE; write MSE\(\)$"),
        ("loss", "MSE", r"^Trainer: loss: expected a Loss, got 'MSE'; write MSE\(\)$"),
        ("loss", "mse", r"^Trainer: loss: expected a Loss, got 'mse'; did you mean MSE\?$"),
        ("loss", None, r"^Trainer: loss: expected a Loss, got None$"),
        ("loss", lambda y, target: 0.0, r"^Trainer: loss: expected a Loss, got <function"),
        ("optimizer", SGD, r"^Trainer: optimizer: .* got the class SGD; write SGD\(learning_rate=\.\.\.\)$"),
        ("optimizer", "SGD", r"^Trainer: optimizer: .* got 'SGD'; write SGD\(learning_rate=\.\.\.\)$"),
        ("optimizer", Adam, r"got the class Adam; write Adam\(\)$"),
        ("optimizer", MAE(), r"^Trainer: optimizer: expected an Optimizer, got MAE\(\)$"),
        ("optimizer", 0.1, r"^Trainer: optimizer: expected an Optimizer, got 0\.1$"),
        ("batch_size", 0, r"^Training: batch_size: expected `int` >= 1, got 0$"),
        ("batch_size", 2.5, r"^Training: batch_size: expected `int`, got `float` 2\.5$"),
        ("batch_size", "64", r"^Training: batch_size: expected `int`, got `str` '64'$"),
        ("batch_size", None, r"^Training: batch_size: expected `int`, got `null` None$"),
        ("batch_size", True, r"^Training: batch_size: expected `int`, got `bool` True$"),
        ("epochs", 0, r"^Training: epochs: expected `int` >= 1, got 0$"),
        ("clip_norm", -1, r"^Training: clip_norm: expected `float` > 0\.0, got -1$"),
        ("seed", -1, r"^fit: seed: expected `int` >= 0, got -1$"),
        ("seed", None, r"^fit: seed: expected `int`, got `null` None$"),
        ("validation", (X,), r"^fit: validation: expected a pair \(x, y\), got tuple\.$"),
        ("validation", X, r"^fit: validation: expected a pair \(x, y\), got ndarray\.$"),
    ],
)
def test_an_argument_of_another_kind_is_refused(argument: str, value: Any, message: str) -> None:
    refused(net(), X, Y, ConfigError, message, **{argument: value})


@pytest.mark.parametrize(
    ("validation", "error", "message"),
    [
        ((X[:0], Y[:0]), ShapeError, r"^validation x: expected examples .* got \(0, 5, 3\)\.$"),
        ((X, Y[:3]), ShapeError, r"^validation y: has 3 targets for 12 examples in validation x"),
        ((X[:, :, :2], Y), ShapeError, r"^validation RecurrentLayer: .* \(validation x\.shape = \(12, 5, 2\)\)\.$"),
        ((X, np.ones((N, 2))), ShapeError, r"^validation y: targets have shape \(2,\) an example"),
        ((X, ["a"] * N), DataError, r"^validation y: holds text"),
    ],
)
def test_a_validation_that_does_not_fit_is_refused_before_the_first_step(
    validation: Any, error: Any, message: str
) -> None:
    # It was met after the first epoch, with weights that had moved.
    refused(net(), X, Y, error, message, validation=validation)


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
