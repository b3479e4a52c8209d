"""check_gradients names the wrong arrays and no others, at any size."""

from __future__ import annotations

import numpy as np
import pytest
from elman import Elman
from wrong_gradients import NoInputGradient, OnePercentOff, SignOfWhhFlipped

from minidl import INFERENCE, Layer, RecurrentLayer
from minidl.testing.checks import check_gradients


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
