"""Random stacks of all layers: first the kinds, then layers of any size; and what they compute, for `plain_stacks`.

Stacks of one kind differ in widths only: the compiler, which is most of the time, runs once for a kind.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import minidl
from minidl import Bidirectional, Dense, Parallel, Repeat, Residual, Sequential
from minidl.core.layer import Layer
from tests.reliability.plain_stacks import Op

Plan = tuple[Any, ...]
ACTIVATIONS = ("Tanh", "Sigmoid", "Relu", "Identity")
CELLS = ("LSTM", "GRU", "MGU", "MinGRU", "JANET", "Leaky", "FastGRNN", "IndRNN", "SLSTM")
ENDS = ("LastStep", "MeanOverTime", "MaxOverTime")
SYMBOLS = 5
WIDTHS = (1, 2, 3, 4, 5, 7, 8, 12, 33)
# Arguments that change what a layer computes, beside its parameters.
GIVEN = (
    "activation",
    "beta",
    "drop_rate",
    "epsilon",
    "features",
    "merge",
    "recurrent_dropout",
    "reset_after",
    "shared_over_time",
)


def random_plan(rng: random.Random, cells: float, depth: int = 0, *, keep: bool = False) -> Plan:
    """A layer's kind without its sizes; `cells`: the share of gated layers; `keep`: the width stays."""
    plain = ["dense", "dense", "activation", "activation", "LayerNorm", "Dropout", "Softmax", "SelectFeatures"]
    around = ["Sequential", "Repeat", "Residual", "Parallel", "Bidirectional"] if depth < 2 else []
    kind = rng.choice(["recurrent"] * 12 + plain + around)
    if kind == "recurrent" and rng.random() < cells:
        return cell_plan(rng, keep)
    if kind in ("recurrent", "dense"):
        return kind, keep, rng.choice(ACTIVATIONS), rng.random() < 0.6
    if kind == "activation":
        return kind, rng.choice(ACTIVATIONS)
    if kind == "Dropout":
        return kind, rng.random() < 0.4
    if kind == "SelectFeatures":
        return kind, keep
    if kind == "LayerNorm":
        return kind, 10 ** rng.uniform(-5, -1)  # a number in the compiled code
    if kind not in around:
        return (kind,)
    merge = "add" if keep else rng.choice(["add", "concat"])
    merged = kind in ("Parallel", "Bidirectional")
    inside = keep or kind in ("Residual", "Repeat") or (merged and merge == "add")
    n = 1 if kind in ("Repeat", "Bidirectional") else rng.randint(1, 2)
    inner = [random_plan(rng, cells, depth + 1, keep=inside) for _ in range(n)]
    return kind, merge if merged else rng.randint(1, 2), *inner


def cell_plan(rng: random.Random, keep: bool) -> Plan:
    """A gated layer, with or without what it may have besides."""
    name = rng.choice(CELLS)
    arguments: dict[str, Any] = {"bias": rng.random() < 0.8, "learnable_start": rng.random() < 0.3}
    if name != "MinGRU" and rng.random() < 0.3:
        arguments["recurrent_dropout"] = 0.25
    if name == "LSTM":
        arguments["peepholes"] = rng.random() < 0.4
    if name == "GRU":
        arguments["reset_after"] = rng.random() < 0.6
    if name == "SLSTM" and not keep:
        arguments["heads"] = rng.choice([1, 2])
    return "cell", keep, name, arguments


def random_stack(rng: random.Random, cells: float) -> tuple[Plan, ...]:
    """The kinds of all layers of a stack, the last one a Dense or a layer after it; some end before the last step."""
    body = [random_plan(rng, cells) for _ in range(rng.randint(1, 3))]
    if rng.random() < 0.15:
        body = [("Embedding",), *body]
    end: list[Plan] = [("dense", False, "", rng.random() < 0.6)]
    if rng.random() < 0.2:
        end.append(("activation", rng.choice(ACTIVATIONS)))
    last = rng.random()
    if last < 0.6:
        end = [(rng.choice(ENDS),), *end]
    elif last < 0.7:
        end = [("Parallel", "concat", *((name,) for name in rng.sample(ENDS, 2))), *end]
    return *body, *end


def made(plan: Plan, features: int, rng: random.Random) -> Layer:
    """A layer of this kind, of any size, for so many features."""
    kind, *rest = plan
    width = features if rest and rest[0] is True else rng.choice(WIDTHS)
    if kind == "recurrent":
        activation = getattr(minidl, f"{rest[1]}Activation")()
        return minidl.RecurrentLayer(width, activation=activation, bias=rest[2])
    if kind == "cell":
        width *= rest[2].get("heads", 1)
        return getattr(minidl, f"{rest[1]}Layer")(width, **rest[2])  # type: ignore[no-any-return]
    if kind == "dense":
        return Dense(width, bias=rest[2])
    if kind == "activation":
        return getattr(minidl, f"{rest[0]}Activation")()  # type: ignore[no-any-return]
    if kind == "Dropout":
        return minidl.Dropout(rng.choice([0.1, 0.5]), shared_over_time=rest[0])
    if kind == "LayerNorm":
        return minidl.LayerNorm(epsilon=rest[0])
    if kind == "SelectFeatures":
        return minidl.SelectFeatures(rng.sample(range(features), features if rest[0] else rng.randint(1, features)))
    if kind == "Embedding":
        return minidl.Embedding(SYMBOLS, output_size=rng.randint(1, 4))
    if kind in ("Softmax", *ENDS):
        return getattr(minidl, kind)()  # type: ignore[no-any-return]
    return made_container(kind, rest[0], rest[1:], features, rng)


def made_container(kind: str, how: Any, plans: Sequence[Plan], features: int, rng: random.Random) -> Layer:
    """Layers in a layer; `how`: merged, or how many times."""
    if kind in ("Sequential", "Residual"):
        row = Sequential(chain(plans, features, rng))
        return row if kind == "Sequential" else Residual(row)
    layers = [made(plan, features, rng) for plan in plans]
    if kind == "Parallel":
        return Parallel(layers, merge=how)
    return Repeat(layers[0], times=how) if kind == "Repeat" else Bidirectional(layers[0], merge=how)


def chain(plans: Sequence[Plan], features: int, rng: random.Random) -> list[Layer]:
    """Layers in a row, each for what the one before it makes."""
    layers: list[Layer] = []
    shape: tuple[int | None, ...] = (None, features)
    for plan in plans:
        layers.append(made(plan, int(shape[-1] or 0), rng))
        shape = layers[-1].output_shape(shape)
    return layers


def op_of(layer: Layer, prefix: str = "", seen: dict[int, str] | None = None) -> Op:
    """What a layer computes, with the names of its parameters in the whole; one that stands twice has one name."""
    seen = {} if seen is None else seen
    start = f"{prefix}." if prefix else ""
    parts = [op_of(child, start + name, seen) for name, child in layer.children().items()]
    kind = type(layer).__name__.removesuffix("Activation").removesuffix("Layer")
    given = {name: getattr(layer, name) for name in GIVEN if hasattr(layer, name)}
    if kind == "Recurrent":
        given["activation"] = type(given["activation"]).__name__.removesuffix("Activation")
    if kind == "GRU":
        kind = f"GRU {'after' if given['reset_after'] else 'before'}"
    name = seen.setdefault(id(layer), start)
    return Op(kind, {} if parts else {own: name + own for own in layer.params}, parts, given)
