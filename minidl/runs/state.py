"""All that a trainer must have to go on as if it had never stopped, apart from its arrays, as JSON values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from minidl.core.errors import CorruptFileError
from minidl.randomness import generator_state, restore_generator
from minidl.runs.checkpoints import STATE, Checkpoint, load_weights
from minidl.training.callbacks import CallbackState
from minidl.training.loop import Trainer
from minidl.training.records import EpochRecord, Position, remembered
from minidl.training.truncated import packed, unpacked


def trainer_state(trainer: Trainer) -> dict[str, Any]:
    """Counters, the position in the epoch, what the schedule remembers, and every generator.

    The shuffling generator is given as it was before the current epoch's order
    was drawn: whoever goes on draws that order again.
    """
    streams, schedule = trainer.streams, trainer.settings.schedule
    generators = {
        field.name: generator_state(getattr(streams, field.name)) for field in dataclasses.fields(streams)
    } | {"shuffling": trainer.order_state}
    return {
        "epoch": trainer.epoch,
        "step": trainer.step,
        "position": dataclasses.asdict(trainer.position),
        "schedule": remembered(trainer.schedule_state, schedule, schedule.start()),
        "callbacks": [
            remembered(memory, callback, callback.start())
            for memory, callback in zip(memories(trainer), trainer.settings.callbacks, strict=True)
        ],
        "finished": trainer.finished,
        "generators": generators,
        "carried": packed(trainer.carried)[0],
    }


def memories(trainer: Trainer) -> list[CallbackState]:
    """What the callbacks of the config remember."""
    return [trainer.memory_of(callback) for callback in trainer.settings.callbacks]


def restore_trainer(trainer: Trainer, saved: Checkpoint, history: Sequence[EpochRecord], source: Path) -> None:
    """Put a new trainer where a checkpoint was taken.

    Parameters
    ----------
    trainer : of the same model, optimizer and seed, not yet run.
    history : the records of the epochs before.
    source : the checkpoint's folder, for messages.

    Raises
    ------
    CorruptFileError
        The checkpoint is not one of such a trainer.
    """
    load_weights(trainer.model, saved.own or saved.weights, source)
    if trainer.average is not None:
        for name, value in trainer.parameters.named(trainer.average.values).items():
            value[...] = saved.weights[name]
    if saved.optimizer.keys() != trainer.state.keys():
        raise CorruptFileError(
            f"{source}: has the optimizer's arrays {sorted(saved.optimizer)}, "
            f"{type(trainer.optimizer).__name__} needs {sorted(trainer.state)}."
        )
    for name, value in trainer.state.items():
        value[...] = saved.optimizer[name]
    schedule = saved.state.get("schedule", {})
    if schedule.keys() != trainer.schedule_state.keys():
        raise CorruptFileError(
            f"{source / STATE}: has the schedule's {sorted(schedule)}, "
            f"{type(trainer.settings.schedule).__name__} needs {sorted(trainer.schedule_state)}."
        )
    remembered = saved.state.get("callbacks", [])
    if [memory.keys() for memory in remembered] != [memory.keys() for memory in memories(trainer)]:
        raise CorruptFileError(f"{source / STATE}: what callbacks remember is not that of those in the config.")
    try:
        for memory, then in zip(memories(trainer), remembered, strict=True):
            memory |= {name: float(then[name]) for name in memory}
        trainer.finished = saved.state.get("finished")
        trainer.schedule_state = {name: float(schedule[name]) for name in trainer.schedule_state}
        _restore_counters(trainer, saved.state)
        trainer.carried = unpacked(saved.state.get("carried"), saved.carried)
        for name, state in saved.state["generators"].items():
            restore_generator(getattr(trainer.streams, name), state)
        trainer.order_state = saved.state["generators"]["shuffling"]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as err:
        raise CorruptFileError(f"{source / STATE}: not the state of a training: {err!r}.") from err
    trainer.history = list(history)


def _restore_counters(trainer: Trainer, state: Mapping[str, Any]) -> None:
    epoch, step = state["epoch"], state["step"]
    position = Position(**state["position"])
    whole = (epoch, step, position.examples)
    if not all(type(count) is int and count >= 0 for count in whole):
        raise ValueError(f"epoch, step and examples are {whole}")
    if not (math.isfinite(position.loss_sum) and math.isfinite(position.seconds)):
        raise ValueError(f"position is {position}")
    trainer.epoch, trainer.step, trainer.position = epoch, step, position
