"""The JSON Schema accepts what the builder accepts, and refuses what a typing slip makes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from config_samples import GOOD, CircleShape, Colour, Drawing, MixedColour, PlainRed, Shape
from jsonschema import Draft202012Validator

from minidl.config import build, json_schema, parse_text
from minidl.core.arguments import Configurable


def errors(text: str, target: type = Drawing) -> list[str]:
    validator = Draft202012Validator(json_schema(target))
    return [error.message for error in validator.iter_errors(parse_text(text).plain())]


@pytest.mark.parametrize("target", [Drawing, Shape, CircleShape])
def test_the_schema_is_a_valid_schema_and_plain_json(target: type) -> None:
    schema = json_schema(target)
    Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema))["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_reference_leads_to_a_definition() -> None:
    schema = json_schema(Drawing)

    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if "$ref" in part else []
            return own + [found for child in part.values() for found in references(child)]
        return [found for child in part for found in references(child)] if isinstance(part, list) else []

    assert references(schema)
    assert {name.removeprefix("#/$defs/") for name in references(schema)} <= set(schema["$defs"])


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "shape: GroupShape",
        "extends: base.yaml\nseed: 3",
        "paper: {size: A5}",
        "shape: parts/shape.yaml\npaper: paper.yml",
        "shape: {type: GroupShape, members: parts/list.yaml}",
        "shape: {type: GroupShape, members: [GroupShape, parts/circle.yaml]}",
        "shape: {radius: 3}\nextends: base.yaml",
        "background: null",
        "shape: {type: CircleShape, radius: 1e-3, border: null}",
    ],
)
def test_good_configs_and_partial_ones_pass(text: str) -> None:
    assert errors(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "sed: 3",
        "seed: x",
        "scale: 0",
        "paper: {siz: A5}",
        "paper: {size: A6}",
        "paper: A5",
        "shape: CircleShape",
        "shape: CircelShape",
        "shape: {type: CircelShape, radius: 1}",
        "shape: {type: CircleShape}",
        "shape: {type: CircleShape, radus: 1}",
        "shape: {type: CircleShape, radius: 1, radus: 1}",
        "shape: {type: CircleShape, radius: 1, colour: null}",
        "shape: {type: CircleShape, radius: 1, fill_initializer: zeroes}",
        "shape: {type: GroupShape, members: [{type: GroupShape, membrs: []}]}",
        "shape: {radus: 3}",
        "shape: 3",
        "[1]",
    ],
)
def test_wrong_configs_fail(text: str) -> None:
    assert errors(text)


def test_whatever_the_builder_refuses_after_one_slip_in_a_key_the_schema_refuses_too() -> None:
    for line in GOOD.splitlines():
        key = line.split(":")[0].strip(" -{")
        if ":" in line and key.isalpha() and key not in {"a"}:
            slip = GOOD.replace(line, line.replace(f"{key}:", f"{key[:-1]}:", 1))
            assert errors(slip), slip
            with pytest.raises(ValueError):
                build(Drawing, parse_text(slip))


def test_definitions_carry_docstrings_types_and_defaults() -> None:
    defs = json_schema(Drawing)["$defs"]
    circle = defs["shape.CircleShape"]
    assert circle["description"] == "A round shape."
    assert circle["required"] == ["type", "radius"]
    assert circle["additionalProperties"] is False
    assert circle["properties"]["radius"] == {
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": 1_000_000_000,
        "description": "in cm, above 0.",
    }
    assert circle["properties"]["colour"] == {
        "$ref": "#/$defs/colour",
        "description": "what it is filled with, and the line around it.",
        "default": "PlainRed",
    }
    assert circle["properties"]["fill_initializer"]["default"] == "zeros"
    assert defs["section.Paper"]["properties"]["size"]["description"] == "of the sheet."
    assert "required" not in defs["section.Paper"]
    assert "normal_fan_in" in defs["initializer"]["enum"]
    assert defs["shape"]["anyOf"][0]["enum"] == ["BrokenShape", "GroupShape", "RectangleShape"]


def test_a_file_that_holds_a_model_only_has_a_schema_too() -> None:
    assert errors("{type: CircleShape, radius: 2}", Shape) == []
    assert errors("{type: CircleShape, radus: 2}", Shape)


@dataclass(eq=False)
class Poster(Configurable):
    """Components by default: one that needs an argument, one with another argument than its own, a plain one."""

    shape: Shape = field(default_factory=lambda: CircleShape(2.0))
    colour: Colour = field(default_factory=lambda: MixedColour(mode="subtractive"))
    border: Colour = field(default_factory=PlainRed)


def test_a_component_by_default_is_shown_by_its_name_where_that_says_all() -> None:
    defaults = {
        name: value["default"] for name, value in json_schema(Poster)["properties"].items() if name != "extends"
    }
    assert defaults["border"] == "PlainRed"
    assert defaults["colour"] == {"type": "MixedColour", **MixedColour(mode="subtractive").to_config()}
    assert (defaults["shape"]["type"], defaults["shape"]["radius"]) == ("CircleShape", 2.0)
