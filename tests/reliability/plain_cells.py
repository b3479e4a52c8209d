"""One time step of each gated recurrent layer, from its paper; `plain_stacks` goes through time with them.

A step gets `gate`, the states before it and the layer's own vectors. ``gate(name)`` is
x_t W_x + h_{t-1} W_h + b of one gate; ``gate(name, of=v)`` has v in place of h_{t-1}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.reliability.plain_numbers import Array, Value, exp, joined, larger, relu, sigmoid, tanh

States = tuple[Value, ...]
Step = Callable[[Any, States, Mapping[str, Value]], States]


def lstm(gate: Any, states: States, p: Mapping[str, Value]) -> States:
    c = states[1]
    i, o, f, g = (gate(name) for name in "iofg")
    if "p_i" in p:
        i, f = i + p["p_i"] * c, f + p["p_f"] * c
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o + p["p_o"] * c if "p_o" in p else o) * tanh(c), c


def gru_after(gate: Any, states: States, p: Mapping[str, Value]) -> States:
    """The reset works on the product, which has a bias of its own."""
    z = sigmoid(gate("z"))
    n = tanh(gate.of_input("n") + sigmoid(gate("r")) * gate.of_state("n"))
    return ((1 - z) * n + z * states[0],)


def gru_before(gate: Any, states: States, p: Mapping[str, Value]) -> States:
    z, r = sigmoid(gate("z")), sigmoid(gate("r"))
    return ((1 - z) * tanh(gate("n", of=r * states[0])) + z * states[0],)


def mgu(gate: Any, states: States, p: Mapping[str, Value]) -> States:
    f = sigmoid(gate("f"))
    return ((1 - f) * states[0] + f * tanh(gate("n", of=f * states[0])),)


def min_gru(gate: Any, states: States, p: Mapping[str, Value]) -> States:
    z = sigmoid(gate.of_input("z"))
    return ((1 - z) * states[0] + z * gate.of_input("n"),)


def janet(gate: Any, states: States, p: Mapping[str, Value]) -> States:
    s = gate("s")
    return (sigmoid(s) * states[0] + (1 - sigmoid(s - gate.beta)) * tanh(gate("g")),)


def leaky(gate: Any, states: States, p: Mapping[str, Value]) -> States:
    share = sigmoid(p["k"])
    return ((1 - share) * states[0] + share * tanh(gate("a")),)


def fast_grnn(gate: Any, states: States, p: Mapping[str, Value]) -> States:
    a = gate("a")
    z = sigmoid(a + p["d"])
    return ((sigmoid(p["zeta"]) * (1 - z) + sigmoid(p["nu"])) * tanh(a) + z * states[0],)


def ind_rnn(gate: Any, states: States, p: Mapping[str, Value]) -> States:
    return (relu(gate("a")),)


def slstm(gate: Any, states: States, p: Mapping[str, Value]) -> States:
    _, c, n, m = states
    i, f, z, o = (gate(name) for name in "ifzo")
    before, m = f + m, larger(f + m, i)
    keep, take = exp(before - m), exp(i - m)
    c, n = keep * c + take * tanh(z), keep * n + take
    return sigmoid(o) * c / n, c, n, m


# Gates in the order of W_x, those with a W_h in its order, the number of states, the step.
CELLS: dict[str, tuple[str, str, int, Step]] = {
    "LSTM": ("iofg", "iofg", 2, lstm),
    "GRU after": ("zrn", "zrn", 1, gru_after),
    "GRU before": ("zrn", "zrn", 1, gru_before),
    "MGU": ("fn", "fn", 1, mgu),
    "MinGRU": ("zn", "", 1, min_gru),
    "JANET": ("sg", "sg", 1, janet),
    "Leaky": ("a", "a", 1, leaky),
    "FastGRNN": ("a", "a", 1, fast_grnn),
    "IndRNN": ("a", "a", 1, ind_rnn),
    "SLSTM": ("ifzo", "ifzo", 4, slstm),
}


@dataclass
class Gates:
    """The gates of one step; see the module.

    Parameters
    ----------
    x : x_t W_x + b of all gates.
    mask : what dropout leaves of all that W_h multiplies; None: everything.
    """

    kind: str
    p: Mapping[str, Value]
    x: Value
    h: Value
    mask: Array | None
    beta: float

    def __post_init__(self) -> None:
        self.columns, self.rows, _, _ = CELLS[self.kind]
        self.width = self.x.v.shape[1] // len(self.columns)

    def of_input(self, name: str) -> Value:
        return self.x[:, self._part(self.columns, name)]

    def of_state(self, name: str, of: Value | None = None) -> Value:
        h, W = self.h if of is None else of, self.p["W_h"]
        h = h if self.mask is None else h * self.mask
        if W.v.ndim == 1:
            return h * W[self._part(self.rows, name)]
        heads: Sequence[Value] = [W] if W.v.ndim == 2 else [W[k] for k in range(len(W.v))]
        D, k = self.width // len(heads), self.rows.index(name)
        blocks = [h[:, i * D : (i + 1) * D] @ head[:, k * D : (k + 1) * D] for i, head in enumerate(heads)]
        found = joined(blocks, 1)
        return found + self.p["b_h"] if name == "n" and "b_h" in self.p else found

    def __call__(self, name: str, of: Value | None = None) -> Value:
        return self.of_input(name) + self.of_state(name, of)

    def _part(self, names: str, name: str) -> slice:
        k = names.index(name)
        return slice(k * self.width, (k + 1) * self.width)
