"""Budgets: the published fair pairs, counts against built models, and wrong input."""

from __future__ import annotations

import itertools
import json

import pytest

from minidl import (
    ConfigError,
    Dense,
    Embedding,
    LastStep,
    Layer,
    LSTMLayer,
    RecurrentLayer,
    Repeat,
    Sequential,
    SLSTMLayer,
    TanhActivation,
)
from minidl.cli import main
from minidl.comparison.budget import _candidates, _largest, multiply_adds, plan_widths, with_widths
from minidl.core.layer import n_parameters


def net(*widths: int, bias: bool = True) -> Sequential:
    return Sequential([*(RecurrentLayer(w, bias=bias) for w in widths), LastStep(), Dense(1, bias=bias)])


@pytest.mark.parametrize(
    ("bias", "depth", "budget", "widths"),
    [(True, 1, 85, (6,)), (True, 2, 85, (4, 4)), (False, 1, 44, (4,)), (False, 2, 44, (2, 4)), (True, 1, 49, (4,))],
)
def test_the_fair_pairs_are_found(bias: bool, depth: int, budget: int, widths: tuple[int, ...]) -> None:
    best = plan_widths(net(3, bias=bias), (24, 6), depth=depth, budget=budget)[0]
    assert (best.widths, best.exact, best.parameters) == (widths, True, budget)


@pytest.mark.parametrize("budget", [40, 61, 100, 137])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_nearest_stack_is_that_of_trying_all(budget: int, depth: int) -> None:
    costs = {}
    for widths in itertools.product(range(1, 9), repeat=depth):
        model = net(*widths)
        model.build((24, 6), 0)
        costs[widths] = abs(n_parameters(model) - budget)
    best = plan_widths(net(2), (24, 6), depth=depth, budget=budget)[0]
    assert abs(best.parameters - budget) == min(costs.values())
    assert best.exact == (min(costs.values()) == 0)


def by_hand(widths: tuple[int, ...], unit: str) -> int:
    """Of a stack on 24 steps of 6 columns, and one output."""
    total, size = 0, 6
    for width in widths:
        total += width * (size + width) * 24 if unit == "multiply_adds" else width * (size + width + 1)
        size = width
    return total + size + (unit == "parameters")


@pytest.mark.parametrize("unit", ["parameters", "multiply_adds"])
@pytest.mark.parametrize("depth", [2, 3])
def test_every_budget_gets_the_stacks_that_meet_it_the_most_even_first(depth: int, unit: str) -> None:
    costs = {widths: by_hand(widths, unit) for widths in itertools.product(range(1, 12), repeat=depth)}
    least = by_hand((1,) * depth, unit)
    step = 1 if unit == "parameters" else 24
    for budget in range(least + 7, least + 7 + 60 * step, 11 * step):
        plans = plan_widths(net(2), (24, 6), depth=depth, budget=budget, unit=unit)
        nearest = min(abs(cost - budget) for cost in costs.values())
        assert abs(plans[0].spent - budget) == nearest
        assert plans[0].spent == by_hand(plans[0].widths, unit)
        exact = [widths for widths, cost in costs.items() if cost == budget]
        if exact:
            even = sorted(exact, key=lambda widths: (max(widths) - min(widths), widths))
            assert [plan.widths for plan in plans] == even
        else:
            assert len(plans) == 1


def test_the_most_even_stack_comes_first_also_where_another_begins_with_a_smaller_width() -> None:
    def unevenness(widths: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
        return max(widths) - min(widths), widths

    exact: dict[int, list[tuple[int, ...]]] = {}
    for widths in itertools.product(range(1, 16), repeat=3):
        exact.setdefault(by_hand(widths, "parameters"), []).append(widths)
    tried = [
        budget for budget, found in sorted(exact.items()) if budget < 250 and min(found) != min(found, key=unevenness)
    ]
    assert len(tried) > 5
    for budget in tried:
        plans = plan_widths(net(2), (24, 6), depth=3, budget=budget)
        assert [plan.widths for plan in plans] == sorted(exact[budget], key=unevenness)


def test_multiply_adds_are_counted_by_hand() -> None:
    assert multiply_adds(net(4), (24, 6)) == 24 * (6 * 4 + 4 * 4) + 4
    assert multiply_adds(net(2, 2, bias=False), (24, 6)) == 24 * (6 * 2 + 4 + 4 + 4) + 2
    assert multiply_adds(net(4), (None, 6)) == 6 * 4 + 4 * 4 + 4  # of one step, where sequences differ in length
    every_step = Sequential([RecurrentLayer(4), Dense(1)])
    assert multiply_adds(every_step, (24, 6)) == 24 * (6 * 4 + 4 * 4 + 4)


def test_multiply_adds_of_gates_and_heads_are_counted_by_hand() -> None:
    assert multiply_adds(Sequential([LSTMLayer(4)]), (24, 6)) == 24 * 4 * (6 * 4 + 4 * 4)
    assert multiply_adds(Sequential([SLSTMLayer(4, heads=2)]), (24, 6)) == 24 * 4 * (6 * 4 + 2 * 2 * 2)


def test_looking_up_multiplies_nothing() -> None:
    assert multiply_adds(Sequential([Embedding(9, output_size=3), LSTMLayer(4)]), (24, 1)) == 24 * 4 * (3 * 4 + 4 * 4)


def test_multiply_adds_can_be_the_budget() -> None:
    best = plan_widths(net(1, bias=False), (24, 6), depth=2, budget=964, unit="multiply_adds")[0]
    assert (best.widths, best.multiply_adds) == ((2, 4), 964)


def test_a_head_that_does_not_fit_is_refused_in_the_words_of_its_layer() -> None:
    model = Sequential([RecurrentLayer(2), LastStep(), LastStep(), Dense(1)])
    with pytest.raises(ConfigError, match=r"^budget: .*LastStep"):
        plan_widths(model, (24, 6), depth=1, budget=1000)


def test_recurrent_layers_in_rows_and_repeats_are_found() -> None:
    inner = Sequential([Repeat(RecurrentLayer(2), times=2), LastStep(), Sequential([Dense(1)])])
    (plan,) = plan_widths(Sequential([inner]), (24, 6), depth=1, budget=85)[:1]
    assert (plan.widths, plan.exact) == ((6,), True)


def test_without_a_head_the_last_width_costs_nothing_more() -> None:
    (plan,) = plan_widths(Sequential([RecurrentLayer(2)]), (24, 6), depth=1, budget=4 * (6 + 4 + 1))
    assert (plan.widths, plan.exact, plan.multiply_adds) == ((4,), True, 24 * 4 * (6 + 4))


def test_widths_are_put_into_the_model() -> None:
    model = with_widths(net(9), (4, 4))
    model.build((24, 6), 0)
    assert n_parameters(model) == 85


def test_a_budget_that_is_too_small_is_refused() -> None:
    with pytest.raises(ConfigError, match="2 layers of width 1 take 13 parameters; 10 is too small"):
        plan_widths(net(1), (24, 6), depth=2, budget=10)
    assert plan_widths(net(1), (24, 6), depth=2, budget=13)[0].widths == (1, 1)


def test_a_model_without_widths_is_refused() -> None:
    with pytest.raises(ConfigError, match="no layer with hidden_size"):
        plan_widths(Sequential([LastStep(), Dense(1)]), (24, 6), depth=1, budget=10)
    between = Sequential([RecurrentLayer(2), TanhActivation(), RecurrentLayer(2), LastStep(), Dense(1)])
    with pytest.raises(ConfigError, match="must come first and in a row"):
        plan_widths(between, (24, 6), depth=1, budget=100)


def test_the_command_says_which_are_exact(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["budget", "rnn_single", "--parameters", "85", "--depths", "1,2,3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["1", "6", "85", "1,734", "exact"]
    assert lines[2].split() == ["2", "4+4", "85", "1,732", "exact"]
    assert lines[3].endswith("nearest, 1 less")
    assert main(["budget", "rnn_single", "--parameters", "85", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["widths"] == [6]


def test_the_command_refuses_what_it_cannot_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["budget", "rnn_singel", "--parameters", "85"]) == 2
    assert "did you mean rnn_single?" in capsys.readouterr().err
    assert main(["budget", "rnn_single", "--parameters", "85", "--depths", "0"]) == 2
    assert "--depths: expected some positive numbers" in capsys.readouterr().err


def test_a_deep_stack_is_planned_around_equal_widths() -> None:
    # All combinations of 39 free widths are more than anybody can try.
    (best,) = plan_widths(net(1), (24, 6), depth=40, budget=20_000)[:1]
    assert len(best.widths) == 40
    assert abs(best.parameters - 20_000) <= 100
    assert max(best.widths[:-1]) - min(best.widths[:-1]) <= 1
    # Each layer: W_xh, W_hh and a bias; then the dense one.
    sizes = itertools.pairwise((6, *best.widths))
    assert best.parameters == sum(size * w + w * w + w for size, w in sizes) + best.widths[-1] + 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--parameters", "0"], "expected 1 to 100,000,000 parameters, got 0."),
        (["--parameters", "-5"], "expected 1 to 100,000,000 parameters, got -5."),
        (["--parameters", "1" + 20 * "0"], "expected 1 to 100,000,000 parameters, got 100,000,000,000,000,000,000."),
        (["--multiply-adds", "1" + 20 * "0"], "expected 1 to 1,000,000,000,000,000 multiply-adds, got 100,000,"),
        (["--parameters", "85", "--depths", "101"], "expected 1 to 100 layers, got 101."),
        (["--parameters", "85", "--depths", "9" * 5000], "--depths: expected some positive numbers with commas"),
        (["--parameters", "85", "--depths", "²"], "--depths: expected some positive numbers with commas"),
        (["--parameters", "85", "--input-shape", "24,1000001"], "expected 1 to 1,000,000 features, got 1,000,001."),
        (["--parameters", "85", "--input-shape", "1000001,6"], "expected 1 to 1,000,000 rows of a window, got 1,000,"),
    ],
)
def test_numbers_that_nobody_can_mean_are_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["budget", "rnn_single", *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"minidl budget: {message}")
    assert len(err) < 300


@pytest.mark.parametrize(("first", "width"), [(2, 3), (4, 3), (1, 2)])
@pytest.mark.parametrize("n", range(9))
def test_a_deep_stack_whose_first_layers_are_one_wider_or_narrower_is_found(first: int, width: int, n: int) -> None:
    body = (first,) * n + (width,) * (9 - n)
    equal = by_hand((width,) * 10, "parameters")
    last = next(last for last in itertools.count(width) if by_hand((*body, last), "parameters") >= equal)
    plans = plan_widths(net(2), (24, 6), depth=10, budget=by_hand((*body, last), "parameters"))
    assert (*body, last) in [plan.widths for plan in plans]
    assert {(len(plan.widths), plan.exact) for plan in plans} == {(10, True)}


def tried(depth: int, budget: int) -> set[tuple[int, ...]]:
    """The widths that are tried where the sum of all widths is the cost."""
    return set(_candidates(sum, depth, budget))


@pytest.mark.parametrize(
    ("depth", "budget", "first", "last"),
    [
        (3, 300, 65, 135),  # the root of 5,000 is 70, half of it on either side of 100
        (3, 20, 1, 19),  # as wide as the budget allows, and one more
        (2, 6000, 500, 5500),
        (4, 400, 92, 108),
        (8, 800, 99, 101),
    ],
)
def test_free_widths_around_equal_ones_are_tried_with_two_last_ones_each(
    depth: int, budget: int, first: int, last: int
) -> None:
    span = range(first, last + 1)
    expected = set()
    for widths in itertools.product(span, repeat=depth - 1):
        left = budget - sum(widths)
        expected |= {(*widths, left), (*widths, left + 1)} if left >= 1 else {(*widths, 1)}
    assert tried(depth, budget) == expected


def test_of_one_layer_the_two_widths_about_the_budget_are_tried() -> None:
    assert tried(1, 20) == {(20,), (21,)}
    assert tried(1, 1) == {(1,), (2,)}


@pytest.mark.parametrize(("budget", "equal"), [(18, 2), (9, 1)])
def test_of_deep_stacks_those_whose_first_layers_are_one_wider_or_narrower_are_tried(budget: int, equal: int) -> None:
    expected = set()
    for n in range(9):
        for other in (equal + 1, max(1, equal - 1)):
            body = (other,) * n + (equal,) * (8 - n)
            left = budget - sum(body)
            expected |= {(*body, left), (*body, left + 1)} if left >= 1 else {(*body, 1)}
    assert tried(9, budget) == expected


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5, 7, 8, 9, 1000, 4096 * 4096 - 1])
def test_the_largest_width_is_found_by_halving(most: int) -> None:
    assert _largest(lambda width: width, most) == most


def test_widths_that_nobody_can_build_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"^budget: widths above 16,777,216 would be needed\.$"):
        _largest(lambda width: 0, 1)


@pytest.mark.parametrize("width", [9, 12, 14])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_stack_of_one_wide_layer_is_found_wherever_that_is(width: int, place: int) -> None:
    widths = tuple(width if i == place else 1 for i in range(3))
    plans = plan_widths(net(2), (24, 6), depth=3, budget=by_hand(widths, "parameters"))
    assert widths in [plan.widths for plan in plans]


def test_only_weights_that_are_multiplied_are_work() -> None:
    # By hand: 5 steps of 3 columns to 4 units; what has no weights, and an embedding that is looked up, adds nothing.
    assert multiply_adds(Sequential([Dense(4), TanhActivation()]), (5, 3)) == 5 * 3 * 4
    assert multiply_adds(Sequential([Embedding(7, output_size=3), Dense(4), TanhActivation()]), (5, 1)) == 5 * 3 * 4


@pytest.mark.parametrize(("head", "leaves"), [([], 0), ([LastStep(), Dense(1)], 1), ([Dense(1)], 24)])
def test_what_follows_the_recurrent_layers_costs_what_it_computes_at_its_steps(head: list[Layer], leaves: int) -> None:
    # By hand, of 24 steps of 6 columns and 4 units: 24 · 4 · (6 + 4), and 4 at each step at which there is an output.
    budget = 24 * 4 * (6 + 4) + 4 * leaves
    best = plan_widths(Sequential([RecurrentLayer(2), *head]), (24, 6), depth=1, budget=budget, unit="multiply_adds")[0]
    assert (best.widths, best.exact, best.multiply_adds) == ((4,), True, budget)
