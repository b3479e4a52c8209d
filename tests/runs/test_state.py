"""The state of a training from JSON: what is none is refused, with its place and what is wrong with it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import Adam, ConfigError, CorruptFileError, Dense, HalfMSE, LastStep, RecurrentLayer, Sequential
from minidl.optimizers import ReduceOnPlateau
from minidl.randomness import Streams
from minidl.runs.checkpoints import Checkpoint
from minidl.runs.state import restore_trainer, trainer_state
from minidl.training import Arrays, Callback, EarlyStopping, Trainer, Training

PLACE = Path("runs", "a", "checkpoints", "last")
DATA = Arrays(np.arange(24.0).reshape(6, 2, 2) / 24, np.arange(6.0)[:, None] / 6)


def trainer() -> Trainer:
    model = Sequential([RecurrentLayer(2), LastStep(), Dense(1)])
    model.build((2, 2), 1, "float64")
    watching: dict[str, Any] = {"schedule": ReduceOnPlateau(), "callbacks": [EarlyStopping(patience=5)]}
    settings = Training(epochs=3, batch_size=4, moving_average=0.5, **watching)
    return Trainer(model, loss=HalfMSE(), optimizer=Adam(0.01), settings=settings, streams=Streams.from_seed(0))


def saved(**changed: Any) -> Checkpoint:
    made = trainer()
    weights = {name: value.copy() for name, value in made.model.params.items()}
    own = {name: value + 1 for name, value in weights.items()}
    optimizer = {name: np.full_like(value, 2) for name, value in made.state.items()}
    state = {**trainer_state(made), "epoch": 2, "step": 5, **changed}
    return Checkpoint(weights, optimizer, state, own=own)


def test_what_was_saved_is_put_where_it_was() -> None:
    made, then = trainer(), saved(position={"examples": 4, "loss_sum": 1.5, "seconds": 2.5}, finished="enough")
    restore_trainer(made, then, [], PLACE)
    assert (made.epoch, made.step, made.finished) == (2, 5, "enough")
    assert (made.position.examples, made.position.loss_sum, made.position.seconds) == (4, 1.5, 2.5)
    assert made.average is not None
    for name, value in made.model.params.items():  # training goes on with its own weights, beside their average
        np.testing.assert_array_equal(value, then.own[name])
        np.testing.assert_array_equal(made.parameters.named(made.average.values)[name], then.weights[name])
    for value in made.state.values():
        assert (value == 2).all()


def position(**changed: Any) -> dict[str, Any]:
    return {"examples": 0, "loss_sum": 0.0, "seconds": 0.0, **changed}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"epoch": -1}, "not the state of a training: ValueError('epoch, step and examples are (-1, 5, 0)')"),
        ({"step": -1}, "epoch, step and examples are (2, -1, 0)"),
        ({"step": 5.0}, "epoch, step and examples are (2, 5.0, 0)"),
        ({"epoch": True}, "epoch, step and examples are (True, 5, 0)"),
        ({"position": position(examples=-1)}, "epoch, step and examples are (2, 5, -1)"),
        ({"position": position(loss_sum=np.nan)}, "position is Position(examples=0, loss_sum=nan"),
        ({"position": position(seconds=np.inf)}, "position is Position(examples=0, loss_sum=0.0, seconds=inf"),
        ({"position": {"rows": 1}}, "not the state of a training: TypeError("),
        ({"generators": {}}, "not the state of a training: KeyError("),
        ({"schedule": {"other": 1.0}}, "has the schedule's ['other'], ReduceOnPlateau needs ["),
        ({"callbacks": []}, "what callbacks remember is not that of those in the config."),
        ({"callbacks": [{"other": 1.0}]}, "what callbacks remember is not that of those in the config."),
    ],
)
def test_a_state_that_is_none_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(CorruptFileError, match=rf"^{PLACE}/state\.json: .*{re.escape(message)}"):
        restore_trainer(trainer(), saved(**changed), [], PLACE)


def test_counters_may_be_0() -> None:
    made = trainer()
    restore_trainer(made, saved(epoch=0, step=0), [], PLACE)
    assert (made.epoch, made.step) == (0, 0)


def test_the_memories_of_schedule_and_callbacks_come_back() -> None:
    first = trainer()
    first.run(DATA, DATA)
    state = trainer_state(first)
    made, then = trainer(), saved(schedule=state["schedule"], callbacks=state["callbacks"])
    restore_trainer(made, then, first.history, PLACE)
    assert made.schedule_state == first.schedule_state != first.settings.schedule.start()
    assert made.memory_of(made.settings.callbacks[0]) == state["callbacks"][0]
    assert made.history == first.history


class Own(Callback):
    """Remembers what it is told to, and after an epoch something else."""

    def __init__(self, first: Any, then: Any) -> None:
        self.first, self.then = first, then

    def start(self) -> Any:
        return self.first

    def on_epoch_end(self, trainer: Any, record: Any) -> None:
        trainer.memory_of(self).update(self.then)


@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        (None, {}, "must be a dict of numbers by name; start() gave None."),
        ({"m": np.zeros(2)}, {}, "must be finite numbers; m is array([0., 0.])."),
        ({"m": "1"}, {}, "must be finite numbers; m is '1'."),
        ({"m": 1j}, {}, "must be finite numbers; m is 1j."),
        ({"m": -np.inf}, {}, "must be finite numbers; m is -inf."),
        ({1: 1.0}, {}, "must have names that are texts, got 1."),
        ({"m": 0.0}, {"m": np.zeros(1)}, "must be finite numbers; m is array([0.])."),
        ({"m": 0.0}, {"m": float("nan")}, "must be finite numbers; m is nan."),
        ({"m": 0.0}, {"n": 1.0}, "must have the names that start() gives; n is not among them."),
    ],
)
def test_what_no_checkpoint_can_have_is_refused_in_one_line(first: Any, then: Any, message: str) -> None:
    # Until now JSON said so, in a traceback, or a run that was stopped could not go on.
    made = trainer()
    made.settings.callbacks.append(Own(first, then))

    def trained_and_saved() -> None:
        made.run(DATA, DATA)
        trainer_state(made)

    with pytest.raises(ConfigError, match=f"^{re.escape(f'Own: what it remembers {message}')}$"):
        trained_and_saved()


def test_every_kind_of_number_is_remembered_as_a_float_from_the_start_on() -> None:
    # Else a checkpoint says 1 where the one of a training that was stopped says 1.0: other bytes.
    made = trainer()
    made.settings.callbacks.append(Own({"n": 0, "m": np.float32(2), "b": True}, {"n": 3, "b": np.True_}))
    assert str(made.memory_of(made.settings.callbacks[-1])) == "{'n': 0.0, 'm': 2.0, 'b': 1.0}"
    made.run(DATA, DATA)
    assert str(trainer_state(made)["callbacks"][-1]) == "{'n': 3.0, 'm': 2.0, 'b': 1.0}"


def test_a_schedule_remembers_numbers_too() -> None:
    class Wrong(ReduceOnPlateau):
        def start(self) -> Any:
            return {**super().start(), "more": [1.0]}

    made = trainer()
    settings = Training(schedule=Wrong())
    with pytest.raises(ConfigError, match=r"^Wrong: what it remembers must be finite numbers; more is \[1\.0\]\.$"):
        Trainer(made.model, loss=HalfMSE(), optimizer=Adam(), settings=settings, streams=Streams.from_seed(0))
    made.schedule_state["best"] = np.inf
    with pytest.raises(ConfigError, match=r"^ReduceOnPlateau: what it remembers must be finite numbers; best is inf"):
        trainer_state(made)


def test_why_a_training_ends_is_a_text() -> None:
    with pytest.raises(ConfigError, match=r"^Trainer: finish: why: expected `str`, got `int` 3$"):
        trainer().finish(3)  # type: ignore[arg-type]
