"""The other tasks of the textbook's chapter are learned by their configs, of one layer and of two, plain and gated."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from minidl.config import load_node
from minidl.experiment import Experiment, load_experiment
from minidl.fitting import run_training

# Of each task what makes it small, and the accuracy that this reaches with room to spare; baselines are below.
SMALL: dict[str, tuple[list[str], float]] = {
    "echo": (["data.source={type: Echo, n_sequences: 150, time_steps: 12, delay: 2}", "training.epochs=15"], 0.95),
    "subtraction": (["data.source.n_sequences=400", "model.layers.0.hidden_size=12", "training.epochs=15"], 0.95),
    "digits": (["training.epochs=5"], 0.8),
    "names": (
        ["data.source.languages=[Italian, Zulu, Finnish]", "training.epochs=2", "model.layers.LAST.output_size=3"],
        0.8,
    ),
    "letters": (["data.source.languages=[Zulu]", "training.epochs=4", "model.layers.LAST.output_size=27"], 0.25),
}
NEEDS = {"digits": "sklearn", "names": "faker", "letters": "faker"}
RECORDS = json.loads((Path(__file__).parents[2] / "docs/depth/records.json").read_text(encoding="utf-8"))
RECORDED: dict[str, list[float]] = {  # what its 30 seeds reached, by config
    name: config["accuracy"] for each in RECORDS["comparisons"] for name, config in each["configs"].items()
}


def accuracy(experiment: Experiment) -> tuple[float, dict[str, Any]]:
    """Of the last weights on the test part, and all scores."""
    parts = experiment.load_data()
    experiment.build_model()
    run_training(experiment.trainer(), parts.train, parts.validation, engine=experiment.engine)
    scores = experiment.evaluation.evaluate(parts, experiment.scored_model)
    return scores["scores"]["all"]["accuracy"], scores


@pytest.mark.parametrize("cell", ["", "_lstm", "_gru"], ids=["tanh", "lstm", "gru"])
@pytest.mark.parametrize("task", SMALL)
def test_a_small_task_is_learned_in_a_few_epochs(task: str, cell: str) -> None:
    changes, reached = SMALL[task]
    if task in NEEDS:
        pytest.importorskip(NEEDS[task])
    config = f"{task}{cell}_deep"
    last = len(load_node(config).plain()["model"]["layers"]) - 1
    changes = [change.replace("LAST", str(last)) for change in changes]
    if cell:  # gated cells are slower to learn
        changes = [re.sub(r"epochs=(\d+)", lambda found: f"epochs={4 * int(found[1])}", change) for change in changes]
        reached *= 0.9
    found, scores = accuracy(load_experiment(config, [*changes, "engine=numpy"]))
    assert found >= reached
    assert scores["baselines"]["most_frequent"]["scores"]["all"]["accuracy"] < reached - 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDED)
def test_every_config_reaches_what_was_recorded_of_30_seeds(name: str) -> None:
    task = name.partition("_")[0]
    if task in NEEDS:
        pytest.importorskip(NEEDS[task])
    found, scores = accuracy(load_experiment(name, ["seed=1"]))
    assert min(RECORDED[name]) - 0.02 <= found <= max(RECORDED[name]) + 0.02
    assert found > scores["baselines"]["most_frequent"]["scores"]["all"]["accuracy"] + 0.1
