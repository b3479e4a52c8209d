"""check_layer and check_gradients find planted faults: one small broken layer for each.

`Elman` is right and passes. Every class after it changes one thing, and the check
that should find it must name it. So the checks themselves are tested, and a check
that went blind makes this file fail.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

import numpy as np
import pytest

from minidl import INFERENCE, Context, Layer, RecurrentLayer, Workspace, read_only
from minidl.testing.checks import check_gradients, check_layer, run_checks
from minidl.testing.fresh_process import CHILD
from minidl.testing.layer_checks import CHECKS


@dataclass(eq=False, repr=False)
class Elman(Layer):
    """A recurrent layer in the simplest correct form."""

    hidden_size: int = 3

    def build(self, input_shape, rng, dtype):
        time, F = input_shape
        H = self.hidden_size
        self.params = {
            "W_xh": rng.normal(size=(F, H)).astype(dtype),
            "W_hh": rng.normal(0, 0.5, size=(H, H)).astype(dtype),
            "b_h": rng.normal(size=H).astype(dtype),
        }
        return (time, H)

    def forward(self, x, ctx=INFERENCE):
        W_xh, W_hh, b_h = self.params["W_xh"], self.params["W_hh"], self.params["b_h"]
        h = np.zeros((x.shape[0], x.shape[1] + 1, self.hidden_size), W_xh.dtype)
        if ctx.state is not None:
            h[:, 0] = ctx.state
        for t in range(x.shape[1]):
            h[:, t + 1] = np.tanh(x[:, t] @ W_xh + h[:, t] @ W_hh + b_h)
            if ctx.lengths is not None:  # after its last step a sequence keeps its state
                h[ctx.lengths <= t, t + 1] = h[ctx.lengths <= t, t]
        return read_only(h[:, 1:]), (x, h)

    def step_gradients(self, dy, h):
        """da_t for all t."""
        da = np.zeros_like(h[:, 1:])
        later = np.zeros_like(h[:, 0])
        for t in reversed(range(dy.shape[1])):
            later = da[:, t] = (dy[:, t] + later @ self.params["W_hh"].T) * (1 - h[:, t + 1] ** 2)
        return da

    def backward(self, dy, cache):
        x, h = cache
        da = self.step_gradients(dy, h)
        grads = {
            "W_xh": np.einsum("nti,ntj->ij", x, da),
            "W_hh": np.einsum("nti,ntj->ij", h[:, :-1], da),
            "b_h": da.sum((0, 1)),
        }
        return da @ self.params["W_xh"].T, grads

    def final_state(self, cache):
        return cache[1][:, -1].copy()


# --- wrong gradients ---


class SignOfWhhFlipped(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {**grads, "W_hh": -grads["W_hh"]}


class WhhShiftedByOneStep(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        _, h = cache
        return dx, {**grads, "W_hh": np.einsum("nti,ntj->ij", h[:, 1:], self.step_gradients(dy, h))}


class SumOverTimeForgotten(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        x, h = cache
        return dx, {**grads, "W_xh": x[:, -1].T @ self.step_gradients(dy, h)[:, -1]}


class MeanOverBatchInsteadOfSum(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {**grads, "b_h": grads["b_h"] / len(dy)}


class InnerOutputGradientsDropped(Elman):
    def step_gradients(self, dy, h):
        only_last = np.zeros_like(dy)
        only_last[:, -1] = dy[:, -1]
        return super().step_gradients(only_last, h)


class RecurrentPathDropped(Elman):
    def step_gradients(self, dy, h):
        return dy * (1 - h[:, 1:] ** 2)


class WhhNotTransposed(Elman):
    def step_gradients(self, dy, h):
        da = np.zeros_like(h[:, 1:])
        later = np.zeros_like(h[:, 0])
        for t in reversed(range(dy.shape[1])):
            later = da[:, t] = (dy[:, t] + later @ self.params["W_hh"]) * (1 - h[:, t + 1] ** 2)
        return da


class SlopeOfTheStepBefore(Elman):
    def step_gradients(self, dy, h):
        return super().step_gradients(dy, np.concatenate([h[:, :1], h[:, :-1]], axis=1))


class InputGradientNotTransposed(Elman):
    def backward(self, dy, cache):  # (F, H) is square in this test, so that the shape is right
        _, grads = super().backward(dy, cache)
        return self.step_gradients(dy, cache[1]) @ self.params["W_xh"], grads


class BiasGradientIsZero(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {**grads, "b_h": np.zeros_like(grads["b_h"])}


class OnePercentOff(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        grads["W_xh"][0, 0] *= 1.01
        return dx, grads


class OnlyRightForOnes(Elman):
    """Its dx ignores dy: a test with dy = 1 would not see it."""

    def backward(self, dy, cache):
        return super().backward(np.ones_like(dy), cache)


# --- wrong names, shapes and types ---


class BiasGradientMissing(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        del grads["b_h"]
        return dx, grads


class WrongKey(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        grads["W"] = grads.pop("W_hh")
        return dx, grads


class GradientOfWrongShape(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {**grads, "b_h": grads["b_h"][np.newaxis]}


class GradientInFloat64(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {**grads, "b_h": grads["b_h"].astype("float64")}


class OutputInFloat64(Elman):
    def forward(self, x, ctx=INFERENCE):
        y, cache = super().forward(x, ctx)
        return read_only(y.astype("float64")), cache


class InputGradientInFloat64(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx.astype("float64"), grads


class ParametersInFloat64(Elman):
    def build(self, input_shape, rng, dtype):
        return super().build(input_shape, rng, "float64")


class NoInputGradient(Elman):
    def backward(self, dy, cache):
        return None, super().backward(dy, cache)[1]


class BuildPromisesAnotherShape(Elman):
    def build(self, input_shape, rng, dtype):
        time, H = super().build(input_shape, rng, dtype)
        return (time, H + 1)


# --- memory that is not the layer's own ---


class CacheOnSelf(Elman):
    def forward(self, x, ctx=INFERENCE):
        y, self._cache = super().forward(x, ctx)
        return y, None

    def backward(self, dy, cache):
        return super().backward(dy, self._cache)

    def final_state(self, cache):
        return super().final_state(self._cache)


class CountsItsCalls(Elman):
    def build(self, input_shape, rng, dtype):
        self.calls = 0
        return super().build(input_shape, rng, dtype)

    def forward(self, x, ctx=INFERENCE):
        self.calls += 1
        return super().forward(x, ctx)


class WritesParameters(Elman):
    def forward(self, x, ctx=INFERENCE):
        self.params["W_hh"] *= 0.9
        return super().forward(x, ctx)


class ReplacesParameters(Elman):
    def forward(self, x, ctx=INFERENCE):
        self.params = dict(self.params)
        return super().forward(x, ctx)


class WritesItsInput(Elman):
    def forward(self, x, ctx=INFERENCE):
        x -= x.mean()
        return super().forward(x, ctx)


class WritesTheOutputGradient(Elman):
    def backward(self, dy, cache):
        dy *= 2
        return super().backward(dy / 2, cache)


class ReturnsAWriteableViewOfItsCache(Elman):
    def forward(self, x, ctx=INFERENCE):
        _, (x, h) = super().forward(x, ctx)
        return h[:, 1:], (x, h)


class KeepsOneBufferForAllCalls(Elman):
    buffer = None

    def forward(self, x, ctx=INFERENCE):
        _, (x, h) = super().forward(x, ctx)
        cls = type(self)
        if cls.buffer is None or cls.buffer.shape != h.shape or cls.buffer.dtype != h.dtype:
            cls.buffer = np.empty_like(h)
        cls.buffer[...] = h
        return read_only(cls.buffer[:, 1:]), (x, cls.buffer)


class CacheServesOnce(Elman):
    def backward(self, dy, cache):
        result = super().backward(dy, cache)
        cache[1][...] = 0
        return result


class KnowsOneThreadOnly(Elman):
    scale = threading.local()
    scale.value = 1.0

    def forward(self, x, ctx=INFERENCE):
        y, cache = super().forward(x, ctx)
        return y * y.dtype.type(self.scale.value), cache


class AddsUpInTheWorkspace(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache[:2])
        total = cache[2].plan("db_h", grads["b_h"].dtype, lambda: np.zeros_like(grads["b_h"]))
        total += grads["b_h"]
        return dx, {**grads, "b_h": total}

    def forward(self, x, ctx=INFERENCE):
        y, cache = super().forward(x, ctx)
        return y, (*cache, ctx.workspace or Workspace())

    def final_state(self, cache):
        return super().final_state(cache[:2])


class PlansForTheFirstBatchOnly(Elman):
    def forward(self, x, ctx=INFERENCE):
        y, cache = super().forward(x, ctx)
        out = (ctx.workspace or Workspace()).plan("y", "any size", lambda: np.empty_like(y))
        out[: len(y)] = y
        return read_only(out), cache


# --- wrong ideas of a batch, of time and of memory ---


class MixesTheBatch(Elman):
    """Subtracts the batch mean, with the right gradient for it."""

    def forward(self, x, ctx=INFERENCE):
        return super().forward(x - x.mean(0), ctx)

    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx - dx.mean(0), grads


class DividesByTimeLessOne(Elman):
    def forward(self, x, ctx=INFERENCE):
        scale = x.dtype.type(1 / (x.shape[1] - 1))
        y, cache = super().forward(x * scale, ctx)
        return y, (*cache, scale)

    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache[:2])
        return dx * cache[2], grads

    def final_state(self, cache):
        return super().final_state(cache[:2])


class SqueezesABatchOfOne(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx.squeeze(0) if len(dx) == 1 else dx, grads


class TakesMemoryForTheArray(Elman):
    def forward(self, x, ctx=INFERENCE):
        return super().forward(x.ravel(order="K").reshape(x.shape), ctx)


class IgnoresTheStartState(Elman):
    def forward(self, x, ctx=INFERENCE):
        return super().forward(x, Context(workspace=ctx.workspace))


class FinalStateOfTheFirstStep(Elman):
    def final_state(self, cache):
        return cache[1][:, 1].copy()


class DrawsNoise(Elman):
    noise = np.random.default_rng(0)

    def forward(self, x, ctx=INFERENCE):
        y, cache = super().forward(x, ctx)
        return read_only(y + y.dtype.type(self.noise.normal())), cache


class ForgetsTheNoiseInBackward(Elman):
    """Right in inference; in training its backward leaves out the factor that forward drew."""

    def forward(self, x, ctx=INFERENCE):
        if ctx.training:
            x = x * (1 + ctx.rng.normal(size=x.shape))
        return super().forward(x, ctx)


# --- config ---


class LosesAnArgument(Elman):
    def to_config(self):
        return {}


class InventsAnArgument(Elman):
    def to_config(self):
        return {**super().to_config(), "size": 3}


class CountsCallsInside(Elman):
    """A stack-like layer: what its child keeps is seen too."""

    def build(self, input_shape, rng, dtype):
        self.inner = CountsItsCalls()
        return super().build(input_shape, rng, dtype)

    def children(self):
        return {"inner": self.inner} if "inner" in vars(self) else {}

    def forward(self, x, ctx=INFERENCE):
        self.inner.calls = vars(self.inner).get("calls", 0) + 1
        return super().forward(x, ctx)


class GrowsAList(Elman):
    def build(self, input_shape, rng, dtype):
        self.seen = []
        return super().build(input_shape, rng, dtype)

    def forward(self, x, ctx=INFERENCE):
        self.seen.append(x)
        return super().forward(x, ctx)


class WritesTheSecondGradientIntoTheFirst(Elman):
    def forward(self, x, ctx=INFERENCE):
        y, cache = super().forward(x, ctx)
        return y, (*cache, np.empty_like(x))

    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache[:2])
        cache[2][...] = dx
        return cache[2], grads

    def final_state(self, cache):
        return super().final_state(cache[:2])


class WritesTheDefault(Elman):
    def to_config(self):
        return {"hidden_size": 3}


class AddsOneAtEveryConstruction(Elman):
    def __post_init__(self):
        super().__post_init__()
        self.hidden_size += 1


class DrawsSomethingItDoesNotSave(Elman):
    def build(self, input_shape, rng, dtype):
        shape = super().build(input_shape, rng, dtype)
        self.signs = rng.choice([-1.0, 1.0], size=self.hidden_size).astype(dtype)
        return shape

    def forward(self, x, ctx=INFERENCE):
        y, (x, h) = super().forward(x, ctx)
        return read_only(y * self.signs), (x, h)

    def backward(self, dy, cache):
        return super().backward(dy * self.signs, cache)


SHAPES = "gradients have the parameters' names, shapes and dtypes"
DIFFERENCES = "gradients equal central differences"
TRAINING = "gradients equal central differences while training, for the same random draws"
READ_ONLY = "read-only inputs are accepted"
UNCHANGED = "parameters and attributes stay as they are"
OUTPUT = "writing to the output cannot spoil the gradient"
REPEATED = "repeated and interleaved calls give the same bits"
SECOND = "a second backward leaves the arrays of the first as they are"
THREADS = "threads that share the layer give the same bits"
WORKSPACE = "a lent workspace changes nothing, with two batch sizes in a row"
ROWS = "a batch equals its rows one by one"
SINGLE = "one time step and one row are enough"
MEMORY = "non-contiguous input gives the same values"
STATE = "two half windows with the state handed over equal the whole"
CONFIG = "the layer is rebuilt from its config"
FRESH = "saved, it loads in a fresh process and gives the same output"

# (layer, the check that must find it, what the check must say)
FAULTS = [
    (SignOfWhhFlipped(), DIFFERENCES, r"^wrong gradient: dW_hh \(relative error 2\.0e\+00\)$"),
    (WhhShiftedByOneStep(), DIFFERENCES, r"^wrong gradient: dW_hh \(relative error .*\)$"),
    (SumOverTimeForgotten(), DIFFERENCES, r"^wrong gradient: dW_xh \(relative error .*\)$"),
    (MeanOverBatchInsteadOfSum(), DIFFERENCES, r"^wrong gradient: db_h \(relative error 6\.7e-01\)$"),
    (InnerOutputGradientsDropped(), DIFFERENCES, r"^wrong gradient: dx .*, dW_xh .*, dW_hh .*, db_h .*$"),
    (RecurrentPathDropped(), DIFFERENCES, r"^wrong gradient: dx .*, dW_xh .*, dW_hh .*, db_h .*$"),
    (WhhNotTransposed(), DIFFERENCES, r"^wrong gradient: dx .*, dW_xh .*, dW_hh .*, db_h .*$"),
    (SlopeOfTheStepBefore(), DIFFERENCES, r"^wrong gradient: dx "),
    (InputGradientNotTransposed(), DIFFERENCES, r"^wrong gradient: dx \(relative error [^,]*\)$"),
    (BiasGradientIsZero(), DIFFERENCES, r"^wrong gradient: db_h \(relative error 1\.0e\+00\)$"),
    (OnePercentOff(), DIFFERENCES, r"^wrong gradient: dW_xh \(relative error .*e-03\)$"),
    (OnlyRightForOnes(), DIFFERENCES, r"^wrong gradient: dx .*, dW_xh .*, dW_hh .*, db_h .*$"),
    (ForgetsTheNoiseInBackward(), TRAINING, r"^wrong gradient: dx \(relative error [^,]*\)$"),
    (BiasGradientMissing(), SHAPES, r"^gradients \['W_hh', 'W_xh'\], parameters \['W_hh', 'W_xh', 'b_h'\]"),
    (WrongKey(), SHAPES, r"^gradients \['W', 'W_xh', 'b_h'\], parameters \['W_hh', 'W_xh', 'b_h'\]"),
    (GradientOfWrongShape(), SHAPES, r"^db_h is \(1, 3\) float32"),
    (GradientInFloat64(), SHAPES, r"^db_h is \(3,\) float64"),
    (OutputInFloat64(), SHAPES, r"^y is float64 for float32 input"),
    (InputGradientInFloat64(), SHAPES, r"^dx is \(3, 5, 3\) float64, x \(3, 5, 3\) float32"),
    (ParametersInFloat64(), SHAPES, r"float64"),
    (NoInputGradient(), SHAPES, r"^backward returned None for dx"),
    (BuildPromisesAnotherShape(), SHAPES, r"^build promised \(5, 4\), y\.shape is \(3, 5, 3\)"),
    (CacheOnSelf(), UNCHANGED, r"^new attributes: \['_cache'\]"),
    (CacheOnSelf(), REPEATED, r"^another forward in between changed \['dx', 'dW_xh', 'dW_hh', 'db_h'\]"),
    (CountsItsCalls(), UNCHANGED, r"^self\.calls was replaced"),
    (CountsCallsInside(), UNCHANGED, r"^(new attributes: \['calls'\]|self\.calls was replaced)"),
    (GrowsAList(), UNCHANGED, r"^a list, dict or set on self was changed"),
    (WritesTheSecondGradientIntoTheFirst(), SECOND, r"^the second backward wrote to \['dx'\] of the first"),
    (WritesTheDefault(4), CONFIG, r"^to_config is \{'hidden_size': 3\}, not the arguments"),
    (WritesParameters(), UNCHANGED, r"^params\['W_hh'\] was written to"),
    (ReplacesParameters(), UNCHANGED, r"^self\.params was replaced"),
    (WritesItsInput(), READ_ONLY, r"read-only"),
    (WritesTheOutputGradient(), READ_ONLY, r"read-only"),
    (ReturnsAWriteableViewOfItsCache(), OUTPUT, r"^y shares memory with the cache: y \*= 0 changed .*read_only\(y\)"),
    (KeepsOneBufferForAllCalls(), REPEATED, r"^another forward in between changed \['y'"),
    (CacheServesOnce(), REPEATED, r"changed \['dx'"),
    (KnowsOneThreadOnly(), THREADS, r"^AttributeError: .*value"),
    (AddsUpInTheWorkspace(), WORKSPACE, r"^batch [23]: \['db_h'\] differ with a workspace"),
    (PlansForTheFirstBatchOnly(), WORKSPACE, r"."),
    (MixesTheBatch(), ROWS, r"Not equal to tolerance"),
    (DividesByTimeLessOne(), SINGLE, r"^ZeroDivisionError: "),
    (SqueezesABatchOfOne(), SINGLE, r"^dx has shape \(5, 3\) for x \(1, 5, 3\)"),
    (TakesMemoryForTheArray(), MEMORY, r"Not equal to tolerance"),
    (IgnoresTheStartState(), STATE, r"Not equal to tolerance"),
    (FinalStateOfTheFirstStep(), STATE, r"Not equal to tolerance"),
    (DrawsNoise(), REPEATED, r"changed \['y'\]"),
    (LosesAnArgument(), CONFIG, r"^to_config has \[\]"),
    (InventsAnArgument(), CONFIG, r"^to_config has \['hidden_size', 'size'\]"),
    (AddsOneAtEveryConstruction(), CONFIG, r"'hidden_size': 5\} is not .*'hidden_size': 4\}$"),
]


@pytest.fixture
def no_new_process(monkeypatch):
    """Leave out the one check that starts a process, a third of a second each."""
    monkeypatch.setenv(CHILD, "")


def outcomes(layer):
    return {result.name: result for result in run_checks(layer, (5, 3))}


def test_a_correct_layer_passes_every_check():
    results = run_checks(Elman(), (5, 3))
    assert [result.error for result in results] == [None] * len(results)
    assert [result.skipped for result in results] == [None] * len(results)
    check_layer(Elman(2), (None, 4))


@pytest.mark.usefixtures("no_new_process")
@pytest.mark.parametrize(("layer", "check", "message"), FAULTS, ids=lambda part: type(part).__name__)
def test_the_right_check_reports_the_fault(layer, check, message):
    error = outcomes(layer)[check].error
    assert error is not None, f"{check}: found nothing"
    assert re.search(message, error), error


def test_what_is_drawn_but_not_saved_is_found_in_a_fresh_process():
    error = outcomes(DrawsSomethingItDoesNotSave())[FRESH].error
    assert error is not None
    assert error.startswith("another output in a fresh process")


def test_an_argument_that_is_always_written_as_its_default_is_found_in_a_fresh_process():
    error = outcomes(WritesTheDefault(4))[FRESH].error
    assert error is not None
    assert error.startswith(
        "the new process failed: minidl.core.errors.ShapeError: WritesTheDefault: expected W_xh of shape (3, 3)"
    )


def test_a_gradient_that_is_zero_by_nature_is_not_a_fault():
    class Centred(Layer):
        """y = x² + b - mean(x² + b): b cancels, and central differences leave rounding noise."""

        def build(self, input_shape, rng, dtype):
            self.params = {"b": np.ones(1, dtype)}
            return input_shape

        def forward(self, x, ctx=INFERENCE):
            z = x * x + self.params["b"]
            return z - z.mean(-1, keepdims=True), x

        def backward(self, dy, x):
            return (dy - dy.mean(-1, keepdims=True)) * 2 * x, {"b": np.zeros(1)}

    layer = Centred()
    layer.build((3,), np.random.default_rng(0), "float64")
    check_gradients(layer, np.random.default_rng(0).normal(size=(4, 3)))


def test_every_check_has_a_fault_that_it_finds():
    # Those of lengths and containers: test_container_faults.py.
    found = {check for _, check, _ in FAULTS} | {FRESH}
    assert found == {check.__doc__ for check in CHECKS if check.__module__ == "minidl.testing.layer_checks"}


def test_check_layer_raises_with_one_line_for_each_failed_check(monkeypatch):
    monkeypatch.setenv(CHILD, "")
    with pytest.raises(AssertionError) as err:
        check_layer(SignOfWhhFlipped(), (5, 3))
    assert str(err.value).splitlines() == [
        "SignOfWhhFlipped does not keep the layer protocol:",
        f"{DIFFERENCES}: FAILED: wrong gradient: dW_hh (relative error 2.0e+00)",
        f"{TRAINING}: FAILED: wrong gradient: dW_hh (relative error 2.0e+00)",
    ]


@pytest.mark.usefixtures("no_new_process")
@pytest.mark.parametrize(
    ("message", "shown"),
    [("", "AssertionError without a message"), ("a\n\n  b\n" + "c" * 999, "a; b; " + "c" * 191 + "...")],
)
def test_a_check_that_fails_fails_in_one_line_whatever_its_message(message, shown):
    class Asserting(Elman):
        def forward(self, x, ctx=INFERENCE):
            raise AssertionError(message)

    assert {result.error for result in run_checks(Asserting(), (5, 3))} >= {shown}
    with pytest.raises(AssertionError, match="does not keep the layer protocol"):
        check_layer(Asserting(), (5, 3))


def test_a_layer_that_no_other_process_can_find_is_reported_as_left_out():
    class Local(Elman):
        pass

    results = outcomes(Local())
    assert results[FRESH].skipped == "Local is not defined at the top of a file, so no new process can find it"
    assert results[FRESH].error is None
    check_layer(Local(), (5, 3))


def test_the_layer_under_test_is_left_alone():
    layer = Elman()
    layer.build((5, 3), np.random.default_rng(0), "float32")
    before = {name: value.copy() for name, value in layer.params.items()}
    run_checks(layer, (5, 3))
    assert layer.params.keys() == before.keys()
    for name, value in before.items():
        np.testing.assert_array_equal(layer.params[name], value)
        assert layer.params[name].dtype == "float32"


def built(layer, input_shape=(5, 3)):
    layer.build(input_shape, np.random.default_rng(0), "float64")
    return layer


class TestCheckGradients:
    x = np.random.default_rng(1).normal(size=(2, 5, 3))

    def test_returns_the_error_of_every_array(self):
        errors = check_gradients(built(Elman()), self.x)
        assert list(errors) == ["x", "W_xh", "W_hh", "b_h"]
        assert max(errors.values()) < 1e-8

    def test_names_the_wrong_array_only(self):
        with pytest.raises(AssertionError, match=r"^wrong gradient: dW_hh \(relative error 2\.0e\+00\)$"):
            check_gradients(built(SignOfWhhFlipped()), self.x)

    def test_large_arrays_are_checked_along_random_directions(self):
        # 120 entries of x, 40·40 of W_hh: one wrong entry among many still shows.
        layer = RecurrentLayer(40)
        check_gradients(built(layer), self.x, tolerance=1e-7)

        class OneEntryOff(RecurrentLayer):
            def backward(self, dy, cache):
                dx, grads = super().backward(dy, cache)
                grads["W_hh"][7, 11] += np.abs(grads["W_hh"]).max()
                return dx, grads

        with pytest.raises(AssertionError, match=r"^wrong gradient: dW_hh \(relative error [^,]*\)$"):
            check_gradients(built(OneEntryOff(40)), self.x)

    def test_large_arrays_cost_no_more_calls_than_small_ones(self):
        calls = []

        class Counting(RecurrentLayer):
            def forward(self, x, ctx=INFERENCE):
                calls.append(x.shape)
                return super().forward(x, ctx)

        check_gradients(built(Counting(40)), self.x)
        # Two calls for each of the 30 entries of x and 40 of b_h, and of the 16 directions of W_xh and W_hh.
        assert len(calls) == 1 + 2 * (30 + 40 + 16 + 16)

    def test_tolerance_is_what_the_caller_says(self):
        with pytest.raises(AssertionError, match="wrong gradient: dW_xh"):
            check_gradients(built(OnePercentOff()), self.x)
        assert 1e-3 < check_gradients(built(OnePercentOff()), self.x, tolerance=0.1)["W_xh"] < 1.01e-2

    def test_parameters_and_input_come_back_unchanged(self):
        layer = built(Elman())
        before = {name: value.copy() for name, value in layer.params.items()}
        x = self.x.copy()
        check_gradients(layer, x)
        np.testing.assert_array_equal(x, self.x)
        for name, value in before.items():
            np.testing.assert_array_equal(layer.params[name], value)

    def test_float32_is_refused(self):
        with pytest.raises(AssertionError, match=r"^check_gradients: x must be float64, is float32$"):
            check_gradients(built(Elman()), self.x.astype("float32"))
        layer = Elman()
        layer.build((5, 3), np.random.default_rng(0), "float32")
        with pytest.raises(AssertionError, match=r"^check_gradients: W_xh must be float64, is float32$"):
            check_gradients(layer, self.x)

    def test_nan_is_not_taken_for_agreement(self):
        class NotANumber(Elman):
            def backward(self, dy, cache):
                dx, grads = super().backward(dy, cache)
                return dx, {**grads, "b_h": np.full_like(grads["b_h"], np.nan)}

        with pytest.raises(AssertionError, match=r"^wrong gradient: db_h \(relative error nan\)$"):
            check_gradients(built(NotANumber()), self.x)

    def test_a_missing_input_gradient_is_named(self):
        with pytest.raises(AssertionError, match=r"^backward returned no gradient for x$"):
            check_gradients(built(NoInputGradient()), self.x)
