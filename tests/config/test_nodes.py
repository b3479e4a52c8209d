"""Reading YAML: positions, and every trap of the format closed."""

from __future__ import annotations

import codecs
import os
import re
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from config_samples import GOOD, Written

from minidl.config import Node, nodes, parse_file, parse_text
from minidl.config.nodes import MAX_BYTES, MAX_DEPTH, MAX_NODES, parse_value
from minidl.core.errors import ConfigError


def message(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_text(text, "f.yaml")
    return str(caught.value)


def test_every_node_and_key_knows_its_line_and_column() -> None:
    node = parse_text("a: 1\nlist:\n  - x\n  - {k: v}\n", "f.yaml")
    assert str(node.place) == "f.yaml:1:1"
    assert str(node.key_places["list"]) == "f.yaml:2:1"
    assert str(node.value["a"].place) == "f.yaml:1:4"
    assert str(node.value["list"].place) == "f.yaml:3:3"
    assert str(node.value["list"].value[1].place) == "f.yaml:4:5"
    assert str(node.value["list"].value[1].value["k"].place) == "f.yaml:4:9"
    assert [node.kind, node.value["list"].kind, node.value["a"].kind] == ["mapping", "sequence", "scalar"]


def test_an_alias_stands_for_what_its_anchor_holds() -> None:
    assert parse_text("a: &x {k: [1, 2]}\nb: *x\nc: &s text\nd: [*s, *x]").plain() == {
        "a": {"k": [1, 2]},
        "b": {"k": [1, 2]},
        "c": "text",
        "d": ["text", {"k": [1, 2]}],
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3", "f.yaml:3:1: the key 'a' is repeated; it stands in line 1 already"),
        ("x:\n- k: 1\n- k: 1\n  k: 2", "f.yaml:4:3: x.1: the key 'k' is repeated; it stands in line 3 already"),
        ("1: a", "f.yaml:1:1: a key must be a string, got 1"),
        ("null: a", "f.yaml:1:1: a key must be a string, got null"),
        ("true: a", "f.yaml:1:1: a key must be a string, got true"),
        ("? [a, b]\n: c", "f.yaml:1:3: a key must be a string, got a sequence"),
        ("{a: 1}: c", "f.yaml:1:1: a key must be a string, got a mapping"),
        ("a: !!python/object/apply:os.system [ls]", "f.yaml:1:4: a: the tag !!python/object/apply:os.system is"),
        ("a: !foo {b: 1}", "f.yaml:1:4: a: the tag !foo is not allowed; a config holds plain values only"),
        ("a: !!str 5", "f.yaml:1:4: a: the tag !!str is not allowed"),
        ("a: ! 5", "f.yaml:1:4: a: the tag ! is not allowed"),
        ("a: 1\n---\nb: 2", "f.yaml:2:1: a second document starts here; a config is one document"),
        ("", "f.yaml:1:1: the file is empty"),
        ("# only a comment\n", "f.yaml:1:1: the file is empty"),
        ("---\n...\n", "f.yaml:1:1: the file is empty"),
        ("a: [1", "f.yaml:1:6: invalid YAML: expected ',' or ']'"),
        ("a: b: c", "f.yaml:1:5: invalid YAML: mapping values are not allowed here"),
        ("\ta: 1", "f.yaml:1:1: invalid YAML: found character '\\t' that cannot start any token"),
        ("a: \x00", "f.yaml:1:4: invalid YAML: the character U+0000 is not allowed"),
        ("a: 1\nb: x\x07", "f.yaml:2:5: invalid YAML: the character U+0007 is not allowed"),
        ("a: 1\nb: *c", "f.yaml:2:4: the alias *c refers to nothing above it"),
        ("a: &x [1, *x]", "f.yaml:1:11: the alias *x stands inside what it refers to"),
        ("a: &x {b: {c: *x}}", "f.yaml:1:15: the alias *x stands inside what it refers to"),
        ('a: "\\ud800"', "f.yaml:1:4: a: half of a surrogate pair is not a character"),
        ("a: 1e999", "f.yaml:1:4: a: the number 1e999 is too large for a float"),
        ("a: " + "9" * 5000, "f.yaml:1:4: a: a number of 5000 digits is too long"),
        ('a: "\\UFFFFFFFF"', "f.yaml:1:1: invalid YAML: an escape or a directive holds a number that is too large"),
        ("%YAML 9.9\n---\na: 1", "f.yaml:1:1: invalid YAML: found incompatible YAML document"),
    ],
)
def test_each_trap_is_refused_in_one_line_with_its_place(text: str, expected: str) -> None:
    assert message(text).startswith(expected)
    assert "\n" not in message(text)


def test_what_yaml_was_reading_is_said_where_it_says_so() -> None:
    assert message("a: [1").endswith("but got '<stream end>' (while parsing a flow sequence)")
    assert message("a: [1 2").endswith(" (while parsing a flow sequence)")


def test_a_colon_too_many_is_said_with_what_it_may_come_from() -> None:
    for text in ("a: b: c", "a: Adam, b: 1", "data:\n b: 1\n  c: 2"):
        assert message(text).endswith(", or several keys in a line lack their braces {...}")


def test_problems_that_leave_the_text_readable_are_reported_together() -> None:
    lines = message("a: 1\na: 2\n3: x\nb: [!t 1]\nc: [1").splitlines()
    assert [line.split(" ")[0] for line in lines] == ["f.yaml:2:1:", "f.yaml:3:1:", "f.yaml:4:5:", "f.yaml:5:6:"]


@pytest.mark.parametrize("text", ["[" * 2000, "{a: " * 2000, "- " * 2000, "? " * 2000])
def test_deep_nesting_is_refused_at_the_limit(text: str) -> None:
    assert f"nested deeper than {MAX_DEPTH} levels" in message(text)


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert len(parse_text("a: [" + "[1], " * 300 + "[1]]").plain()["a"]) == 301


def test_aliases_cannot_nest_deeper_than_the_limit() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, MAX_DEPTH + 5)]
    assert f"f.yaml:{MAX_DEPTH}:" in message("\n".join(lines))
    parse_text("\n".join(lines[: MAX_DEPTH - 1]))


def test_a_billion_laughs_are_refused_with_little_memory() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    tracemalloc.start()
    text = message("\n".join(lines))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert f"more than {MAX_NODES:,} values, counting what aliases repeat" in text
    assert peak < 5_000_000


def test_the_limit_of_values_counts_each_of_them() -> None:
    parse_text("[" + "1," * (MAX_NODES - 1) + "]")
    assert "more than 20,000 values" in message("[" + "1," * MAX_NODES + "]")


def test_a_merge_key_is_a_key_like_any_other() -> None:
    assert parse_text("a: &x {b: 1}\nc: {<<: *x}").plain() == {"a": {"b": 1}, "c": {"<<": {"b": 1}}}


def test_a_value_may_be_empty_where_a_file_may_not() -> None:
    assert parse_value("", "--set a=").plain() is None


def test_a_file_with_a_byte_order_mark_and_windows_line_ends_is_read(write: Written) -> None:
    Path(write("a.yaml", "")).write_bytes(codecs.BOM_UTF8 + b"a: 1\r\nb: \xc2\xb5\r\n")
    node = parse_file("a.yaml")
    assert node.plain() == {"a": 1, "b": "µ"}
    assert str(node.value["b"].place) == "a.yaml:2:4"


def test_a_file_that_is_not_utf8_is_refused_at_the_byte(write: Written) -> None:
    Path(write("a.yaml", "")).write_bytes("a: 1\nb: µ".encode("latin-1"))
    with pytest.raises(ConfigError, match=re.escape("a.yaml:2:4: byte 0xb5 is not UTF-8; save the file as UTF-8")):
        parse_file("a.yaml")
    Path("a.yaml").write_bytes("a: 1".encode("utf-16"))
    with pytest.raises(ConfigError, match=r"^a.yaml:1:1: byte 0xff is not UTF-8"):
        parse_file("a.yaml")


def test_a_large_file_is_refused_before_it_is_parsed(write: Written) -> None:
    write("a.yaml", "a: 1\n#" + "µ" * (MAX_BYTES // 2))
    with pytest.raises(ConfigError, match=r"^a.yaml: is larger than 1 MB"):
        parse_file("a.yaml")
    with pytest.raises(ConfigError, match=r"^<text>: is larger than 1 MB"):
        parse_text("#" * (MAX_BYTES + 1))


def test_a_file_that_cannot_be_read_is_one_clear_line(write: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    write("folder/a.yaml", "a: 1")
    os.mkfifo("pipe.yaml")
    cases = {
        "none.yaml": "none.yaml: no such file.",
        "folder": "folder: is a folder; a YAML file was expected.",
        "pipe.yaml": "pipe.yaml: is not a regular file.",
        "x\0.yaml": "x\\x00.yaml: cannot be read: a path holds no null character.",
        "a" * 300: "cannot be read: file name too long.",
    }
    for path, expected in cases.items():
        with pytest.raises(ConfigError) as caught:
            parse_file(path)
        assert str(caught.value).endswith(expected)

    def refuse(*args: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", refuse)  # root may read everything, so chmod would prove nothing
    with pytest.raises(ConfigError, match=r"^folder/a.yaml: cannot be read: permission denied\.$"):
        parse_file("folder/a.yaml")


def test_the_same_text_gives_the_same_tree_as_a_naive_reading() -> None:
    node: Node = parse_text(GOOD)
    assert node.plain()["paper"] == {
        "size": "A5",
        "margins": [1, 2.5, 0.5],
        "title": "A title",
        "nested": {"a": [1, 2], "b": []},
    }
    assert node.plain()["scale"] == 0.001


def test_as_many_lines_and_characters_as_is_said_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "MAX_LINES", 3)
    assert parse_text("a: 1\nb: 2\nc: 3").plain() == {"a": 1, "b": 2, "c": 3}
    assert message("a: 1\nb: 2\nc: 3\n") == "f.yaml:4:1: more than 3 lines"
    monkeypatch.setattr(nodes, "MAX_LINE", 7)
    assert parse_text("a: 1\nb: 2345").plain() == {"a": 1, "b": 2345}
    assert message("a: 1\nb: 23456") == "f.yaml:2:8: a line of more than 7 characters"


def test_as_many_brackets_may_be_open_as_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "MAX_OPEN_BRACKETS", 2)
    assert parse_text("a: ']]'\nb: [[1], {c: 2}]").plain() == {"a": "]]", "b": [[1], {"c": 2}]}
    assert message("a: [[1], {c: [2]}]") == f"f.yaml:1:14: nested deeper than {MAX_DEPTH} levels"


def test_as_many_values_and_levels_as_is_said_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "MAX_NODES", 6)
    assert parse_text("[1, [2, 3], 4]").plain() == [1, [2, 3], 4]
    assert "more than 6 values" in message("[1, [2, 3], [], 4]")
    assert parse_text("[&x [1], *x, 2]").plain() == [[1], [1], 2]
    assert "more than 6 values, counting what aliases repeat" in message("[&x [1], *x, 2, 3]")
    assert "more than 6 values" in message("[&x 1, *x, *x, *x, *x, *x]")
    monkeypatch.setattr(nodes, "MAX_DEPTH", 2)
    assert parse_text("[[1], 2]").plain() == [[1], 2]
    assert parse_text("[&x [1], *x]").plain() == [[1], [1]]
    assert "nested deeper than 2 levels" in message("[[[1]]]")
    assert "nested deeper than 2 levels" in message("[&x [1], [*x]]")
