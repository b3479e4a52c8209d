"""minidl find-rate: what it suggests, its picture, and what it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import Cli
from small import hourly_table, window_data

from minidl import SGD, Adam, Dense, HalfMSE, LastStep, Optimizer, RecurrentLayer, Sequential, plotting
from minidl.core.errors import NumericalError
from minidl.experiment import Experiment
from minidl.optimizers import StepDecay
from minidl.runs import rate_range
from minidl.runs.rate_range import range_test
from minidl.training import NumpyEngine, Source, Trainer, Training
from minidl.training.engine import Advanced, Order
from minidl.training.outputs import predict


def experiment(optimizer: Optimizer, engine: str = "numpy", batch_size: int = 32) -> Experiment:
    made = Experiment(
        model=Sequential([RecurrentLayer(3), LastStep(), Dense(1)]),
        data=window_data(hourly_table()),
        optimizer=optimizer,
        loss=HalfMSE(),
        training=Training(batch_size=batch_size, schedule=StepDecay(every=1), moving_average=0.9),
        dtype="float64",
        engine=engine,  # type: ignore[arg-type]
    )
    made.evaluation.horizons = [4, 1]
    made.build_model()
    return made


def test_the_rates_grow_by_one_factor_whatever_the_rate_of_the_config_is() -> None:
    found = []
    for rate in (0.5, 1e-12):  # times a factor of 1e10, which no schedule may have, it would be 0.01
        made = experiment(SGD(rate))
        found.append(range_test(made, made.load_data(), low=1e-5, high=1e-2, steps=31))
    np.testing.assert_allclose(found[0].rates, np.geomspace(1e-5, 1e-2, 31), rtol=1e-12)
    np.testing.assert_allclose(found[0].losses, found[1].losses, rtol=1e-12)


def test_the_losses_are_those_of_the_batches_before_their_steps() -> None:
    # One batch an epoch, all examples: the loss is that of the whole part, and SGD is written out.
    made = experiment(SGD(0.05), batch_size=10_000)
    parts = made.load_data()
    found = range_test(made, parts, low=1e-3, high=1.0, steps=20)
    again = experiment(SGD(0.05), batch_size=10_000)
    trainer = again.trainer()
    for rate, loss in zip(found.rates, found.losses, strict=True):
        y, target = predict(again.model, parts.train)
        assert loss == pytest.approx(float(np.mean((y - target) ** 2)) / 2, rel=1e-10)
        again.optimizer.learning_rate = rate
        trainer.settings.schedule, trainer.average = type(trainer.settings.schedule)(every=1000), None
        trainer.train_step(parts.train.gather(slice(None)))


def test_an_engine_that_takes_many_steps_in_a_call_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    # Caught here: the compiled engine's way, of whose steps only the sum of the losses is known.
    class Many(NumpyEngine):
        def advance(
            self, trainer: Advanced, train: Source, order: Order, position: int, total: float
        ) -> tuple[int, float]:
            while position < len(order):
                position, total = super().advance(trainer, train, order, position, total)
            return position, total

    found = []
    for engine in (NumpyEngine(), Many()):
        monkeypatch.setattr(rate_range, "choose_engine", lambda *_, engine=engine: (engine, "numpy"))
        made = experiment(SGD(0.05))
        found.append(range_test(made, made.load_data(), steps=60))
    assert found[0].losses == found[1].losses
    assert found[0].suggestion == found[1].suggestion


@pytest.mark.parametrize("steps", [20, 40, 41])
def test_the_training_is_as_long_as_its_steps_need(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Caught here: as many epochs as steps, of which the compiler was thought to pay.
    asked = []

    def noted(trainer: Trainer, *_: object) -> tuple[NumpyEngine, str]:
        asked.append(trainer.settings.epochs)
        return NumpyEngine(), "numpy"

    monkeypatch.setattr(rate_range, "choose_engine", noted)
    made = experiment(SGD(0.05), batch_size=9)  # 20 steps an epoch
    assert len(range_test(made, made.load_data(), low=1e-3, high=1e-2, steps=steps).rates) == steps
    assert asked == [-(-steps // 20)]


def test_the_suggestion_lies_on_the_slope_and_trains_better_than_its_ends() -> None:
    made = experiment(Adam(0.001))
    parts = made.load_data()
    found = range_test(made, parts)
    assert found.suggestion is not None
    assert found.suggestion < found.lowest
    losses = {}
    for rate in (found.suggestion / 100, found.suggestion, found.suggestion * 100):
        again = experiment(Adam(rate))
        again.training = Training(batch_size=32, epochs=10)
        losses[rate] = again.trainer().run(parts.train)[-1].train_loss
    assert min(losses, key=losses.__getitem__) == found.suggestion


def test_only_training_rows_are_seen() -> None:
    # Caught here: a validation after each epoch, which could choose something.
    made = experiment(SGD(0.05))
    parts = made.load_data()
    wide = range_test(made, parts, steps=40)
    poisoned = parts.values.copy()
    poisoned[parts.n_train_rows :] = np.nan
    object.__setattr__(parts, "train", type(parts.train)(poisoned, parts.train.starts, 6, 0))
    again = experiment(SGD(0.05))
    assert range_test(again, parts, steps=40).losses == wide.losses


def test_a_range_that_breaks_at_once_says_so() -> None:
    made = experiment(SGD(0.05))
    made.model.params["2.W"][...] = np.nan
    with pytest.raises(NumericalError, match="epoch 1, step 1"):
        range_test(made, made.load_data())


def test_the_suggestion_can_be_copied_into_a_training(cli: Cli, folder: Path) -> None:
    # Caught here: an optimizer that is a bare name has no key to set.
    before = set(folder.iterdir())
    outcome = cli("find-rate", "small.yaml", "--set", "optimizer=Adam", "--steps", "60")
    assert outcome.code == 0
    command = outcome.out.splitlines()[-1].removeprefix("next: minidl ")
    assert command.startswith("train small.yaml --set optimizer=Adam --set optimizer.learning_rate=0.0")
    assert set(folder.iterdir()) == before
    assert cli(*command.split(), "--set", "training.epochs=1").code == 0


def test_where_nothing_falls_there_is_no_suggestion(cli: Cli, folder: Path) -> None:
    outcome = cli("find-rate", "small.yaml", "--high", "1e-5", "--json")
    found = json.loads(outcome.out)
    assert (outcome.code, found["suggestion"], found["picture"]) == (1, None, None)
    assert len(found["rates"]) == len(found["losses"]) == len(found["smoothed"]) == 300


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--low", "0"), "range test: expected rates 0 < low < high, got 0 and 10."),
        (("--high", "1e-7"), "range test: expected rates 0 < low < high, got 1e-06 and 1e-07."),
        (("--high", "1e10"), "range test: expected rates from 1e-30 to 1e+09, got 1e-06 and 1e+10."),
        (("--low", "1e-31"), "range test: expected rates from 1e-30 to 1e+09, got 1e-31 and 10."),
        (("--steps", "10000000000"), "range test: steps: expected `int` <= 1000000000, got 10000000000"),
        (("--steps", "3"), "range test: expected 20 steps or more, got 3."),
    ],
)
def test_a_range_that_is_none_is_refused(cli: Cli, folder: Path, arguments: tuple[str, ...], line: str) -> None:
    outcome = cli("find-rate", "small.yaml", *arguments)
    assert outcome.code == 2
    assert outcome.err == f"minidl find-rate: {line}\n"  # before data are read, of which there would be lines


def test_the_picture_is_drawn_where_matplotlib_is_installed(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(plotting, "have_matplotlib", lambda: True)
    outcome = cli("find-rate", "small.yaml", "--steps", "60", "--output", "rate.png")
    assert outcome.code == 0
    assert outcome.out.splitlines()[1] == "rate.png: the loss by rate"
    assert Path("rate.png").read_bytes().startswith(b"\x89PNG")
