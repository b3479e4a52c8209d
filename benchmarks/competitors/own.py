"""minidl as a competitor, with its own cells or with one that a user wrote."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from benchmarks.cases import BATCH, RATE, Case


def _layers(case: Case, own_cell: bool) -> list[Any]:
    """The recurrent ones."""
    from minidl import Cell, GRULayer, LSTMLayer, RecurrentLayer, sigmoid

    class OwnCell(Cell):
        """An LSTM as a user would write it."""

        gates = ("i", "o", "f", "g")
        states = ("h", "c")

        def equations(self, i: Any, o: Any, f: Any, g: Any, c: Any) -> Any:
            c_next = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            return sigmoid(o) * np.tanh(c_next), c_next

    kinds: dict[str, Any] = {"Elman": RecurrentLayer, "LSTM": LSTMLayer, "GRU": GRULayer}
    kind = OwnCell if own_cell else kinds[case.kind]
    return [kind(h, bias=case.bias) for h in case.hidden]


class Minidl:
    """minidl, one engine; `threads` are those of the compiled one, None: as many as there are cores for it."""

    def __init__(self, case: Case, engine: str, own_cell: bool = False, threads: int | None = None) -> None:
        from minidl import SGD, Dense, HalfMSE, LastStep, Sequential
        from minidl.data import Batch, Windows
        from minidl.randomness import Streams
        from minidl.training import Trainer, Training

        model = Sequential([*_layers(case, own_cell), LastStep(), Dense(1, bias=case.bias)])
        model.build((case.time, case.features), 0, case.dtype)
        flat = [value for part in case.weights() for value in part.present()]
        for value, start in zip(model.params.values(), flat, strict=True):
            value[...] = start
        chosen = None
        if engine == "compiled":
            from minidl.compiled.engine import CompiledEngine

            chosen = CompiledEngine()
        settings = Training(batch_size=BATCH, threads=threads or len(os.sched_getaffinity(0)))
        self.trainer = Trainer(
            model, loss=HalfMSE(), optimizer=SGD(RATE), settings=settings,
            streams=Streams.from_seed(0), engine=chosen,
        )  # fmt: skip
        self.model, self.case = model, case
        self.source = Windows(case.rows(), np.arange(BATCH, dtype=np.int64) * case.time, case.time, 0)
        self.batch = Batch(*case.data())
        self.engine = engine

    def train(self, n: int) -> None:
        if self.engine == "numpy":
            for _ in range(n):
                self.trainer.train_step(self.batch)
            return
        # The same batch n times: an epoch of n batches that all hold its windows. Gathering them
        # cannot be left out here; the others are spared it.
        order = np.tile(np.arange(BATCH), n)
        position, total = 0, 0.0
        while position < len(order):
            position, total = self.trainer.engine.advance(self.trainer, self.source, order, position, total)

    def parameters(self) -> Any:
        return self.trainer.parameters.values.copy()

    def ask(self) -> None:
        from minidl.compiled import predictor
        from minidl.compiled.prediction import NumpyPredictor

        self.predict = predictor(self.model) if self.engine == "compiled" else NumpyPredictor(self.model, "numpy")
        self.window, self.windows = self.batch.x[0].copy(), self.case.many()

    def one(self) -> Any:
        return self.predict(self.window)

    def many(self) -> Any:
        return self.predict(self.windows)
