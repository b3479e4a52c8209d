"""Stacks once more, from their equations, in extended precision: what both engines are compared with.

Sequences of different length are taken apart: those of one length go through the stack
together, without any padding. Nothing of minidl computes here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.reliability.plain_cells import CELLS, Gates
from tests.reliability.plain_numbers import (
    WIDE,
    Array,
    Rounding,
    Value,
    exp,
    joined,
    largest_step,
    relu,
    root,
    sigmoid,
    tanh,
)

FUNCTIONS: dict[str, Callable[[Value], Value]] = {
    "Tanh": tanh,
    "Sigmoid": sigmoid,
    "Relu": relu,
    "Identity": lambda a: a,
}


@dataclass
class Op:
    """One layer: its kind, its own parameters by their names in the whole, the layers in it, and other arguments."""

    kind: str
    names: dict[str, str] = field(default_factory=dict)
    parts: list[Op] = field(default_factory=list)
    given: dict[str, Any] = field(default_factory=dict)


def leaves(op: Op) -> list[Op]:
    """The layers that hold no others, in their order."""
    return [leaf for part in op.parts for leaf in leaves(part)] if op.parts else [op]


class Masks:
    """What dropout leaves of a batch, the longest sequence first, layer by layer from one generator."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def start(self, batch: int, longest: int) -> None:
        self.batch, self.longest = batch, longest
        self.found: list[Array] = []

    def take(self, rows: slice) -> None:
        """From now on, those of these rows, from the first layer on."""
        self.rows, self.next = rows, 0

    def __call__(self, rate: float, shape: tuple[int, ...]) -> Array:
        if self.next == len(self.found):
            kept = self.rng.random((self.batch, *shape), np.float32) >= rate
            self.found.append(kept / WIDE(1 - rate))
        self.next += 1
        return self.found[self.next - 1][self.rows]


@dataclass
class Way:
    """One way through a stack: its parameters, and the masks of dropout if it trains."""

    params: dict[str, Value]
    r: Rounding
    masks: Masks | None

    def through(self, op: Op, x: Value) -> Value:
        """The output of a layer."""
        own = {short: self.params[name] for short, name in op.names.items()}
        if op.parts:
            return self._container(op, x)
        if op.kind in FUNCTIONS:
            return FUNCTIONS[op.kind](x)
        if op.kind in CELLS or op.kind == "Recurrent":
            return self._recurrent(op, own, x)
        if op.kind == "Dense":
            y = x @ own["W"]
            return y + own["b"] if "b" in own else y
        if op.kind == "LayerNorm":
            n = x - x.mean(-1)
            return n / root((n * n).mean(-1) + op.given["epsilon"]) * own["g"] + own["b"]
        if op.kind == "Softmax":
            e = exp(x - x.v.max(-1, keepdims=True))
            return e / (e.mean(-1) * WIDE(x.v.shape[-1]))
        if op.kind == "Embedding":
            return joined([own["W"][x.v[..., k].astype(int)] for k in range(x.v.shape[-1])], -1)
        if op.kind == "SelectFeatures":
            return x[..., op.given["features"]]
        if op.kind == "Dropout":
            return self._dropout(op.given["drop_rate"], op.given["shared_over_time"], x)
        ends = {
            "LastStep": lambda: x[:, -1],
            "MeanOverTime": lambda: x.mean(1)[:, 0],
            "MaxOverTime": lambda: largest_step(x),
        }
        return ends[op.kind]()

    def _container(self, op: Op, x: Value) -> Value:
        if op.kind in ("Sequential", "Repeat"):
            for part in op.parts:
                x = self.through(part, x)
            return x
        if op.kind == "Residual":
            return x + self.through(op.parts[0], x)
        if op.kind == "Bidirectional":
            outputs = [self.through(op.parts[0], x), self.through(op.parts[1], x[:, ::-1])[:, ::-1]]
        else:
            outputs = [self.through(part, x) for part in op.parts]
        if op.given["merge"] == "concat":
            return joined(outputs, -1)
        total = outputs[0]
        for output in outputs[1:]:
            total = total + output
        return total

    def _dropout(self, rate: float, shared: bool, x: Value) -> Value:
        if self.masks is None:
            return x
        features, time = x.v.shape[-1], x.v.shape[1]
        if x.v.ndim == 2:
            return x * self.masks(rate, (features,))
        return x * self.masks(rate, (1 if shared else self.masks.longest, features))[:, :time]

    def _recurrent(self, op: Op, own: dict[str, Value], x: Value) -> Value:
        elman = op.kind == "Recurrent"
        W, b = ("W_xh", "b_h") if elman else ("W_x", "b")
        width = own["W_hh"].v.shape[0] if elman else own["W_x"].v.shape[1] // len(CELLS[op.kind][0])
        a = x @ own[W] + own[b] if b in own else x @ own[W]
        rate, mask = op.given.get("recurrent_dropout", 0.0), None
        if rate and self.masks is not None:
            mask = self.masks(rate, (width,))
        zeros = Value(np.zeros((len(x.v), width), WIDE), self.r)
        names = ("h",) if elman else ("h", "c", "n", "m")[: CELLS[op.kind][2]]
        states = tuple(own[f"{name}_0"] + zeros if f"{name}_0" in own else zeros for name in names)
        outputs = []
        for t in range(x.v.shape[1]):
            if elman:
                states = (FUNCTIONS[op.given["activation"]](a[:, t] + states[0] @ own["W_hh"]),)
            else:
                gates = Gates(op.kind, own, a[:, t], states[0], mask, op.given.get("beta", 0.0))
                states = CELLS[op.kind][3](gates, states, own)
            outputs.append(states[0][:, None])
        return joined(outputs, 1)


def forward(
    op: Op, params: dict[str, Array], x: Array, lengths: Array, r: Rounding, masks: Masks | None
) -> tuple[Array, list[tuple[Array, Value]], dict[str, Value]]:
    """The output with zeros in the padding, its parts by rows, and the parameters that gather gradients."""
    values = {name: Value(value, r) for name, value in params.items()}
    order = np.argsort(-lengths, kind="stable")
    if masks is not None:
        masks.start(len(x), int(lengths.max()))
    parts = []
    for n in sorted(set(lengths.tolist()), reverse=True):
        places = np.flatnonzero(lengths[order] == n)
        if masks is not None:
            masks.take(slice(places[0], places[-1] + 1))
        rows = order[places]
        parts.append((rows, Way(values, r, masks).through(op, Value(x[rows, :n], r))))
    first = parts[0][1].v
    output = np.zeros((len(x), *((x.shape[1], first.shape[2]) if first.ndim == 3 else first.shape[1:])), WIDE)
    for rows, part in parts:
        output[(rows, slice(part.v.shape[1])) if first.ndim == 3 else rows] = part.v
    return output, parts, values


def loss_of(name: str, parts: Sequence[tuple[Array, Value]], target: Array, r: Rounding) -> tuple[Array, list[Array]]:
    """Loss, a mean over all numbers, and slopes; a sum of n terms one after another errs by about √n / 6 units."""
    terms, slopes, size = WIDE(0), [], sum(part.v.size for _, part in parts)
    for rows, part in parts:
        y, wanted = part.v, target[rows, : part.v.shape[1]] if part.v.ndim == 3 else target[rows]
        e = r.add(y - wanted, np.abs(y) + np.abs(wanted), 0.5)
        if name == "MAE":
            r.kink(e)
            terms, dy = terms + np.abs(e).sum(), np.sign(e) / size
        else:
            factor = 2 if name == "MSE" else 1
            terms, dy = terms + factor * (e * e).sum() / 2, factor * e / size
        slopes.append(r.add(dy, np.abs(dy)))
    return r.add(terms / size, terms / size, np.sqrt(size) / 6), slopes


@dataclass
class Recipe:
    """How a stack is trained: names and numbers of loss, optimizer and clipping."""

    loss: str
    optimizer: str
    learning_rate: float
    clip: float | None
    steps: int
    momentum: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.99
    epsilon: float = 1e-3


@dataclass
class Examples:
    """Inputs and targets of one batch, and the time steps of each sequence."""

    x: Array
    target: Array
    lengths: Array


def train(
    op: Op, start: dict[str, Array], examples: Examples, recipe: Recipe, r: Rounding, seed: Any
) -> dict[str, Array]:
    """The output without dropout, the first gradient, and loss and parameters after each step, by name."""
    params = {name: value.astype(WIDE) for name, value in start.items()}
    memory = {name: [np.zeros_like(value), np.zeros_like(value)] for name, value in params.items()}
    x, target, lengths = examples.x.astype(WIDE), examples.target.astype(WIDE), examples.lengths
    found = {"output": forward(op, params, x, lengths, r, None)[0]}
    masks = Masks(np.random.default_rng(seed))
    for step in range(1, recipe.steps + 1):
        r.values = []
        _, parts, values = forward(op, params, x, lengths, r, masks)
        loss, slopes = loss_of(recipe.loss, parts, target, r)
        r.go_back([(part, dy) for (_, part), dy in zip(parts, slopes, strict=True)])
        grads = {name: np.zeros_like(value.v) if value.d is None else value.d for name, value in values.items()}
        if step == 1:
            found |= {f"gradient {name}": value for name, value in grads.items()}
        norm = np.sqrt(sum((value * value).sum() for value in grads.values()))
        if recipe.clip is not None and norm > recipe.clip:
            grads = {name: value * (recipe.clip / norm) for name, value in grads.items()}
        for name, g in grads.items():
            change = recipe.learning_rate * direction(recipe, g, memory[name], step)
            params[name] = r.add(params[name] - change, np.abs(params[name]) + np.abs(change))
            found[f"step {step} {name}"] = params[name]
        found[f"loss {step}"] = loss
    return found


def direction(recipe: Recipe, g: Array, memory: list[Array], step: int) -> Array:
    """Which way a parameter goes; `memory` is what the optimizer remembers of it."""
    if recipe.optimizer == "SGD":
        return g
    if recipe.optimizer == "momentum":
        memory[0] = recipe.momentum * memory[0] + g
        return memory[0]
    memory[0] = recipe.beta1 * memory[0] + (1 - recipe.beta1) * g
    memory[1] = recipe.beta2 * memory[1] + (1 - recipe.beta2) * g * g
    m, v = memory[0] / (1 - recipe.beta1**step), memory[1] / (1 - recipe.beta2**step)
    return m / (np.sqrt(v) + recipe.epsilon)
