"""onnxruntime as a competitor."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases import Case, time_first


class Onnxruntime:
    """onnxruntime, inference only: one RNN, LSTM or GRU node and a Gemm node, one thread."""

    def __init__(self, case: Case) -> None:
        import onnx
        import onnxruntime
        from onnx import TensorProto, helper, numpy_helper

        part, last = case.weights()
        H = case.hidden[0]
        second = 0 * part.b
        if part.b_h is not None:
            second[-H:] = part.b_h
        tensors = {
            "W": part.W_x.T[None], "R": part.W_h.T[None], "B": np.concatenate([part.b, second])[None],
            "V": last.W_x, "c": last.b, "shape": np.array([-1, H], np.int64),
        }  # fmt: skip
        kind = {"Elman": "RNN"}.get(case.kind, case.kind)
        options = {"linear_before_reset": 1} if kind == "GRU" else {}
        nodes = [
            helper.make_node(kind, ["x", "W", "R", "B"], ["", "h"], hidden_size=H, **options),
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
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), settings, providers=["CPUExecutionProvider"]
        )
        self.case = case

    def ask(self) -> None:
        self.windows = time_first(self.case.many())
        self.window = np.ascontiguousarray(self.windows[:, :1])

    def one(self) -> Any:
        return self.session.run(["y"], {"x": self.window})[0]

    def many(self) -> Any:
        return self.session.run(["y"], {"x": self.windows})[0]
