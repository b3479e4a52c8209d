"""One class for each competitor: the same model, trained and asked as its own documentation advises.

``train(n)`` takes n steps on the case's batch and waits for the result;
``parameters()`` gives all weights in the order of `Case.weights`, to be compared.
``one()`` and ``many()`` forecast one window and the windows of `Case.many`.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from benchmarks.cases import RATE, Case
from benchmarks.own import Minidl


class Torch:
    """PyTorch, eager: torch.nn.RNN and torch.optim.SGD; time first, its default and the faster layout."""

    def __init__(self, case: Case) -> None:
        import torch

        torch.set_num_threads(len(os.sched_getaffinity(0)))
        self.torch = torch
        kind = getattr(torch, case.dtype)
        *layers, last = case.weights()
        hidden = case.hidden[0]
        self.rnn = torch.nn.RNN(case.features, hidden, num_layers=len(layers), bias=case.bias, dtype=kind)
        self.out = torch.nn.Linear(hidden, 1, bias=case.bias, dtype=kind)
        with torch.no_grad():
            for i, (W_xh, W_hh, b) in enumerate(layers):
                getattr(self.rnn, f"weight_ih_l{i}").copy_(torch.from_numpy(W_xh.T.copy()))
                getattr(self.rnn, f"weight_hh_l{i}").copy_(torch.from_numpy(W_hh.T.copy()))
                if b is not None:
                    getattr(self.rnn, f"bias_ih_l{i}").copy_(torch.from_numpy(b))
                    # torch adds two biases; the second one stays zero and is not trained.
                    getattr(self.rnn, f"bias_hh_l{i}").zero_().requires_grad_(False)
            self.out.weight.copy_(torch.from_numpy(last[0].T.copy()))
            if last[2] is not None:
                self.out.bias.zero_()
        self.layers = len(layers)
        trained = [p for p in (*self.rnn.parameters(), *self.out.parameters()) if p.requires_grad]
        self.optimizer = torch.optim.SGD(trained, lr=RATE)
        x, y = case.data()
        self.x, self.y = torch.from_numpy(_time_first(x)), torch.from_numpy(y)
        self.case = case

    def forward(self, x: Any) -> Any:
        return self.out(self.rnn(x)[0][-1])

    def train(self, n: int) -> None:
        for _ in range(n):
            self.optimizer.zero_grad(set_to_none=True)
            loss = ((self.forward(self.x) - self.y) ** 2).mean() / 2
            loss.backward()
            self.optimizer.step()

    def parameters(self) -> Any:
        parts = []
        for i in range(self.layers):
            parts += [getattr(self.rnn, f"weight_{kind}_l{i}").detach().numpy().T for kind in ("ih", "hh")]
            if self.out.bias is not None:
                parts.append(getattr(self.rnn, f"bias_ih_l{i}").detach().numpy())
        parts.append(self.out.weight.detach().numpy().T)
        if self.out.bias is not None:
            parts.append(self.out.bias.detach().numpy())
        return np.concatenate([part.reshape(-1) for part in parts])

    def ask(self) -> None:
        self.window = self.x[:, :1].clone()
        self.windows = self.torch.from_numpy(_time_first(self.case.many()))

    def one(self) -> Any:
        with self.torch.inference_mode():
            return self.forward(self.window).numpy()

    def many(self) -> Any:
        with self.torch.inference_mode():
            return self.forward(self.windows).numpy()


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
        self.values = [tuple(None if part is None else jnp.asarray(part) for part in layer) for layer in case.weights()]
        x, y = case.data()
        self.x, self.y = jnp.asarray(_time_first(x)), jnp.asarray(y)

        def project(x: Any, W_xh: Any, b: Any) -> Any:
            # As a table: XLA's product of a three-dimensional array is slower.
            a = (x.reshape(-1, x.shape[-1]) @ W_xh).reshape(*x.shape[:-1], W_xh.shape[1])
            return a if b is None else a + b

        def forward(values: Any, x: Any) -> Any:
            h = x
            for W_xh, W_hh, b in values[:-1]:

                def cell(state: Any, part: Any, W_xh: Any = W_xh, W_hh: Any = W_hh, b: Any = b) -> Any:
                    state = jnp.tanh((project(part, W_xh, b) if inside else part) + state @ W_hh)
                    return state, state

                start = jnp.zeros((x.shape[1], W_hh.shape[0]), x.dtype)
                _, h = jax.lax.scan(cell, start, h if inside else project(h, W_xh, b))
            W, _, b = values[-1]
            return h[-1] @ W if b is None else h[-1] @ W + b

        def loss(values: Any, x: Any, y: Any) -> Any:
            return ((forward(values, x) - y) ** 2).mean() / 2

        def step(values: Any, x: Any, y: Any) -> Any:
            return jax.tree.map(lambda p, g: p - np.asarray(RATE, p.dtype) * g, values, jax.grad(loss)(values, x, y))

        self.step = jax.jit(step, donate_argnums=0)
        self.forward = jax.jit(forward)

    def train(self, n: int) -> None:
        for _ in range(n):
            self.values = self.step(self.values, self.x, self.y)
        self.jax.block_until_ready(self.values)

    def parameters(self) -> Any:
        return np.concatenate([np.asarray(p).reshape(-1) for layer in self.values for p in layer if p is not None])

    def ask(self) -> None:
        self.window = self.x[:, :1] + 0
        self.windows = self.jax.numpy.asarray(_time_first(self.case.many()))

    def one(self) -> Any:
        return np.asarray(self.forward(self.values, self.window))

    def many(self) -> Any:
        return np.asarray(self.forward(self.values, self.windows))


class Keras:
    """Keras with the jax backend: train_on_batch, which jits the step."""

    def __init__(self, case: Case) -> None:
        os.environ["KERAS_BACKEND"] = "jax"
        import jax
        import keras

        jax.config.update("jax_enable_x64", case.dtype == "float64")
        keras.config.set_floatx(case.dtype)
        self.case = case
        layers = [keras.layers.Input((case.time, case.features))]
        for i, h in enumerate(case.hidden):
            more = i + 1 < len(case.hidden)
            layers.append(keras.layers.SimpleRNN(h, use_bias=case.bias, return_sequences=more))
        layers.append(keras.layers.Dense(1, use_bias=case.bias))
        self.model = keras.Sequential(layers)
        self.model.set_weights([part for layer in case.weights() for part in layer if part is not None])
        half = keras.losses.MeanSquaredError()
        self.model.compile(optimizer=keras.optimizers.SGD(RATE), loss=lambda y, z: half(y, z) / 2, jit_compile=True)
        self.x, self.y = case.data()

    def train(self, n: int) -> None:
        for _ in range(n):
            self.model.train_on_batch(self.x, self.y)

    def parameters(self) -> Any:
        return np.concatenate([np.asarray(part).reshape(-1) for part in self.model.get_weights()])

    def ask(self) -> None:
        self.window, self.windows = self.x[:1].copy(), self.case.many()

    def one(self) -> Any:
        return self.model.predict_on_batch(self.window)

    def many(self) -> Any:
        return self.model.predict_on_batch(self.windows)


class Onnxruntime:
    """onnxruntime, inference only: one RNN node and a Gemm node, one thread."""

    def __init__(self, case: Case) -> None:
        import onnx
        import onnxruntime
        from onnx import TensorProto, helper, numpy_helper

        (W_xh, W_hh, b), (W, _, c) = case.weights()
        H = case.hidden[0]
        tensors = {
            "W": W_xh.T[None], "R": W_hh.T[None], "B": np.concatenate([b, 0 * b])[None], "V": W, "c": c,
            "shape": np.array([-1, H], np.int64),
        }  # fmt: skip
        nodes = [
            helper.make_node("RNN", ["x", "W", "R", "B"], ["", "h"], hidden_size=H),
            helper.make_node("Reshape", ["h", "shape"], ["last"]),
            helper.make_node("Gemm", ["last", "V", "c"], ["y"]),
        ]
        graph = helper.make_graph(
            nodes, "rnn",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [case.time, None, case.features])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
            [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in tensors.items()],
        )  # fmt: skip
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self.windows = _time_first(case.many())

    def ask(self) -> None:
        self.window = np.ascontiguousarray(self.windows[:, :1])

    def one(self) -> Any:
        return self.session.run(None, {"x": self.window})[0]

    def many(self) -> Any:
        return self.session.run(None, {"x": self.windows})[0]


def make(name: str, case: Case) -> Any:
    """A competitor by its name."""
    if name.startswith("minidl "):
        return Minidl(case, name.removeprefix("minidl "))
    if name == JAX_INSIDE:
        return Jax(case, inside=True)
    return {"torch": Torch, "jax": Jax, "keras": Keras, "onnxruntime": Onnxruntime}[name](case)


def _time_first(x: Any) -> Any:
    return np.ascontiguousarray(x.transpose(1, 0, 2))


JAX_INSIDE = "jax, inside"
TRAINING = ["minidl numpy", "minidl compiled", "torch", "jax", JAX_INSIDE, "keras"]
INFERENCE = [*TRAINING, "onnxruntime"]
