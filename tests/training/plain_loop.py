"""A training in plain loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from naive import dense_backward, dense_forward, elman_backward, elman_forward

from minidl import Sequential
from minidl.core.layer import Array


class Naive:
    """A recurrent layer, perhaps its last step, and a dense layer, trained in plain loops."""

    def __init__(self, model: Sequential, last_step: bool) -> None:
        self.last_step = last_step
        self.dense = "2" if last_step else "1"
        self.params = {name: value.copy() for name, value in model.params.items()}
        self.velocity = {name: np.zeros_like(value) for name, value in model.params.items()}

    def output(self, x: Array) -> tuple[Array, Array, Array]:
        self.rnn = {name: self.params[f"0.{name}"] for name in ("W_xh", "W_hh", "b_h")}
        h = elman_forward(x, self.rnn)
        seen = h[:, -1] if self.last_step else h
        return dense_forward(seen, self.params[f"{self.dense}.W"], self.params[f"{self.dense}.b"]), seen, h

    def loss(self, x: Array, target: Array) -> float:
        y = self.output(x)[0].reshape(-1).tolist()
        return sum((a - b) ** 2 for a, b in zip(y, target.reshape(-1).tolist(), strict=True)) / (2 * len(y))

    def gradients(self, x: Array, target: Array) -> dict[str, Array]:
        y, seen, h = self.output(x)
        dy = (y - target) / y.size
        dseen, dW, db = dense_backward(seen, dy, self.params[f"{self.dense}.W"])
        dh = np.zeros_like(h)
        if self.last_step:
            dh[:, -1] = dseen
        else:
            dh = dseen
        grads = elman_backward(x, h, dh, self.rnn)
        named = {f"0.{name}": grads[name] for name in self.rnn}
        return named | {f"{self.dense}.W": dW, f"{self.dense}.b": db}

    def train(
        self, x: Array, target: Array, *, seed: int, epochs: int, batch: int, rate: float, **more: Any
    ) -> list[float]:
        """The mean loss of each epoch over its examples, each before the step of its batch."""
        clip, momentum, shuffle = more.get("clip"), more.get("momentum", 0.0), more.get("shuffle", True)
        shuffling = np.random.default_rng(np.random.SeedSequence(seed).spawn(4)[1])
        losses = []
        for _ in range(epochs):
            order = shuffling.permutation(len(x)).tolist() if shuffle else list(range(len(x)))
            total = 0.0
            while order:
                rows, order = order[:batch], order[batch:]
                total += len(rows) * self.loss(x[rows], target[rows])
                grads = self.gradients(x[rows], target[rows])
                norm = math.sqrt(sum(float(g) ** 2 for grad in grads.values() for g in grad.reshape(-1)))
                factor = clip / norm if clip is not None and norm > clip else 1.0
                for name, grad in grads.items():
                    self.velocity[name] = momentum * self.velocity[name] + factor * grad
                    self.params[name] = self.params[name] - rate * self.velocity[name]
            losses.append(total / len(x))
        return losses
