"""Budgets of layers whose parameters grow with the width in another way than those of a recurrent layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from minidl import ConfigError, Dense, LastStep, Layer, RecurrentLayer, Sequential
from minidl.comparison.budget import plan_widths


@dataclass(eq=False)
class Counted(Layer):
    """A layer that has as many parameters as one says, by its input size and width; it computes nothing."""

    count: Any

    def output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], getattr(self, "hidden_size", 1))

    def build(self, input_shape: Any, rng: Any, dtype: Any) -> Any:
        shape = self.output_shape(input_shape)
        self.params = {"W": np.zeros(self.count(input_shape[-1], shape[-1]), dtype)}
        return shape

    def forward(self, x: Any, ctx: Any = None) -> Any:
        raise NotImplementedError

    def backward(self, dy: Any, cache: Any) -> Any:
        raise NotImplementedError


@dataclass(eq=False)
class CountedByWidth(Counted):
    """The same with a width to choose."""

    hidden_size: int = 1


@pytest.mark.parametrize(
    "count",
    [
        lambda size, width: 5 + 3 * size + 2 * width,
        lambda size, width: 1 + size * width,
        lambda size, width: width * width,
        lambda size, width: 11 + 2 * width * width + 3 * size * width + size,
    ],
)
def test_any_layer_is_planned_whose_parameters_grow_as_those_of_a_recurrent_one(count: Any) -> None:
    for budget in (count(6, 9), count(6, 10) - 1):
        (plan,) = plan_widths(Sequential([CountedByWidth(count)]), (24, 6), depth=1, budget=budget)
        nearest = min((abs(count(6, width) - budget), width) for width in (9, 10))
        assert (plan.widths, plan.parameters) == ((nearest[1],), count(6, nearest[1]))
    deep = count(6, 3) + count(3, 4)
    plans = plan_widths(Sequential([CountedByWidth(count)]), (24, 6), depth=2, budget=deep)
    assert {plan.parameters for plan in plans} == {deep}
    assert (3, 4) in [plan.widths for plan in plans]


@pytest.mark.parametrize(
    "count", [lambda size, width: width**3, lambda size, width: size * size * width, lambda size, width: size**2]
)
def test_a_layer_whose_parameters_grow_otherwise_is_refused(count: Any) -> None:
    with pytest.raises(ConfigError, match="the parameters of CountedByWidth do not grow as those of a recurrent layer"):
        plan_widths(Sequential([CountedByWidth(count)]), (24, 6), depth=1, budget=1000)


def test_what_follows_must_be_linear_in_the_width() -> None:
    model = Sequential([RecurrentLayer(2, bias=False), LastStep(), Counted(lambda size, width: 10 + 3 * size)])
    (plan,) = plan_widths(model, (24, 6), depth=1, budget=6 * 4 + 16 + 10 + 12)
    assert (plan.widths, plan.exact) == ((4,), True)
    model = Sequential([RecurrentLayer(2), LastStep(), Counted(lambda size, width: size * size)])
    with pytest.raises(ConfigError, match="the parameters after the recurrent layers are not linear in their width"):
        plan_widths(model, (24, 6), depth=1, budget=1000)


def test_a_head_at_every_step_costs_as_often_as_there_are_steps() -> None:
    model = Sequential([RecurrentLayer(1), Dense(3)])
    budget = 24 * (6 * 4 + 4 * 4 + 4 * 3)
    (plan,) = plan_widths(model, (24, 6), depth=1, budget=budget, unit="multiply_adds")
    assert (plan.widths, plan.exact) == ((4,), True)
