"""A run trained once more, from its folder alone, and compared with what it left."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minidl.core.errors import ConfigError, IncompatibleRunError
from minidl.core.layer import Array
from minidl.core.text import counted
from minidl.files.plugins import plugin_changes
from minidl.runs.refitting import REFIT
from minidl.runs.resuming import differences
from minidl.runs.run import Run
from minidl.runs.run_folder import CHECKPOINTS
from minidl.training import Callback, EpochRecord


@dataclass(frozen=True)
class Reproduction:
    """What came of it.

    Parameters
    ----------
    difference : where the new run first differs; None: equal.
    epochs : how many were compared.
    circumstances : versions or data that are not those of the run, one line each.
    """

    difference: str | None
    epochs: int
    circumstances: list[str]


def reproduce(run: Run, folder: Path, plugins: Sequence[str] = (), callbacks: Sequence[Callback] = ()) -> Reproduction:
    """Train a finished run again in `folder`, which must not exist, and compare.

    Compared are the initial weights, the log without its times, then the
    checkpoints best and last with the optimizer's arrays.

    Raises
    ------
    ConfigError
        The run has not finished.
    CorruptFileError
        A file of the run is damaged.
    IncompatibleRunError
        A plugin is not the one of the run.
    """
    experiment = run.experiment
    others = plugin_changes(run.environment().get("plugins", []))
    if others:
        raise IncompatibleRunError(*(f"{run.path}: {line}" for line in others))
    log = run.log()
    if len(log) < experiment.training.epochs and not _ended_early(run):
        there = f"{len(log)} of {experiment.training.epochs} epochs are there"
        raise ConfigError(f"{run.path}: {there}; finish it with minidl resume.")
    if not run.refitted:
        raise ConfigError(f"{run.path}: its refit is not there; finish it with minidl resume.")
    parts = experiment.load_data()
    circumstances = differences(run, {"config": experiment.to_config()}, parts)
    again = Run.create(experiment, folder, plugins)
    history = again.train(parts, callbacks)
    found = _checkpoint_difference(run, again, "init") or _log_difference(log, history)
    for name in ("best", "last", REFIT):
        if (run.path / CHECKPOINTS / name).exists():
            found = found or _checkpoint_difference(run, again, name)
    return Reproduction(found, len(log), circumstances)


def _ended_early(run: Run) -> bool:
    """Whether a callback ended its training."""
    last = run.path / CHECKPOINTS / "last"
    return last.exists() and run.checkpoint("last", run.experiment.model.params).state.get("finished") is not None


def _log_difference(old: Sequence[EpochRecord], new: Sequence[EpochRecord]) -> str | None:
    if len(old) != len(new):
        return f"log.jsonl: {counted(len(old), 'epoch')} were trained, {len(new)} now"
    for one, other in zip(old, new, strict=True):
        for field in dataclasses.fields(one):
            before, after = getattr(one, field.name), getattr(other, field.name)
            if field.name != "seconds" and repr(before) != repr(after):  # NaN is the same as NaN here
                return f"log.jsonl:{one.epoch}: {field.name} was {before}, is {after}"
    return None


def _checkpoint_difference(run: Run, again: Run, name: str) -> str | None:
    params = run.experiment.model.params
    old, new = (each.checkpoint(name, params) for each in (run, again))
    return _array_difference(name, old.weights, new.weights) or _array_difference(name, old.optimizer, new.optimizer)


def _array_difference(name: str, old: dict[str, Array], new: dict[str, Array]) -> str | None:
    if old.keys() != new.keys():
        return f"checkpoints/{name}: has {sorted(old)}, the new one {sorted(new)}"
    for key, value in old.items():
        if value.tobytes() != new[key].tobytes():
            places = np.argwhere(value.ravel() != new[key].ravel())
            place = int(places[0, 0]) if len(places) else 0
            return (
                f"checkpoints/{name}: {key}: {len(places)} of {value.size} numbers, "
                f"the first was {value.ravel()[place]}, is {new[key].ravel()[place]}"
            )
    return None
