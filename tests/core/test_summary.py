"""The table of layers: positions, output shapes, parameters, counts."""

from __future__ import annotations

import pytest

from minidl import Dense, LastStep, Layer, RecurrentLayer, Repeat, Sequential, ShapeError, TanhActivation
from minidl.core.summary import LayerSummary, summarize


def test_the_textbooks_two_models_have_49_and_26_parameters_in_the_stated_places() -> None:
    single = summarize(Sequential([RecurrentLayer(4), LastStep(), Dense(1)]), (24, 6))
    assert single == [
        LayerSummary("0 RecurrentLayer", (24, 4), {"W_xh": (6, 4), "W_hh": (4, 4), "b_h": (4,)}, 44),
        LayerSummary("1 LastStep", (4,), {}, 0),
        LayerSummary("2 Dense", (1,), {"W": (4, 1), "b": (1,)}, 5),
    ]
    layers: list[Layer] = [RecurrentLayer(2, bias=False) for _ in range(2)]
    deep = summarize(Sequential([*layers, LastStep(), Dense(1, bias=False)]), (24, 6))
    assert [row.count for row in deep] == [12 + 4, 4 + 4, 0, 2]
    assert sum(row.count for row in deep) == 26


def test_containers_are_opened_and_positions_lead_into_them() -> None:
    model = Sequential([Repeat(RecurrentLayer(3), times=2), Sequential([LastStep(), Dense(1)]), TanhActivation()])
    rows = summarize(model, (None, 2))
    assert [row.name for row in rows] == [
        "0.0 RecurrentLayer",
        "0.1 RecurrentLayer",
        "1.0 LastStep",
        "1.1 Dense",
        "2 TanhActivation",
    ]
    assert [row.output_shape for row in rows] == [(None, 3), (None, 3), (3,), (1,), (1,)]
    assert [row.count for row in rows] == [2 * 3 + 9 + 3, 9 + 9 + 3, 0, 4, 0]


def test_a_layer_that_stands_twice_is_counted_once() -> None:
    twice = RecurrentLayer(2)
    rows = summarize(Sequential([twice, twice, LastStep()]), (5, 2))
    assert [row.count for row in rows] == [2 * 2 + 2 * 2 + 2, 0, 0]
    assert rows[1].parameters == {}


def test_a_layer_alone_is_a_summary_of_one_row() -> None:
    assert summarize(Dense(3), (2,)) == [LayerSummary("Dense", (3,), {"W": (2, 3), "b": (3,)}, 9)]


def test_the_model_itself_is_not_changed() -> None:
    model = Sequential([RecurrentLayer(2), LastStep(), Dense(1)])
    model.build((5, 3), 0, "float64")
    before = model.params["0.W_xh"]
    summarize(model, (9, 7))
    assert model.params["0.W_xh"] is before
    assert model.layers[0].params["W_xh"].shape == (3, 2)


def test_the_counts_are_those_of_the_built_model() -> None:
    model = Sequential([Repeat(RecurrentLayer(3), times=3), LastStep(), Dense(2)])
    model.build((5, 4), 0, "float32")
    rows = summarize(model, (5, 4))
    assert sum(row.count for row in rows) == sum(value.size for value in model.params.values())
    shapes = [shape for row in rows for shape in row.parameters.values()]
    assert shapes == [value.shape for value in model.params.values()]


def test_layers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match="LastStep"):
        summarize(Sequential([LastStep(), LastStep()]), (5, 2))
