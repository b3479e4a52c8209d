"""One trial of a search: plain values in, plain values out.

A trial trains on the training part and is scored on the validation part; the test
part is not looked at. It can be pickled and runs in any process that has minidl and
Optuna, writes no file, and does not know the database: what Optuna's pruner must know
of earlier trials comes with it. So the same trial gives the same result everywhere on
one kind of machine.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from minidl.core.errors import (
    ConfigError,
    DataError,
    IncompatibleRunError,
    MinidlError,
    MissingPackageError,
    NumericalError,
    ShapeError,
)
from minidl.core.extras import install_command
from minidl.experiment import Experiment
from minidl.files.plugins import PluginRecord, load_plugin, plugin_faults
from minidl.fitting import run_training
from minidl.parallel.experiments import experiment_of, load_parts
from minidl.training import EpochRecord
from minidl.training.callbacks import Callback, Choice, KeepBest
from minidl.training.threads import ONE_THREAD

# As Optuna's own defaults: so many trials run to their end before any is cut short.
TRIALS_BEFORE_PRUNING = 5
Curve = dict[int, float]  # a score by epoch
State = Literal["complete", "pruned", "failed"]


def need_optuna() -> Any:
    """Optuna, which says only what is an error.

    Raises
    ------
    MissingPackageError
        It is not installed.
    """
    try:
        import optuna
    except ImportError as err:
        raise MissingPackageError(f"search needs Optuna: {install_command('search')}") from err
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


@dataclass(frozen=True)
class Attempt:
    """What one trial needs.

    Parameters
    ----------
    config : resolved, as plain values, with its seed.
    curves : the scores by epoch of the earlier trials that ran to their end.
    plugins : Python files to load first, if their content is still that.
    """

    config: Mapping[str, Any]
    curves: tuple[Curve, ...] = ()
    plugins: tuple[PluginRecord, ...] = ()


@dataclass(frozen=True)
class Tried:
    """What one trial gives.

    Parameters
    ----------
    state : ``complete``; ``pruned`` by the pruner, or as the training met NaN or Inf; ``failed``: the values do not go
        together.
    score : on the validation part, of the weights that the config would score; None without one.
    epoch : that they are from.
    curve : of all epochs.
    error : why it ended early; None if it did not.
    """

    state: State
    score: float | None
    epoch: int | None
    curve: Curve
    error: str | None
    seconds: float


def run_attempt(attempt: Attempt) -> Tried:
    """Train and validate; values that do not go together, NaN and Inf give a result that says so.

    Raises
    ------
    MinidlError
        A file cannot be read, or a plugin cannot be loaded, has changed, or fails.
    """
    started = time.perf_counter()
    with plugin_faults():
        try:
            for plugin in attempt.plugins:
                load_plugin(plugin["path"], plugin["sha256"])
            with ONE_THREAD:
                return _tried(attempt, started)
        except (IncompatibleRunError, MissingPackageError):
            raise
        except (ConfigError, ShapeError, DataError) as err:
            return failed(err, time.perf_counter() - started)


def failed(err: MinidlError, seconds: float = 0.0) -> Tried:
    """The result of values that do not go together."""
    return Tried("failed", None, None, {}, err.lines[0], seconds)


def _tried(attempt: Attempt, started: float) -> Tried:
    experiment = experiment_of(attempt.config, attempt.config["seed"])
    parts, choice = load_parts(experiment), experiment.training.choice
    pruning = Pruning(choice, attempt.curves, experiment.training.epochs)
    best = KeepBest(choice)
    trainer = experiment.trainer()
    try:
        run_training(trainer, parts.train, parts.validation, engine=experiment.engine, callbacks=[best, pruning])
    except NumericalError as err:
        return Tried("pruned", None, None, pruning.curve, str(err), time.perf_counter() - started)
    score, epoch = _score(experiment, trainer.history, best)
    seconds = time.perf_counter() - started
    if pruning.pruned:
        return Tried("pruned", None, None, pruning.curve, f"pruned after epoch {trainer.epoch}", seconds)
    if score is None:
        return Tried("pruned", None, None, pruning.curve, f"no finite {choice.metric}", seconds)
    return Tried("complete", score, epoch, pruning.curve, None, seconds)


def _score(experiment: Experiment, history: list[EpochRecord], best: KeepBest) -> tuple[float | None, int | None]:
    """The validation score of the weights that the config scores, and their epoch."""
    if experiment.evaluation.checkpoint == "best" or experiment.training.refit:
        return best.score, best.epoch or None
    return best.by.score(history[-1]), history[-1].epoch


class Pruning(Callback):
    """Ends a training whose best score so far is worse than the median of earlier trials at the same epoch.

    Optuna's MedianPruner decides, after a fifth of the epochs and five whole trials.

    Parameters
    ----------
    by : the score.
    curves : of the earlier trials that ran to their end.
    epochs : of the whole training.

    Attributes
    ----------
    curve : the scores so far, without those that are not finite.
    pruned : whether it was ended.
    """

    def __init__(self, by: Choice, curves: tuple[Curve, ...], epochs: int) -> None:
        optuna = need_optuna()
        direction = "maximize" if by.larger_is_better else "minimize"
        pruner = optuna.pruners.MedianPruner(TRIALS_BEFORE_PRUNING, n_warmup_steps=math.ceil(epochs / 5))
        study = optuna.create_study(direction=direction, pruner=pruner)
        state = optuna.trial.TrialState.COMPLETE
        study.add_trials(
            [optuna.trial.create_trial(state=state, value=0.0, intermediate_values=curve) for curve in curves]
        )
        self.by, self._trial = by, study.ask()
        self.curve: Curve = {}
        self.pruned: bool = False

    def on_epoch_end(self, trainer: Any, record: EpochRecord) -> None:
        """Report the score, and ask."""
        score = self.by.score(record)
        if score is None:
            return
        self.curve[record.epoch] = score
        self._trial.report(score, record.epoch)
        if self._trial.should_prune() and not trainer.complete:
            self.pruned = True
            trainer.finish("worse than the median of earlier trials")
