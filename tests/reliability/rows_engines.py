"""Row 21: both engines against the equations in extended precision, on random stacks of all layers."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np

import minidl
from minidl import Dense, LastStep, RecurrentLayer, Repeat, Sequential
from minidl.compiled import predictor
from minidl.compiled.jit import numba_installed
from minidl.compiled.kernel import silent
from minidl.core.errors import MinidlError
from minidl.core.layer import Layer
from minidl.randomness import Streams
from minidl.training import Arrays, Callback, Trainer, Training
from tests.reliability.harness import Outcome, row
from tests.reliability.plain_stacks import Op, Recipe, Rounding, train

ACTIVATIONS = ("Tanh", "Sigmoid", "Relu", "Identity")
# Stacks of one kind (the same layers in the same order) differ in widths, lengths, weights, inputs and batch:
# the compiler, which is most of the time, runs once for a kind.
A_KIND = 20
NOISY = 4  # trainings with the errors of rounding, which show how far right programs may differ
Plan = tuple[Any, ...]


def random_plan(rng: random.Random, depth: int = 0) -> Plan:
    """A layer's kind without its sizes."""
    kind = rng.choice(["recurrent"] * 5 + ["dense", "dense", "activation", "activation", "stack", "repeat"])
    if kind == "recurrent":
        return kind, rng.choice(ACTIVATIONS), rng.random() < 0.6
    if kind == "dense":
        return kind, rng.random() < 0.6
    if kind == "activation" or depth > 1:
        return "activation", rng.choice(ACTIVATIONS)
    if kind == "stack":
        return kind, *(random_plan(rng, depth + 1) for _ in range(rng.randint(1, 2)))
    return kind, random_plan(rng, depth + 1), rng.randint(1, 2)


def random_stack(rng: random.Random) -> tuple[Plan, ...]:
    """The kinds of all layers of a stack, the last one a Dense or a layer after it; some end before the last step."""
    body = [random_plan(rng) for _ in range(rng.randint(1, 3))]
    end = [("dense", rng.random() < 0.6)]
    if rng.random() < 0.2:
        end.append(("activation", rng.choice(ACTIVATIONS)))
    return *body, *([("last",)] if rng.random() < 0.7 else []), *end


def made(plan: Plan, rng: random.Random) -> Layer:
    """A layer of this kind, of any size."""
    kind, *rest = plan
    hidden = rng.choice([1, 2, 3, 4, 5, 7, 8, 12, 33])
    if kind == "recurrent":
        return RecurrentLayer(hidden, activation=getattr(minidl, f"{rest[0]}Activation")(), bias=rest[1])
    if kind == "dense":
        return Dense(hidden, bias=rest[0])
    if kind == "activation":
        return getattr(minidl, f"{rest[0]}Activation")()  # type: ignore[no-any-return]
    if kind == "last":
        return LastStep()
    if kind == "stack":
        return Sequential([made(part, rng) for part in rest])
    return Repeat(made(rest[0], rng), times=rest[1])


def ops_of(layer: Layer, prefix: str, seen: dict[int, str]) -> list[Op]:
    """What a stack computes, with the names of its parameters in the whole."""
    if isinstance(layer, (Sequential, Repeat)):
        prefix = prefix + "." if prefix else ""
        return [op for i, child in enumerate(layer.children().values()) for op in ops_of(child, f"{prefix}{i}", seen)]
    name = seen.setdefault(id(layer), prefix)
    kind = type(layer).__name__.removesuffix("Activation").removesuffix("Layer").removesuffix("Step")
    activation = type(layer.activation).__name__.removesuffix("Activation") if kind == "Recurrent" else ""  # type: ignore[attr-defined]
    return [Op(kind, activation, tuple(f"{name}.{own}" for own in layer.params))]


@dataclass
class Case:
    """One stack with its weights, examples and training."""

    model: Sequential
    dtype: str
    x: Any
    target: Any
    recipe: Recipe
    start: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.model} {self.dtype} x {self.x.shape} {self.recipe}"


def draw(kind: random.Random, rng: random.Random, *, shared: bool) -> Case:
    """A stack of a kind; `shared`: a layer may stand twice, which no compiled code has."""
    plans, dtype = random_stack(kind), kind.choice(["float32", "float64"])
    loss, optimizer = kind.choice(["HalfMSE", "MSE", "MAE"]), kind.choice(["SGD", "momentum", "Adam"])
    layers = [made(plan, rng) for plan in plans]
    if shared and isinstance(layers[0], RecurrentLayer):
        width = layers[0].hidden_size
        layers = [Dense(width), layers[0], layers[0], *layers[1:]]
    model = Sequential(layers)
    features, time, batch = rng.randint(1, 6), rng.randint(1, 8), rng.choice([1, 2, 3, 7, 8, 9, 16, 17, 33])
    made_ = np.random.default_rng(rng.randrange(1 << 60))
    model.build((time, features), made_, dtype)
    large, closed = rng.choice([(False, False), (True, False), (False, True)])
    for value in model.params.values():
        size = 10 ** rng.uniform(0, 1.7) if large and rng.random() < 0.5 else rng.uniform(0.2, 1.2)
        value *= size
        if value.ndim == 1:
            value[...] = size * made_.normal(size=value.shape)
    if closed:
        close_units(model, rng)
    x = (10 ** rng.uniform(-2, 2.5 if large else 0.5) * made_.normal(size=(batch, time, features))).astype(dtype)
    y = model(x)
    target = (y + np.float32(max(1e-3, float(np.abs(y).max()))) * made_.normal(size=y.shape)).astype(dtype)
    recipe = Recipe(loss, optimizer, 10 ** rng.uniform(-3, -1), None, steps=3)
    return Case(model, dtype, x, target, recipe, {name: value.copy() for name, value in model.params.items()})


def close_units(model: Sequential, rng: random.Random) -> None:
    """Move the biases before tanh and sigmoid down: whole layers have the slope 0, or a tiny one that must be right."""
    ops = ops_of(model, "", {})
    for op, after in zip(ops, [*ops[1:], ops[-1]], strict=True):
        if not {"Tanh", "Sigmoid"}.isdisjoint((op.activation, after.kind)):
            for bias in (model.params[name] for name in op.names if model.params[name].ndim == 1):
                bias -= 10 ** rng.uniform(0.7, 1.9)


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
    found: dict[str, Any] = {}
    recipe = case.recipe
    if engine is None:
        y, cache = case.model.forward(case.x)
        loss = getattr(minidl, recipe.loss)()
        _, grads = case.model.backward(loss(y, case.target)[1], cache)
        found = {"output": np.array(y), **{f"gradient {name}": value.copy() for name, value in grads.items()}}
    elif forecast:
        found = {"output": predictor(case.model)(case.x)}
    optimizer = (
        minidl.Adam(recipe.learning_rate, beta1=recipe.beta1, beta2=recipe.beta2, epsilon=recipe.epsilon)
        if recipe.optimizer == "Adam"
        else minidl.SGD(recipe.learning_rate, momentum=recipe.momentum if recipe.optimizer == "momentum" else 0.0)
    )
    settings = Training(epochs=recipe.steps, batch_size=len(case.x), shuffle=False, clip_norm=recipe.clip)
    keep = Keep(gradients=engine is not None and recipe.clip is None)
    trainer = Trainer(
        case.model,
        loss=getattr(minidl, recipe.loss)(),
        optimizer=optimizer,
        settings=settings,
        streams=Streams.from_seed(0),
        engine=engine,
    )
    trainer.run(Arrays(case.x, case.target), None, [keep])
    return found | keep.found


def compare(case: Case, engines: dict[str, Any], seed: int, *, forecast: bool) -> tuple[list[str], float] | None:
    """Where engines differ from the equations by more than rounding explains, and by how much it may at most.

    None: a number lies on a kink of ReLU or MAE, where rounding decides about the slope,
    or one is so large that its square would leave the dtype.
    """
    ops, wide = ops_of(case.model, "", {}), (case.x.astype(np.longdouble), case.target.astype(np.longdouble))
    exact = Rounding(case.dtype)
    expected = train(ops, case.start, *wide, case.recipe, exact)
    eps = float(exact.eps)
    if exact.nearest_kink < 1000 * eps or not exact.largest < 1e-3 * np.sqrt(float(np.finfo(case.dtype).max)):
        return None
    noisy = [
        train(ops, case.start, *wide, case.recipe, Rounding(case.dtype, np.random.default_rng([seed, i])))
        for i in range(NOISY)
    ]
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
    for attempt in range(100):
        kind, rng = random.Random(f"{seed} {number // A_KIND}"), random.Random(f"{seed} {number} {attempt}")
        shared = "compiled" not in engines
        case = draw(kind, rng, shared=shared)
        clipped = rng.random() < 0.3
        if clipped:
            case.recipe.clip = 10 ** rng.uniform(-2, 1)
        with np.errstate(all="ignore"):
            # A predictor is compiled for itself: for every fourth kind.
            found = compare(case, engines, seed + number, forecast=number // A_KIND % 4 == 0)
        if found is not None:
            return found
    return [f"stack {number}: no draw without a kink"], 0.0


@row(21, "engines that disagree, saturated units included", full=2_000, sample=20)
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
            wrong, _ = one_stack(number, seed + 1, {"numpy": None})
            outcome.check(not wrong, "; ".join(wrong[:2]))
    kinds = -(-trials // A_KIND)
    outcome.note = f"{', '.join(engines)}; {kinds} kinds of stack; {tight} known to 1 % and better"
