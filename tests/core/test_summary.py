"""The table of layers: positions, output shapes, parameters, counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import pytest

from minidl import (
    INFERENCE,
    ConfigError,
    Container,
    Context,
    Dense,
    LastStep,
    Layer,
    RecurrentLayer,
    Repeat,
    Sequential,
    ShapeError,
    TanhActivation,
)
from minidl.core.summary import LayerSummary, summarize


def test_the_textbooks_two_models_have_49_and_26_parameters_in_the_stated_places() -> None:
    single = summarize(Sequential([RecurrentLayer(4), LastStep(), Dense(1)]), (24, 6)).rows
    assert single == [
        LayerSummary("0 RecurrentLayer", (24, 4), {"W_xh": (6, 4), "W_hh": (4, 4), "b_h": (4,)}, 44),
        LayerSummary("1 LastStep", (4,), {}, 0),
        LayerSummary("2 Dense", (1,), {"W": (4, 1), "b": (1,)}, 5),
    ]
    layers: list[Layer] = [RecurrentLayer(2, bias=False) for _ in range(2)]
    deep = summarize(Sequential([*layers, LastStep(), Dense(1, bias=False)]), (24, 6)).rows
    assert [row.count for row in deep] == [12 + 4, 4 + 4, 0, 2]
    assert sum(row.count for row in deep) == 26


def test_containers_are_opened_and_positions_lead_into_them() -> None:
    model = Sequential([Repeat(RecurrentLayer(3), times=2), Sequential([LastStep(), Dense(1)]), TanhActivation()])
    rows = summarize(model, (None, 2)).rows
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
    rows = summarize(Sequential([twice, twice, LastStep()]), (5, 2)).rows
    assert [row.count for row in rows] == [2 * 2 + 2 * 2 + 2, 0, 0]
    assert rows[1].parameters == {}


def test_a_layer_alone_is_a_summary_of_one_row() -> None:
    assert summarize(Dense(3), (2,)).rows == [LayerSummary("Dense", (3,), {"W": (2, 3), "b": (3,)}, 9)]


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
    rows = summarize(model, (5, 4)).rows
    assert sum(row.count for row in rows) == sum(value.size for value in model.params.values())
    shapes = [shape for row in rows for shape in row.parameters.values()]
    assert shapes == [value.shape for value in model.params.values()]


def test_layers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match="LastStep"):
        summarize(Sequential([LastStep(), LastStep()]), (5, 2))


TABLE = """\
layer             output shape  parameters                      count
input             (None, 3)
0 RecurrentLayer  (None, 2)     W_xh (3, 2)  W_hh (2, 2)  b_h (2,)     12
1 LastStep        (2,)                                              0
2 Dense           (1,)          W (2, 1)  b (1,)                    3
total: 15 parameters, float64"""


def test_a_built_model_has_its_table_as_text_and_as_html() -> None:
    model = Sequential([RecurrentLayer(2), LastStep(), Dense(1)])
    model.build((None, 3), 0, "float64")
    shown = model.summary()
    assert shown.parameters == 15
    assert [line.split() for line in str(shown).splitlines()] == [line.split() for line in TABLE.splitlines()]
    assert repr(shown) == str(shown)
    html = model._repr_html_()
    assert html == shown._repr_html_()
    ElementTree.fromstring(html)
    cells = [[cell.text or "" for cell in row] for row in ElementTree.fromstring(html).iter("tr")]
    assert cells[2] == ["0 RecurrentLayer", "(None, 2)", "W_xh (3, 2)  W_hh (2, 2)  b_h (2,)", "12"]
    assert len(cells) == 5
    # A notebook's style puts all on the right: the names of layers, too.
    assert html.count("text-align:left") == 3 * len(cells)


def test_a_model_that_was_not_built_needs_a_shape() -> None:
    model = Sequential([LastStep(), Dense(2)])
    with pytest.raises(ConfigError, match=r"^Sequential: it was not built yet; call build, or summary\(input_shape\)"):
        model.summary()
    assert str(model.summary(4)) == str(model.summary((None, 4)))
    assert model.summary(4).parameters == 10
    assert model._repr_html_() == "<code>Sequential([LastStep(), Dense(2)])</code>"


@dataclass(eq=False)
class Named(Container):
    """Children with names that somebody chose."""

    layer: Layer
    name: str

    def children(self) -> dict[str, Layer]:
        return {self.name: self.layer}

    def forward(self, x: Any, ctx: Context = INFERENCE) -> Any:
        return self.layer.forward(x, ctx)

    def backward(self, dy: Any, cache: Any) -> Any:
        return self.layer.backward(dy, cache)


def test_no_name_makes_html_or_a_second_line() -> None:
    model = Named(Dense(1), "<script>&\n")
    escaped = "&lt;script&gt;&amp;"
    assert escaped in model._repr_html_()
    assert "<script" not in model._repr_html_()
    model.build((2,), 0)
    assert escaped in model._repr_html_()
    assert "<script" not in model._repr_html_()
    assert len(str(model.summary()).splitlines()) == 4
