"""JAX as a competitor."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases import RATE, Case, Part, time_first


def _elman(state: Any, a: Any, weights: Any) -> Any:
    import jax.numpy as jnp

    (h,), (_, W_h, *_) = state, weights
    return (jnp.tanh(a + h @ W_h),)


def _lstm(state: Any, a: Any, weights: Any) -> Any:
    import jax

    (h, c), (_, W_h, *_) = state, weights
    i, o, f, g = jax.numpy.split(a + h @ W_h, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jax.numpy.tanh(g)
    return jax.nn.sigmoid(o) * jax.numpy.tanh(c), c


def _gru(state: Any, a: Any, weights: Any) -> Any:
    import jax

    (h,), (_, W_h, _, b_h) = state, weights
    H = h.shape[-1]
    product = h @ W_h
    z, r = jax.numpy.split(jax.nn.sigmoid(a[..., : 2 * H] + product[..., : 2 * H]), 2, axis=-1)
    n_h = product[..., 2 * H :] if b_h is None else product[..., 2 * H :] + b_h
    n = jax.numpy.tanh(a[..., 2 * H :] + r * n_h)
    return ((1 - z) * n + z * h,)


# By kind: one step, and how many arrays its state has. a = x W_x + b; weights as in `Part`.
CELLS = {"Elman": (_elman, 1), "LSTM": (_lstm, 2), "GRU": (_gru, 1)}


class Jax:
    """JAX: lax.scan over time, the whole step jitted, parameters donated.

    Two forms, for neither is the faster one at all sizes: the inputs' product for
    all time steps at once, or inside the loop, as a cell of a neural network library has it.
    """

    def __init__(self, case: Case, inside: bool = False) -> None:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", case.dtype == "float64")
        self.jax, self.case = jax, case
        self.values = [self._arrays(part) for part in case.weights()]
        x, y = case.data()
        self.x, self.y = jnp.asarray(time_first(x)), jnp.asarray(y)
        cell, n_states = CELLS[case.kind]

        def project(x: Any, W_x: Any, b: Any) -> Any:
            # As a table: XLA's product of a three-dimensional array is slower.
            a = (x.reshape(-1, x.shape[-1]) @ W_x).reshape(*x.shape[:-1], W_x.shape[1])
            return a if b is None else a + b

        def forward(values: Any, x: Any) -> Any:
            h = x
            for weights in values[:-1]:
                W_x, W_h, b, _ = weights

                def step(state: Any, part: Any, weights: Any = weights, W_x: Any = W_x, b: Any = b) -> Any:
                    state = cell(state, project(part, W_x, b) if inside else part, weights)
                    return state, state[0]

                start = (jnp.zeros((x.shape[1], W_h.shape[0]), x.dtype),) * n_states
                _, h = jax.lax.scan(step, start, h if inside else project(h, W_x, b))
            W, _, b, _ = values[-1]
            return project(h[-1], W, b)

        def loss(values: Any, x: Any, y: Any) -> Any:
            return ((forward(values, x) - y) ** 2).mean() / 2

        def step(values: Any, x: Any, y: Any) -> Any:
            return jax.tree.map(lambda p, g: p - np.asarray(RATE, p.dtype) * g, values, jax.grad(loss)(values, x, y))

        self.step = jax.jit(step, donate_argnums=0)
        self.forward = jax.jit(forward)

    def _arrays(self, part: Part) -> tuple[Any, ...]:
        return tuple(None if value is None else self.jax.numpy.asarray(value) for value in vars(part).values())

    def train(self, n: int) -> None:
        for _ in range(n):
            self.values = self.step(self.values, self.x, self.y)
        self.jax.block_until_ready(self.values)

    def parameters(self) -> Any:
        return np.concatenate([np.asarray(value).reshape(-1) for value in self.jax.tree.leaves(self.values)])

    def ask(self) -> None:
        self.window = self.x[:, :1] + 0
        self.windows = self.jax.numpy.asarray(time_first(self.case.many()))

    def one(self) -> Any:
        return np.asarray(self.forward(self.values, self.window))

    def many(self) -> Any:
        return np.asarray(self.forward(self.values, self.windows))
