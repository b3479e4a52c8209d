"""One class for each competitor: the same model, trained and asked as its own documentation advises.

``train(n)`` takes n steps on the case's batch and waits for the result;
``parameters()`` gives all weights in the order of `Case.weights`, to be compared.
``one()`` and ``many()`` forecast one window and the batch.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from benchmarks.cases import BATCH, RATE, Case


class Minidl:
    """minidl, one engine."""

    def __init__(self, case: Case, engine: str) -> None:
        from minidl import SGD, Dense, HalfMSE, LastStep, RecurrentLayer, Sequential
        from minidl.data import Windows
        from minidl.randomness import Streams
        from minidl.training import Trainer, Training

        layers = [RecurrentLayer(h, bias=case.bias) for h in case.hidden]
        model = Sequential([*layers, LastStep(), Dense(1, bias=case.bias)])
        model.build((case.time, case.features), 0, case.dtype)
        flat = [part for layer in case.weights() for part in layer if part is not None]
        for value, start in zip(model.params.values(), flat, strict=True):
            value[...] = start
        chosen = None
        if engine == "compiled":
            from minidl.compiled.engine import CompiledEngine

            chosen = CompiledEngine()
        self.trainer = Trainer(
            model, loss=HalfMSE(), optimizer=SGD(RATE), settings=Training(batch_size=BATCH),
            streams=Streams.from_seed(0), engine=chosen,
        )  # fmt: skip
        self.model, self.case = model, case
        self.source = Windows(case.rows(), np.arange(BATCH, dtype=np.int64) * case.time, case.time, 0)
        self.x, self.y = case.data()
        self.engine = engine

    def train(self, n: int) -> None:
        if self.engine == "numpy":
            for _ in range(n):
                self.trainer.train_step(self.x, self.y)
            return
        # The same batch n times: an epoch of n batches that all hold its windows. Gathering them
        # cannot be left out here; the others are spared it.
        order = np.tile(np.arange(BATCH), n)
        position, total = 0, 0.0
        while position < len(order):
            position, total = self.trainer.engine.advance(self.trainer, self.source, order, position, total)

    def parameters(self) -> Any:
        return self.trainer.parameters.values

    def ask(self) -> None:
        from minidl.compiled import predictor

        self.predict, self.window = predictor(self.model), self.x[0].copy()

    def one(self) -> Any:
        return self.predict(self.window)

    def many(self) -> Any:
        return self.predict(self.x)


class Torch:
    """PyTorch, eager: torch.nn.RNN and torch.optim.SGD."""

    def __init__(self, case: Case, threads: int = 1) -> None:
        import torch

        torch.set_num_threads(threads)
        self.torch = torch
        kind = getattr(torch, case.dtype)
        *layers, last = case.weights()
        hidden = case.hidden[0]
        self.rnn = torch.nn.RNN(
            case.features, hidden, num_layers=len(layers), batch_first=True, bias=case.bias, dtype=kind
        )
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
        self.x, self.y = (torch.from_numpy(part) for part in case.data())

    def forward(self, x: Any) -> Any:
        return self.out(self.rnn(x)[0][:, -1])

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
        self.window = self.x[:1].clone()

    def one(self) -> Any:
        with self.torch.inference_mode():
            return self.forward(self.window).numpy()

    def many(self) -> Any:
        with self.torch.inference_mode():
            return self.forward(self.x).numpy()


class Jax:
    """JAX: lax.scan over time, the whole step jitted, parameters donated."""

    def __init__(self, case: Case) -> None:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", case.dtype == "float64")
        self.jax = jax
        self.values = [tuple(None if part is None else jnp.asarray(part) for part in layer) for layer in case.weights()]
        self.x, self.y = (jnp.asarray(part) for part in case.data())

        def forward(values: Any, x: Any) -> Any:
            h = jnp.swapaxes(x, 0, 1)
            for W_xh, W_hh, b in values[:-1]:
                a = h @ W_xh if b is None else h @ W_xh + b

                def cell(state: Any, a_t: Any, W_hh: Any = W_hh) -> Any:
                    state = jnp.tanh(a_t + state @ W_hh)
                    return state, state

                _, h = jax.lax.scan(cell, jnp.zeros((x.shape[0], W_hh.shape[0]), x.dtype), a)
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
        self.window = self.x[:1] + 0

    def one(self) -> Any:
        return np.asarray(self.forward(self.values, self.window))

    def many(self) -> Any:
        return np.asarray(self.forward(self.values, self.x))


class Keras:
    """Keras with the jax backend: train_on_batch, which jits the step."""

    def __init__(self, case: Case) -> None:
        os.environ["KERAS_BACKEND"] = "jax"
        import jax
        import keras

        jax.config.update("jax_enable_x64", case.dtype == "float64")
        keras.config.set_floatx(case.dtype)
        self.keras = keras
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
        self.window = self.x[:1].copy()

    def one(self) -> Any:
        return self.model.predict_on_batch(self.window)

    def many(self) -> Any:
        return self.model.predict_on_batch(self.x)


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
        self.x = np.ascontiguousarray(case.data()[0].transpose(1, 0, 2))

    def ask(self) -> None:
        self.window = np.ascontiguousarray(self.x[:, :1])

    def one(self) -> Any:
        return self.session.run(None, {"x": self.window})[0]

    def many(self) -> Any:
        return self.session.run(None, {"x": self.x})[0]


def make(name: str, case: Case) -> Any:
    """A competitor by its name."""
    if name.startswith("minidl "):
        return Minidl(case, name.removeprefix("minidl "))
    return {"torch": Torch, "jax": Jax, "keras": Keras, "onnxruntime": Onnxruntime}[name](case)


TRAINING = ["minidl numpy", "minidl compiled", "torch", "jax", "keras"]
INFERENCE = ["minidl numpy", "minidl compiled", "torch", "jax", "keras", "onnxruntime"]
