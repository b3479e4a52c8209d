"""Constructor arguments: checked, shown, and turned into a config."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

import minidl
from minidl import (
    ConfigError,
    Dense,
    HalfMSE,
    LastStep,
    Layer,
    Loss,
    Optimizer,
    RecurrentLayer,
    ReluActivation,
    Repeat,
    Sequential,
    TanhActivation,
)
from minidl.core.arguments import (
    Configurable,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    argument_hints,
    component_hint,
    convert,
    describe,
    required_arguments,
)
from minidl.core.initializers import Initializer, glorot_uniform, orthogonal, zeros


@dataclass(eq=False)
class Section(Configurable):
    """A config section with all sorts of arguments."""

    count: PositiveInt
    _: KW_ONLY
    rate: PositiveFloat = 0.5
    mode: Literal["fast", "exact"] = "fast"
    loss: Loss | None = None
    layers: list[Layer] = field(default_factory=list)
    start: Initializer = zeros
    table: dict[str, Any] = field(default_factory=dict)
    kind: ClassVar[str] = "no argument"
    derived: int = field(init=False, default=0)


class TestArgumentHints:
    def test_are_the_constructors_arguments_in_order(self):
        assert list(argument_hints(Section)) == ["count", "rate", "mode", "loss", "layers", "start", "table"]
        assert list(argument_hints(RecurrentLayer)) == [
            "hidden_size",
            "activation",
            "bias",
            "input_initializer",
            "recurrent_initializer",
            "bias_initializer",
        ]
        assert list(argument_hints(LastStep)) == []  # params is no argument

    def test_required_ones_have_no_default(self):
        assert required_arguments(Section) == ["count"]
        assert required_arguments(Repeat) == ["layer", "times"]
        assert required_arguments(LastStep) == []


class TestComponentHint:
    @pytest.mark.parametrize(
        ("hint", "expected"),
        [
            (Layer, (Layer, False)),
            (Layer | None, (Layer, False)),
            (list[Layer], (Layer, True)),
            (list[Loss] | None, (Loss, True)),
            (Section, (Section, False)),
            (Initializer, (Initializer, False)),
            (int, None),
            (list[int], None),
            (int | str, None),
            (PositiveInt, None),
            (dict[str, Any], None),
            (Literal["a"], None),
            (Layer | Loss, None),
        ],
    )
    def test_tells_components_from_plain_values(self, hint, expected):
        assert component_hint(hint) == expected


class TestConvert:
    @pytest.mark.parametrize(
        ("value", "hint", "expected"),
        [
            (3, PositiveInt, 3),
            (3, float, 3.0),
            (np.int64(3), PositiveInt, 3),
            (np.float32(0.5), PositiveFloat, 0.5),
            (np.bool_(True), bool, True),
            (0, NonNegativeInt, 0),
            (0, NonNegativeFloat, 0.0),
            (None, int | None, None),
            ((1, 2), list[int], [1, 2]),
            ({"a": 1}, dict[str, Any], {"a": 1}),
        ],
    )
    def test_gives_the_value_in_the_type_that_is_asked_for(self, value, hint, expected):
        got = convert(value, hint)
        assert got == expected
        assert type(got) is type(expected)

    @pytest.mark.parametrize(
        ("value", "hint", "message"),
        [
            (0, PositiveInt, "expected `int` >= 1, got 0"),
            (-1, NonNegativeInt, "expected `int` >= 0, got -1"),
            (True, PositiveInt, "expected `int`, got `bool` True"),
            (2.5, PositiveInt, "expected `int`, got `float` 2.5"),
            ("3", PositiveInt, "expected `int`, got `str` '3'"),
            (1, bool, "expected `bool`, got `int` 1"),
            (0.0, PositiveFloat, "expected `float` > 0.0, got 0.0"),
            (float("nan"), PositiveFloat, "expected `float` > 0.0, got nan"),
            (-0.5, NonNegativeFloat, "expected `float` >= 0.0, got -0.5"),
            (None, int, "expected `int`, got `null` None"),
            ([1, "2"], list[int], "expected `int`, got `str` - at `$[1]` [1, '2']"),
        ],
    )
    def test_refuses_the_rest_and_shows_what_it_got(self, value, hint, message):
        with pytest.raises(ConfigError) as err:
            convert(value, hint)
        assert str(err.value) == message

    def test_cuts_a_long_value_short(self):
        with pytest.raises(ConfigError) as err:
            convert("x" * 500, int)
        assert len(str(err.value)) < 100
        assert str(err.value).endswith("...")


class TestConstruction:
    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: Section(0), "Section: count: expected `int` >= 1, got 0"),
            (lambda: Section(1, rate="x"), "Section: rate: expected `float`, got `str` 'x'"),
            (
                lambda: Section(1, loss=HalfMSE),
                "Section: loss: expected a Loss, got the class HalfMSE; write HalfMSE()",
            ),
            (lambda: Section(1, loss=Dense(1)), f"Section: loss: expected a Loss, got {Dense(1)!r}"),
            (lambda: Section(1, layers=Dense(1)), "Section: layers: expected a list of Layer, got Dense"),
            (lambda: Section(1, layers=[HalfMSE()]), "Section: layers: expected a Layer, got HalfMSE()"),
            (
                lambda: RecurrentLayer(2, activation=TanhActivation),
                "RecurrentLayer: activation: expected a Layer, got the class TanhActivation; write TanhActivation()",
            ),
            (
                lambda: RecurrentLayer(2, activation="TanhActivation"),
                "RecurrentLayer: activation: expected a Layer, got 'TanhActivation'; write TanhActivation()",
            ),
        ],
    )
    def test_refuses_wrong_arguments_with_class_and_name(self, make, message):
        with pytest.raises(ConfigError) as err:
            make()
        assert str(err.value) == message

    @pytest.mark.parametrize("value", ["fats", 3])
    def test_refuses_what_is_not_among_the_choices(self, value):
        with pytest.raises(ConfigError, match=r"^Section: mode: "):
            Section(1, mode=value)

    def test_refuses_an_initializer_given_by_name(self):
        # In Python it is the function; the name is for configs.
        with pytest.raises(ConfigError, match=r"^Dense: weight_initializer: expected an? Initializer, got 'zeros'$"):
            Dense(1, weight_initializer="zeros")

    def test_keeps_what_it_was_given_in_the_type_that_was_meant(self):
        section = Section(np.int64(2), rate=1, loss=HalfMSE(), layers=(LastStep(),))
        assert type(section.count) is int
        assert type(section.rate) is float
        assert isinstance(section.layers, list)
        assert Section(1).loss is None

    def test_wants_everything_but_the_first_by_keyword(self):
        with pytest.raises(TypeError):
            Section(1, 0.5)
        with pytest.raises(TypeError):
            RecurrentLayer(2, TanhActivation())


class TestToConfig:
    def test_is_the_arguments_as_plain_values(self):
        section = Section(2, loss=HalfMSE(), layers=[Dense(1), LastStep()], start=orthogonal, table={"a": (1, 2)})
        dense = {
            "type": "Dense",
            "output_size": 1,
            "bias": True,
            "weight_initializer": "normal_fan_in",
            "bias_initializer": "zeros",
        }
        assert section.to_config() == {
            "count": 2,
            "rate": 0.5,
            "mode": "fast",
            "loss": {"type": "HalfMSE"},
            "layers": [dense, {"type": "LastStep"}],
            "start": "orthogonal",
            "table": {"a": [1, 2]},
        }

    def test_describes_components_with_their_type_and_sections_without(self):
        assert describe(LastStep()) == {"type": "LastStep"}
        assert describe(glorot_uniform) == "glorot_uniform"
        assert describe(Section(1)) == Section(1).to_config()
        assert "type" not in describe(Section(1))

    def test_does_not_hand_out_the_objects_own_lists(self):
        section = Section(1, layers=[LastStep()])
        section.to_config()["layers"].append("more")
        assert len(section.layers) == 1


class TestRepr:
    def test_is_what_one_would_write(self):
        model = Sequential([Repeat(RecurrentLayer(2, activation=ReluActivation()), times=3), LastStep()])
        shown = "Sequential([Repeat(RecurrentLayer(2, activation=ReluActivation()), times=3), LastStep()])"
        assert repr(model) == shown
        assert describe(eval(shown)) == describe(model)

    def test_of_an_optimizer_shows_what_is_not_at_its_default(self):
        for cls in Optimizer.__subclasses__():
            if cls.__module__.startswith("minidl."):
                assert repr(cls(0.5)) in (f"{cls.__name__}(0.5)", f"{cls.__name__}(learning_rate=0.5)")
        assert repr(minidl.Adam()) == "Adam()"

    def test_of_a_users_dataclass_is_short_too_and_so_are_long_values(self):
        @dataclass(eq=False)
        class Mine(Configurable):
            values: list[float]
            start: Initializer = zeros
            depth: int = 2

        assert repr(Mine([0.5], glorot_uniform)) == "Mine([0.5], start=glorot_uniform)"
        assert len(repr(Mine([0.5] * 1000))) < 70

    def test_ones_own_is_kept(self):
        @dataclass(eq=False)
        class Own(Configurable):
            def __repr__(self) -> str:
                return "mine"

        assert repr(Own()) == "mine"
