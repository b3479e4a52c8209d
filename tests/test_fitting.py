"""One way to train: runs, comparisons and `fit` give the same weights from the same data."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import write_experiment

from minidl import (
    SGD,
    Adam,
    ConfigError,
    Cosine,
    Dense,
    EarlyStopping,
    HalfMSE,
    LastStep,
    RecurrentLayer,
    Sequential,
    fit,
)
from minidl.comparison.trials import train_in_memory
from minidl.compiled.jit import numba_installed
from minidl.core.arguments import argument_hints
from minidl.experiment import load_experiment
from minidl.runs.run import Run
from minidl.training import Arrays, Callback, EpochRecord, Trainer, Training

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((20, 5, 2)), RNG.standard_normal((20, 1))


def net() -> Sequential:
    return Sequential([RecurrentLayer(3), LastStep(), Dense(1)])


class Recording(Callback):
    """Remembers what it was called with."""

    def __init__(self) -> None:
        self.engine, self.epochs, self.ended = "", list[int](), False
        self.settings = Training()

    def on_start(self, trainer: Trainer) -> None:
        self.engine, self.settings = trainer.engine.name, trainer.settings

    def on_epoch_end(self, trainer: Trainer, record: EpochRecord) -> None:
        self.epochs.append(record.epoch)

    def on_end(self, trainer: Trainer) -> None:
        self.ended = True


def test_a_run_a_comparison_and_fit_end_with_the_same_weights(tmp_path: Path) -> None:
    path = write_experiment(tmp_path)
    overrides = [f"data.series.path={tmp_path / 'air.csv'}", "dtype=float32", "evaluation.checkpoint=last"]
    experiments = [load_experiment(path, overrides) for _ in range(3)]
    parts = experiments[0].load_data()
    Run.create(experiments[0], tmp_path / "run").train(parts)
    assert train_in_memory(experiments[1], experiments[1].load_data()).engine == "numpy"
    whole = parts.train.gather(slice(None))
    model = experiments[2].model
    fit(model, whole.x, whole.target, loss=HalfMSE(), optimizer=SGD(0.05), epochs=3, batch_size=16, seed=3)
    for name, value in experiments[0].model.params.items():
        assert value.tobytes() == experiments[1].model.params[name].tobytes(), name
        assert value.tobytes() == model.params[name].tobytes(), name


def test_every_setting_of_a_training_is_an_argument_and_arrives() -> None:
    of_runs = {"checkpoint_every", "checkpoints_kept"}
    given: dict[str, Any] = {
        "epochs": 2,
        "batch_size": 7,
        "shuffle": False,
        "schedule": Cosine(),
        "clip_norm": 1.0,
        "clip_value": 0.5,
        "moving_average": 0.9,
        "refit": False,
        "callbacks": (EarlyStopping(),),
        "threads": 2,
        "bptt_steps": 2,
    }
    assert given.keys() == argument_hints(Training).keys() - of_runs
    assert given.keys() <= inspect.signature(fit).parameters.keys()
    seen, x = Recording(), X
    every_step = Sequential([RecurrentLayer(3), Dense(1)])
    given["callbacks"] = (*given["callbacks"], seen)
    fit(every_step, x, x[..., :1], loss=HalfMSE(), optimizer=SGD(0.1), validation=(x, x[..., :1]), **given)
    assert {name: getattr(seen.settings, name) for name in given} == {**given, "callbacks": list(given["callbacks"])}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"callbacks": EarlyStopping()}, r"callbacks: expected a list of Callback, got EarlyStopping"),
        (
            {"validation": (X, Y, Y)},
            r"validation: expected a pair \(x, y\) or Arrays\(.*\), got tuple of 3\.",
        ),
        ({"validation": 0.2}, r"validation: expected a pair .*, got float"),
        ({"threads": 0}, r"threads: expected `int` >= 1, got 0"),
        ({"shuffle": 1}, r"shuffle: expected `bool`"),
        ({"engine": "cuda"}, r"engine: unknown value 'cuda'; known: auto, compiled, numpy"),
    ],
)
def test_a_wrong_argument_is_refused_in_one_line(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        fit(net(), X, Y, loss=HalfMSE(), optimizer=SGD(0.1), **wrong)
    assert len(caught.value.lines) == 1


def test_weights_and_lengths_of_validation_examples_count() -> None:
    lengths, weight = np.arange(20) % 5 + 1, np.arange(20.0)
    padded = X.copy()
    padded[np.arange(5) >= lengths[:, None]] = np.nan
    model = net()
    held_out = Arrays(padded, Y, lengths, weight)
    (epoch,) = fit(model, X, Y, loss=HalfMSE(), optimizer=SGD(0.1), validation=held_out)
    residuals = [model(X[k : k + 1, :n])[0, 0] - Y[k, 0] for k, n in enumerate(lengths)]
    expected = 0.5 * (weight * np.square(residuals)).sum() / weight.sum()
    assert epoch.validation_loss == pytest.approx(expected, rel=1e-5)  # float32


@pytest.mark.parametrize("lengths", [None, [3] * 20])
def test_a_model_is_built_for_the_steps_that_there_are_or_for_any_number_where_lengths_differ(lengths: Any) -> None:
    model = net()
    fit(model, X, Y, lengths=lengths, loss=HalfMSE(), optimizer=SGD(0.01), engine="numpy")
    assert model.input_shape == ((5, 2) if lengths is None else (None, 2))


def test_callbacks_are_called_and_a_training_stops_when_it_is_told_to() -> None:
    calls, seen = iter(range(100)), Recording()
    history = fit(
        net(),
        X,
        Y,
        loss=HalfMSE(),
        optimizer=SGD(0.01),
        epochs=5,
        batch_size=10,
        callbacks=[seen],
        should_stop=lambda: next(calls) == 4,  # in the first step of the third epoch
    )
    assert (len(history), seen.engine, seen.epochs, seen.ended) == (2, "numpy", [1, 2], True)


def test_progress_is_what_train_shows(capsys: pytest.CaptureFixture[str]) -> None:
    held_out = (X[:4], Y[:4])
    fit(net(), X, Y, loss=HalfMSE(), optimizer=SGD(0.01), epochs=2, progress=True, validation=held_out)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[0] == "engine: numpy: so short a training is done before the compiler is" or not numba_installed()
    assert [line.split("  ")[0] for line in lines[1:]] == ["epoch 1/2", "epoch 2/2"]
    assert "validation" in lines[1]
    fit(net(), X, Y, loss=HalfMSE(), optimizer=SGD(0.01))
    assert capsys.readouterr() == ("", "")


def test_the_engine_is_chosen_as_in_a_config(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Recording()
    if numba_installed():
        fit(net(), X, Y, loss=HalfMSE(), optimizer=SGD(0.01), engine="compiled", callbacks=[seen])
        assert seen.engine == "compiled"
    monkeypatch.setattr("minidl.compiled.choice.numba_installed", lambda: False)
    with pytest.raises(ConfigError, match=r"^engine is compiled, but numba is not installed"):
        fit(net(), X, Y, loss=HalfMSE(), optimizer=SGD(0.01), engine="compiled")


SPLIT: dict[str, Any] = {"loss": HalfMSE(), "seed": 13, "batch_size": 4, "validation": (X[15:], Y[15:])}


def weights(model: Sequential) -> bytes:
    return b"".join(value.tobytes() for value in model.params.values())


@pytest.mark.parametrize("callbacks", [(), (EarlyStopping(patience=2),)], ids=["none", "stop"])
@pytest.mark.parametrize("built", [False, True])
def test_a_refit_is_a_training_on_all_examples_for_the_epochs_that_were_best(callbacks: Any, built: bool) -> None:
    # Catches a refit from the trained weights, with the first one's state, for all epochs, or on one part.
    model, plain, first = net(), net(), net()
    if built:
        for one in (model, plain, first):
            one.build((5, 2), 11, "float64")
    more: dict[str, Any] = {"schedule": Cosine(), "epochs": 8}
    shown = fit(first, X[:15], Y[:15], optimizer=Adam(0.1), callbacks=callbacks, **more, **SPLIT)
    history = fit(model, X[:15], Y[:15], optimizer=Adam(0.1), callbacks=callbacks, refit=True, **more, **SPLIT)
    best = min(history, key=lambda record: record.validation_loss or 0.0).epoch
    assert 1 < best < len(history)
    assert [record.validation_loss for record in history] == [record.validation_loss for record in shown]
    calls = iter(range(10**6))
    stop = {**SPLIT, **more, "validation": None, "should_stop": lambda: next(calls) >= best * 5 - 1}
    fit(plain, X, Y, optimizer=Adam(0.1), **stop)
    assert weights(model) == weights(plain) != weights(first)


def test_a_refit_that_is_told_to_stop_leaves_the_weights_of_the_first_training() -> None:
    model, first = net(), net()
    fit(first, X[:15], Y[:15], optimizer=Adam(0.1), epochs=2, **SPLIT)
    calls = iter(range(10**6))
    stop = {"should_stop": lambda: next(calls) >= 10}
    fit(model, X[:15], Y[:15], optimizer=Adam(0.1), epochs=2, refit=True, **stop, **SPLIT)
    assert next(calls) > 10
    assert weights(model) == weights(first)


def test_a_refit_needs_validation() -> None:
    message = r"fit: refit: there are no validation examples that could teach too; give validation=\(x, y\)\."
    with pytest.raises(ConfigError, match=message):
        fit(net(), X, Y, loss=HalfMSE(), optimizer=SGD(0.1), refit=True)
