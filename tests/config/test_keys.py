"""Where a config's keys stand, which one a word means, and what a place of a config must hold."""

from __future__ import annotations

import pytest

from minidl import Layer
from minidl.config.keys import called_here, key_paths, meant_key, unknown_key_hint, wanted, with_article
from minidl.data import Scaler
from minidl.experiment import Experiment
from minidl.optimizers import Optimizer
from minidl.tasks import Task
from minidl.training import Training

PATHS = {
    "model": "model",
    "layers": "model.layers.0.layers",
    "hidden_size": "model.layers.0.hidden_size",
    "output_size": "model.layers.0.output_size",
    "bias": "model.layers.0.bias",
    "branches": "model.layers.0.branches",
    "times": "model.layers.0.times",
    "data": "data",
    "series": "data.series",
    "path": "data.series.path",
    "gaps": "data.series.gaps",
    "time_steps": "data.time_steps",
    "scaler": "data.scaler",
    "fit_on": "data.scaler.fit_on",
    "validation": "data.validation",
    "size": "data.validation.size",
    "split": "data.split",
    "optimizer": "optimizer",
    "learning_rate": "optimizer.learning_rate",
    "momentum": "optimizer.momentum",
    "beta2": "optimizer.beta2",
    "training": "training",
    "epochs": "training.epochs",
    "clip_norm": "training.clip_norm",
    "evaluation": "evaluation",
    "horizons": "evaluation.horizons",
    "published": "evaluation.published",
    "checkpoint": "evaluation.checkpoint",
    "loss": "loss",
    "seed": "seed",
    "engine": "engine",
}


def test_every_key_has_the_path_at_which_it_stands_first() -> None:
    paths = key_paths(Experiment)
    assert {name: paths.get(name) for name in PATHS} == PATHS
    # A layer's own layers are not gone through, nor is what is a section of its own inside a component.
    assert max(path.count(".") for path in paths.values()) == 3
    assert [path for path in paths.values() if path.count("layers.0") > 1] == []


def test_a_section_on_its_own_has_paths_from_itself_on() -> None:
    paths = key_paths(Training)
    of_callbacks = {name: f"callbacks.{name}" for name in ("filename", "margin", "min_delta")}
    assert {name: path for name, path in paths.items() if "." in path} == of_callbacks | {
        name: f"schedule.{name}"
        for name in (
            "cooldown",
            "decay",
            "every",
            "final",
            "initial",
            "larger_is_better",
            "metric",
            "patience",
            "rising",
            "threshold",
            "warmup_steps",
        )
    }
    assert {name: path for name, path in paths.items() if "." not in path} == {
        name: name
        for name in (
            "epochs",
            "refit",
            "batch_size",
            "shuffle",
            "schedule",
            "clip_norm",
            "clip_value",
            "moving_average",
            "callbacks",
            "checkpoint_every",
            "checkpoints_kept",
            "threads",
            "bptt_steps",
        )
    }


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("epochs", "epochs"),
        ("epoch", "epochs"),  # near to it
        ("lr", "learning_rate"),
        ("LR", "learning_rate"),
        ("random_state", "seed"),
        ("neurons", "hidden_size"),
        ("out_features", "output_size"),
        ("window", "time_steps"),
        ("criterion", "loss"),
        ("eps", "epsilon"),
        ("wibble", None),
    ],
)
def test_a_word_means_a_key(word: str, key: str | None) -> None:
    assert meant_key(word, key_paths(Experiment)) == key


def test_what_others_call_a_key_counts_where_that_key_is_known() -> None:
    assert called_here("units", {"output_size": 1}) == "output_size"
    assert called_here("units", {"output_size": 1, "hidden_size": 1}) == "hidden_size"
    assert called_here("units", {"seed": 1}) is None


@pytest.mark.parametrize(
    ("name", "known", "place", "hint"),
    [
        ("lr", ("learning_rate",), "optimizer.lr", "; did you mean learning_rate?"),
        ("lr", ("epochs",), "training.lr", "; in a config it is optimizer.learning_rate"),
        ("epochs", ("learning_rate",), "optimizer.epochs", "; in a config it is training.epochs"),
        ("seed", ("epochs",), "training.seed", "; in a config it is seed, at the top"),
        ("random_state", ("epochs",), "training.random_state", "; in a config it is seed, at the top"),
        ("epoch", ("epochs",), "training.epoch", "; did you mean epochs?"),
        # A key of another place is meant rather than one of this place that only looks alike.
        (
            "warmup_steps",
            ("bptt_steps",),
            "training.warmup_steps",
            "; in a config it is training.schedule.warmup_steps",
        ),
        ("max_norm", ("clip_norm",), "training.max_norm", "; did you mean clip_norm?"),
        (
            "patience",
            ("epochs",),
            "training.patience",
            "; EarlyStopping, of training.callbacks, has it, and the schedule ReduceOnPlateau",
        ),
        # It stands where such a key stands, so that another class of this place may have it.
        ("bias", ("drop_rate",), "model.layers.2.bias", "; known: drop_rate"),
        ("bias", ("drop_rate",), "data.bias", "; in a config it is model.layers.0.bias"),
        ("wibble", ("epochs",), "training.wibble", "; known: epochs"),
        ("wibble", (), "loss.wibble", "; it takes no arguments"),
        ("rows", ("size",), "data.validation.rows", "; did you mean size?"),
        ("num_layers", ("times",), "model.layers.0.num_layers", "; did you mean times?"),
        (
            "num_layers",
            ("hidden_size",),
            "model.layers.0.num_layers",
            "; a stack lists its layers, or repeats one by Repeat",
        ),
        ("input_size", ("output_size",), "model.layers.0.input_size", "; the size of the input follows from the data"),
    ],
)
def test_an_unknown_key_is_answered_with_what_was_meant(
    name: str, known: tuple[str, ...], place: str, hint: str
) -> None:
    assert unknown_key_hint(name, dict.fromkeys(known), key_paths(Experiment), place) == hint


def test_a_merge_key_is_named_before_anything_else() -> None:
    hint = "; YAML's merge key << is not read; write the keys out, or extend a file that holds them"
    assert unknown_key_hint("<<", {"epochs": 1}, {}, "training.<<") == hint


def test_a_place_says_what_it_must_hold() -> None:
    assert wanted(Layer) == "a layer as {type: NAME, ...} or NAME"
    assert wanted(Optimizer) == "an optimizer as {type: NAME, ...} or NAME"
    assert wanted(Task) == "a task as {type: NAME, ...} or NAME"
    assert wanted(Scaler) == "a scaler as {type: NAME, ...} or NAME"
    assert wanted(Experiment) == "a mapping of Experiment's keys"


@pytest.mark.parametrize(("word", "said"), [("optimizer", "an optimizer"), ("Adam", "an Adam"), ("layer", "a layer")])
def test_words_have_their_article(word: str, said: str) -> None:
    assert with_article(word) == said
