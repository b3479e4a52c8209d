"""Groups of parameters: which segments they make, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from minidl import SGD, Adam, AdamW, ConfigError, Optimizer, ParameterGroup
from minidl.optimizers import Segments

SIZES = {"0.W_xh": 6, "0.W_hh": 4, "0.b_h": 2, "2.W": 2, "2.b": 1}


def shown(*groups: ParameterGroup) -> tuple[list[tuple[Any, ...]], list[tuple[int, int]]]:
    segments = Segments(SGD(0.1, groups=list(groups)), SIZES)
    return [tuple(segment)[:4] for segment in segments.trained], [segment[:2] for segment in segments.frozen]


def test_neighbours_that_are_updated_alike_are_one_segment() -> None:
    assert shown() == ([(0, 15, 1.0, None)], [])
    assert shown(ParameterGroup("*.W*", learning_rate_factor=2.0)) == (
        [(0, 10, 2.0, None), (10, 12, 1.0, None), (12, 14, 2.0, None), (14, 15, 1.0, None)],
        [],
    )
    assert shown(ParameterGroup("0.*", frozen=True)) == ([(12, 15, 1.0, None)], [(0, 12)])
    assert shown(ParameterGroup("*", weight_decay=0.5)) == ([(0, 15, 1.0, 0.5)], [])


def test_a_later_group_counts_for_what_it_says() -> None:
    groups = (
        ParameterGroup("0.*", learning_rate_factor=0.5, frozen=True),
        ParameterGroup("*.b*", weight_decay=0.0, frozen=False),
    )
    assert shown(*groups) == ([(10, 12, 0.5, 0.0), (12, 14, 1.0, None), (14, 15, 1.0, 0.0)], [(0, 10)])


def test_of_two_groups_that_give_one_value_the_later_counts() -> None:
    first = ParameterGroup("0.*", learning_rate_factor=0.5, weight_decay=0.3)
    then = ParameterGroup("*.W*", learning_rate_factor=3.0, weight_decay=0.7)
    rest = (14, 15, 1.0, None)
    assert shown(first, then)[0] == [(0, 10, 3.0, 0.7), (10, 12, 0.5, 0.3), (12, 14, 3.0, 0.7), rest]
    assert shown(then, first)[0] == [(0, 12, 0.5, 0.3), (12, 14, 3.0, 0.7), rest]


def test_each_segment_has_its_part_of_the_state() -> None:
    optimizer = Adam(0.1, groups=[ParameterGroup("0.W_hh", frozen=True), ParameterGroup("2.*", learning_rate_factor=2)])
    segments = Segments(optimizer, SIZES)
    state = segments.start(optimizer, np.zeros(15))
    assert {name: value.shape for name, value in state.items()} == {"m": (11,), "v": (11,), "t": (3,)}
    for k, (_, part) in enumerate(segments.states(state)):
        part["m"] += k + 1
        part["t"] += 10 * k
    assert state["m"].tolist() == [1.0] * 6 + [2.0] * 2 + [3.0] * 3
    assert state["t"].tolist() == [0, 10, 20]


def test_a_segment_has_its_own_numbers_and_the_optimizer_stays_as_it_is() -> None:
    optimizer = AdamW(0.1, groups=[ParameterGroup("*.b*", learning_rate_factor=0.5, weight_decay=0.0)])
    first, second, *_ = (s.optimizer(optimizer, 0.01) for s in Segments(optimizer, SIZES).trained)
    assert (first.learning_rate, vars(first)["weight_decay"]) == (0.01, 0.01)
    assert (second.learning_rate, vars(second)["weight_decay"]) == (0.005, 0.0)
    assert (optimizer.learning_rate, optimizer.weight_decay) == (0.1, 0.01)


@dataclass(eq=False)
class Bare(Optimizer):
    """No weight decay."""

    def update(self, params: Any, grads: Any, state: Any) -> None:
        params -= self.learning_rate * grads


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Segments(SGD(0.1, groups=[ParameterGroup("0.W"), ParameterGroup("9.*", frozen=True)]), SIZES),
            "ParameterGroup: changes nothing; give it a learning_rate_factor, a weight_decay or frozen: true",
        ),
        (
            lambda: Segments(SGD(0.1, groups=[ParameterGroup("9.*", frozen=True)]), SIZES),
            "SGD: groups.0.parameters: no parameter matches '9.*'; there are 0.W_xh, 0.W_hh, 0.b_h, 2.W, 2.b",
        ),
        (
            lambda: Segments(SGD(0.1, groups=[ParameterGroup("*", frozen=True)]), SIZES),
            "SGD: groups: all parameters are frozen; nothing is left to train",
        ),
        (
            lambda: Bare(0.1, groups=[ParameterGroup("*", weight_decay=0.1)]),
            "Bare: groups.0.weight_decay: Bare has no weight_decay; leave it out",
        ),
        (
            lambda: ParameterGroup("*", learning_rate_factor=0.0),
            "ParameterGroup: learning_rate_factor: expected `float` > 0.0, got 0.0",
        ),
    ],
)
def test_what_fits_nothing_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ConfigError) as err:
        make()
    assert str(err.value) == message
