"""What a model costs, and the widths of a stack that meet a budget.

A model's cost is its number of parameters and its multiply-adds for one window.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from minidl.core.errors import ConfigError, ShapeError
from minidl.core.initializers import MAX_PARAMETERS
from minidl.core.layer import Layer, Shape, n_parameters
from minidl.core.walk import own_parameters
from minidl.layers import Repeat, Sequential

Unit = Literal["parameters", "multiply_adds"]
MAX_TRIED = 5_000
MAX_WIDTH = 4096
MAX_DEPTH = 100
MAX_SIDE = 1_000_000  # rows of a window, and its features
MAX_BUDGET = {"parameters": MAX_PARAMETERS, "multiply_adds": 10**15}


def multiply_adds(model: Layer, input_shape: Shape) -> int:
    """Multiply-adds of one forward pass over one window.

    Every entry of a weight matrix counts once for each time step at which it is
    applied; biases and activations are not counted. That is exact for recurrent
    and dense layers. Other layers count 0 for what they do without matrices.

    Parameters
    ----------
    input_shape : (time, features) of a window, time known.

    Raises
    ------
    ShapeError
        Layers do not fit each other.
    """
    twin = _built(model, input_shape)
    return _work(twin, input_shape)


def _built(model: Layer, shape: Shape) -> Layer:
    twin = copy.deepcopy(model)
    twin.build(shape, np.random.default_rng(0), np.float32)
    return twin


def _work(layer: Layer, shape: Shape) -> int:
    inputs = layer.child_inputs(shape)
    inside = sum(_work(child, inputs[name]) for name, child in layer.children().items())
    return _own_work(layer, shape) + layer.child_calls * inside


def _own_work(layer: Layer, shape: Shape) -> int:
    """Multiply-adds of a built layer on an input of `shape`, without those of its children."""
    if not layer.multiplies:
        return 0
    steps = math.prod(size or 1 for size in shape[:-1])
    return steps * sum(value.size for value in own_parameters(layer).values() if value.ndim > 1)


@dataclass(frozen=True)
class WidthPlan:
    """A stack that meets a budget, or comes nearest.

    Parameters
    ----------
    widths : hidden_size of each recurrent layer.
    parameters, multiply_adds : of the whole model.
    budget : what was asked.
    unit : what of.
    """

    widths: tuple[int, ...]
    parameters: int
    multiply_adds: int
    budget: int
    unit: Unit

    @property
    def spent(self) -> int:
        """The model's cost in the budget's unit."""
        return self.parameters if self.unit == "parameters" else self.multiply_adds

    @property
    def exact(self) -> bool:
        """Whether the budget is met to the last unit."""
        return self.spent == self.budget


def plan_widths(
    model: Sequential, input_shape: tuple[int, int], *, depth: int, budget: int, unit: Unit = "parameters"
) -> list[WidthPlan]:
    """The widths of `depth` recurrent layers that meet a budget.

    The model gives the kind of its recurrent layers (that of the first one) and
    all that follows them; how many it has, and how wide, does not matter.

    Parameters
    ----------
    input_shape : (time, features) of a window.
    depth : number of recurrent layers, at least 1.
    budget : of `unit`, at least 1.

    Returns
    -------
    All stacks that meet the budget exactly, the most even widths first; if
    there is none, the nearest one. Where the possible widths are very many,
    only those around equal widths are tried.

    Raises
    ------
    ConfigError
        The model has no recurrent layer in its row, the budget is too small for
        width 1 or for that depth, or a number is one that nobody can mean.
    """
    _check("rows of a window", input_shape[0], MAX_SIDE)
    _check("features", input_shape[1], MAX_SIDE)
    _check("layers", depth, MAX_DEPTH)
    _check(unit.replace("_", "-"), budget, MAX_BUDGET[unit])
    first, head = _parts(model)
    body = _cost_of_cell(first, unit, input_shape[0])
    tail = _cost_of_head(head, unit, input_shape[0])

    def cost(widths: Sequence[int]) -> int:
        sizes = (input_shape[1], *widths)
        return sum(body(a, b) for a, b in itertools.pairwise(sizes)) + tail(widths[-1])

    least = cost((1,) * depth)
    if least > budget:
        raise ConfigError(
            f"budget: {depth} layer{'s' * (depth > 1)} of width 1 take {least:,} {unit.replace('_', '-')}; "
            f"{budget:,} is too small."
        )
    tried = {widths: cost(widths) for widths in _candidates(cost, depth, budget)}
    nearest = min(abs(spent - budget) for spent in tried.values())
    best = sorted((w for w, spent in tried.items() if abs(spent - budget) == nearest), key=_unevenness)
    plans = [_plan(first, head, w, input_shape, budget, unit) for w in (best if nearest == 0 else best[:1])]
    return plans


def _check(what: str, number: int, most: int) -> None:
    if not 1 <= number <= most:
        raise ConfigError(f"budget: expected 1 to {most:,} {what}, got {number:,}.")


def with_widths(model: Sequential, widths: Sequence[int]) -> Sequential:
    """The model with recurrent layers of these widths in place of its own."""
    first, head = _parts(model)
    return _stack(first, head, widths)


def _unevenness(widths: Sequence[int]) -> tuple[int, tuple[int, ...]]:
    return max(widths) - min(widths), tuple(widths)


def _parts(model: Sequential) -> tuple[Layer, list[Layer]]:
    """The first recurrent layer, and the layers after the last one.

    Raises
    ------
    ConfigError
        There is none, or other layers stand before or between.
    """
    layers = list(_opened(model))
    recurrent = [i for i, layer in enumerate(layers) if _has_width(layer)]
    if not recurrent:
        raise ConfigError("budget: the model has no layer with hidden_size, so there is no width to choose.")
    if recurrent != list(range(len(recurrent))):
        names = " -> ".join(type(layer).__name__ for layer in layers)
        raise ConfigError(f"budget: the recurrent layers must come first and in a row; the model is {names}.")
    return layers[0], layers[len(recurrent) :]


def _opened(layer: Layer) -> Iterator[Layer]:
    """The layers of a row and of rows in it; what else a layer consists of is its own business."""
    if type(layer) in (Sequential, Repeat):
        for child in layer.children().values():
            yield from _opened(child)
    else:
        yield layer


def _has_width(layer: Layer) -> bool:
    return any(f.name == "hidden_size" for f in fields(layer))


def _stack(first: Layer, head: Sequence[Layer], widths: Sequence[int]) -> Sequential:
    layers = [copy.deepcopy(first) for _ in widths]
    for layer, width in zip(layers, widths, strict=True):
        layer.hidden_size = width  # type: ignore[attr-defined]
    return Sequential([*layers, *(copy.deepcopy(layer) for layer in head)])


def _plan(
    first: Layer, head: Sequence[Layer], widths: tuple[int, ...], shape: tuple[int, int], budget: int, unit: Unit
) -> WidthPlan:
    model = _built(_stack(first, head, widths), shape)
    return WidthPlan(widths, n_parameters(model), multiply_adds(model, shape), budget, unit)


def _measure(layers: Sequence[Layer], shape: Shape, unit: Unit) -> int:
    model = _built(Sequential([*layers]), shape)
    return n_parameters(model) if unit == "parameters" else multiply_adds(model, shape)


def _cost_of_cell(first: Layer, unit: Unit, time: int) -> Callable[[int, int], int]:
    """Cost of one recurrent layer by input size and width: a polynomial, read off small layers."""

    def measured(size: int, width: int) -> int:
        layer = copy.deepcopy(first)
        layer.hidden_size = width  # type: ignore[attr-defined]
        return _measure([layer], (time, size), unit)

    def terms(size: int, width: int) -> list[int]:
        return [1, size, width, size * width, width * width]

    small = list(itertools.product(range(1, 4), range(1, 5)))  # more than there are factors, to see whether it fits
    found, system = [measured(*one) for one in small], np.array([terms(*one) for one in small], float)
    factors = np.rint(np.linalg.lstsq(system, found, rcond=None)[0]).astype(int).tolist()

    def cost(size: int, width: int) -> int:
        return sum(factor * term for factor, term in zip(factors, terms(size, width), strict=True))

    if [cost(*one) for one in small] != found:
        name = type(first).__name__
        raise ConfigError(f"budget: the {unit} of {name} do not grow as those of a recurrent layer; cannot plan.")
    return cost


def _cost_of_head(head: Sequence[Layer], unit: Unit, time: int) -> Callable[[int], int]:
    """Cost of what follows the recurrent layers, by the width of the last one; linear in it."""
    if not head:
        return lambda width: 0
    try:
        one, two, five = (_measure(head, (time, width), unit) for width in (1, 2, 5))
    except ShapeError as err:
        raise ConfigError(f"budget: {err}") from err
    if five - one != 4 * (two - one):
        raise ConfigError(f"budget: the {unit} after the recurrent layers are not linear in their width; cannot plan.")
    return lambda width: one + (two - one) * (width - 1)


def _candidates(cost: Callable[[Sequence[int]], int], depth: int, budget: int) -> Iterator[tuple[int, ...]]:
    """Widths worth trying: all but the last free, the last one just below and just above the budget."""
    equal = _largest(lambda width: cost((width,) * depth), budget)
    if depth == 1:
        free: Iterator[tuple[int, ...]] = iter([()])
    elif 3 ** (depth - 1) > MAX_TRIED:  # the first layers one wider than the others, or one narrower
        wide, narrow = equal + 1, max(1, equal - 1)
        free = ((other,) * n + (equal,) * (depth - 1 - n) for n in range(depth) for other in (wide, narrow))
    else:
        # The first layer has the columns below it, so that another one can be wider for the same budget.
        alone = [[(1,) * i, (1,) * (depth - 1 - i)] for i in range(depth - 1)]
        widest = 1 + max(_largest(lambda width, a=a, b=b: cost((*a, width, *b)), budget) for a, b in alone)  # type: ignore[misc]
        room = max(1, int(MAX_TRIED ** (1 / (depth - 1))) // 2)
        span = range(max(1, equal - room), min(widest, equal + room) + 1)
        free = itertools.product(span, repeat=depth - 1)
    for widths in free:
        if cost((*widths, 1)) > budget:
            yield (*widths, 1)
        else:
            last = _largest(lambda width, widths=widths: cost((*widths, width)), budget)  # type: ignore[misc]
            yield (*widths, last)
            yield (*widths, last + 1)


def _largest(cost: Callable[[int], int], budget: int) -> int:
    """The largest width, from 1 on, whose cost is within the budget."""
    low, high = 1, 2
    while cost(high) <= budget:
        low, high = high, 2 * high
        if high > MAX_WIDTH * MAX_WIDTH:
            raise ConfigError(f"budget: widths above {MAX_WIDTH * MAX_WIDTH:,} would be needed.")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if cost(middle) <= budget else (low, middle)
    return low
