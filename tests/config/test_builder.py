"""Trees become objects; every problem has its place, its key path and a suggestion."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import pytest
from config_samples import (
    GOOD,
    BrokenShape,
    CircleShape,
    Colour,
    Drawing,
    MixedColour,
    Paper,
    PlainRed,
    RectangleShape,
    Shape,
)

from minidl.config import build, builder, construct, dump, parse_text
from minidl.core.arguments import Configurable
from minidl.core.errors import ConfigError
from minidl.core.initializers import normal_fan_in, zeros
from minidl.core.registry import WRITTEN


def problems(text: str, target: type = Drawing) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        build(target, parse_text(text, "f.yaml"))
    return str(caught.value).splitlines()


def test_a_config_becomes_the_objects_that_it_names() -> None:
    drawing = build(Drawing, parse_text(GOOD))
    assert type(drawing) is Drawing
    assert (drawing.seed, drawing.scale, drawing.paper.size) == (3, 0.001, "A5")
    assert drawing.paper.margins == (1.0, 2.5, 0.5)
    assert type(drawing.background) is PlainRed
    circle, rectangle, other = drawing.shape.members
    assert (type(circle), circle.radius, circle.filled, circle.border) == (CircleShape, 2.0, False, None)
    assert (type(rectangle), rectangle.labels) == (RectangleShape, {"a": 1, "b": 2})
    assert (other.fill_initializer, circle.fill_initializer) == (normal_fan_in, zeros)
    assert (type(other.colour), other.colour.mode) == (MixedColour, "subtractive")


def test_an_object_its_config_and_the_text_of_it_lead_to_each_other() -> None:
    drawing = build(Drawing, parse_text(GOOD))
    config = drawing.to_config()
    assert build(Drawing, parse_text(dump(config))).to_config() == config
    assert construct(Drawing, config).to_config() == config


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sed: 1\nshape: GroupShape", "f.yaml:1:1: sed: unknown key 'sed' of Drawing; did you mean seed?"),
        ("seed: 1", "f.yaml:1:1: Drawing needs shape"),
        ("[1]", "f.yaml:1:1: expected a mapping of Drawing's keys; got a sequence"),
        ("text", "f.yaml:1:1: expected a mapping of Drawing's keys; got 'text'"),
        ("shape: CircelShape", "f.yaml:1:8: shape: unknown shape 'CircelShape'; did you mean CircleShape?"),
        ("shape: {type: groupshape}", "f.yaml:1:15: shape.type: unknown shape 'groupshape'; did you mean GroupShape?"),
        ("shape: PlainRed", "f.yaml:1:8: shape: unknown shape 'PlainRed'; known: BrokenShape, CircleShape, GroupShape, "
         "RectangleShape (PlainRed is a colour)"),
        ("shape: os.system", "f.yaml:1:8: shape: unknown shape 'os.system'; known: "),
        ("shape: {type: os.path.join}", "f.yaml:1:15: shape.type: unknown shape 'os.path.join'; known: "),
        ("shape: {radius: 1}", "f.yaml:1:8: shape: type is missing; expected a shape as {type: NAME, ...} or NAME"),
        ("shape: {tpye: CircleShape, radius: 1}", "f.yaml:1:9: shape.tpye: unknown key 'tpye'; did you mean type?"),
        ("shape: {type: 3}", "f.yaml:1:15: shape.type: expected the name of a class; got 3"),
        ("shape: {type: [CircleShape]}", "f.yaml:1:15: shape.type: expected the name of a class; got a sequence"),
        ("shape: {type: null, radius: 1}", "f.yaml:1:15: shape.type: expected the name of a class; got null"),
        ("shape:", "f.yaml:1:7: shape: expected a shape as {type: NAME, ...} or NAME; got null"),
        ("shape: 3", "f.yaml:1:8: shape: expected a shape as {type: NAME, ...} or NAME; got 3"),
        ("shape: [CircleShape]", "f.yaml:1:8: shape: expected a shape as {type: NAME, ...} or NAME; got a sequence"),
        ("shape: CircleShape", "f.yaml:1:8: shape: CircleShape needs radius; write {type: CircleShape, radius: ...}"),
        ("shape:\n  type: CircleShape", "f.yaml:2:3: shape: CircleShape needs radius"),
        ("shape: {type: CircleShape, radius: 1, colour: null}", "f.yaml:1:47: shape.colour: expected a colour as"),
        ("shape: {type: GroupShape, members: CircleShape}", "f.yaml:1:36: shape.members: expected a list, each item a "
         "shape as {type: NAME, ...} or NAME; got 'CircleShape'"),
        ("shape: {type: GroupShape, members: {type: CircleShape}}", "f.yaml:1:36: shape.members: expected a list"),
        ("shape: {type: GroupShape, members: [GroupShape, ~]}", "f.yaml:1:49: shape.members.1: expected a shape as"),
        ("shape: {type: CircleShape, radius: 0}", "f.yaml:1:36: shape.radius: expected `float` > 0.0, got 0"),
        ("shape: {type: CircleShape, radius: '1'}", "f.yaml:1:36: shape.radius: expected `float`, got `str` '1'; "
         "leave out the quotes"),
        ("shape:\n  type: CircleShape\n  radius: 1,5", "f.yaml:3:11: shape.radius: expected `float`, got `str` '1,5'; "
         "decimals are written with a point"),
        ("shape: {type: CircleShape, radius: 1,5}", "f.yaml:1:38: shape: a key must be a string, got 5; "
         "decimals are written with a point"),
        ("shape: {type: CircleShape, radius: %1}", "f.yaml:1:36: invalid YAML: found character '%' that cannot start "
         "any token (while scanning for the next token); put such a text in quotes"),
        ("shape: {type: CircleShape, radius: x1}", "f.yaml:1:36: shape.radius: expected `float`, got `str` 'x1'"),
        ("shape: {type: CircleShape, radius: 1, fill_initializer: zeroes}", "f.yaml:1:57: shape.fill_initializer: "
         "unknown initializer 'zeroes'; did you mean zeros?"),
        ("shape: {type: CircleShape, radius: 1, fill_initializer: {type: zeros}}", "f.yaml:1:57: "
         "shape.fill_initializer: expected the name of an initializer; got a mapping"),
        ("shape: {type: PlainRed, x: 1}", "f.yaml:1:15: shape.type: unknown shape 'PlainRed'"),
        ("shape: GroupShape\nbackground: {type: PlainRed, x: 1}", "f.yaml:2:30: background.x: unknown key 'x' of "
         "PlainRed; it takes no arguments"),
        ("shape: GroupShape\npaper:", "f.yaml:2:7: paper: expected a mapping of Paper's keys; got null"),
        ("shape: GroupShape\npaper: A4", "f.yaml:2:8: paper: expected a mapping of Paper's keys; got 'A4'"),
        ("shape: GroupShape\npaper: {type: Paper}", "f.yaml:2:9: paper.type: unknown key 'type' of Paper"),
        ("shape: GroupShape\nextends: 3", "f.yaml:2:1: extends: unknown key 'extends' of Drawing"),
        ('shape: GroupShape\n"a\\nb": 3', "f.yaml:2:1: 'a\\nb': unknown key 'a\\nb' of Drawing"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_line_with_its_place_and_what_to_do(text: str, expected: str) -> None:
    lines = problems(text)
    assert lines[0].startswith(expected)
    assert len(lines) == 1


def test_all_problems_are_reported_at_once_in_the_order_of_the_file() -> None:
    text = GOOD.replace("seed: 3", "seed: x").replace("size: A5", "size: A6").replace("radius: 2", "radus: 2")
    assert problems(text.replace("parts: [0, 1, 0.5]", "parts: [0, 7, x]")) == [
        "f.yaml:2:7: seed: expected `int`, got `str` 'x'",
        "f.yaml:5:9: paper.size: unknown value 'A6'; known: A4, A5",
        # The misspelt argument is not missing besides.
        "f.yaml:13:27: shape.members.0.radus: unknown key 'radus' of CircleShape; did you mean radius?",
        "f.yaml:23:20: shape.members.2.colour.parts.1: expected `float` <= 1.0, got 7",
        "f.yaml:23:23: shape.members.2.colour.parts.2: expected `float`, got `str` 'x'",
    ]


def test_very_many_problems_are_cut() -> None:
    lines = problems("shape: GroupShape\n" + "\n".join(f"k{i}: 1" for i in range(60)))
    assert len(lines) == 51
    assert lines[-1] == "(+10 more)"
    lines = problems("shape: GroupShape\n" + "\n".join(f"k{i}: 1" for i in range(51)))
    assert len(lines) == 51
    assert lines[-1] == "(+1 more)"
    lines = problems("shape: GroupShape\n" + "\n".join(f"k{i}: 1" for i in range(50)))
    assert len(lines) == 50
    assert "k49" in lines[-1]


def test_what_a_constructor_refuses_stands_where_it_was_written() -> None:
    two = "shape:\n  type: RectangleShape\n  width: 1\n  height: 2\n"
    assert problems(two) == [
        "f.yaml:2:3: shape: RectangleShape: the width must not be below the height; swap them",
    ]
    named = "shape: GroupShape\nbackground:\n  type: MixedColour\n  parts: [1]\n"
    assert problems(named) == ["f.yaml:4:10: background.parts: expected three numbers, got 1"]
    inner = "shape:\n  type: RectangleShape\n  labels: {b: 1, area: -1}\n"
    assert problems(inner) == ["f.yaml:3:24: shape.labels.area: must not be negative"]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("value", "BrokenShape: it is broken"),
        ("type", "BrokenShape: it is broken"),
        ("key", "BrokenShape: KeyError while it was constructed: 'nothing'"),
    ],
)
def test_a_fault_of_a_plugins_class_is_reported_too(how: str, message: str) -> None:
    assert problems(f"shape: {{type: BrokenShape, how: {how}}}") == [f"f.yaml:1:8: shape: {message}"]


def test_null_stands_for_no_component_where_the_hint_allows_it() -> None:
    assert build(Drawing, parse_text("shape: GroupShape\nbackground: null")).background is None


def test_a_kind_can_be_built_by_itself() -> None:
    assert build(Shape, parse_text("type: RectangleShape\nwidth: 3")).width == 3
    assert type(build(Colour, parse_text("PlainRed"))) is PlainRed


def test_a_class_asked_for_by_itself_needs_no_type_and_takes_no_other() -> None:
    assert build(CircleShape, parse_text("radius: 3")).radius == 3.0
    assert build(CircleShape, parse_text("{type: CircleShape, radius: 3}")).radius == 3.0
    assert problems("type: GroupShape", CircleShape) == [
        "f.yaml:1:7: type: expected a CircleShape as {type: NAME, ...} or NAME; got GroupShape"
    ]


def test_construct_takes_plain_values_and_reports_key_paths() -> None:
    class Own(RectangleShape):
        """Not registered."""

    own = construct(Own, {"width": 5, "labels": {"a": 1}})
    assert type(own) is Own
    assert construct(Own, own.to_config()).to_config() == own.to_config()
    with pytest.raises(ConfigError) as caught:
        construct(Drawing, {"shape": {"type": "CircleShape", "radius": "x"}, "sed": 1, "paper": "p.yaml"})
    assert str(caught.value).splitlines() == [
        "shape.radius: expected `float`, got `str` 'x'",
        "sed: unknown key 'sed' of Drawing; did you mean seed?",
        "paper: expected a mapping of Paper's keys; got 'p.yaml'",
    ]


def test_nothing_is_imported_or_run_by_a_hostile_config() -> None:
    events: list[str] = []
    active = True

    def audit(event: str, _: Any) -> None:
        if active and event in {"import", "exec", "compile", "os.system", "subprocess.Popen", "open"}:
            events.append(event)

    sys.addaudithook(audit)
    hostile = ["os.system", "antigravity", "builtins.exec", "__import__", "this", "../x", "minidl.layers.Dense", "eval"]
    try:
        for name in hostile:
            for text in (f"shape: {name}", f"shape: {{type: {name}, x: 1}}", f"shape: !!python/name:{name} x"):
                with pytest.raises(ConfigError):
                    build(Drawing, parse_text(text))
    finally:
        active = False
    assert events == []


def test_the_sections_defaults_are_those_of_the_class() -> None:
    drawing = build(Drawing, parse_text("shape: GroupShape"))
    assert drawing.paper.to_config() == Paper().to_config()
    assert isinstance(drawing, Configurable)
    assert issubclass(BrokenShape, Shape)


def test_the_limit_that_ended_the_reading_is_told_before_other_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "MAX_NODES", 1)
    with pytest.raises(ConfigError) as caught:
        build(Drawing, parse_text("wrong: 1\nshape: CircleShape", "f.yaml"))
    assert [line[:10] for line in str(caught.value).splitlines()] == ["f.yaml:2:8", "f.yaml:1:1"]


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("title: a\n<<: {switch: b}", "f.yaml:2:1: <<: unknown key '<<' of Paper; "),
        ("title: a\nnested: {<<: {a: [1]}}", "f.yaml:2:10: nested: "),
    ],
)
def test_yamls_merge_key_is_named_and_not_just_unknown(text: str, start: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(Paper, parse_text(text, "f.yaml"))
    hint = "YAML's merge key << is not read; write the keys out, or extend a file that holds them"
    assert str(caught.value) == start + hint


@dataclass(eq=False)
class Framed(Configurable):
    """A part that must be of one class of its kind."""

    shape: RectangleShape


def test_a_name_of_a_kind_is_taken_where_it_is_of_the_class_that_is_asked_for() -> None:
    assert build(Framed, parse_text("shape: RectangleShape")).shape.width == 1
    assert problems("shape: GroupShape", Framed) == [
        "f.yaml:1:8: shape: expected a RectangleShape as {type: NAME, ...} or NAME; got GroupShape"
    ]


def test_an_object_remembers_where_it_is_written() -> None:
    found = build(Drawing, parse_text("shape: {type: GroupShape, members: [GroupShape]}", "f.yaml")).shape
    assert vars(found)[WRITTEN] == "f.yaml:1:8: shape"
    assert vars(found.members[0])[WRITTEN] == "f.yaml:1:37: shape.members.0"
