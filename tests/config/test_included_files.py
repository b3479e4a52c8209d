"""Parts of a config in files of their own: placed, nested and refused."""

from __future__ import annotations

import pytest
from config_samples import CircleShape, Drawing, GroupShape, Shape, Written

from minidl.config import build, builder, load_node, locate, parse_file, parse_text, problem_at
from minidl.config.builder import MAX_FILES
from minidl.core.errors import ConfigError


def test_a_part_may_stand_in_a_file_of_its_own(write: Written) -> None:
    write("parts/circle.yaml", "type: CircleShape\nradius: 2\ncolour: deep/red.yml\n")
    write("parts/deep/red.yml", "PlainRed")
    write("parts/list.yaml", "- circle.yaml\n- GroupShape\n")
    write("parts/paper.yaml", "size: A5")
    write("a.yaml", "shape: {type: GroupShape, members: parts/list.yaml}\npaper: parts/paper.yaml\n")
    drawing = build(Drawing, parse_file("a.yaml"))
    assert [type(member) for member in drawing.shape.members] == [CircleShape, GroupShape]
    assert drawing.paper.size == "A5"


def test_a_plain_value_that_ends_in_yaml_is_a_plain_value() -> None:
    assert build(Drawing, parse_text("shape: GroupShape\npaper: {title: a.yaml}")).paper.title == "a.yaml"


def test_problems_in_included_files_have_those_files_places(write: Written) -> None:
    write("parts/circle.yaml", "type: CircleShape\nradus: 2\n")
    write("parts/broken.yaml", "a: 1\na: 2\n")
    write(
        "a.yaml", "shape:\n  type: GroupShape\n  members: [parts/circle.yaml, parts/broken.yaml, parts/circel.yaml]\n"
    )
    with pytest.raises(ConfigError) as caught:
        build(Drawing, parse_file("a.yaml"))
    assert str(caught.value).splitlines() == [
        "parts/circle.yaml:2:1: shape.members.0.radus: unknown key 'radus' of CircleShape; did you mean radius?",
        "parts/broken.yaml:2:1: the key 'a' is repeated; it stands in line 1 already",
        "a.yaml:3:51: shape.members.2: no such file: parts/circel.yaml; did you mean circle.yaml?",
    ]


def test_a_file_that_includes_itself_is_refused(write: Written) -> None:
    write("a.yaml", "shape: b.yaml")
    write("b.yaml", "type: GroupShape\nmembers: [c.yaml]")
    write("c.yaml", "type: GroupShape\nmembers: [b.yaml]")
    with pytest.raises(ConfigError, match=r"^c.yaml:2:11: shape.members.0.members.0: the file b.yaml includes itself$"):
        build(Drawing, parse_file("a.yaml"))
    write("b.yaml", "b.yaml")
    with pytest.raises(ConfigError, match=r"^b.yaml:1:1: shape: the file b.yaml includes itself$"):
        build(Drawing, parse_file("a.yaml"))


def test_a_flood_of_included_files_is_refused(write: Written) -> None:
    write("a.yaml", "shape: f0.yaml")
    for i in range(12):
        write(f"f{i}.yaml", f"type: GroupShape\nmembers: [{', '.join([f'f{i + 1}.yaml'] * 10)}]")
    with pytest.raises(ConfigError, match=f"more than {MAX_FILES} files are included"):
        build(Drawing, parse_file("a.yaml"))
    for i in range(30):
        write(f"f{i}.yaml", f"f{i + 1}.yaml")
    with pytest.raises(ConfigError, match="or 20 inside one another"):
        build(Drawing, parse_file("a.yaml"))


def test_included_files_do_not_nest_deeper_than_one_may(write: Written) -> None:
    deep = "type: GroupShape\nmembers: [" + "{type: GroupShape, members: [" * 22
    for i in range(5):
        write(f"f{i}.yaml", deep + f"f{i + 1}.yaml" + "]}" * 22 + "]")
    with pytest.raises(ConfigError, match="nested deeper than 50 levels, counting included files"):
        build(Shape, parse_file("f0.yaml"))


def test_a_problem_found_later_is_placed_by_its_path(write: Written) -> None:
    write("parts/group.yaml", "type: GroupShape\nmembers:\n  - GroupShape\n  - type: RectangleShape\n    width: 1\n")
    node = load_node(write("a.yaml", "shape: parts/group.yaml\n"))
    build(Drawing, node)
    path = ("shape", "members", 1)
    assert problem_at(node, path, "it is too wide") == "parts/group.yaml:4:5: shape.members.1: it is too wide"
    assert str(locate(node, (*path, "width"))) == "parts/group.yaml:5:12"
    assert str(locate(node, (*path, "height"))) == "parts/group.yaml:4:5"
    assert str(locate(node, ("shape", "members", 7))) == "parts/group.yaml:3:3"
    assert str(locate(node, ())) == "a.yaml:1:1"
    assert problem_at(node, ("shape", 3), "a\nb") == "parts/group.yaml:1:1: shape.3: a; b"


def test_a_file_that_is_wrong_as_a_whole_is_told_where_it_is_named(write: Written) -> None:
    write("big.yaml", "# " + "x" * 2_000_000)
    write("a.yaml", "extends: base.yaml\nshape:\n  filled: false\n")
    write("base.yaml", "shape: big.yaml\n")
    for overrides in ([], ["shape.radius=2"]):
        with pytest.raises(ConfigError, match=r"^base\.yaml:1:8: shape: big\.yaml: "):
            load_node("a.yaml", overrides)


def test_as_many_files_and_files_inside_one_another_as_is_said_are_read(
    write: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, "MAX_FILES", 3)
    write("c.yaml", "type: CircleShape\nradius: 1")
    write("a.yaml", "shape: {type: GroupShape, members: [c.yaml, c.yaml, c.yaml]}")
    assert len(build(Drawing, parse_file("a.yaml")).shape.members) == 3
    write("a.yaml", "shape: {type: GroupShape, members: [c.yaml, c.yaml, c.yaml, c.yaml]}")
    with pytest.raises(ConfigError, match=r"^a\.yaml:1:61: shape\.members\.3: more than 3 files are included"):
        build(Drawing, parse_file("a.yaml"))
    monkeypatch.setattr(builder, "MAX_CHAIN", 2)
    write("b.yaml", "c.yaml")
    write("a.yaml", "shape: b.yaml")
    assert build(Drawing, parse_file("a.yaml")).shape.radius == 1
    monkeypatch.setattr(builder, "MAX_CHAIN", 1)
    with pytest.raises(ConfigError, match=r"^b\.yaml:1:1: shape: more than 3 files are included, or 1 inside one anot"):
        build(Drawing, parse_file("a.yaml"))
