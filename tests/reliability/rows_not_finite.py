"""Row 12: NaN and Inf."""

from __future__ import annotations

import itertools
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from minidl import Adam, Dense, HalfMSE, LastStep, RecurrentLayer, Sequential
from minidl.core.errors import DataError, NumericalError
from minidl.core.layer import Array
from minidl.data import Batch
from minidl.randomness import Streams
from minidl.runs.checkpoints import read_checkpoint
from minidl.runs.saving import SaveCheckpoints
from minidl.training import Arrays, Callback, Trainer, Training
from tests.reliability.harness import Outcome, experiment_file, row, run_command
from tests.small import hourly_rows, hourly_table

PARAMETERS = ("0.W_xh", "0.W_hh", "0.b_h", "2.W", "2.b")


class Spoil(Callback):
    """Puts a bad number into a parameter after an epoch."""

    def __init__(self, epoch: int, name: str, value: float) -> None:
        self.epoch, self.name, self.value = epoch, name, value

    def on_epoch_end(self, trainer: Trainer, record: Any) -> None:
        if record.epoch == self.epoch:
            trainer.model.params[self.name].ravel()[-1] = self.value


@row(12, "NaN or Inf in data, weights, loss", full=200, sample=24)
def not_finite(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """A bad number in an input, a target, a parameter or a validation window, or by too long a step."""
    # Infinite validation inputs are left out: tanh makes finite outputs of them, and no table can hold them.
    cases = [case for case in itertools.product(PLACES, (np.nan, np.inf, -np.inf)) if case[0] != "validation"]
    cases.append(("validation", np.nan))
    for place, value in itertools.islice(itertools.cycle(cases), trials):
        outcome.check(*one_bad_number(place, value, rng))
    try:
        values = hourly_rows()
        values[3, 1] = np.nan
        type(hourly_table())(values, None, ("pm", "temp", "wind"), 0)
        outcome.check(False, "a table with NaN was accepted")
    except DataError as err:
        outcome.check("temp" in str(err), str(err))
    explosive = "optimizer={type: SGD, learning_rate: 1e9}", "dtype=float32", "training.checkpoint_every={steps: 1}"
    arguments = experiment_file(*explosive)
    code, text = run_command("train", *arguments, "--run-dir", "exploded")
    outcome.check(code == 5 and "Traceback" not in text and "epoch 1, step" in text, f"exit {code}: {text[-300:]}")


PLACES = ("input", "target", "validation", "learning rate", *PARAMETERS)


class Gathered:
    """A source that cannot be looked at as a whole."""

    def __init__(self, x: Array, y: Array) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x)

    def gather(self, indices: Any) -> Batch:
        return Batch(self.x[indices], self.y[indices])


def one_bad_number(place: str, value: float, rng: random.Random) -> tuple[bool, str]:
    shutil.rmtree("checkpoints", ignore_errors=True)
    model = Sequential([RecurrentLayer(3), LastStep(), Dense(1)])
    model.build((5, 2), rng.randrange(1000), rng.choice(["float32", "float64"]))
    made = np.random.default_rng(rng.randrange(1000))
    x, y = made.normal(size=(40, 5, 2)), made.normal(size=(40, 1))
    validation = Arrays(x[:8].copy(), y[:8].copy())
    spoiled = rng.randrange(40)
    if place == "input":
        x[spoiled, 2, 1] = value
    elif place == "target":
        y[spoiled] = value
    elif place == "validation":
        validation.x[3] = value
    optimizer = Adam(0.001)
    trainer = Trainer(
        model,
        loss=HalfMSE(),
        optimizer=optimizer,
        settings=Training(epochs=5, batch_size=8, shuffle=False, checkpoint_every={"steps": 1}),
        streams=Streams.from_seed(0),
    )
    if place == "learning rate":
        optimizer.learning_rate = 1e300  # which neither a constructor nor a Trainer takes
    saving = SaveCheckpoints(Path("checkpoints"))
    epoch = rng.randrange(1, 4)
    try:
        with np.errstate(all="ignore"):
            spoil = [Spoil(epoch, place, value)] if place in PARAMETERS else []
            for sources in ((Arrays(x, y), validation), (Gathered(x, y), Gathered(validation.x, validation.y))):
                before = trainer.parameters.values.copy()
                try:
                    trainer.run(*sources, [saving, *spoil])
                except NumericalError:
                    # Arrays are looked at before anything happens; what can only be gathered in its step.
                    if place not in ("input", "target", "validation") or isinstance(sources[0], Gathered):
                        raise
                    if trainer.step or Path("checkpoints").exists() or (before != trainer.parameters.values).any():
                        return False, f"{place} {value}: met after the start"
    except NumericalError as err:
        text = str(err)
    else:
        return False, f"{place} {value}: not noticed"
    step, wanted = expected(place, spoiled, epoch)
    last = Path("checkpoints", "last")
    saved = read_checkpoint(last if last.exists() else Path("checkpoints", "init"))
    finite = all(np.isfinite(array).all() for array in saved.weights.values())
    step += place == "learning rate" and trainer.step == 1  # in float64 the weights are huge first
    good = trainer.step == step and wanted in text and finite and saved.state["step"] == step
    return good, f"{place} {value}: step {trainer.step} (expected {step}), saved {saved.state['step']} {finite}: {text}"


def expected(place: str, spoiled: int, epoch: int) -> tuple[int, str]:
    """The step that must meet a bad number, and what the message must name."""
    step = {"input": spoiled // 8, "target": spoiled // 8, "validation": 5, "learning rate": 0}.get(place, 5 * epoch)
    layer = {"0": "RecurrentLayer", "2": "Dense"}
    named = {"input": "inputs (x)", "target": "targets (y)", "validation": "validation", "learning rate": "epoch 1"}
    return step, named.get(place) or f"parameter {place} ({layer[place[0]]})"
