"""Going on with a run that was killed or stopped, to the bytes of the run that never was.

Config, data and versions must be those of the run; each difference is named.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from minidl.config import construct
from minidl.core.arguments import Configurable, describe
from minidl.core.errors import CorruptFileError, IncompatibleRunError, MinidlError
from minidl.core.layer import Array
from minidl.core.text import counted
from minidl.experiment import Experiment, written
from minidl.files.plugins import loaded_plugins, plugin_changes
from minidl.files.tensors import compare_arrays
from minidl.runs.checkpoints import OPTIMIZER, Checkpoint
from minidl.runs.environment import decode_environment, environment, environment_changes
from minidl.runs.run import Run
from minidl.runs.run_folder import CHECKPOINTS, CONFIG, ENVIRONMENT, LOG
from minidl.runs.saving import older_checkpoints, rewind_log
from minidl.runs.state import memories, restore_trainer
from minidl.tasks import Parts
from minidl.training import Callback, EpochRecord, Trainer, Training


def resume(
    run: Run,
    parts: Parts,
    callbacks: Sequence[Callback] = (),
    should_stop: Callable[[], bool] = lambda: False,
    *,
    allow_changes: bool = False,
    allow_fallback: bool = False,
) -> list[EpochRecord]:
    """Train the epochs that are left, from the last checkpoint on; return the whole history.

    Parameters
    ----------
    run : as `Run.open` gives it, with ``unchanged=False``; its experiment is the one to go on with.
    parts : the experiment's data.
    allow_changes : go on although config, data or versions differ.
    allow_fallback : where the last checkpoint is damaged, go on from one before it.

    Raises
    ------
    IncompatibleRunError
        Config, data or versions differ; one line for each difference.
    CorruptFileError
        The checkpoint or the log is damaged.
    InUseError
        Another process is training in the folder.
    """
    with run.lock():
        run.sweep()
        run.experiment.build_model()
        trainer = run.experiment.trainer(should_stop)
        name, saved = _newest(run, trainer, allow_fallback)
        if saved is None:
            return _from_the_start(run, parts, callbacks, trainer, allow_changes)
        best = run.checkpoint("best", trainer.model.params) if (run.path / CHECKPOINTS / "best").exists() else None
        _accept(run, differences(run, saved.state.get("about") or {}, parts), allow_changes, parts)
        saving, log, place = run.saving(), run.path / LOG, run.path / CHECKPOINTS / name
        rewind_log(log, saved.state.get("log"))
        saved = _fitting(saved, trainer, run.notify)
        restore_trainer(trainer, saved, run.log() if log.exists() else [], place)
        epochs = len(trainer.history)
        if trainer.epoch != epochs:
            raise CorruptFileError(f"{log}: {epochs} epochs; the checkpoint was taken after {trainer.epoch}.")
        saving.restore(saved.state, best, None if _chosen_alike(saved, trainer) else trainer.history)
        if trainer.epoch >= trainer.settings.epochs:
            run.notify(f"all of its {counted(trainer.epoch, 'epoch')} are done; it is scored again")
        elif trainer.finished is not None:
            run.notify(f"it ended after {counted(trainer.epoch, 'epoch')}: {trainer.finished}; it is scored again")
        return run.go_on(trainer, saving, parts, callbacks)


def _fitting(saved: Checkpoint, trainer: Trainer, notify: Callable[[str], None]) -> Checkpoint:
    """The checkpoint with a fresh state for an optimizer or schedule that is not the one of then; a line says so."""
    line = _another_optimizer(saved, trainer)
    if line is not None:
        notify(line)
        saved = replace(saved, optimizer=trainer.state)
    line = _another_schedule(saved, trainer)
    if line is not None:
        notify(line)
        saved = replace(saved, state={**saved.state, "schedule": trainer.schedule_state})
    line = _other_callbacks(saved, trainer)
    if line is not None:
        notify(line)
        saved = replace(saved, state={**saved.state, "callbacks": memories(trainer), "finished": None})
    return saved


def _other_callbacks(saved: Checkpoint, trainer: Trainer) -> str | None:
    then = _saved_part(saved, "training").get("callbacks", [])
    if then == [describe(callback) for callback in trainer.settings.callbacks]:
        return None
    return "callbacks: others than when the run was saved; what they remember starts afresh"


def _chosen_alike(saved: Checkpoint, trainer: Trainer) -> bool:
    """Whether the best weights were chosen by the score that they are chosen by now."""
    try:
        then: Training = construct(Training, {"callbacks": _saved_part(saved, "training").get("callbacks", [])})
    except MinidlError:
        return True  # of an older version, or with a plugin that is not given now
    return then.choice == trainer.settings.choice


def _another_optimizer(saved: Checkpoint, trainer: Trainer) -> str | None:
    then = _saved_part(saved, "optimizer")
    alike = then.get("groups", []) == trainer.optimizer.to_config()["groups"]  # else arrays are of other parameters
    kept = alike and _shapes(saved.optimizer) == _shapes(trainer.state)
    return _another("optimizer", then, trainer.optimizer, kept)


def _another_schedule(saved: Checkpoint, trainer: Trainer) -> str | None:
    kept = saved.state.get("schedule", {}).keys() == trainer.schedule_state.keys()
    return _another("schedule", _saved_part(saved, "training", "schedule"), trainer.settings.schedule, kept)


def _another(what: str, then: Mapping[str, Any], now: Configurable, kept: bool) -> str | None:
    """A line, if an optimizer or schedule is not the one whose state was saved, and so starts afresh.

    `kept` is whether the state is that of one like it.
    """
    name = type(now).__name__
    before = then.get("type", name)
    if before == name and (then == describe(now) or kept):
        return None
    why = f"{before} when the run was saved, {name} now" if before != name else f"other arguments of {name}"
    return f"{what}: {why}; its state starts afresh"


def _saved_part(saved: Checkpoint, *keys: str) -> Mapping[str, Any]:
    """A part of the config that a checkpoint was taken with; empty if there is none."""
    part: Any = _config_then(saved.state.get("about") or {})
    for key in keys:
        part = part.get(key) if isinstance(part, dict) else None
    return part if isinstance(part, dict) else {}


def _config_then(about: Mapping[str, Any]) -> Any:
    """The config of a saved run, with today's defaults for keys that it does not have; as it is, if it is no config."""
    config = about.get("config")
    try:
        return construct(Experiment, config).to_config() if isinstance(config, dict) else config
    except MinidlError:
        return config


def _shapes(arrays: Mapping[str, Array]) -> dict[str, tuple[str, tuple[int, ...]]]:
    return {name: (str(value.dtype), value.shape) for name, value in arrays.items()}


def _from_the_start(
    run: Run, parts: Parts, callbacks: Sequence[Callback], trainer: Trainer, allow_changes: bool
) -> list[EpochRecord]:
    """For a run that was killed before its first checkpoint."""
    start = Run.open(run.path, unchanged=False).experiment.to_config()
    changes = differences(run, {"config": start}, parts)
    try:
        run.read(CONFIG)
    except CorruptFileError:  # and no checkpoint tells what it was
        changes.insert(0, f"{CONFIG}: was edited after the run was made")
    _accept(run, changes, allow_changes, parts)
    run.save_scale(parts)
    (run.path / LOG).unlink(missing_ok=True)
    return run.go_on(trainer, run.saving(), parts, callbacks)


def _newest(run: Run, trainer: Trainer, allow_fallback: bool) -> tuple[str, Checkpoint | None]:
    """The checkpoint to go on from, and its name; None before the first one was saved."""
    folder = run.path / CHECKPOINTS
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    names = [*({"last"} & there), *(path.name for path in (older_checkpoints(folder) if there else ())), "init"]
    if names == ["init"] and "init" not in there:
        return "init", None
    for name in names:
        try:
            saved = run.checkpoint(name, trainer.model.params)
            if _saved_part(saved, "optimizer") == {
                "type": type(trainer.optimizer).__name__,
                **trainer.optimizer.to_config(),
            }:
                compare_arrays(_shapes(saved.optimizer), trainer.state, folder / name / OPTIMIZER)
            return name, saved
        except CorruptFileError as err:
            _refuse_another_model(run, name)
            if not allow_fallback:
                hint = "go on from the checkpoint before it with --allow-fallback"
                raise CorruptFileError(f"{err} {hint[0].upper()}{hint[1:]}.") from err
            damaged = err
    raise CorruptFileError(f"{damaged} No checkpoint of this run can be read.")


def _refuse_another_model(run: Run, name: str) -> None:
    """Where a checkpoint is whole but of another config, that is what its weights do not fit to."""
    try:
        about = run.checkpoint(name, None).state.get("about") or {}
    except CorruptFileError:
        return
    lines = [*changed_values(_config_then(about), run.experiment.to_config())]
    if lines:
        lines = [
            *(f"config.yaml: {line}" for line in lines),
            f"{CHECKPOINTS}/{name} has the weights of then; set this back.",
        ]
        raise IncompatibleRunError(*(f"{run.path}: {line}" for line in lines))


def differences(run: Run, about: Mapping[str, Any], parts: Parts) -> list[str]:
    """One line for each difference between the run as it was saved, and what it would go on with."""
    lines = [f"config.yaml: {line}" for line in changed_values(_config_then(about), run.experiment.to_config())]
    data, now = run.manifest().get("data"), parts.facts()
    if isinstance(data, dict) and data != now:
        what = "the values of the series are others" if data.get("rows") == now["rows"] else "the series has changed"
        lines.append(f"data: {what}: {data.get('rows')} rows when the run was saved, {now['rows']} now")
    recorded = run.environment()
    lines += environment_changes(recorded, environment(()), run.manifest().get("engines") or ["compiled"])
    return lines + plugin_changes(recorded.get("plugins", []))


def changed_values(then: Any, now: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """``key.path: old, now new`` for each value of a config that differs."""
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        then, now = dict(enumerate(then)), dict(enumerate(now))
    if isinstance(then, dict) and isinstance(now, dict):
        for key in [*now, *(key for key in then if key not in now)]:
            yield from changed_values(then.get(key), now.get(key), (*path, str(key)))
    elif then != now:
        yield f"{'.'.join(path)}: {_short(then)} when the run was saved, {_short(now)} now"


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _accept(run: Run, changes: Sequence[str], allowed: bool, parts: Parts) -> None:
    """Refuse changes, or make them the run's own; either way record this process."""
    if changes and not allowed:
        lines = [*changes, "cannot go on to the same result; --allow-changes goes on anyway."]
        raise IncompatibleRunError(*(f"{run.path}: {line}" for line in lines))
    if changes:
        run.write(CONFIG, written(run.experiment))
        run.save_scale(parts)
    recorded = decode_environment(run.read(ENVIRONMENT), run.path / ENVIRONMENT)
    now = environment(list(loaded_plugins()), run.experiment.training.threads)
    recorded["resumed"] = [*recorded.get("resumed", []), now]
    run.write(ENVIRONMENT, json.dumps(recorded, indent=1) + "\n")
