"""Protections taken out of the library, one at a time, to see that the proofs notice."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import shutil
import signal
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import safetensors.numpy

from minidl import cli, randomness
from minidl.comparison import executors, folder, plan, records, session
from minidl.config import builder, nodes
from minidl.core import initializers, registry
from minidl.core.errors import CorruptFileError
from minidl.data import csv_file, csv_series, series
from minidl.files import locking, manifests, reading, storage
from minidl.layers import activations
from minidl.layers.recurrent.loop import RowRecurrence, SlabRecurrence
from minidl.runs import checkpoints, resuming, run_folder, saving, state
from minidl.training import interrupt, loop

SABOTAGES: dict[str, Callable[[], None]] = {}


def sabotage(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Decorator: a way to take a protection out."""

    def decorate(function: Callable[[], None]) -> Callable[[], None]:
        SABOTAGES[name] = function
        return function

    return decorate


@sabotage("atomic-folders")
def _write_in_place() -> None:
    """Checkpoints are written over the old ones, file by file."""

    def write(folder: Path, files: Mapping[str, bytes], keep_old_as: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)

    checkpoints.write_folder = write  # type: ignore[attr-defined]


@sabotage("manifest-last")
def _manifest_first() -> None:
    """The manifest is written before what it lists, in place."""

    def write(folder: Path, files: Mapping[str, bytes], keep_old_as: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in reversed(files.items()):
            (folder / name).write_bytes(content)

    checkpoints.write_folder = write  # type: ignore[attr-defined]


@sabotage("fsync-of-files")
def _no_flush_of_files() -> None:
    """Files are not flushed before the folder is put in place."""

    def write(path: Path, content: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        os.write(descriptor, content)
        os.close(descriptor)

    storage._write_through = write


@sabotage("fsync-of-folders")
def _no_flush_of_folders() -> None:
    """New names are not flushed."""
    storage.flush_folder = lambda folder: None


@sabotage("fsync-order")
def _flush_after_the_exchange() -> None:
    """The new folder is put in place first and flushed then."""
    write, put, flush = storage._write_through, storage._put_in_place, storage.flush_folder

    def late(path: Path, content: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        os.write(descriptor, content)
        os.close(descriptor)

    def put_and_flush(new: Path, folder: Path) -> Any:
        replaced = put(new, folder)
        for path in folder.iterdir():
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
        flush(folder)
        return replaced

    storage._write_through, storage._put_in_place = late, put_and_flush
    del write


@sabotage("one-step-exchange")
def _remove_then_rename() -> None:
    """The old folder is removed before the new one is put in its place."""

    def put(new: Path, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(new, folder)

    storage._put_in_place = put


@sabotage("sweeping")
def _no_sweep() -> None:
    """What a killed save left stays."""
    storage.sweep = lambda folder, names: None


@sabotage("checksums")
def _no_checksums() -> None:
    """Files are read without a look at their SHA-256."""

    def checked(path: Path, manifest: Mapping[str, Any], limit: int, *, inside: Path | None = None) -> bytes:
        return manifests.read_below(inside or path.parent, path, limit)

    manifests.checked = checkpoints.checked = run_folder.checked = checked  # type: ignore[attr-defined]


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


@sabotage("lock")
def _no_lock() -> None:
    """Nobody locks anything."""
    locking._lock = lambda descriptor, wait: None


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


@sabotage("limits")
def _no_limits() -> None:
    """Files of any size and kind are read, layers of any size are built, links are followed."""

    def read(folder: Path, name: str | PurePath, limit: int) -> bytes:
        if not (folder / name).exists():
            raise CorruptFileError(f"{folder / name}: missing.")
        return (folder / name).read_bytes()

    manifests.read_inside = run_folder.read_inside = read  # type: ignore[attr-defined]
    checkpoints.decode_tensors = lambda content, where, expected: dict(safetensors.numpy.load(content))  # type: ignore[attr-defined]
    run_folder.RunFolder.check_links = lambda self: None  # type: ignore[method-assign]
    initializers.MAX_PARAMETERS = 10**30


@sabotage("links")
def _links_are_followed() -> None:
    """Nobody looks for links, and whoever reads follows them."""

    def read(folder: Path, name: str | PurePath, limit: int) -> bytes:
        return reading.read_given(folder / name, limit)

    manifests.read_inside = run_folder.read_inside = read  # type: ignore[attr-defined]
    run_folder.RunFolder.check_links = lambda self: None  # type: ignore[method-assign]


@sabotage("identity")
def _runs_of_one_config_are_one() -> None:
    """Checkpoints do not tell whose they are."""
    encode = manifests.encode_manifest

    def without(files: Any, **more: Any) -> bytes:
        more.pop("identity", None)
        return encode(files, **more)

    checkpoints.encode_manifest = run_folder.encode_manifest = without  # type: ignore[attr-defined]


@sabotage("registry")
def _import_what_is_named() -> None:
    """A name with a dot is imported."""
    look_up = builder.lookup  # type: ignore[attr-defined]

    def importing(base: type, name: str) -> Any:
        if "." in name:
            with contextlib.suppress(ImportError):
                importlib.import_module(name.partition(".")[0])
        return look_up(base, name)

    builder.lookup = importing  # type: ignore[attr-defined]


@sabotage("composer-limits")
def _no_limits_of_depth_and_count() -> None:
    """A config may nest as deep and repeat as much as it likes."""
    nodes.MAX_DEPTH = nodes.MAX_NODES = 10**9
    nodes.MAX_OPEN_BRACKETS = 3000  # more of them keep PyYAML busy for minutes


@sabotage("suggestions")
def _no_suggestions() -> None:
    """An unknown key is refused without the one that was meant."""
    builder.unknown_key_hint = lambda name, known, elsewhere: ""  # type: ignore[attr-defined]


@sabotage("places")
def _no_places() -> None:
    """Problems of a config are told without file, line and column."""
    line = builder.problem_line  # type: ignore[attr-defined]
    builder.problem_line = lambda place, path, message: line(None, path, message)  # type: ignore[attr-defined]


@sabotage("trial-write")
def _no_trial_write() -> None:
    """Training begins without a look at the room on the disk."""
    saving.try_to_write = lambda folder, n_bytes, what: None  # type: ignore[attr-defined]


@sabotage("storage-errors")
def _any_error_of_the_system() -> None:
    """A failed write of a checkpoint is no StorageError, but an error that nobody expects."""
    write = storage.write_folder

    def unexpected(*arguments: Any, **more: Any) -> None:
        try:
            write(*arguments, **more)
        except OSError as err:
            raise RuntimeError(str(err)) from err

    checkpoints.write_folder = unexpected  # type: ignore[attr-defined]


@sabotage("finite-check")
def _nothing_is_checked_for_nan() -> None:
    """A step goes on with whatever loss, gradient and parameters it has."""
    loop._finite = lambda flat: True
    loop.math = types.SimpleNamespace(isfinite=lambda value: True)  # type: ignore[attr-defined]


@sabotage("forward")
def _transposed_recurrent_weights() -> None:
    """Forward, in both memory layouts, takes W_hh transposed."""
    for layout in (SlabRecurrence, RowRecurrence):
        layout.forward = _with_transposed(layout.forward)  # type: ignore[method-assign]


def _with_transposed(forward: Any) -> Any:
    def transposed(self: Any, x: Any, h_0: Any, params: Any, steps: Any) -> Any:
        return forward(self, x, h_0, {**params, "W_hh": params["W_hh"].T}, steps)

    return transposed


@sabotage("cells")
def _what_is_no_number_is_zero() -> None:
    """Text, infinity and gaps among the numbers of a table count as 0, in silence."""

    def number(text: str) -> float:
        try:
            return float(np.nan_to_num(float(text), posinf=0.0, neginf=0.0))
        except ValueError:
            return 0.0

    csv_file.CSVFile.numbers = lambda self, column, missing: np.array(self.convert(column, number))  # type: ignore[method-assign]


@sabotage("times")
def _missing_rows_are_passed_over() -> None:
    """Nobody asks whether the times of a table are evenly spaced."""
    csv_file.CSVFile._evenly_spaced = lambda self, times: times  # type: ignore[method-assign]


@sabotage("pairing")
def _outcomes_in_order_of_arrival() -> None:
    """The outcome that comes first belongs to the trial that was given first."""

    def results(executor: Any, trials: Iterable[Any]) -> Iterator[tuple[Any, Any, BaseException | None]]:
        given = list(trials)
        futures = [executor.submit(executors.run_trial, trial) for trial in given]
        for trial, future in zip(given, executors.as_completed(futures), strict=True):
            error = future.exception()
            yield trial, None if error else future.result(), error

    executors._results = results


@sabotage("running-again")
def _lost_tasks_stay_lost() -> None:
    """What a worker was doing when it died is not given to another one."""
    os.environ["DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES"] = "0"


@sabotage("parts")
def _gaps_are_filled_at_once() -> None:
    """The whole table is filled before it is cut into parts."""
    series.Table.divided = lambda self, borders: self  # type: ignore[method-assign]


@sabotage("poison")
def _poison_comes_after_reading() -> None:
    """The check for leaks spoils the table that a series gives, not its file."""
    csv_series.CSVSeries.forged = lambda self, first, poison: None  # type: ignore[method-assign]


@sabotage("cache-digest")
def _compiled_code_without_a_checksum() -> None:
    """Whatever lies in the cache is loaded."""
    from minidl.compiled import cache

    digest = cache._digest
    cache._digest = lambda key, payload: _Anything(digest(key, payload))


class _Anything(bytes):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = bytes.__hash__


@sabotage("private-cache")
def _compiled_code_of_anybody() -> None:
    """The cache is read whoever could have written it."""
    from minidl.compiled import cache
    from minidl.files import reading

    cache.not_private = lambda folder: None
    reading.foreign = lambda status: None


@sabotage("plugins-of-the-start")
def _plugins_of_the_plan() -> None:
    """The plugins that a plan names are run, as if the command line had given them."""

    def load(recorded: Any, given: Any, where: object) -> None:
        for plugin in recorded:
            registry.load_plugin(plugin.name)

    session.check_plugins = load  # type: ignore[attr-defined]


@sabotage("labels")
def _any_label() -> None:
    """Names of configs may be any text."""
    plan._LABEL = re.compile(".*", re.DOTALL)


@sabotage("seals")
def _no_seals() -> None:
    """The files of a comparison are read without a look at their SHA-256."""

    def unchecked(path: Path, manifest: Mapping[str, Any], limit: int) -> bytes:
        return manifests.read_below(path.parent, path, limit)

    folder.checked = unchecked  # type: ignore[attr-defined]
    folder.decode_record = _decode_record  # type: ignore[attr-defined]


def _decode_record(content: bytes, plan: str, where: Path) -> records.RecordFile:
    return reading.decode_json(content, records.RecordFile, where)


@sabotage("links-of-a-comparison")
def _links_are_allowed() -> None:
    """Nobody asks whether a comparison's folder holds links."""
    run_folder.RunFolder.check_links = lambda self: None  # type: ignore[method-assign]


@sabotage("ending-with-the-parent")
def _workers_live_on() -> None:
    """Workers do not watch whether the process that started them is there."""
    executors._start_worker = _start_without_watching


def _start_without_watching(tell: Any) -> None:
    tell.send_bytes(b"ready")


@sabotage("given-up-tasks")
def _given_up_tasks_are_errors() -> None:
    """What a scheduler gave up when it died is an error that nobody expects."""
    executors._ended = lambda future: (future.result(), None)


@sabotage("logistic")
def _logistic_by_tanh() -> None:
    """Sigmoid is (1 + tanh(a/2)) / 2, which is 0 too early."""

    def function(self: Any, a: Any, out: Any) -> None:
        out[...] = (1 + np.tanh(0.5 * a)) / 2

    activations.SigmoidActivation.function = function  # type: ignore[method-assign]


@sabotage("saturation")
def _tanh_never_saturates() -> None:
    """The compiled tanh stays a little below 1, so that its slope is never 0."""
    from minidl.compiled.jit import jit
    from minidl.compiled.kernels import activations as kernels

    tanh = kernels.functions.tanh
    kernels.functions.tanh = jit(lambda a: type(a)(0.9999997) * tanh(a))
