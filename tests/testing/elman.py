"""A recurrent layer that is right: each faulty layer changes one thing in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minidl import INFERENCE, Layer, read_only


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
