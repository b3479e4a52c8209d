"""Going on with a run that was killed or stopped, to the bytes of the run that never was.

Config, data and versions must be those of the run; each difference is named.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from minidl.config import dump
from minidl.data import Splits
from minidl.environment import environment, environment_changes
from minidl.errors import CorruptFileError, IncompatibleRunError
from minidl.files.storage import sweep
from minidl.runs import Run, describe_data
from minidl.training import Callback, EpochRecord, Trainer, read_log
from minidl.training.checkpoints import Checkpoint, read_checkpoint
from minidl.training.saving import older_checkpoints, rewind_log
from minidl.training.state import restore_trainer


def resume(
    run: Run,
    splits: Splits,
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
    splits : the experiment's data.
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
        sweep(run.path)
        sweep(run.path / "checkpoints")
        run.experiment.build_model()
        trainer = run.trainer(should_stop)
        place, saved = _newest(run, trainer, allow_fallback)
        if saved is None:
            return _from_the_start(run, splits, callbacks, trainer, allow_changes)
        run.check_origin(place, saved.state)
        changes = differences(run, saved.state.get("about") or {}, splits)
        _accept(run, changes, allow_changes, splits)
        saving = run.saving()
        log = run.path / "log.jsonl"
        rewind_log(log, saved.state.get("log"))
        restore_trainer(trainer, saved, read_log(log) if log.exists() else [], place)
        if trainer.epoch != len(trainer.history):
            raise CorruptFileError(
                f"{log}: {len(trainer.history)} epochs; the checkpoint was taken after {trainer.epoch}."
            )
        saving.restore(saved.state)
        return run.go_on(trainer, saving, splits, callbacks)


def _from_the_start(
    run: Run, splits: Splits, callbacks: Sequence[Callback], trainer: Trainer, allow_changes: bool
) -> list[EpochRecord]:
    """For a run that was killed before its first checkpoint."""
    _accept(run, differences(run, {"config": run.experiment.to_config()}, splits), allow_changes, splits)
    run.save_scale(splits)
    (run.path / "log.jsonl").unlink(missing_ok=True)
    return run.go_on(trainer, run.saving(), splits, callbacks)


def _newest(run: Run, trainer: Trainer, allow_fallback: bool) -> tuple[Path, Checkpoint | None]:
    """The checkpoint to go on from, and where it is; None before the first one was saved."""
    folder = run.path / "checkpoints"
    if not folder.is_dir():
        return folder, None
    newest = [folder / "last"] if (folder / "last").exists() else []
    places = [*newest, *older_checkpoints(folder), folder / "init"]
    if places == [folder / "init"] and not places[0].exists():
        return folder, None
    for place in places:
        try:
            return place, read_checkpoint(place, trainer.model.params, trainer.state)
        except CorruptFileError as err:
            if not allow_fallback:
                hint = "go on from the checkpoint before it with --allow-fallback"
                raise CorruptFileError(f"{err} {hint[0].upper()}{hint[1:]}.") from err
            damaged = err
    raise CorruptFileError(f"{damaged} No checkpoint of this run can be read.")


def differences(run: Run, about: Mapping[str, Any], splits: Splits) -> list[str]:
    """One line for each difference between the run as it was saved, and what it would go on with."""
    then = about.get("config")
    lines = [f"config.yaml: {line}" for line in changed_values(then, run.experiment.to_config())]
    data, now = run.manifest().get("data"), describe_data(splits.table)
    if isinstance(data, dict) and data != now:
        what = "the values of the series are others" if data.get("rows") == now["rows"] else "the series has changed"
        lines.append(f"data: {what}: {data.get('rows')} rows when the run was saved, {now['rows']} now")
    return lines + environment_changes(recorded_environment(run), environment(()))


def recorded_environment(run: Run) -> dict[str, Any]:
    """environment.json: that of the last process that trained in the folder.

    Raises
    ------
    CorruptFileError
        It is damaged.
    """
    try:
        recorded = json.loads(run.read("environment.json"))
        return dict(recorded["resumed"][-1] if recorded.get("resumed") else recorded)
    except (ValueError, TypeError, AttributeError, KeyError) as err:
        raise CorruptFileError(f"{run.path / 'environment.json'}: damaged, expected a mapping.") from err


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


def _accept(run: Run, changes: Sequence[str], allowed: bool, splits: Splits) -> None:
    """Refuse changes, or make them the run's own; either way record this process."""
    if changes and not allowed:
        lines = "\n".join(f"{run.path}: {line}" for line in changes)
        raise IncompatibleRunError(
            f"{lines}\n{run.path}: cannot go on to the same result; --allow-changes goes on anyway."
        )
    if changes:
        run.write("config.yaml", dump(run.experiment.to_config()))
        run.save_scale(splits)
    recorded = json.loads(run.read("environment.json"))
    plugins = recorded.get("plugins") or []
    recorded["resumed"] = [*(recorded.get("resumed") or []), environment(plugins)]
    run.write("environment.json", json.dumps(recorded, indent=1) + "\n")
