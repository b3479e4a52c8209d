"""An option that no verb has: where it is a key of the config, the line says how that is set."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Cli

from minidl.cli import main
from minidl.cli.hints import set_hint


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ("--epochs 5", "--set training.epochs=5"),
        ("--epochs=5", "--set training.epochs=5"),
        ("--epoch 5", "--set training.epochs=5"),
        ("--seed 3", "--set seed=3"),
        ("--learning-rate 0.1 --batch_size 8", "--set optimizer.learning_rate=0.1 --set training.batch_size=8"),
        ("--training.epochs 5", "--set training.epochs=5"),
        ("--hidden-size 8", "--set model.layers.0.hidden_size=8"),
        ("--size 40", "--set data.validation.size=40"),
        ("--time-steps 12", "--set data.time_steps=12"),
        ("--horizons '[1]'", "--set evaluation.horizons='[1]'"),
        ("--seed", "--set seed=..."),
        ("--seed --epochs 2", "--set seed=... --set training.epochs=2"),
    ],
)
@pytest.mark.parametrize("verb", ["train", "check", "compare"])
def test_a_key_of_the_config_is_set_with_set(cli: Cli, folder: Path, verb: str, arguments: str, hint: str) -> None:
    outcome = cli(verb, "small.yaml", *arguments.replace("'", "").split())
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.line.endswith(f"; a config's values are set with {hint}; see minidl {verb} --help")


def test_a_hint_can_be_pasted(cli: Cli, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--epochs", "--hidden-size"):
        hint = cli("check", "small.yaml", option, "5").line.partition("are set with ")[2].partition(";")[0]
        assert main(["check", "small.yaml", *hint.split()]) == 0


def test_what_is_no_key_gets_no_hint(cli: Cli, folder: Path) -> None:
    assert set_hint(["--nonsense", "3", "-x", "--", "stray"]) == ""
    line = cli("train", "small.yaml", "--nonsense", "3").line
    assert line == "minidl train: unrecognized arguments: --nonsense 3; see minidl train --help"
    # A verb without --set has nothing to hint at.
    assert "--set" not in cli("list", "layers", "--seed", "3").line


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("tanh", "TanhActivation"),
        ("relu", "ReluActivation"),
        ("Sigmoid", "SigmoidActivation"),
        ("recurrent", "RecurrentLayer"),
    ],
)
def test_a_part_of_a_name_leads_to_the_name(cli: Cli, folder: Path, written: str, meant: str) -> None:
    outcome = cli("check", "small.yaml", "--set", f"model.layers.0.activation={written}")
    assert outcome.line.endswith(f"model.layers.0.activation: unknown layer '{written}'; did you mean {meant}?")


def test_a_mistake_inside_repeat_points_at_its_layer(cli: Cli, folder: Path) -> None:
    model = "model:\n  type: Sequential\n  layers:\n  - type: Repeat\n    times: 2\n    layer:\n      type: LastStep\n"
    Path("own.yaml").write_text("extends: small.yaml\n" + model + "  - {type: Dense, output_size: 1}\n")
    outcome = cli("check", "own.yaml")
    assert outcome.line.startswith(
        "own.yaml:8:7: model.layers.0.layer: LastStep: expected input of shape (time, features)"
    )
    Path("own.yaml").write_text("extends: small.yaml\n" + model.replace("LastStep", "Dense\n      output_size: 0"))
    assert cli("check", "own.yaml").line.startswith(
        "own.yaml:9:20: model.layers.0.layer.output_size: expected `int` >= 1"
    )
