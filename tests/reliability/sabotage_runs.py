"""Without what makes a run go on as if nothing had happened, and hear of signals."""

from __future__ import annotations

import contextlib
import signal
from dataclasses import replace
from typing import Any

import numpy as np

from minidl import cli, randomness
from minidl.core import interrupt
from minidl.files import manifests
from minidl.runs import checkpoints, resuming, run_folder, state
from minidl.training import loop
from tests.reliability.sabotage import sabotage


@sabotage("generator-state")
def _generators_start_anew() -> None:
    """A resumed training draws what the first one drew at its start."""
    state.restore_generator = lambda rng, saved: None  # type: ignore[attr-defined]


@sabotage("optimizer-state")
def _optimizer_starts_anew() -> None:
    """A resumed training has an optimizer without a memory."""
    restore = state.restore_trainer

    def forgetting(trainer: Any, *arguments: Any) -> None:
        fresh = {name: value.copy() for name, value in trainer.state.items()}
        restore(trainer, *arguments)
        for name, value in fresh.items():
            trainer.state[name][...] = value

    resuming.restore_trainer = forgetting  # type: ignore[attr-defined]


@sabotage("schedule-state")
def _schedule_starts_anew() -> None:
    """A resumed training has a schedule that remembers nothing."""
    restore = state.restore_trainer

    def forgetting(trainer: Any, *arguments: Any) -> None:
        restore(trainer, *arguments)
        trainer.schedule_state = trainer.settings.schedule.start()

    resuming.restore_trainer = forgetting  # type: ignore[attr-defined]


@sabotage("own-weights")
def _training_goes_on_from_the_average() -> None:
    """A resumed training with a moving average starts from the average."""
    restore = state.restore_trainer

    def forgetting(trainer: Any, saved: Any, *arguments: Any) -> None:
        restore(trainer, replace(saved, own={}), *arguments)

    resuming.restore_trainer = forgetting  # type: ignore[attr-defined]


@sabotage("carried-state")
def _streams_start_anew() -> None:
    """A resumed training goes along its long series as if each began where it goes on."""
    unpack = state.unpacked
    state.unpacked = lambda names, arrays: unpack(  # type: ignore[attr-defined]
        names, {name: np.zeros_like(value) for name, value in arrays.items()}
    )


@sabotage("position")
def _position_is_forgotten() -> None:
    """A resumed training starts its epoch again."""
    restore = state.restore_trainer

    def forgetting(trainer: Any, *arguments: Any) -> None:
        restore(trainer, *arguments)
        trainer.position = loop.Position()

    resuming.restore_trainer = forgetting  # type: ignore[attr-defined]


@sabotage("log-rewinding")
def _log_is_not_rewound() -> None:
    """Epochs that were logged after the checkpoint stay in the log."""
    resuming.rewind_log = lambda path, saved: None  # type: ignore[attr-defined]
    run_folder.RunFolder.log = lambda self: []  # type: ignore[method-assign]


@sabotage("signals")
def _signals_are_ignored() -> None:
    """Training does not ask whether it should stop."""
    interrupt.StopOnSignal.__call__ = lambda self: False  # type: ignore[method-assign]


@sabotage("hangup")
def _hangups_are_not_heard() -> None:
    """A terminal that is closed ends the process, saving nothing."""
    interrupt._SIGNALS = (signal.SIGINT, signal.SIGTERM)


@sabotage("streams")
def _prints_as_python_does() -> None:
    """Standard output and error may fail."""
    cli.guarded_standard_streams = contextlib.nullcontext  # type: ignore[attr-defined]


@sabotage("hash-order")
def _order_of_a_set() -> None:
    """The order of examples depends on the hash seed."""

    def permutation(self: Any, n: int) -> Any:
        return np.array([int(word) for word in {str(number) for number in range(n)}])

    randomness.Streams.from_seed = classmethod(_with_hash_order(randomness.Streams.from_seed, permutation))  # type: ignore[assignment]


def _with_hash_order(made: Any, permutation: Any) -> Any:
    def from_seed(cls: type, seed: int) -> Any:
        streams = made(seed)

        class Shuffling(np.random.Generator):
            pass

        Shuffling.permutation = permutation  # type: ignore[method-assign]
        return cls(streams.weights, Shuffling(streams.shuffling.bit_generator), streams.layers, streams.sampling)

    return from_seed


@sabotage("identity")
def _runs_of_one_config_are_one() -> None:
    """Checkpoints do not tell whose they are."""
    encode = manifests.encode_manifest

    def without(files: Any, **more: Any) -> bytes:
        more.pop("identity", None)
        return encode(files, **more)

    checkpoints.encode_manifest = run_folder.encode_manifest = without  # type: ignore[attr-defined]
