"""RNN, GRU and LSTM as ONNX defines them: its own node cases, and onnxruntime on random weights.

The weights of the node cases are constants: they do not see gates that are swapped or a
matrix that is transposed. Those that are compared with onnxruntime do.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from onnx_nodes import INPUTS, compute

onnx: Any = pytest.importorskip("onnx", reason="onnx is not installed")

OPS = ("RNN", "GRU", "LSTM")
# Those that onnx 1.16 had; later ones are run as well.
AT_LEAST = {
    *("test_simple_rnn_defaults", "test_simple_rnn_with_initial_bias", "test_simple_rnn_batchwise"),
    *("test_rnn_seq_length", "test_gru_defaults", "test_gru_with_initial_bias", "test_gru_seq_length"),
    *("test_gru_batchwise", "test_lstm_defaults", "test_lstm_with_initial_bias", "test_lstm_with_peepholes"),
    "test_lstm_batchwise",
}


def node_cases() -> dict[str, Any]:
    """By name: the node, its tensors and what it shall give, of every case of one of the three."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case import node
        from onnx.backend.test.case.node import gru, lstm, rnn  # noqa: F401  (the import lists the cases)

    found = {}
    for case in node._NodeTestCases:
        (one, *more) = case.model.graph.node
        if one.op_type in OPS and not more:
            arrays = [[array_of(tensor) for tensor in tensors] for tensors in case.data_sets[0]]
            found[case.name] = (one, *arrays)
    return found


def array_of(tensor: Any) -> Any:
    return tensor if isinstance(tensor, np.ndarray) else onnx.numpy_helper.to_array(tensor)


CASES = node_cases()


def attributes_of(node: Any) -> dict[str, Any]:
    return {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}


@pytest.mark.parametrize("name", CASES)
def test_a_node_case_of_onnx_passes(name: str) -> None:
    node, inputs, outputs = CASES[name]
    given = dict(zip([place for place, key in zip(INPUTS, node.input, strict=False) if key], inputs, strict=True))
    got = compute(node.op_type, attributes_of(node), given)
    expected = zip(
        [place for place, key in zip(("Y", "Y_h", "Y_c"), node.output, strict=False) if key], outputs, strict=True
    )
    for output, value in expected:
        np.testing.assert_allclose(got[output], value, rtol=1e-5, atol=1e-6, err_msg=output)


def test_the_node_cases_are_there() -> None:
    assert set(CASES) >= AT_LEAST


def random_node(op: str, rng: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Attributes and tensors: sizes, directions, bias, lengths (the longest first), start states, peepholes."""
    T, N, F, H = rng.integers(1, 9), rng.integers(1, 6), rng.integers(1, 6), int(rng.choice([1, 3, 8, 33]))
    direction = rng.choice(["forward", "reverse", "bidirectional"])
    D, gates = 1 + (direction == "bidirectional"), {"RNN": 1, "GRU": 3, "LSTM": 4}[op]
    shapes = {"X": (T, N, F), "W": (D, gates * H, F), "R": (D, gates * H, H), "B": (D, 2 * gates * H)}
    shapes |= {"initial_h": (D, N, H), "initial_c": (D, N, H), "P": (D, 3 * H)}
    given: dict[str, Any] = {name: rng.normal(0, 0.6, shape).astype("float32") for name, shape in shapes.items()}
    given["R"] /= np.float32(H**0.5)  # else rounding errors grow from step to step
    given["sequence_lens"] = np.sort(rng.integers(1, T + 1, N))[::-1].astype(np.int32)
    left_out = {name for name in ("B", "initial_h", "initial_c", "P", "sequence_lens") if rng.random() < 0.4}
    left_out |= set() if op == "LSTM" else {"initial_c", "P"}
    left_out |= {"initial_c"} if "initial_h" in left_out else set()
    attributes: dict[str, Any] = {"hidden_size": H, "direction": direction.encode()}
    if op == "GRU":
        attributes["linear_before_reset"] = int(rng.integers(2))
    if op == "RNN":
        attributes["activations"] = [str(rng.choice(["Tanh", "Sigmoid", "Relu"])).encode() for _ in range(D)]
    return attributes, {name: given[name] for name in INPUTS if name not in left_out}


def by_runtime(op: str, attributes: dict[str, Any], given: dict[str, Any], outputs: list[str]) -> list[Any]:
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    helper, kinds = onnx.helper, {"f": onnx.TensorProto.FLOAT, "i": onnx.TensorProto.INT32}
    inputs = INPUTS if op == "LSTM" else INPUTS[:6]
    node = helper.make_node(op, [name if name in given else "" for name in inputs], outputs, **attributes)
    values = [helper.make_tensor_value_info(name, kinds[a.dtype.kind], a.shape) for name, a in given.items()]
    made = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs]
    model = helper.make_model(
        helper.make_graph([node], "g", values, made), opset_imports=[helper.make_opsetid("", 14)], ir_version=8
    )
    found: list[Any] = onnxruntime.InferenceSession(model.SerializeToString()).run(None, given)
    return found


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("op", OPS)
def test_random_nodes_equal_onnxruntime(op: str, seed: int) -> None:
    attributes, given = random_node(op, np.random.default_rng([seed, *op.encode()]))
    outputs = ["Y", "Y_h", "Y_c"][: 3 if op == "LSTM" else 2]
    expected = by_runtime(op, attributes, given, outputs)
    got = compute(op, attributes, given)
    for name, value in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(got[name], value, rtol=1e-5, atol=5e-6, err_msg=f"{name} of {attributes}")
