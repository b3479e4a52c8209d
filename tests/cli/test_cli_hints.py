"""An option that no verb has: where it is a key of the config, the line says how that is set."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Cli

from minidl.cli import main
from minidl.cli.hints import option_hint


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
        ("--lr 0.1 --bs 8", "--set optimizer.learning_rate=0.1 --set training.batch_size=8"),
        ("-lr 0.1", "--set optimizer.learning_rate=0.1"),
        ("--LR=0.1", "--set optimizer.learning_rate=0.1"),
        ("--batch 8", "--set training.batch_size=8"),
        ("--random-seed 8", "--set seed=8"),
        ("--optimizer.lr 0.1", "--set optimizer.learning_rate=0.1"),
        ("--training.epoch 5", "--set training.epochs=5"),
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


def test_a_key_without_set_is_one_where_only_one_config_is_taken(cli: Cli, folder: Path) -> None:
    hint = "; a config's values are set with --set training.epochs=5 --set optimizer.learning_rate=0.1; "
    assert hint in cli("train", "small.yaml", "training.epochs=5", "lr=0.1").line


def test_a_hint_can_be_pasted(cli: Cli, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--epochs", "--hidden-size"):
        hint = cli("check", "small.yaml", option, "5").line.partition("are set with ")[2].partition(";")[0]
        assert main(["check", "small.yaml", *hint.split()]) == 0


def test_what_is_no_key_gets_no_hint(cli: Cli, folder: Path) -> None:
    assert option_hint(["--nonsense", "3", "-x", "--", "stray"], ["--set"]) == ""
    line = cli("train", "small.yaml", "--nonsense", "3").line
    assert line == "minidl train: unrecognized arguments: --nonsense 3; see minidl train --help"
    # A verb without --set has nothing to hint at.
    assert "--set" not in cli("list", "layers", "--seed", "3").line


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [("train small.yaml --run_dir x", "--run-dir"), ("compare a b --job 2", "--jobs"), ("list layers --jsn", "--json")],
)
def test_an_option_that_is_near_to_one_of_the_verb_leads_to_that(cli: Cli, arguments: str, meant: str) -> None:
    outcome = cli(*arguments.split())
    assert outcome.code == 2
    assert f"; did you mean {meant}?; see minidl {arguments.split()[0]} --help" in outcome.line


def test_a_seed_where_seeds_are_an_option_leads_to_both(cli: Cli) -> None:
    line = cli("compare", "a", "b", "--seed", "2").line
    assert "; did you mean --seeds?; a config's values are set with --set seed=2; see" in line
    assert "did you mean" not in cli("train", "a", "--seed", "2").line


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("optimizer.lr=0.1", "optimizer.lr: unknown key 'lr' of SGD; did you mean learning_rate?"),
        ("lr=0.1", "lr: unknown key 'lr' of Experiment; in a config it is optimizer.learning_rate"),
        ("epochs=5", "epochs: unknown key 'epochs' of Experiment; in a config it is training.epochs"),
        ("training.seed=5", "training.seed: unknown key 'seed' of Training; in a config it is seed, at the top"),
        ("model.layers.0.units=4", "unknown key 'units' of RecurrentLayer; did you mean hidden_size?"),
        ("model.layers.2.units=4", "unknown key 'units' of Dense; did you mean output_size?"),
        ("model.layers.1.output_size=4", "unknown key 'output_size' of LastStep; it takes no arguments"),
        ("evaluation={type: Classify, horizons: [8]}", "unknown key 'horizons' of Classify; known: checkpoint"),
        ("training.batch=8", "training.batch: unknown key 'batch' of Training; did you mean batch_size?"),
    ],
)
def test_a_key_in_the_wrong_place_or_called_as_elsewhere_leads_to_the_right_one(
    cli: Cli, folder: Path, setting: str, hint: str
) -> None:
    outcome = cli("check", "small.yaml", "--set", setting)
    assert outcome.code == 2
    assert outcome.line.endswith(hint)


def test_a_setting_without_set_says_how_it_is_given(cli: Cli, folder: Path) -> None:
    line = cli("check", "small.yaml", "training.epochs=5").line
    assert line == "training.epochs=5: no such file; a config's values are set with --set training.epochs=5"


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
