"""Classes of a user's own: with --plugin on every verb that builds a model, and in check-layer."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from command_line import Cli
from own_classes import PLUGIN, forget


def test_every_verb_that_builds_a_model_takes_plugins(cli: Cli, own: Path) -> None:
    run = "runs/own-001"
    for arguments in (
        ["check", "own.yaml"],
        ["summary", "own.yaml"],
        ["train", "own.yaml"],
        ["evaluate", run],
        ["predict", run],
        ["summary", run],
    ):
        forget()
        outcome = cli(*arguments, "--plugin", "mine.py")
        assert outcome.code == 0, outcome.err
        forget()
        without = cli(*arguments)
        assert without.code == (3 if run in arguments else 2), arguments
        assert "OwnScale" in without.err
        assert "unknown layer 'OwnScale'" in without.err
    assert "1 OwnScale" in cli("summary", run, "--plugin", "mine.py").out


def test_a_run_that_needs_a_plugin_says_so(cli: Cli, own: Path) -> None:
    assert cli("train", "own.yaml", "--plugin", "mine.py").code == 0
    forget()
    outcome = cli("evaluate", "runs/own-001")
    assert outcome.code == 3
    assert outcome.err.splitlines()[-1].endswith("the run's config is damaged, or needs --plugin mine.py.")


def test_a_config_with_a_class_that_nobody_knows_says_how_ones_own_comes_in(cli: Cli, own: Path) -> None:
    *_, line = cli("check", "own.yaml", "--set", "loss=Hinge").err.splitlines()
    assert line.endswith("; one of your own comes in with --plugin FILE.py")
    assert "unknown loss 'mse'; did you mean MSE?\n" in cli("check", "own.yaml", "--set", "loss=mse").err


@pytest.mark.parametrize(
    ("kind", "name"),
    [("layers", "OwnScale"), ("losses", "OwnLoss"), ("optimizers", "OwnSign"), ("series", "OwnSeries")],
)
def test_list_and_schema_know_a_plugins_classes(cli: Cli, own: Path, kind: str, name: str) -> None:
    assert name in json.loads(cli("list", kind, "--json", "--plugin", "mine.py").out)
    assert name in cli("schema", "--plugin", "mine.py").out
    forget()
    assert name not in json.loads(cli("list", kind, "--json").out)
    assert name not in cli("schema").out


def test_several_plugins_are_loaded_in_order(cli: Cli, own: Path) -> None:
    text = (
        "from minidl import register\nfrom minidl_plugin_mine import OwnScale\n\n@register\nclass OwnOther(OwnScale):\n"
    )
    Path("second.py").write_text(text + '    """The same."""\n')
    arguments = ["check", "own.yaml", "--set", "model.layers.1.type=OwnOther", "--plugin"]
    assert cli(*arguments, "mine.py", "--plugin", "second.py").code == 0
    forget()
    outcome = cli(*arguments, "second.py", "--plugin", "mine.py")
    assert outcome.code == 2
    assert "second.py: ModuleNotFoundError while loading it: No module named 'minidl_plugin_mine'" in outcome.line


def test_a_config_names_classes_only_never_files_or_modules(cli: Cli, own: Path) -> None:
    for name in ("mine.OwnScale", "mine.py:OwnScale", "os.system"):
        outcome = cli("check", "small.yaml", "--set", f"model.layers.1.type='{name}'")
        assert outcome.code == 2
        assert f"unknown layer '{name}'" in outcome.line
    assert "minidl_plugin_mine" not in sys.modules


def test_check_layer_reports_check_by_check(cli: Cli, own: Path) -> None:
    outcome = cli("check-layer", "mine.py:OwnScale", "--args", "{factor: 3}")
    assert (outcome.code, outcome.err) == (0, "")
    head, *checks, last = outcome.out.splitlines()
    assert head == "OwnScale(factor=3.0) on input of shape (batch, 5, 3)"
    assert len(checks) >= 14
    assert all(line.startswith("  ok      ") for line in checks)
    assert last == "all checks passed"


def test_check_layer_finds_a_wrong_gradient_and_ends_with_1(cli: Cli, own: Path) -> None:
    Path("mine.py").write_text(PLUGIN.replace("return dy * self.factor, {}", "return -dy * self.factor, {}"))
    outcome = cli("check-layer", "mine.py:OwnScale", "--input-shape", "4")
    assert (outcome.code, outcome.err) == (1, "")
    assert re.search(r"^  FAILED  .*gradient", outcome.out, re.MULTILINE)
    assert re.search(r"^[1-9]\d* of \d+ checks failed$", outcome.out.splitlines()[-1])
    results = json.loads(cli("check-layer", "mine.py:OwnScale", "--json").out)
    assert {"check", "error", "skipped"} == results[0].keys()
    assert any(result["error"] for result in results)


CELL = """from minidl import Cell


class OwnCell(Cell):
    gates = ("a",)

    def equations(self, a, h):
        return a * share + h
"""


def test_what_fails_in_a_layers_own_code_is_told_with_its_line(cli: Cli, own: Path) -> None:
    Path("own_cell.py").write_text(CELL)
    said = cli("check-layer", "own_cell.py:OwnCell", "--args", "{hidden_size: 2}").out.splitlines()[1]
    assert said.endswith("the layer can be built: own_cell.py:8, in equations: NameError: name 'share' is not defined")
    Path("own_cell.py").write_text(CELL.replace("a * share + h", "__import__('numpy').clip(a, 0, 1)"))
    said = cli("check-layer", "own_cell.py:OwnCell", "--args", "{hidden_size: 2}").out.splitlines()[1]
    assert said.endswith(", tanh, where.")  # all operations that there are, however long that is


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mine.py"], "expected FILE.py:CLASS, got 'mine.py'."),
        (["gone.py:OwnScale"], "gone.py: no such Python file (.py)."),
        (["mine.py:OwnScael"], "mine.py has no layer 'OwnScael'; did you mean OwnScale?"),
        (["mine.py:OwnLoss"], "mine.py has no layer 'OwnLoss'"),
        (["mine.py:OwnScale", "--input-shape", "0"], "--input-shape: expected one or two positive numbers"),
        (["mine.py:OwnScale", "--input-shape", "1,2,3"], "--input-shape: expected one or two positive numbers"),
        (["mine.py:OwnScale", "--input-shape", "a"], "--input-shape: expected one or two positive numbers"),
        (["mine.py:OwnScale", "--args", "[3]"], "--args: expected a mapping such as {hidden_size: 8}, got '[3]'."),
        (["mine.py:OwnScale", "--args", "{factr: 3}"], "factr: unknown key 'factr' of OwnScale; did you mean factor?"),
        (
            ["own_cell.py:OwnCell"],
            "OwnCell needs the arguments hidden_size; give them with --args '{hidden_size: ...}'.",
        ),
        (
            ["own_cell.py:OwnCell", "--args", "{hidden: 3}"],
            "hidden: unknown key 'hidden' of OwnCell; did you mean hidden_s",
        ),
        (["mine.py:OwnScale", "--args", "{factor: x}"], "factor: expected `float`, got `str` 'x'"),
        (["mine.py:OwnScale", "--args", "{"], "--args:"),
    ],
)
def test_wrong_arguments_of_check_layer(cli: Cli, own: Path, arguments: list[str], message: str) -> None:
    Path("own_cell.py").write_text(CELL)
    outcome = cli("check-layer", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.line.startswith(f"minidl check-layer: {message}")


def test_the_next_command_that_evaluate_suggests_has_the_plugin(cli: Cli, own: Path) -> None:
    assert cli("train", "own.yaml", "--plugin", "mine.py").code == 0
    assert cli("evaluate", "runs/own-001", "--plugin", "mine.py").out.splitlines()[-1] == (
        "next: minidl predict runs/own-001 --plugin mine.py"
    )
