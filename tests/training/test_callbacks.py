"""Callbacks of a training section: when a training ends, which weights are the best, the log as a table."""

from __future__ import annotations

import copy
import csv
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_trainings import examples, stack, trainer

from minidl import (
    SGD,
    ConfigError,
    Dense,
    HalfMSE,
    LastStep,
    Quantile,
    RecurrentLayer,
    ReduceOnPlateau,
    Sequential,
    fit,
)
from minidl.training import Arrays, Callback, CSVLog, EarlyStopping, EpochRecord, Training
from minidl.training.callbacks import Choice, KeepBest
from minidl.training.loop import Trainer
from minidl.training.records import never


class Scored:
    """A trainer that is told scores, and notes why it ended."""

    def __init__(self, callback: Callback) -> None:
        self.callback, self.memory, self.why = callback, callback.start(), ""

    def memory_of(self, callback: Callback) -> dict[str, float]:
        assert callback is self.callback
        return self.memory

    def finish(self, why: str) -> None:
        self.why = why

    def epochs_until_it_ends(self, scores: list[float], metric: str = "r2") -> int | None:
        for epoch, score in enumerate(scores, 1):
            record = EpochRecord(epoch, epoch, 1.0, score, {metric: score}, 0.1, 0.0)
            self.callback.on_epoch_end(self, record)  # type: ignore[arg-type]
            if self.why:
                return epoch
        return None


@pytest.mark.parametrize(
    ("arguments", "scores", "end"),
    [
        ({"patience": 2}, [3.0, 2.0, 2.0, 2.5, 1.0], 4),
        ({"patience": 2}, [3.0, 2.0, 2.5, 1.9, 1.8], None),
        ({"patience": 1}, [3.0, 2.0, 2.0], 3),
        ({"patience": 2, "min_delta": 0.5}, [3.0, 2.6, 2.5, 2.4], 3),
        ({"patience": 2, "min_delta": 0.5}, [3.0, 2.6, 2.4, 1.0], None),
        ({"patience": 2}, [math.nan, math.inf, 1.0], 2),
        ({"patience": 2}, [1.0, math.nan, 0.5, math.nan, 0.4], None),
        ({"patience": 2, "metric": "validation_r2", "larger_is_better": True}, [-0.1, 0.2, 0.2, 0.1, 0.3], 4),
        ({"patience": 2, "metric": "validation_r2", "larger_is_better": True}, [-0.1, 0.2, 0.1, 0.3], None),
    ],
)
def test_a_training_ends_after_so_many_epochs_without_a_better_score(
    arguments: dict[str, Any], scores: list[float], end: int | None
) -> None:
    told = Scored(EarlyStopping(**arguments))
    assert told.epochs_until_it_ends(scores) == end
    if end is not None:
        metric = arguments.get("metric", "validation_loss")
        n = arguments["patience"]
        by = " by more than 0.5" if "min_delta" in arguments else ""
        assert told.why == f"no better {metric}{by} for {n} epoch{'s' * (n > 1)}"


def noise(n: int) -> tuple[Any, Any]:
    """Examples with nothing to learn."""
    rng = np.random.default_rng(n)
    return rng.normal(size=(n, 4, 2)), rng.normal(size=(n, 1))


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_fit_ends_early_and_leaves_the_best_weights(engine: Any) -> None:
    if engine == "compiled":
        pytest.importorskip("numba")
    model, kept = stack(), KeepBest(Choice())
    arguments: dict[str, Any] = {"loss": HalfMSE(), "optimizer": SGD(0.5), "batch_size": 5, "engine": engine}
    patience = EarlyStopping(patience=4)
    history = fit(model, *noise(20), validation=noise(30), epochs=500, callbacks=[patience, kept], **arguments)
    losses = [record.validation_loss for record in history]
    assert len(history) < 500
    assert int(np.argmin(losses)) + 4 == len(history) - 1
    assert kept.epoch == int(np.argmin(losses)) + 1
    for name, value in model.params.items():
        np.testing.assert_array_equal(value, kept.weights[name])
    loss, _ = HalfMSE()(model(noise(30)[0]), noise(30)[1])
    np.testing.assert_allclose(loss, min(losses), rtol=1e-12)  # type: ignore[type-var]


def test_the_same_callback_begins_anew_in_the_next_training() -> None:
    patience = EarlyStopping(patience=4)
    runs = [
        fit(
            stack(),
            *noise(20),
            validation=noise(30),
            epochs=500,
            loss=HalfMSE(),
            optimizer=SGD(0.5),
            callbacks=[patience],
        )
        for _ in range(2)
    ]
    assert [len(run) for run in runs] == [len(runs[0])] * 2


def test_a_copy_of_a_trainer_remembers_what_the_trainer_did() -> None:
    for copied in (copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))):
        whole = trainer(stack(), should_stop=never, epochs=3, callbacks=[EarlyStopping("train_loss", patience=2)])
        whole.run(Arrays(*examples()))
        other: Trainer = copied(whole)
        (callback,) = other.settings.callbacks
        assert other.memory_of(callback) == whole.memory_of(whole.settings.callbacks[0])
        assert other.memory_of(callback)["best"] == min(record.train_loss for record in whole.history)
        assert other.memory_of(callback) is not whole.memory_of(whole.settings.callbacks[0])


def test_scores_that_epochs_do_not_have_are_refused_before_the_first_step() -> None:
    with pytest.raises(ConfigError, match=r"training\.callbacks\.0\.metric: validation_loss is no score of an epoch"):
        fit(stack(), *noise(20), loss=HalfMSE(), optimizer=SGD(0.5), callbacks=[EarlyStopping()])
    with pytest.raises(
        ConfigError, match=r"validation_rr is no score of an epoch; expected train_loss or validation_loss"
    ):
        fit(
            stack(),
            *noise(20),
            validation=noise(5),
            loss=HalfMSE(),
            optimizer=SGD(0.5),
            callbacks=[EarlyStopping("validation_rr")],
        )


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"callbacks": [EarlyStopping("validation_r2")]}, r"callbacks\.0\.metric: of validation_r2 the larger one"),
        ({"callbacks": [EarlyStopping(larger_is_better=True)]}, r"0\.metric: of validation_loss the smaller one"),
        ({"schedule": ReduceOnPlateau("validation_r2")}, r"schedule\.metric: of validation_r2 the larger one"),
        ({"schedule": ReduceOnPlateau("train_loss", larger_is_better=True)}, r"schedule\.metric: of train_loss the"),
    ],
)
def test_the_worse_score_is_not_taken_for_the_better(settings: dict[str, Any], problem: str) -> None:
    model = stack()
    before = copy.deepcopy(model.params)
    with pytest.raises(ConfigError, match=problem):
        fit(model, *noise(20), validation=noise(5), loss=HalfMSE(), optimizer=SGD(0.5), **settings)
    assert all(np.array_equal(value, before[name]) for name, value in model.params.items())


def test_a_loss_with_several_outputs_is_watched_by_its_point() -> None:
    model = Sequential([RecurrentLayer(3), LastStep(), Dense(3)])
    stopped = EarlyStopping("validation_r2", larger_is_better=True, patience=3)
    plateau = ReduceOnPlateau("validation_r2", larger_is_better=True, patience=1)
    arguments: dict[str, Any] = {"loss": Quantile([0.1, 0.5, 0.9]), "optimizer": SGD(0.5), "validation": noise(30)}
    history = fit(model, *noise(20), epochs=200, callbacks=[stopped], schedule=plateau, **arguments)
    scores = [(record.validation_metrics or {})["r2"] for record in history]
    assert len(history) == scores.index(max(scores)) + 4 < 200


def test_two_opinions_on_the_best_weights_are_refused() -> None:
    same = [EarlyStopping(patience=3), EarlyStopping(patience=5)]
    assert Training(callbacks=list(same)).choice == Choice()
    with pytest.raises(ConfigError, match="choose the best weights by other scores"):
        Training(callbacks=[*same, EarlyStopping("train_loss")])


def test_the_log_as_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    arguments: dict[str, Any] = {"loss": HalfMSE(), "optimizer": SGD(0.1), "validation": noise(5), "epochs": 3}
    (tmp_path / "epochs.csv").write_text("of another training")
    history = fit(stack(), *noise(20), callbacks=[CSVLog("epochs.csv")], **arguments)
    with (tmp_path / "epochs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    assert [float(row["train_loss"]) for row in rows] == [record.train_loss for record in history]
    assert [float(row["validation_loss"]) for row in rows] == [record.validation_loss for record in history]
    assert list(rows[0])[:6] == ["epoch", "step", "learning_rate", "seconds", "train_loss", "validation_loss"]


def test_a_training_without_a_folder_writes_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trainer(stack(), callbacks=[CSVLog()]).run(Arrays(*examples()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", ".", "..", "../x.csv", "a/b.csv", "/x.csv", "a\\b.csv", "log.jsonl", "C:x.csv"])
def test_a_table_goes_nowhere_else(name: str) -> None:
    with pytest.raises(ConfigError, match=r"expected a name that ends in \.csv"):
        CSVLog(name)


def test_a_choice_that_is_none_is_refused() -> None:
    class Own(Callback):
        @property
        def choice(self) -> Any:
            return "validation_loss"

    with pytest.raises(ConfigError, match=r"^Training: callbacks: Own: choice must be a Choice or None, got 'valid"):
        Training(callbacks=[Own()])
