"""What is compared: labels, agreement of configs, and the facts of models."""

from __future__ import annotations

from typing import Any

import pytest
from made_up import CONFIG

from minidl import ConfigError, Dense, LastStep, LSTMLayer, MinGRULayer, RecurrentLayer
from minidl.comparison.entries import (
    Entry,
    ModelFacts,
    _unique,
    check_comparable,
    example_of,
    facts_of,
    is_recurrent,
    point_label,
    short_keys,
    value_at,
)


@pytest.mark.parametrize(
    ("name", "point", "label"),
    [
        ("net", {}, "net"),
        ("net", {"model.layers.0.hidden_size": 4, "training.epochs": 2}, "net-hidden_size=4-epochs=2"),
        ("net", {"a.size": 4, "b.size": 2}, "net-a.size=4-b.size=2"),
        ("a b/c:d", {"x": "[1, 2]"}, "a_b_c_d-x=_1__2_"),
        ("n", {"rate": "1e-05+x"}, "n-rate=1e-05+x"),
        (".hidden", {}, "_hidden"),
        ("dot.", {}, "dot_"),
        ("a.b", {}, "a.b"),
        ("ü", {}, "ü"),
        ("x" * 120, {}, "x" * 120),
        ("x" * 121, {}, "x" * 120),
        ("x" * 119 + "ü", {}, "x" * 119),  # two bytes; a folder's name may have 255
        ("x" * 118 + "ü", {}, "x" * 118 + "ü"),
    ],
)
def test_a_label_is_fit_for_a_folder(name: str, point: dict[str, Any], label: str) -> None:
    assert point_label(name, point) == label


def test_keys_are_short_where_these_differ() -> None:
    assert short_keys({"a.b.size": 1, "c": 2}) == {"size": 1, "c": 2}
    assert short_keys({"a.size": 1, "b.size": 2}) == {"a.size": 1, "b.size": 2}


def test_a_label_that_is_taken_gets_a_number_whatever_its_case() -> None:
    taken = [Entry("net", {}), Entry("NET-2", {}), Entry("b", {})]
    assert [_unique(label, taken) for label in ("Net", "b", "c", "net-2")] == ["Net-3", "b-2", "c", "net-2-2"]


def test_an_entry_is_compared_at_no_point_and_its_source_is_not_known() -> None:
    entry = Entry("net", CONFIG)
    assert (entry.role, entry.source, entry.point) == ("compared", "", {})
    assert entry.experiment(7).seed == 7
    assert entry.experiment().seed == 0
    first, second = (entry.experiment(seed).model.params["0.W_xh"].tolist() for seed in (0, 1))
    assert first != second


def changed(**sections: dict[str, Any]) -> dict[str, Any]:
    return {**CONFIG, **{name: {**CONFIG[name], **more} for name, more in sections.items()}}


def test_what_decides_what_a_score_is_of_must_agree() -> None:
    other = changed(evaluation={"horizons": [4], "future_covariates": "hold_last"}, data={"test_size": 50})
    check_comparable([Entry("a", CONFIG), Entry("b", changed(data={"time_steps": 5}))])
    with pytest.raises(ConfigError) as caught:
        check_comparable([Entry("a", CONFIG), Entry("b", CONFIG), Entry("c", other)])
    same = "; their scores cannot be compared. Give both the same."
    assert list(caught.value.lines) == [
        f"compare: evaluation.horizons is [4, 2, 1] in a and [4] in c{same}",
        f"compare: evaluation.future_covariates is actual in a and hold_last in c{same}",
        f"compare: data.test_size is 60 in a and 50 in c{same}",
    ]


@pytest.mark.parametrize("entries", [[], [Entry("a", CONFIG)]])
def test_there_are_two_configs_at_least(entries: list[Entry]) -> None:
    with pytest.raises(ConfigError, match=r"^compare: expected at least two configs, or one with sweep:; got one\.$"):
        check_comparable(entries)


def test_tasks_of_different_kinds_are_told_by_their_type_only() -> None:
    other = changed(evaluation={})
    other["evaluation"] = {"type": "Regress"}
    with pytest.raises(ConfigError) as caught:
        check_comparable([Entry("a", CONFIG), Entry("b", other)])
    assert list(caught.value.lines) == [
        "compare: evaluation.type is Forecast in a and Regress in b; their scores cannot be compared. "
        "Give both the same."
    ]


def test_a_value_is_found_at_its_path() -> None:
    config = {"a": {"b": {"c": 1}}, "d": [1]}
    assert [value_at(config, key) for key in ("a.b.c", "a.b", "a.x", "d.e", "x.y.z")] == [1, {"c": 1}, None, None, None]


def facts(*layers: dict[str, Any]) -> ModelFacts:
    config = {**CONFIG, "model": {"type": "Sequential", "layers": list(layers)}}
    return facts_of(Entry("net", config).experiment())


def test_a_models_facts_are_counted_by_hand() -> None:
    # Windows of 6 rows of 1 column.
    layers = (
        {"type": "RecurrentLayer", "hidden_size": 2, "bias": False},
        {"type": "RecurrentLayer", "hidden_size": 3, "bias": False, "activation": {"type": "ReluActivation"}},
        {"type": "LastStep"},
        {"type": "Dense", "output_size": 1, "bias": False},
    )
    assert facts(*layers) == ModelFacts(
        depth=2,
        widths=(2, 3),
        kinds=("RecurrentLayer",),
        activations=("TanhActivation", "ReluActivation"),
        bias=False,
        parameters=2 + 4 + 6 + 9 + 3,
        multiply_adds=6 * (2 + 4 + 6 + 9) + 3,
    )
    assert facts(*layers[:3], {"type": "Dense", "output_size": 1}).bias
    alone = facts(*layers[2:])
    assert (alone.depth, alone.widths, alone.kinds, alone.activations) == (0, (), (), ())


def test_recurrent_is_what_has_units_and_hands_their_state_on() -> None:
    layers = (RecurrentLayer(2), LSTMLayer(2), MinGRULayer(2), Dense(1), LastStep())
    assert [is_recurrent(layer) for layer in layers] == [True, True, True, False, False]


def test_vectors_that_are_no_biases_do_not_count_as_such() -> None:
    first = {"type": "LSTMLayer", "hidden_size": 2, "peepholes": True}
    rest = ({"type": "LastStep"}, {"type": "Dense", "output_size": 1, "bias": False})
    assert not facts({**first, "bias": False}, *rest).bias
    assert facts(first, *rest).bias


def test_multiply_adds_are_of_a_window() -> None:
    assert example_of(Entry("net", CONFIG)) == "window"
