"""One training run as a trial: plain values in, plain values out.

A trial can be pickled and runs in any process that has minidl; it reads its data,
trains in memory, scores, and returns a record (JSON values) and the weights that
were scored. It writes no file. The same trial gives the same bytes everywhere on
one kind of machine, except for its seconds.
"""

from __future__ import annotations

import functools
import hashlib
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.comparison.tested import terms_of
from minidl.core.errors import NumericalError
from minidl.core.layer import Array, Layer, n_parameters
from minidl.experiment import Experiment
from minidl.files.plugins import PluginRecord, load_plugin, plugin_faults
from minidl.fitting import run_training
from minidl.parallel.experiments import experiment_of, load_parts
from minidl.runs.environment import DECISIVE, blas_words, environment
from minidl.runs.refitting import refit
from minidl.training import EpochRecord
from minidl.training.callbacks import KeepBest
from minidl.training.threads import ONE_THREAD

Record = dict[str, Any]
Weights = dict[str, Array]


@dataclass(frozen=True)
class Trial:
    """What one run needs.

    Parameters
    ----------
    label : the config's name in the comparison.
    config : resolved, as plain values.
    seed : of weights, order and all else.
    plugins : Python files to load first, if their content is still that; as the command line gave them.
    """

    label: str
    config: Mapping[str, Any]
    seed: int
    plugins: tuple[PluginRecord, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What one run gives: its record, and the weights that were scored (none if it failed)."""

    record: Record
    weights: Weights


def run_trial(trial: Trial) -> Outcome:
    """Train and score; a training or a score that meets NaN or Inf gives a record that says so.

    Its ``status`` is ``done``, ``failed`` (the training broke) or ``unscored`` (the
    training was finite, its scores are not).

    Raises
    ------
    MinidlError
        The data cannot be read, or a plugin cannot be loaded, has changed, or fails.
    """
    with plugin_faults():
        return _outcome(trial)


def _outcome(trial: Trial) -> Outcome:
    for plugin in trial.plugins:
        load_plugin(plugin["path"], plugin["sha256"])
    with ONE_THREAD:
        experiment = experiment_of(trial.config, trial.seed)
        terms, parts = terms_of(trial.config), load_parts(experiment)
        record: Record = {
            "label": trial.label,
            "seed": trial.seed,
            "status": "done",
            "error": None,
            "parameters": n_parameters(experiment.model),
            "data": parts.facts(),
            "environment": decisive_environment(),
        }
        started = time.perf_counter()
        try:
            trained = train_in_memory(experiment, parts)
        except NumericalError as err:
            record |= {"status": "failed", "error": str(err)}
            return Outcome({**record, "seconds": {"training": time.perf_counter() - started}}, {})
        record |= {"engine": trained.engine, "epoch": trained.epoch, "curve": _curve(trained.history)}
        between = time.perf_counter()
        scores = terms.score(parts, experiment.scored_model)
        broken = terms.task.broken_score(scores)
        if broken is not None:
            text = f"the training was finite, but {broken}: {terms.beyond}."
            record |= {"status": "unscored", "error": text, "seconds": {"training": between - started}}
            return Outcome(record, {})
        record |= without_nan({"scores": scores, "more": terms.more_scores(parts, experiment.scored_model)})
        record["stretches"] = experiment.evaluation.stretches(parts, experiment.scored_model)
        weights = {name: value.copy() for name, value in experiment.model.params.items()}
        record["weights_sha256"] = digest_of(weights)
        record["seconds"] = {"training": between - started, "scoring": time.perf_counter() - between}
        return Outcome(record, weights)


@dataclass(frozen=True, eq=False)
class Trained:
    """A training that has ended; the model holds the weights that the config scores.

    Parameters
    ----------
    history : of every epoch.
    epoch : that the weights are from.
    engine : what computed the steps, ``numpy`` or ``compiled``.
    """

    history: list[EpochRecord]
    epoch: int
    engine: str


def train_in_memory(experiment: Experiment, parts: Any) -> Trained:
    """Train an experiment whose model has its initial weights; leave in the model those that its config scores.

    The result is that of `Run.train`, without a folder.

    Raises
    ------
    NumericalError
        NaN or Inf.
    """
    trainer, best = experiment.trainer(), KeepBest(experiment.training.choice)
    history = run_training(trainer, parts.train, parts.validation, engine=experiment.engine, callbacks=[best])
    epoch = history[-1].epoch
    if experiment.training.refit:
        epoch = refit(experiment, parts, best.epoch or epoch).epoch
    elif experiment.evaluation.checkpoint == "best":
        epoch = best.epoch or epoch
        best.restore(experiment.model)
    return Trained(history, epoch, trainer.engine.name)


def set_weights(model: Layer, weights: Mapping[str, Array]) -> None:
    """Write these values into a built model."""
    for name, value in model.params.items():
        value[...] = weights[name]


def _curve(history: list[EpochRecord]) -> Record:
    """The log by column, without its seconds."""
    curve = {name: [getattr(record, name) for record in history] for name in ("epoch", "train_loss", "validation_loss")}
    names = dict.fromkeys(name for record in history for name in record.validation_metrics or ())
    scores = [record.validation_metrics or {} for record in history]
    curve |= {f"validation_{name}": [score.get(name) for score in scores] for name in names}
    return {name: [_finite(value) for value in column] for name, column in curve.items()}


def digest_of(weights: Mapping[str, Array]) -> str:
    """SHA-256 of all weights, with their names and shapes."""
    digest = hashlib.sha256()
    for name, value in sorted(weights.items()):
        digest.update(f"{name} {value.dtype} {value.shape} ".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def decisive_environment() -> dict[str, Any]:
    """What may change the last bits of a result."""
    return _decisive_environment()


@functools.cache
def _decisive_environment() -> dict[str, Any]:
    everything = environment(())
    return {**{key: everything.get(key) for key in DECISIVE}, "blas": sorted(map(blas_words, everything["blas"]))}


def without_nan(value: Any) -> Any:
    """JSON has no NaN; null stands for it."""
    if isinstance(value, dict):
        return {key: without_nan(part) for key, part in value.items()}
    return _finite(value)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
