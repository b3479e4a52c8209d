"""Keras as a competitor."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from benchmarks.cases import RATE, Case, Part, arranged

# By kind: the layer, and its gates in its order.
KINDS = {"Elman": ("SimpleRNN", "a"), "LSTM": ("LSTM", "ifgo"), "GRU": ("GRU", "zrn")}


class Keras:
    """Keras with the jax backend: train_on_batch, which jits the step."""

    def __init__(self, case: Case) -> None:
        os.environ["KERAS_BACKEND"] = "jax"
        import jax
        import keras

        jax.config.update("jax_enable_x64", case.dtype == "float64")
        keras.config.set_floatx(case.dtype)
        self.case = case
        name, self.order = KINDS[case.kind]
        layers = [keras.layers.Input((case.time, case.features))]
        for i, h in enumerate(case.hidden):
            more = i + 1 < len(case.hidden)
            options = {"bias_constraint": _one_bias(h, case.dtype)} if case.kind == "GRU" and case.bias else {}
            layers.append(getattr(keras.layers, name)(h, use_bias=case.bias, return_sequences=more, **options))
        layers.append(keras.layers.Dense(1, use_bias=case.bias))
        self.model = keras.Sequential(layers)
        *parts, last = case.weights()
        self.model.set_weights([value for part in parts for value in self._given(part)] + last.present())
        half = keras.losses.MeanSquaredError()
        self.model.compile(optimizer=keras.optimizers.SGD(RATE), loss=lambda y, z: half(y, z) / 2, jit_compile=True)
        self.x, self.y = case.data()

    def _given(self, part: Part) -> list[Any]:
        """Keras's arrays of a layer. A GRU has two rows of biases, the second one for h W_h."""
        own, gates = (part.W_x, part.W_h, part.b), self.case.gates
        found = [arranged(value, gates, self.order) for value in own if value is not None]
        if part.b_h is not None:
            found[-1] = np.stack([found[-1], np.concatenate([0 * part.b[: -part.b_h.size], part.b_h])])
        return found

    def train(self, n: int) -> None:
        for _ in range(n):
            self.model.train_on_batch(self.x, self.y)

    def parameters(self) -> Any:
        *parts, last = (layer.get_weights() for layer in self.model.layers)
        found = []
        for (W_x, W_h, *biases), hidden in zip(parts, self.case.hidden, strict=True):
            pair = [row for bias in biases for row in np.atleast_2d(bias)]
            found += [arranged(value, self.order, self.case.gates) for value in (W_x, W_h, *pair[:1])]
            found += [row[-hidden:] for row in pair[1:]]
        return np.concatenate([np.asarray(value).reshape(-1) for value in (*found, *last)])

    def ask(self) -> None:
        self.window, self.windows = self.x[:1].copy(), self.case.many()

    def one(self) -> Any:
        return self.model.predict_on_batch(self.window)

    def many(self) -> Any:
        return self.model.predict_on_batch(self.windows)


def _one_bias(hidden: int, dtype: str) -> Any:
    """A constraint: gates z and r have one bias, for that of h W_h stays zero."""
    mask = np.ones((2, 3 * hidden), dtype)
    mask[1, : 2 * hidden] = 0
    return lambda bias: bias * mask
