"""minidl as a competitor; see competitors.py."""

from __future__ import annotations

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
        from minidl.compiled.prediction import NumpyPredictor

        self.predict = predictor(self.model) if self.engine == "compiled" else NumpyPredictor(self.model, "numpy")
        self.window, self.windows = self.x[0].copy(), self.case.many()

    def one(self) -> Any:
        return self.predict(self.window)

    def many(self) -> Any:
        return self.predict(self.windows)
