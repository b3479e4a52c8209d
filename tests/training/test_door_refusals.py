"""The Python door refuses what it cannot take at once, in one line, with the weights as they were."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pytest
from doors import ROWS, N, X, Y, dense, frame, net, refused

from minidl import (
    MAE,
    MSE,
    SGD,
    Adam,
    ConfigError,
    CrossEntropy,
    DataError,
    Dense,
    LastStep,
    NumericalError,
    Quantile,
    RecurrentLayer,
    Sequential,
    ShapeError,
    fit,
)

BROKEN = {
    "text": (X.astype(str), DataError, r"^x: holds text \('0\.1\d+' is the first\); expected numbers\.$"),
    "bytes": (X.astype("S"), DataError, r"^x: holds text "),
    "complex": (X + 0j, DataError, r"^x: holds complex numbers "),
    "dates": (X.astype("M8[s]"), DataError, r"^x: holds dates \(datetime"),
    "objects": ([[[datetime.date(2020, 1, 1)] * 3] * 5] * N, DataError, r"^x: holds datetime\.date.* at \[0, 0, 0\]; "),
    "decimals": ([[decimal.Decimal(1)] * 3] * N, DataError, r"^x: holds Decimal\('1'\) of type Decimal at \[0, 0\]"),
    "none among numbers": ([[1.0, None, 2.0]] * N, DataError, r"^x: holds None of type NoneType at \[0, 1\]"),
    "ragged": ([[1.0], [1.0, 2.0]], DataError, r"^x: holds parts of different length; fill .* `lengths`\.$"),
    "array of one": ([np.asarray(1.0), X[1]], DataError, r"^x: cannot be made an array of numbers: "),
    "sequences": ([X[0], X[1, :2]], DataError, r"^x: holds parts of different length; "),
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
        (["a"] * N, DataError, r"^y: holds text \('a' is the first\); expected numbers; classes are "),
        (None, DataError, r"^y: is None"),
    ],
    ids=["longer", "shorter", "none", "number", "wider", "every step", "every step 2-D", "text", "None"],
)
def test_targets_that_do_not_belong_to_the_inputs_are_refused(y: Any, error: Any, message: str) -> None:
    # Longer targets trained in silence, shorter ones were an IndexError after some steps.
    refused(net(), X, y, error, message)


def test_a_model_that_lacks_a_layer_or_outputs_for_its_targets_is_told_which() -> None:
    every_step = Sequential([RecurrentLayer(2), Dense(1)])
    every_step.build(X.shape[1:], rng=0)
    refused(every_step, X, Y, ShapeError, r"has \(5, 1\); LastStep passes on the last time step alone\.$")
    levels = r"the model's output has \(1,\); Quantile takes 3 outputs for each target\.$"
    with pytest.raises(ShapeError, match=levels):
        fit(net(), X, Y, loss=Quantile(), optimizer=SGD(0.1))


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
        ("should_stop", True, r"^Trainer: should_stop: expected a function that is asked, got True\.$"),
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
        ("validation", (X,), r"^fit: validation: expected a pair .*, got tuple( of \d+)?\.$"),
        ("validation", X, r"^fit: validation: expected a pair .*, got ndarray( of \d+)?\.$"),
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


def test_one_hot_rows_are_answered_with_how_labels_are_made_of_them() -> None:
    one_hot = np.eye(3)[np.arange(N) % 3]
    with pytest.raises(ShapeError, match=r"CrossEntropy takes the label of each row .* one-hot rows: y\.argmax\(-1\)"):
        fit(Sequential([LastStep(), Dense(3)]), X, one_hot, loss=CrossEntropy(), optimizer=SGD(0.1))


@pytest.mark.parametrize("y", [["up", "down"] * (N // 2), np.array(["up", "down"] * (N // 2), object)])
def test_names_of_classes_are_refused_with_what_makes_labels_of_them(y: Any) -> None:
    with pytest.raises(
        DataError, match=r"^y: holds .*; classes are .*: names, y = np\.unique\(y, return_inverse=True\)"
    ):
        fit(Sequential([LastStep(), Dense(2)]), X, y, loss=CrossEntropy(), optimizer=SGD(0.1))


def test_truth_values_are_labels() -> None:
    y = X[:, 0, 0] > 0
    ends = [
        fit(Sequential([LastStep(), Dense(2)]), X, given, loss=CrossEntropy(), optimizer=SGD(0.1), epochs=2)
        for given in (y, y.tolist(), y.astype(int))
    ]
    assert len({end[-1].train_loss for end in ends}) == 1
