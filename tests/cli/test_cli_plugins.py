"""Classes of a user's own: with --plugin on every verb that builds a model, and from an installed package."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Cli
from small import CONFIG, folder_content

from minidl.core import registry

PLUGIN = '''
"""A layer, a loss, an optimizer and a series of a user's own."""
from dataclasses import dataclass
import numpy as np
from minidl import INFERENCE, DifferenceLoss, Layer, Optimizer, register
from minidl.data import CSVSeries


@register
@dataclass(eq=False)
class OwnScale(Layer):
    """y = factor x."""

    factor: float = 2.0

    def forward(self, x, ctx=INFERENCE):
        return x * self.factor, None

    def backward(self, dy, cache):
        return dy * self.factor, {}


@register
@dataclass(eq=False)
class OwnLoss(DifferenceLoss):
    """L = mean(e⁴) / 4."""

    def value(self, e):
        return e**4 / 4

    def slope(self, e):
        return e**3


@register
@dataclass(eq=False)
class OwnSign(Optimizer):
    """p ← p - η sign(g)."""

    def update(self, params, grads, state):
        params -= self.learning_rate * np.sign(grads)


@register
@dataclass(eq=False)
class OwnSeries(CSVSeries):
    """A CSVSeries under another name."""
'''
OWN = (
    CONFIG.replace("type: CSVSeries", "type: OwnSeries")
    .replace("loss: HalfMSE", "loss: OwnLoss")
    .replace("type: SGD", "type: OwnSign")
    .replace("    - {type: LastStep}\n", "    - {type: OwnScale, factor: 0.5}\n    - {type: LastStep}\n")
)


@pytest.fixture
def own(folder: Path) -> Path:
    """own.yaml, and mine.py whose classes it names."""
    Path("mine.py").write_text(PLUGIN)
    Path("own.yaml").write_text(OWN)
    return folder


def forget() -> None:
    """As in a new process: nothing of the plugin is loaded."""
    for module in [module for module in sys.modules if module.startswith("minidl_plugin_")]:
        del sys.modules[module]
    for _, entries in registry._KINDS.values():
        for name in [name for name in entries if name.startswith("Own")]:
            del entries[name]


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


# Plugins that fail


@pytest.mark.parametrize("verb", ["train", "check", "summary", "evaluate", "predict", "list", "schema"])
def test_a_plugin_that_is_not_there_is_refused_by_every_verb(cli: Cli, folder: Path, verb: str) -> None:
    before = folder_content(folder)
    what = {"list": ["layers"], "schema": []}.get(verb, ["small.yaml"])
    outcome = cli(verb, *what, "--plugin", "gone.py")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.line == f"minidl {verb}: --plugin gone.py: no such Python file (.py)."
    assert folder_content(folder) == before


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("bad.txt", "", "no such Python file (.py)."),
        ("bad.py", "def f(:\n", "SyntaxError while loading it: invalid syntax"),
        ("bad.py", "import not_there_at_all\n", "ModuleNotFoundError while loading it: No module named"),
        ("bad.py", "1 / 0\n", "ZeroDivisionError while loading it: division by zero"),
        ("bad.py", "raise SystemExit(7)\n", "SystemExit while loading it: 7"),
        (
            "bad.py",
            "from minidl import register\n@register\nclass Thing:\n    pass\n",
            "register: Thing must derive from one of",
        ),
        (
            "bad.py",
            "from minidl import Layer, register\n@register\nclass Dense(Layer):\n    pass\n",
            "register: a layer named Dense exists already, in minidl.layers.dense; choose another name.",
        ),
        (
            "bad.py",
            "from minidl import Layer, register\n@register\nclass Own(Layer):\n    size: int = 3\n",
            "register: Own declares arguments but is not a dataclass; put @dataclass(eq=False) below @register.",
        ),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_one_line(cli: Cli, folder: Path, name: str, text: str, message: str) -> None:
    Path(name).write_text(text)
    outcome = cli("train", "small.yaml", "--plugin", name)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.line.startswith(f"minidl train: --plugin {name}: {message}")
    assert not Path("runs").exists()
    assert "Thing" not in str(registry._KINDS)


BROKEN = """
from dataclasses import dataclass
from minidl import INFERENCE, Layer, register

@register
@dataclass(eq=False)
class OwnBroken(Layer):
    def build(self, input_shape, rng, dtype):
        {build}
        return input_shape
    def forward(self, x, ctx=INFERENCE):
        {forward}
        return x, None
    def backward(self, dy, cache):
        {backward}
        return dy, {{}}
"""


@pytest.mark.parametrize(
    ("method", "line", "fault", "message"),
    [
        ("build", 9, "1 / 0", "ZeroDivisionError: division by zero"),
        ("forward", 12, "x = x[:, :, :, 0]", "IndexError: too many indices for array"),
        ("backward", 15, "nonsense", "NameError: name 'nonsense' is not defined"),
        ("forward", 12, "open('gone')", "FileNotFoundError: [Errno 2] No such file or directory: 'gone'"),
        # What would end Python with another exit code, 0 for example.
        ("forward", 12, "raise SystemExit(0)", "SystemExit: 0"),
        ("forward", 12, "raise BaseException('mine')", "BaseException: mine"),
        ("forward", 12, "raise BrokenPipeError", "BrokenPipeError: "),
    ],
)
def test_a_fault_in_a_users_layer_is_one_line_with_file_and_line(
    cli: Cli, folder: Path, method: str, line: int, fault: str, message: str
) -> None:
    Path("mine.py").write_text(BROKEN.format(**{"build": "pass", "forward": "pass", "backward": "pass", method: fault}))
    layers = "[{type: RecurrentLayer, hidden_size: 2}, OwnBroken, LastStep, {type: Dense, output_size: 1}]"
    outcome = cli("train", "small.yaml", "--plugin", "mine.py", "--set", f"model.layers={layers}")
    assert (outcome.code, outcome.out) == (2, "")
    last = outcome.err.splitlines()[-1]
    assert last.startswith(f"minidl train: model.layers.1: {folder / 'mine.py'}:{line}, in {method}: {message}")


def test_a_plugin_that_closes_the_streams_does_not_stop_the_training(cli: Cli, folder: Path) -> None:
    fault = "import sys; sys.stdout.close(); sys.stderr = None"
    Path("mine.py").write_text(BROKEN.format(build="pass", forward=fault, backward="pass"))
    layers = "[{type: RecurrentLayer, hidden_size: 2}, OwnBroken, LastStep, {type: Dense, output_size: 1}]"
    assert cli("train", "small.yaml", "--plugin", "mine.py", "--set", f"model.layers={layers}").code == 0
    assert Path("runs/small-001/evaluation.json").exists()


BROKEN_CONFIG = """
extends: small.yaml
model:
  type: Sequential
  layers:
    - type: Repeat
      times: 2
      layer: {type: RecurrentLayer, hidden_size: 2}
    - type: OwnBroken
    - {type: LastStep}
    - {type: Dense, output_size: 1}
"""


@pytest.mark.parametrize(
    ("method", "line", "fault", "message"),
    [
        ("build", 9, "1 / 0", "ZeroDivisionError: division by zero"),
        ("build", 9, "self.params['g'] = [1.0]", "OwnBroken: parameter g: expected an array, got list."),
        ("forward", 12, "x = x[:, :, :, 0]", "IndexError: too many indices for array"),
        ("forward", 12, "raise __import__('minidl').ShapeError('not so')", "not so"),
        ("backward", 15, "nonsense", "NameError: name 'nonsense' is not defined"),
    ],
)
def test_a_fault_in_a_users_layer_names_the_line_of_the_config_and_that_of_the_plugin(
    cli: Cli, folder: Path, method: str, line: int, fault: str, message: str
) -> None:
    Path("mine.py").write_text(BROKEN.format(**{"build": "pass", "forward": "pass", "backward": "pass", method: fault}))
    Path("own.yaml").write_text(BROKEN_CONFIG)
    for verb in ("check", "train") if method == "build" else ("train",):
        outcome = cli(verb, "own.yaml", "--plugin", "mine.py")
        assert (outcome.code, outcome.out) == (2, "")
        last = outcome.err.splitlines()[-1].removeprefix("minidl train: ")
        assert last.startswith(f"own.yaml:9:7: model.layers.1: {folder / 'mine.py'}:{line}, in {method}: {message}")


def test_a_fault_in_a_users_constructor_names_the_line_of_the_config_and_that_of_the_plugin(
    cli: Cli, folder: Path
) -> None:
    text = BROKEN.format(build="pass", forward="pass", backward="pass")
    for fault, message in (
        ("{}['gone']", "KeyError while it was constructed: 'gone'"),
        ("int('a')", "invalid literal"),
    ):
        Path("mine.py").write_text(f"{text}    def __post_init__(self):\n        {fault}\n")
        Path("own.yaml").write_text(BROKEN_CONFIG)
        outcome = cli("check", "own.yaml", "--plugin", "mine.py")
        assert outcome.code == 2
        assert outcome.line.startswith(f"own.yaml:9:7: model.layers.1: OwnBroken: {message}")
        assert outcome.line.endswith(f"({folder / 'mine.py'}:18, in __post_init__)")
        forget()


@pytest.mark.parametrize("what", ["return None", "return 3", "return ()", "return ('a',)"])
def test_a_build_that_returns_no_shape_is_said_to_do_so(cli: Cli, folder: Path, what: str) -> None:
    Path("mine.py").write_text(BROKEN.format(build=what, forward="pass", backward="pass"))
    Path("own.yaml").write_text(BROKEN_CONFIG)
    outcome = cli("check", "own.yaml", "--plugin", "mine.py")
    assert outcome.line.startswith("own.yaml:9:7: model.layers.1: OwnBroken: build must return the output shape")


@pytest.mark.parametrize(
    ("method", "what", "message"),
    [
        ("forward", "return x", "OwnBroken: forward must return (y, cache), y an array."),
        ("forward", "return [1], None", "OwnBroken: forward must return (y, cache), y an array."),
        ("backward", "return dy", "OwnBroken: backward must return (dx, gradients)"),
        ("backward", "return None, {}", "layer 1 (OwnBroken) returned None for dx; only the first layer may."),
    ],
)
def test_a_layer_that_returns_something_else_than_the_protocol_says_is_named(
    cli: Cli, folder: Path, method: str, what: str, message: str
) -> None:
    Path("mine.py").write_text(BROKEN.format(**{"build": "pass", "forward": "pass", "backward": "pass", method: what}))
    Path("own.yaml").write_text(BROKEN_CONFIG)
    outcome = cli("train", "own.yaml", "--plugin", "mine.py")
    assert outcome.code == 2
    assert message in outcome.err.splitlines()[-1]


def test_a_fault_of_a_plugin_in_a_comparison_is_one_line_too(cli: Cli, folder: Path) -> None:
    # It came back from the process that trained as a traceback.
    Path("mine.py").write_text(BROKEN.format(build="pass", forward="1 / 0", backward="pass"))
    Path("own.yaml").write_text(BROKEN_CONFIG)
    outcome = cli("compare", "small.yaml", "own.yaml", "--seeds", "1", "--jobs", "1", "--plugin", "mine.py")
    assert outcome.code == 2
    last = outcome.err.splitlines()[-1]
    assert last.startswith("minidl compare: 1 of 2 runs gave no result; the first, own seed 0: ")
    assert last.endswith(f"{folder / 'mine.py'}:12, in forward: ZeroDivisionError: division by zero")


def test_nan_of_a_users_layer_names_it_and_ends_with_5(cli: Cli, folder: Path) -> None:
    Path("mine.py").write_text(BROKEN.format(build="pass", forward="x = x * float('nan')", backward="pass"))
    layers = "[{type: RecurrentLayer, hidden_size: 2}, OwnBroken, LastStep, {type: Dense, output_size: 1}]"
    outcome = cli("train", "small.yaml", "--plugin", "mine.py", "--set", f"model.layers={layers}")
    assert outcome.code == 5
    last = outcome.err.splitlines()[-1]
    assert last.startswith("minidl train: epoch 1, step 1: loss is nan; the output of layer 1 (OwnBroken) has NaN")


# Installed packages


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with an entry point, as pip would install it."""
    site = tmp_path / "site"
    (site / "demo_plugin").mkdir(parents=True)
    (site / "demo_plugin" / "__init__.py").write_text("from demo_plugin import layers\n")
    (site / "demo_plugin" / "layers.py").write_text(PLUGIN.replace("Own", "Demo"))
    info = site / "demo_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: demo-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[minidl.plugins]\ndemo = demo_plugin\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(registry, "_entry_points_loaded", False)
    return site


def test_an_installed_packages_classes_need_no_plugin(cli: Cli, folder: Path, installed: Path) -> None:
    Path("own.yaml").write_text(OWN.replace("Own", "Demo"))
    assert cli("check", "own.yaml").code == 0
    assert cli("train", "own.yaml").code == 0
    assert cli("evaluate", "runs/own-001").code == 0
    assert "DemoScale" in cli("list", "layers").out


def test_an_installed_package_is_found_by_a_fresh_process(folder: Path, installed: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "minidl", "list", "losses"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^DemoLoss +L = mean\(e⁴\) / 4\.$", done.stdout, re.MULTILINE)


def test_an_installed_package_that_fails_is_named(cli: Cli, folder: Path, installed: Path) -> None:
    (installed / "demo_plugin" / "layers.py").write_text("1 / 0\n")
    outcome = cli("list", "layers")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.line == "minidl list: plugin demo (demo_plugin): ZeroDivisionError: division by zero"


def test_a_fault_in_an_installed_layer_is_one_line(cli: Cli, folder: Path, installed: Path) -> None:
    path = installed / "demo_plugin" / "layers.py"
    path.write_text(path.read_text().replace("return x * self.factor, None", "return x * self.fcator, None"))
    Path("own.yaml").write_text(OWN.replace("Own", "Demo"))
    outcome = cli("train", "own.yaml")
    assert outcome.code == 2
    assert f"{path}:17, in forward: AttributeError: " in outcome.err.splitlines()[-1]


# check-layer


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
        (["mine.py:OwnScale", "--args", "{factor: x}"], "factor: expected `float`, got `str` 'x'"),
        (["mine.py:OwnScale", "--args", "{"], "--args:"),
    ],
)
def test_wrong_arguments_of_check_layer(cli: Cli, own: Path, arguments: list[str], message: str) -> None:
    outcome = cli("check-layer", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.line.startswith(f"minidl check-layer: {message}")


def test_the_next_command_that_evaluate_suggests_has_the_plugin(cli: Cli, own: Path) -> None:
    assert cli("train", "own.yaml", "--plugin", "mine.py").code == 0
    assert cli("evaluate", "runs/own-001", "--plugin", "mine.py").out.splitlines()[-1] == (
        "next: minidl predict runs/own-001 --plugin mine.py"
    )
