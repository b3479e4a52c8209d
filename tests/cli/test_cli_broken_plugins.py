"""Faults of a plugin: one line with the file and line of the fault, whatever the verb."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Cli
from own_classes import forget
from small import folder_content

from minidl.core import registry


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


OTHER_ARGUMENTS = """
from minidl import Callback, Layer, Schedule, register

@register
class OwnTwice(Layer):
    def forward(self, x):
        return 2 * x, None
    def backward(self, dy, cache):
        return 2 * dy, {}

@register
class OwnHalf(Schedule):
    def factor(self, epoch):
        return 0.5 ** epoch

@register
class OwnTold(Callback):
    def on_epoch_end(self, record):
        pass
"""


@pytest.mark.parametrize(
    ("change", "line", "called"),
    [
        ("model.layers.0.activation=OwnTwice", 6, "forward(self, x, ctx)"),
        ("training.schedule=OwnHalf", 13, "factor(self, at, state)"),
        ("training.callbacks=[OwnTold]", 18, "on_epoch_end(self, trainer, record)"),
    ],
)
def test_a_method_that_takes_other_arguments_is_one_line_with_how_it_is_called(
    cli: Cli, folder: Path, change: str, line: int, called: str
) -> None:
    # None of the plugin's code is running where such a call fails, so this was a traceback.
    Path("mine.py").write_text(OTHER_ARGUMENTS)
    outcome = cli("train", "small.yaml", "--plugin", "mine.py", "--set", change)
    name = called.partition("(")[0]
    assert (outcome.code, outcome.out) == (2, "")
    last = outcome.err.splitlines()[-1]
    assert f"{folder / 'mine.py'}:{line}, in {name}, which is called as {called}: TypeError: Own" in last


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
