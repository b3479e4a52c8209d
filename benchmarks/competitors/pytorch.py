"""PyTorch as a competitor."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from benchmarks.cases import RATE, Case, arranged, time_first

# By kind: the module of torch.nn, and its gates in its order.
KINDS = {"Elman": ("RNN", "a"), "LSTM": ("LSTM", "ifgo"), "GRU": ("GRU", "rzn")}


class Torch:
    """PyTorch, eager: torch.nn's fused layers and torch.optim.SGD; time first, their default and the faster layout."""

    def __init__(self, case: Case) -> None:
        import torch

        torch.set_num_threads(len(os.sched_getaffinity(0)))
        self.torch, self.case = torch, case
        dtype = getattr(torch, case.dtype)
        name, self.order = KINDS[case.kind]
        hidden, n = case.hidden[0], len(case.hidden)
        self.rnn = getattr(torch.nn, name)(case.features, hidden, num_layers=n, bias=case.bias, dtype=dtype)
        self.out = torch.nn.Linear(hidden, 1, bias=case.bias, dtype=dtype)
        self.superfluous: list[Any] = []
        with torch.no_grad():
            self._start()
        trained = [p for p in (*self.rnn.parameters(), *self.out.parameters()) if p.requires_grad]
        self.optimizer = torch.optim.SGD(trained, lr=RATE)
        x, y = case.data()
        self.x, self.y = torch.from_numpy(time_first(x)), torch.from_numpy(y)

    def _start(self) -> None:
        *layers, last = self.case.weights()
        for i, part in enumerate(layers):
            for name, value in (("weight_ih", part.W_x), ("weight_hh", part.W_h), ("bias_ih", part.b)):
                if value is not None:
                    self._of(name, i).copy_(
                        self.torch.from_numpy(arranged(value, self.case.gates, self.order).T.copy())
                    )
            if part.b is not None:
                # torch adds two biases. Of the second one only a GRU's last third differs from the first: the rest
                # stays zero, which costs nothing where it is not trained at all.
                second = self._of("bias_hh", i).zero_()
                if part.b_h is None:
                    second.requires_grad_(False)
                else:
                    H = part.b_h.size
                    second[-H:] = self.torch.from_numpy(part.b_h)
                    self.superfluous.append(second.detach()[:-H])
        self.out.weight.copy_(self.torch.from_numpy(last.W_x.T.copy()))
        if last.b is not None:
            self.out.bias.copy_(self.torch.from_numpy(last.b))

    def _of(self, name: str, layer: int) -> Any:
        return getattr(self.rnn, f"{name}_l{layer}")

    def forward(self, x: Any) -> Any:
        return self.out(self.rnn(x)[0][-1])

    def train(self, n: int) -> None:
        for _ in range(n):
            self.optimizer.zero_grad(set_to_none=True)
            loss = ((self.forward(self.x) - self.y) ** 2).mean() / 2
            loss.backward()
            self.optimizer.step()
            for part in self.superfluous:
                part.zero_()

    def parameters(self) -> Any:
        parts = []
        names = ("weight_ih", "weight_hh", "bias_ih") if self.case.bias else ("weight_ih", "weight_hh")
        for i, hidden in enumerate(self.case.hidden):
            parts += [arranged(self._of(name, i).detach().numpy().T, self.order, self.case.gates) for name in names]
            if self.superfluous:
                parts.append(self._of("bias_hh", i).detach().numpy()[-hidden:])
        parts += [value.detach().numpy().T for value in self.out.parameters()]
        return np.concatenate([part.reshape(-1) for part in parts])

    def ask(self) -> None:
        self.window = self.x[:, :1].clone()
        self.windows = self.torch.from_numpy(time_first(self.case.many()))

    def one(self) -> Any:
        with self.torch.inference_mode():
            return self.forward(self.window).numpy()

    def many(self) -> Any:
        with self.torch.inference_mode():
            return self.forward(self.windows).numpy()
