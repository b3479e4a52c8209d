"""Row 14: wrong forward."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np

from minidl import RecurrentLayer
from minidl.layers import activations
from tests.reliability.harness import Outcome, row


@row(14, "wrong forward", full=300, sample=40)
def wrong_forward(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """ONNX's node cases, then its runtime on random weights, shapes, activations and start states."""
    try:
        node_cases(outcome)
        for _ in range(trials):
            outcome.check(*against_runtime(rng))
    except ImportError as err:
        outcome.note = f"left out: {err}"


def node_cases(outcome: Outcome) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx import numpy_helper
        from onnx.backend.test.case import node
        from onnx.backend.test.case.node import rnn as rnn  # its import lists the cases

        cases = [case for case in node._NodeTestCases if case.name in NODE_CASES]
    for case in cases:
        inputs, outputs = case.data_sets[0]
        arrays = [a if isinstance(a, np.ndarray) else numpy_helper.to_array(a) for a in (*inputs, *outputs)]
        got = elman(arrays[0], *arrays[1 : len(inputs)])
        outcome.check(np.allclose(got, arrays[-1][0], rtol=1e-5), f"{case.name}: {got} is not {arrays[-1]}")
    outcome.check(len(cases) == len(NODE_CASES), f"only {len(cases)} node cases")


NODE_CASES = ("test_simple_rnn_defaults", "test_simple_rnn_with_initial_bias")


def elman(x: Any, W: Any, R: Any, B: Any = None, *_: Any) -> Any:
    """h_T of RecurrentLayer for ONNX's (time, batch, features) input and weights."""
    layer = RecurrentLayer(R.shape[1], bias=B is not None)
    layer.build((None, x.shape[2]), np.random.default_rng(0), x.dtype)
    layer.params["W_xh"][...], layer.params["W_hh"][...] = W[0].T, R[0].T
    if B is not None:
        layer.params["b_h"][...] = B[0, : R.shape[1]] + B[0, R.shape[1] :]
    return layer(x.transpose(1, 0, 2))[:, -1]


def against_runtime(rng: random.Random) -> tuple[bool, str]:
    """One random RNN node, computed by onnxruntime and by RecurrentLayer."""
    import onnxruntime
    from onnx import TensorProto, helper

    activation = rng.choice(["Tanh", "Sigmoid", "Relu"])
    T, N, F, H = rng.randint(1, 12), rng.randint(1, 9), rng.randint(1, 7), rng.choice([1, 2, 5, 31, 32, 40])
    bias = rng.random() < 0.5
    made = np.random.default_rng(rng.randrange(10**6))
    shapes: dict[str, tuple[int, ...]] = {"X": (T, N, F), "W": (1, H, F), "R": (1, H, H)}
    shapes |= {"B": (1, 2 * H), "h": (1, N, H)}
    feed = {name: made.normal(0, 0.6, shape).astype("float32") for name, shape in shapes.items()}
    feed["R"] /= np.sqrt(np.float32(H))  # else rounding errors grow from step to step
    if not bias:
        del feed["B"]
    inputs = ["X", "W", "R", "B" if bias else "", "", "h"]
    node = helper.make_node("RNN", inputs, ["Y"], hidden_size=H, activations=[activation])
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, a.shape) for name, a in feed.items()]
    graph = helper.make_graph(
        [node], "g", values, [helper.make_tensor_value_info("Y", TensorProto.FLOAT, (T, 1, N, H))]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    expected = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feed)[0][:, 0]
    layer = RecurrentLayer(H, activation=getattr(activations, f"{activation}Activation")(), bias=bias)
    layer.build((None, F), made, "float32")
    layer.params["W_xh"][...], layer.params["W_hh"][...] = feed["W"][0].T, feed["R"][0].T
    if bias:
        layer.params["b_h"][...] = feed["B"][0, :H] + feed["B"][0, H:]
    from minidl import Context

    got = layer.forward(feed["X"].transpose(1, 0, 2), Context(state=feed["h"][0]))[0].transpose(1, 0, 2)
    error = float(np.abs(got - expected).max() / max(1.0, np.abs(expected).max()))
    return error < 1e-5, f"{activation} T={T} N={N} F={F} H={H} bias={bias}: {error:.1e}"
