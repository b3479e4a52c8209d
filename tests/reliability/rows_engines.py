"""Row 21: both engines against the equations in extended precision, on random stacks of all layers."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from typing import Any

import numpy as np

import minidl
from minidl import Context, Dense, Embedding, RecurrentLayer, Sequential
from minidl.compiled import predictor
from minidl.compiled.jit import numba_installed
from minidl.compiled.kernel import silent
from minidl.compiled.prediction import NumpyPredictor
from minidl.core.errors import MinidlError
from minidl.randomness import Streams
from minidl.training import Arrays, Callback, Trainer, Training
from minidl.training.outputs import prepared
from tests.reliability.drawn_stacks import SYMBOLS, chain, op_of, random_stack
from tests.reliability.harness import Outcome, row
from tests.reliability.plain_cells import CELLS
from tests.reliability.plain_numbers import Rounding
from tests.reliability.plain_stacks import Examples, Recipe, leaves, train

SEED = 0  # of the masks that are drawn while a stack trains
# Stacks of one kind (the same layers in the same order) differ in widths, lengths, weights, inputs and batch:
# the compiler, which is most of the time, runs once for a kind.
A_KIND = 50
NOISY = 4  # trainings with the errors of rounding, which show how far right programs may differ


@dataclass
class Case:
    """One stack with its weights, examples and training."""

    model: Sequential
    dtype: str
    examples: Examples
    recipe: Recipe
    start: dict[str, Any]

    def __str__(self) -> str:
        lengths = sorted(set(self.examples.lengths.tolist()))
        return f"{self.model} {self.dtype} x {self.examples.x.shape} lengths {lengths} {self.recipe}"


def draw(kind: random.Random, rng: random.Random, *, cells: float, shared: bool) -> Case:
    """A stack of a kind; `shared`: a layer may stand twice, which no compiled code has."""
    plans, dtype, ragged = random_stack(kind, cells), kind.choice(["float32", "float64"]), kind.random() < 0.4
    loss, optimizer = kind.choice(["HalfMSE", "MSE", "MAE"]), kind.choice(["SGD", "momentum", "Adam"])
    features, time, batch = rng.randint(1, 6), rng.randint(2, 8), rng.choice([1, 2, 3, 7, 8, 9, 16, 17, 33])
    layers = chain(plans, features, rng)
    if shared and isinstance(layers[0], RecurrentLayer):
        width = layers[0].hidden_size
        layers = [Dense(width), layers[0], layers[0], *layers[1:]]
    model = Sequential(layers)
    made = np.random.default_rng(rng.randrange(1 << 60))
    model.build((time, features), made, dtype)
    large, closed = rng.choice([(False, False), (True, False), (False, True)])
    for value in model.params.values():
        size = 10 ** rng.uniform(0, 1.7) if large and rng.random() < 0.5 else rng.uniform(0.2, 1.2)
        value *= size
        if value.ndim == 1:
            value[...] = size * made.normal(size=value.shape)
    if closed:
        close_units(model, rng)
    if isinstance(layers[0], Embedding):
        x = made.integers(SYMBOLS, size=(batch, time, features)).astype(dtype)
    else:
        x = (10 ** rng.uniform(-2, 2.5 if large else 0.5) * made.normal(size=(batch, time, features))).astype(dtype)
    y = model(x)
    target = (y + np.float32(max(1e-3, float(np.abs(y).max()))) * made.normal(size=y.shape)).astype(dtype)
    lengths = np.full(batch, time)
    if ragged:
        lengths = made.integers(1, time + 1, batch)
        lengths[0] = made.integers(1, time)  # at least one has padding
    recipe = Recipe(loss, optimizer, 10 ** rng.uniform(-3, -1), None, steps=3)
    start = {name: value.copy() for name, value in model.params.items()}
    return Case(model, dtype, Examples(x, target, lengths), recipe, start)


def close_units(model: Sequential, rng: random.Random) -> None:
    """Move the biases before tanh and sigmoid down: whole layers have the slope 0, or a tiny one that must be right."""
    ops = leaves(op_of(model))
    for op, after in zip(ops, [*ops[1:], ops[-1]], strict=True):
        if op.kind in CELLS or not {"Tanh", "Sigmoid"}.isdisjoint((op.given.get("activation"), after.kind)):
            for short in {"b", "b_h"} & op.names.keys():
                model.params[op.names[short]] -= 10 ** rng.uniform(0.7, 1.9)


class Keep(Callback):
    """The parameters after each step, and its loss."""

    def __init__(self, gradients: bool) -> None:
        self.found: dict[str, Any] = {}
        self.gradients = gradients  # whether they are still there when a step is done

    def on_epoch_end(self, trainer: Trainer, record: Any) -> None:
        self.found[f"loss {record.epoch}"] = record.train_loss
        if self.gradients and record.epoch == 1:
            self.found |= {f"gradient {n}": value.copy() for n, value in trainer.parameters.grad_views.items()}
        self.found |= {f"step {record.epoch} {n}": value.copy() for n, value in trainer.model.params.items()}


def trained(case: Case, engine: Any, *, forecast: bool) -> dict[str, Any]:
    """What an engine makes of a case, by the names that `plain_stacks.train` gives; `forecast`: its predictor too."""
    for name, value in case.model.params.items():
        value[...] = case.start[name]
    recipe, examples = case.recipe, case.examples
    source = Arrays(examples.x, examples.target, examples.lengths)
    predict = NumpyPredictor(case.model, "numpy") if engine is None else predictor(case.model) if forecast else None
    found = {} if predict is None else {"output": predict(examples.x, examples.lengths)}
    if engine is None:
        batch, _ = prepared(source.gather(slice(None)), case.model)
        ctx = Context(training=True, rng=Streams.from_seed(SEED).layers, lengths=batch.lengths)
        y, cache = case.model.forward(batch.x, ctx)
        dy = getattr(minidl, recipe.loss)()(y, batch.target, batch.weight)[1]
        found |= {f"gradient {name}": value.copy() for name, value in case.model.backward(dy, cache)[1].items()}
    optimizer = (
        minidl.Adam(recipe.learning_rate, beta1=recipe.beta1, beta2=recipe.beta2, epsilon=recipe.epsilon)
        if recipe.optimizer == "Adam"
        else minidl.SGD(recipe.learning_rate, momentum=recipe.momentum if recipe.optimizer == "momentum" else 0.0)
    )
    settings = Training(epochs=recipe.steps, batch_size=len(source), shuffle=False, clip_norm=recipe.clip)
    keep = Keep(gradients=engine is not None and recipe.clip is None)
    trainer = Trainer(
        case.model,
        loss=getattr(minidl, recipe.loss)(),
        optimizer=optimizer,
        settings=settings,
        streams=Streams.from_seed(SEED),
        engine=engine,
    )
    trainer.run(source, None, [keep])
    return found | keep.found


def compare(case: Case, engines: dict[str, Any], seed: int, *, forecast: bool) -> tuple[list[str], float] | None:
    """Where engines differ from the equations by more than rounding explains, and by how much it may at most.

    None: a number lies on a kink of ReLU or MAE, where rounding decides about the slope,
    or one is so large that its square would leave the dtype.
    """
    layers = np.random.SeedSequence(SEED).spawn(3)[2]  # of the generators that a seed gives, that of the layers
    plain = functools.partial(train, op_of(case.model), case.start, case.examples, case.recipe, seed=layers)
    exact = Rounding(case.dtype)
    expected = plain(r=exact)
    eps = float(exact.eps)
    if exact.nearest_kink < 1000 * eps or not exact.largest < 1e-3 * np.sqrt(float(np.finfo(case.dtype).max)):
        return None
    noisy = [plain(r=Rounding(case.dtype, np.random.default_rng([seed, i]))) for i in range(NOISY)]
    wrong, loosest = [], 0.0
    results = {}
    for name, engine in engines.items():
        try:
            results[name] = trained(case, engine, forecast=forecast)
        except MinidlError as err:
            wrong.append(f"{name}: {err} {case}")
    for what, value in expected.items():
        spread = max(float(np.abs(other[what] - value).max()) for other in noisy)
        scale = float(np.abs(value).max())
        allowed = 16 * spread + 8 * eps * scale + 1e-37
        loosest = max(loosest, allowed / max(scale, 1e-30))
        for name, result in results.items():
            if what in result:
                error = float(np.abs(result[what] - value).max())
                if not error <= allowed:
                    wrong.append(f"{name}: {what}: {error:.1e} of {scale:.1e}, rounding explains {allowed:.1e}: {case}")
    return wrong, loosest


def one_stack(number: int, seed: int, engines: dict[str, Any]) -> tuple[list[str], float]:
    """Draw until no number lies on a kink or is far too large, and compare."""
    alone = "compiled" not in engines
    of_kind = number if alone else number // A_KIND
    # Gated layers take the compiler longest: one kind of three may have some. A predictor is compiled for itself.
    cells = 0.8 if alone else 0.4 if of_kind % 3 == 1 else 0.0
    for attempt in range(100):
        kind, rng = random.Random(f"{seed} {of_kind}"), random.Random(f"{seed} {number} {attempt}")
        case = draw(kind, rng, cells=cells, shared=alone)
        if rng.random() < 0.3:
            case.recipe.clip = 10 ** rng.uniform(-2, 1)
        with np.errstate(all="ignore"):
            found = compare(case, engines, seed + number, forecast=of_kind % 4 == 0)
        if found is not None:
            return found
    return [f"stack {number}: no draw without a kink"], 0.0


@row(21, "engines that disagree, saturated units included", full=2_000, sample=1)
def engines_agree(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """Outputs, gradients, losses and three steps of every optimizer; every fifth stack more for NumPy alone."""
    seed = rng.randrange(10**9)
    engines: dict[str, Any] = {"numpy": None}
    if numba_installed():
        from minidl.compiled.engine import CompiledEngine

        engines["compiled"] = CompiledEngine(silent)
    tight = 0
    for number in range(trials):
        wrong, loosest = one_stack(number, seed, engines)
        tight += loosest < 0.01
        outcome.check(not wrong, "; ".join(wrong[:2]))
        if number % 5 == 0:
            wrong, loosest = one_stack(number, seed + 1, {"numpy": None})
            tight += loosest < 0.01
            outcome.check(not wrong, "; ".join(wrong[:2]))
    kinds = -(-trials // A_KIND)
    outcome.note = f"{', '.join(engines)}; {kinds} compiled kinds of stack; {tight} known to 1 % and better"
