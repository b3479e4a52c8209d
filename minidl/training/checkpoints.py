"""Saved weights: a folder that is either complete or not there.

A checkpoint holds ``weights.safetensors``, ``state.json`` (epoch, step, scores)
and ``manifest.json`` with the SHA-256 of both. It is written beside its place,
flushed to disk and renamed into it. Loading checks every byte before use, and
nothing in a checkpoint can run code.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from minidl.errors import CorruptFileError, StorageError
from minidl.layer import Array, Layer
from minidl.training.loop import Callback, EpochRecord, Trainer

WEIGHTS, STATE, MANIFEST = "weights.safetensors", "state.json", "manifest.json"
FORMAT = 1


def save_checkpoint(folder: Path, params: dict[str, Array], state: dict[str, Any]) -> None:
    """Write a checkpoint, replacing the one that is there.

    Raises
    ------
    StorageError
        The disk is full or the folder cannot be written; the old checkpoint stays.
    """
    weights = {name: np.ascontiguousarray(value) for name, value in params.items()}
    files = {
        WEIGHTS: safetensors.numpy.save(weights),
        STATE: json.dumps(state, indent=1).encode(),
    }
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    files[MANIFEST] = json.dumps({"format": FORMAT, "sha256": hashes}, indent=1).encode()
    new, old = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    try:
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        for name, content in files.items():
            _write_through(new / name, content)
        _flush_folder(new)
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
        _flush_folder(folder.parent)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as err:
        raise StorageError(f"{folder}: cannot save the checkpoint: {err.strerror or err}.") from err


def _write_through(path: Path, content: bytes) -> None:
    with open(path, "xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load_checkpoint(folder: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Weights and state of a checkpoint, every byte checked.

    A save that was cut off between its two renames leaves the previous
    checkpoint beside its place; that one is read then.

    Raises
    ------
    CorruptFileError
        A file is missing, damaged or of a newer format; the message names it.
    """
    folder = Path(folder)
    old = folder.with_name(f".{folder.name}.old")
    if not folder.exists() and old.exists():
        folder = old
    manifest = _json(folder / MANIFEST, _read(folder / MANIFEST))
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise CorruptFileError(f"{folder / MANIFEST}: not a checkpoint manifest of format {FORMAT}.")
    hashes = manifest.get("sha256")
    contents = {}
    for name in (WEIGHTS, STATE):
        contents[name] = _read(folder / name)
        expected = hashes.get(name) if isinstance(hashes, dict) else None
        if hashlib.sha256(contents[name]).hexdigest() != expected:
            raise CorruptFileError(f"{folder / name}: damaged (its SHA-256 is not the one in {MANIFEST}).")
    try:
        weights = safetensors.numpy.load(contents[WEIGHTS])
    except (safetensors.SafetensorError, ValueError, TypeError, KeyError) as err:
        raise CorruptFileError(f"{folder / WEIGHTS}: not a safetensors file: {err}") from err
    return weights, _json(folder / STATE, contents[STATE])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as err:
        raise CorruptFileError(f"{path}: missing; the checkpoint is not complete.") from err
    except OSError as err:
        raise StorageError(f"{path}: cannot read: {err.strerror or err}.") from err


def _json(path: Path, content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError as err:
        raise CorruptFileError(f"{path}: damaged, not JSON: {err}") from err


def load_weights(model: Layer, weights: dict[str, Array], source: Path) -> None:
    """Copy saved weights into a built model.

    Raises
    ------
    CorruptFileError
        Names, shapes or dtypes are not the model's; the message names the first difference.
    """
    if weights.keys() != model.params.keys():
        difference = sorted(weights.keys() ^ model.params.keys())
        raise CorruptFileError(
            f"{source}: its parameters are not the model's; the difference: {', '.join(difference)}."
        )
    for name, value in model.params.items():
        saved = weights[name]
        if (saved.shape, saved.dtype) != (value.shape, value.dtype):
            raise CorruptFileError(
                f"{source}: {name} is {saved.dtype} {saved.shape}, the model's is {value.dtype} {value.shape}."
            )
        value[...] = saved


class SaveCheckpoints(Callback):
    """Keeps ``init``, ``last`` and, where there is validation, ``best`` (lowest validation loss) in a folder.

    The best weights so far are held in memory and written together with the
    last ones, every `checkpoint_every` epochs and at the end.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._best: tuple[dict[str, Array], EpochRecord] | None = None
        self._best_loss = math.inf
        self._best_saved = True

    def on_start(self, trainer: Trainer) -> None:
        """Save the initial weights; a full disk shows here, not after hours."""
        save_checkpoint(self.folder / "init", trainer.model.params, _position(trainer))

    def on_epoch_end(self, trainer: Trainer, record: EpochRecord) -> None:
        """Remember a new best; save when it is time."""
        loss = record.validation_loss
        if loss is not None and loss < self._best_loss:
            self._best = {name: value.copy() for name, value in trainer.model.params.items()}, record
            self._best_loss = loss
            self._best_saved = False
        if trainer.epoch % trainer.settings.checkpoint_every == 0:
            self._save(trainer)

    def on_end(self, trainer: Trainer) -> None:
        """Save what there is."""
        self._save(trainer)

    def _save(self, trainer: Trainer) -> None:
        if self._best is not None and not self._best_saved:
            params, record = self._best
            state = {"epoch": record.epoch, "step": record.step, "validation_loss": record.validation_loss}
            save_checkpoint(self.folder / "best", params, state)
            self._best_saved = True
        save_checkpoint(self.folder / "last", trainer.model.params, _position(trainer))


def _position(trainer: Trainer) -> dict[str, Any]:
    return {"epoch": trainer.epoch, "step": trainer.step}
