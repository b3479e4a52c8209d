"""Plain values: the very item that is wrong has its own place, and the message its hint."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from config_samples import Paper
from msgspec import Meta

from minidl.config import build, parse_text
from minidl.config.values import check_plain
from minidl.core.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("margins: [1, x]", ["f.yaml:1:14: margins.1: expected `float`, got `str` 'x'"]),
        ("margins: 3", ["f.yaml:1:10: margins: expected `list`, got `int` 3"]),
        ("margins: {a: 1}", ["f.yaml:1:10: margins: expected `list`, got `mapping` {'a': 1}"]),
        ("size: a4", ["f.yaml:1:7: size: unknown value 'a4'; did you mean A4?"]),
        ("size: portrait", ["f.yaml:1:7: size: unknown value 'portrait'; known: A4, A5"]),
        ("title: 3", ["f.yaml:1:8: title: expected `str | null`, got `int` 3; put it in quotes if text is meant"]),
        ("switch: true", ["f.yaml:1:9: switch: expected `str`, got `bool` True; put it in quotes if text is meant"]),
        ("notes: [a, 1]", ["f.yaml:1:12: notes.1: expected `str`, got `int` 1; put it in quotes if text is meant"]),
        ("notes: 1", ["f.yaml:1:8: notes: expected `str | list`, got `int` 1; put it in quotes if text is meant"]),
        ("nested: {a: [1, x], b: y}", [
            "f.yaml:1:17: nested.a.1: expected `int`, got `str` 'x'",
            "f.yaml:1:24: nested.b: expected `list`, got `str` 'y'",
        ]),
        ("nested: {a: [1.5]}", ["f.yaml:1:14: nested.a.0: expected `int`, got `float` 1.5"]),
        ("nested:", ["f.yaml:1:8: nested: expected `mapping`, got `null` None"]),
    ],
)  # fmt: skip
def test_a_wrong_value_is_reported_at_its_item(text: str, expected: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        build(Paper, parse_text(text, "f.yaml"))
    assert str(caught.value).splitlines() == expected


def test_words_of_yaml_1_1_stay_strings_where_a_string_is_meant() -> None:
    assert build(Paper, parse_text("switch: on")).switch == "on"
    assert build(Paper, parse_text("switch: no")).switch == "no"


def test_an_int_becomes_a_float_where_one_is_meant() -> None:
    margins = build(Paper, parse_text("margins: [1, 2.5]")).margins
    assert margins == (1.0, 2.5)
    assert type(margins[0]) is float


def test_a_list_or_a_string_may_be_meant() -> None:
    assert build(Paper, parse_text("notes: [a, b]")).notes == ["a", "b"]
    assert build(Paper, parse_text("notes: a")).notes == "a"


@pytest.mark.parametrize("hint", [Annotated[list[int], Meta(min_length=1)], tuple[int, int]])
def test_the_items_of_lists_with_bounds_and_of_tuples_have_their_own_places(hint: Any) -> None:
    found = []
    check_plain(parse_text("[1, x]", "f.yaml"), hint, (), lambda place, path, message: found.append((place, path)))
    assert [(str(place), path) for place, path in found] == [("f.yaml:1:5", (1,))]


@pytest.mark.parametrize(
    ("hint", "wrong"), [(tuple[int, str], []), (tuple[str, int], [(0,), (1,)]), (tuple[int, ...], [(1,)])]
)
def test_each_item_of_a_tuple_is_looked_at_by_its_own_type(hint: Any, wrong: list[tuple[int]]) -> None:
    found = []
    check_plain(parse_text("[1, x]"), hint, (), lambda place, path, message: found.append(path))
    assert found == wrong


@pytest.mark.parametrize("word", ["yes", "No", "on", "OFF", "y", "n", "maybe"])
def test_words_that_were_truth_values_once_have_a_hint_and_others_none(word: str) -> None:
    found: list[str] = []
    check_plain(parse_text(f"'{word}'"), bool, (), lambda place, path, message: found.append(message))
    assert found == [f"expected `bool`, got `str` '{word}'" + "; write true or false" * (word != "maybe")]
