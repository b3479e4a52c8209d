"""Several files as one tree: extends, included files, shipped names, --set."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from config_samples import Drawing, Written

from minidl.config import build, find_config, find_model, load_node, merge, parse_text, shipped
from minidl.config.merge import MAX_EXTENDS
from minidl.core.errors import ConfigError


def refused(config: str, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_node(config, overrides)
    return str(caught.value)


@pytest.fixture
def drawing(write: Written) -> str:
    """A config that extends another one, whose shape stands in a file of a third folder."""
    write("shapes/group.yaml", "type: GroupShape\nmembers:\n  - {type: CircleShape, radius: 2}\n  - RectangleShape\n")
    write("configs/base.yaml", "seed: 1\npaper: {size: A5, margins: [1, 2]}\nshape: ../shapes/group.yaml\n")
    return write("configs/own.yaml", "extends: base.yaml\npaper:\n  margins: [3]\n")


def test_mappings_merge_key_by_key_and_anything_else_replaces() -> None:
    base = parse_text("a: 1\nb: {c: [1, 2], d: {e: 1, f: 2}}\ng: {h: 1}\ni: 1")
    new = parse_text("b: {c: [3], d: {e: 9}}\ng: 5\ni: {j: 1}\nk: 2")
    assert merge.merge(base, new).plain() == {
        "a": 1,
        "b": {"c": [3], "d": {"e": 9, "f": 2}},
        "g": 5,
        "i": {"j": 1},
        "k": 2,
    }
    assert base.plain()["b"]["c"] == [1, 2]


def test_a_mapping_of_another_type_replaces_the_old_one_whole() -> None:
    base = parse_text("o: {type: SGD, momentum: 0.5, rate: 1}")
    assert merge.merge(base, parse_text("o: {type: Adam, rate: 2}")).plain() == {"o": {"type": "Adam", "rate": 2}}
    same = merge.merge(base, parse_text("o: {type: SGD, rate: 2}")).plain()
    assert same == {"o": {"type": "SGD", "momentum": 0.5, "rate": 2}}
    assert merge.merge(base, parse_text("o: {rate: 2}")).plain() == same


def test_a_file_extends_another_relative_to_itself(drawing: str) -> None:
    node = load_node(drawing)
    assert node.plain() == {"seed": 1, "paper": {"size": "A5", "margins": [3]}, "shape": "../shapes/group.yaml"}
    assert str(node.value["seed"].place) == "configs/base.yaml:1:7"
    assert str(node.value["paper"].value["margins"].place) == "configs/own.yaml:3:12"
    assert build(Drawing, node).shape.members[0].radius == 2.0


def test_places_of_merged_mappings_are_those_of_the_file_that_extends(drawing: str, write: Written) -> None:
    write("configs/wrong.yaml", "size: A5\nsed: 1\nred: 1\n")
    node = load_node(write("configs/last.yaml", "# own\nextends: wrong.yaml\nsed: 2\n"))
    with pytest.raises(ConfigError) as caught:
        build(Drawing, node)
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == [
        "configs/last.yaml:2:1",
        "configs/wrong.yaml:1:1",
        "configs/last.yaml:3:1",
        "configs/wrong.yaml:3:1",
    ]


def test_a_file_above_is_named_by_its_shortest_path_unless_a_link_makes_that_another_file(write: Written) -> None:
    write("a.yaml", "seed: here")
    write("real/a.yaml", "seed: there")
    for folder in ("configs", "real/deep"):
        write(f"{folder}/own.yaml", "extends: ../a.yaml")
    Path("linked").symlink_to("real/deep", target_is_directory=True)
    assert str(load_node("configs/own.yaml").value["seed"].place) == "a.yaml:1:7"
    seed = load_node("linked/own.yaml").value["seed"]
    assert (seed.value, str(seed.place)) == ("there", "linked/../a.yaml:1:7")


def test_a_mapping_merges_into_the_file_that_it_lies_over(drawing: str, write: Written) -> None:
    write("configs/more.yaml", "extends: own.yaml\nshape: {members: [PlainRed]}\n")
    assert load_node("configs/more.yaml").plain()["shape"] == {"type": "GroupShape", "members": ["PlainRed"]}


def test_an_included_file_may_itself_extend_one(write: Written) -> None:
    write("shapes/one.yaml", "type: CircleShape\nradius: 1\nfilled: false\n")
    write("shapes/two.yaml", "extends: one.yaml\nradius: 2\n")
    shape = build(Drawing, load_node(write("a.yaml", "shape: shapes/two.yaml"))).shape
    assert (shape.radius, shape.filled) == (2.0, False)


def test_a_misspelt_type_beside_the_one_of_the_file_above_is_suggested(write: Written) -> None:
    write("above.yaml", "shape: {type: CircleShape, radius: 1}\n")
    below = write("below.yaml", "extends: above.yaml\nshape: {tpye: BoxShape}\n")
    with pytest.raises(ConfigError, match=r"unknown key 'tpye' of CircleShape; did you mean type\?"):
        build(Drawing, load_node(below))


def test_files_that_extend_each_other_in_a_circle_are_refused(write: Written) -> None:
    write("a.yaml", "extends: b.yaml")
    write("b.yaml", "x: 1\nextends: c/../a.yaml")
    write("c/x", "")
    assert refused("a.yaml") == (
        "b.yaml:2:10: extends: the files extend each other in a circle: a.yaml -> b.yaml -> a.yaml"
    )
    write("a.yaml", "extends: a.yaml")
    assert refused("a.yaml").startswith("a.yaml:1:10: extends: the files extend each other in a circle")


def test_a_long_chain_of_files_is_refused(write: Written) -> None:
    for i in range(MAX_EXTENDS + 2):
        write(f"f{i}.yaml", f"extends: f{i + 1}.yaml")
    write(f"f{MAX_EXTENDS + 2}.yaml", "a: 1")
    assert refused("f0.yaml") == "f20.yaml:1:10: extends: more than 20 files extend one another"
    assert load_node("f2.yaml").plain() == {"a": 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nextends: bse.yaml", "own.yaml:2:10: extends: no such file: bse.yaml; did you mean base.yaml?"),
        (
            "extends: pm25_hones.yaml",
            "own.yaml:1:10: extends: no such file: pm25_hones.yaml; did you mean pm25_honest.yaml?",
        ),
        ("extends: ownership.yml", "own.yaml:1:10: extends: no such file: ownership.yml; did you mean own.yaml?"),
        ("extends: 7.yaml", "own.yaml:1:10: extends: no such file: 7.yaml"),
        ("extends: no/base.yaml", "own.yaml:1:10: extends: no such file: no/base.yaml"),
        ("extends: folder", "own.yaml:1:10: extends: folder is not a file"),
        ("extends: [base.yaml]", "own.yaml:1:10: extends: expected the path of one YAML file, got a sequence"),
        ("extends:", "own.yaml:1:9: extends: expected the path of one YAML file, got null"),
        ("extends: list.yaml", "own.yaml:1:10: extends: list.yaml must hold a mapping, got a sequence"),
        ("extends: broken.yaml", "broken.yaml:1:6: invalid YAML: expected ',' or ']', but got '<stream end>'"),
        ("extends: latin.yaml", "latin.yaml:1:1: byte 0xb5 is not UTF-8; save the file as UTF-8."),
        ("extends: large.yaml", "own.yaml:1:10: extends: large.yaml: is larger than 1 MB"),
        ('extends: "\\0.yaml"', "own.yaml:1:10: extends: no such file: \\x00.yaml"),
    ],
)
def test_a_wrong_extends_is_one_line_with_its_place(write: Written, text: str, expected: str) -> None:
    for name, content in {"base": "a: 1", "list": "[1]", "broken": "a: [1", "large": "#" * 1_000_001}.items():
        write(f"{name}.yaml", content)
    write("folder/x", "")
    Path("latin.yaml").write_bytes(b"\xb5")
    line = refused(write("own.yaml", text))
    assert line.startswith(expected)
    assert "\n" not in line


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("seed=5", ["seed"], 5),
        ("seed = 1e-3", ["seed"], 0.001),
        ("seed='5'", ["seed"], "5"),
        ("seed=on", ["seed"], "on"),
        ("seed=", ["seed"], None),
        ("seed=null", ["seed"], None),
        ("paper.title=a=b", ["paper", "title"], "a=b"),
        ("paper.margins.0=7", ["paper", "margins", 0], 7),
        ("paper.margins=[4, 5]", ["paper", "margins"], [4, 5]),
        ("shape.members.0.radius=8", ["shape", "members", 0, "radius"], 8),
        ("shape.members.1={type: CircleShape, radius: 1}", ["shape", "members", 1, "radius"], 1),
        ("shape.members.1.width=7", ["shape", "members", 1, "width"], 7),  # which is a bare name
        ("shape.members.1.width=7", ["shape", "members", 1, "type"], "RectangleShape"),
        ("new.key.path=1", ["new", "key", "path"], 1),
    ],
)
def test_set_replaces_one_value_by_its_key_path(drawing: str, override: str, path: list[Any], value: Any) -> None:
    found = load_node(drawing, [override]).plain()
    for key in path:
        found = found[key]
    assert found == value
    assert type(found) is type(value)


def test_set_leaves_everything_else_as_it_was(drawing: str) -> None:
    node = load_node(drawing, ["shape.members.0.radius=8", "shape.members.0.filled=false"])
    assert node.plain() == {
        "seed": 1,
        "paper": {"size": "A5", "margins": [3]},
        "shape": {
            "type": "GroupShape",
            "members": [{"type": "CircleShape", "radius": 8, "filled": False}, "RectangleShape"],
        },
    }


def test_the_place_of_a_set_value_is_the_option(drawing: str) -> None:
    node = load_node(drawing, ["shape.members.0.radius=-8", "paper.siz=A4", "paper.margins=[1, x]"])
    with pytest.raises(ConfigError) as caught:
        build(Drawing, node)
    assert str(caught.value).splitlines() == [
        "--set paper.margins=[1, x]: paper.margins.1: expected `float`, got `str` 'x'",
        "--set paper.siz=A4: paper.siz: unknown key 'siz' of Paper; did you mean size?",
        "--set shape.members.0.radius=-8: shape.members.0.radius: expected `float` > 0.0, got -8",
    ]


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("seed", "--set seed: expected key.path=value, for example model.layers.0.hidden_size=8"),
        ("=1", "--set =1: expected key.path=value"),
        ("a..b=1", "--set a..b=1: expected key.path=value"),
        ("seed.x=1", "--set seed.x=1: seed: is 1, which has no 'x'"),
        (
            "paper.margins.1=1",
            "--set paper.margins.1=1: paper.margins: has 1 item; expected an index up to 0, got '1'",
        ),
        ("paper.margins.-1=1", "--set paper.margins.-1=1: paper.margins: has 1 item; expected an index"),
        ("paper.margins.x=1", "--set paper.margins.x=1: paper.margins: has 1 item; expected an index"),
        ("paper.margins.²=1", "--set paper.margins.²=1: paper.margins: has 1 item; expected an index"),
        ("seed=[1,", "--set seed=[1,: invalid YAML: expected the node content, but found '<stream end>'"),
        ("seed={a: 1, a: 2}", "--set seed={a: 1, a: 2}: the key 'a' is repeated; it stands in line 1 already"),
        ("seed=!!int 3", "--set seed=!!int 3: the tag !!int is not allowed"),
        (".".join("a" * 60) + "=1", "--set 'a.a.a.a.a"),
        ("a\nb", "--set 'a\\nb': expected key.path=value"),
    ],
)
def test_a_wrong_set_is_one_clear_line(drawing: str, override: str, expected: str) -> None:
    line = refused(drawing, override)
    assert line.startswith(expected)
    assert "\n" not in line


def test_all_wrong_options_are_reported_together(drawing: str) -> None:
    assert len(refused(drawing, "seed", "seed.x=1", "seed=2", "a..b=1").splitlines()) == 3


def test_set_reaches_into_a_file_that_does_not_exist_with_one_line(write: Written) -> None:
    write("a.yaml", "shape: nowhere.yaml")
    assert refused("a.yaml", "shape.radius=1") == "a.yaml:1:8: shape: no such file: nowhere.yaml"


def test_a_config_is_found_by_path_or_by_shipped_name(
    write: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind, name in [("configs", "pm25"), ("configs", "pm25_deep"), ("models", "rnn_deep")]:
        write(f"top/{kind}/{name}.yaml", "a: 1")
    write("top/minidl/config/merge.py", "")
    monkeypatch.setattr(merge, "__file__", str(tmp_path / "top/minidl/config/merge.py"))
    assert list(shipped("configs")) == ["pm25", "pm25_deep"]
    assert find_config("pm25_deep") == find_config("pm25_deep.yaml") == tmp_path / "top/configs/pm25_deep.yaml"
    assert find_model("rnn_deep") == tmp_path / "top/models/rnn_deep.yaml"
    write("pm25", "a: 2")
    assert find_config("pm25") == Path("pm25")
    with pytest.raises(
        ConfigError, match=r"^pm25_dep: no such file, and no config of that name .*; did you mean pm25_deep\?$"
    ):
        find_config("pm25_dep")
    with pytest.raises(ConfigError, match=r"^x/pm25.yaml: no such file\.$"):
        find_config("x/pm25.yaml")
    with pytest.raises(ConfigError, match=r"^top/configs/pm52.yaml: no such file; did you mean pm25.yaml\?$"):
        find_config("top/configs/pm52.yaml")
    with pytest.raises(ConfigError, match=r"^top: is a folder; a YAML file was expected\.$"):
        find_config("top")
    write("top/config.yaml", "a: 1")
    with pytest.raises(ConfigError, match=r"expected, such as top/config\.yaml; minidl resume goes on with a run\.$"):
        find_config("top")
    write("own.yaml", "extends: pm25.yaml\nmodel: rnn_deep.yaml")
    assert load_node("own.yaml", ["model.b=1"]).plain() == {"a": 1, "model": {"a": 1, "b": 1}}
    (tmp_path / "top/minidl/shipped/configs").mkdir(parents=True)  # as the wheel installs it
    write("top/minidl/shipped/configs/inside.yaml", "a: 1")
    assert list(shipped("configs")) == ["inside"]


@pytest.mark.parametrize("name", ["", "\0", "a" * 5000, "none", "a\nb", "../..", "/dev/null"])
def test_no_name_of_a_config_gives_more_than_one_line(name: str) -> None:
    assert re.fullmatch(r"[^\n]+", refused(name))


@pytest.mark.parametrize("given", ["members.0=1", {"members.0": 1}])
def test_overrides_that_are_no_list_are_refused_as_a_whole(drawing: str, given: Any) -> None:
    with pytest.raises(ConfigError, match=r"^overrides: expected a list, such as \['training\.epochs=5'\], got "):
        load_node(drawing, given)
