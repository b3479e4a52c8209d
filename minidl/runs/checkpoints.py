"""Checkpoints on disk: a folder that is either complete or not there, every byte checked when it is loaded.

A checkpoint holds ``weights.safetensors``, ``optimizer.safetensors``, ``state.json``,
within streams of long series the states that carry on (``carried.safetensors``),
with a moving average, which are the weights, those that training goes on with (``own.safetensors``),
and, written last, ``manifest.json`` with the SHA-256 of the others. Nothing in it
can run code, and no file is read that is larger than the model asks for.
What the state means is in state.py, when one is saved in saving.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypedDict

from msgspec import Meta

from minidl.core.errors import CorruptFileError, MinidlError, StorageError
from minidl.core.layer import Array, Layer
from minidl.core.text import printable
from minidl.files.manifests import (
    MANIFEST,
    MAX_MANIFEST,
    FileEntry,
    Manifest,
    checked,
    encode_manifest,
    entry,
    read_below,
    read_manifest,
)
from minidl.files.reading import convert_json, decode_json, real_folder
from minidl.files.storage import OLD, beside, write_folder
from minidl.files.tensors import compare_arrays, decode_tensors, encode_tensors, tensors_limit
from minidl.randomness import MAX_SPAWNED

WEIGHTS, OPTIMIZER, STATE = "weights.safetensors", "optimizer.safetensors", "state.json"
CARRIED, OWN = "carried.safetensors", "own.safetensors"
KINDS = ("init", "best", "last")
MAX_STATE = 1 << 24
_TRIES = 100


class CheckpointManifest(Manifest, total=False):
    """What the manifest of a checkpoint says.

    identity : of the run that it belongs to; earlier versions wrote none.
    """

    identity: str


Count = Annotated[int, Meta(ge=0)]


class BestLoss(TypedDict):
    """Where the lowest validation loss was."""

    epoch: Count
    step: Count
    validation_loss: float | None


class Best(BestLoss, total=False):
    """Where the best epoch was; `score` is what it was chosen by, if that is not the validation loss."""

    score: float


class PositionState(TypedDict):
    """See `Position`."""

    examples: Count
    loss_sum: float
    seconds: float


class GeneratorState(TypedDict):
    """See `generator_state`."""

    bits: dict[str, Any]
    spawned: Annotated[int, Meta(ge=0, le=MAX_SPAWNED)]


class State(TypedDict, total=False):
    """What a state.json says, as far as it is for this version to judge; which keys there are is up to the kind."""

    checkpoint: str
    epoch: Count
    step: Count
    position: PositionState
    generators: dict[str, GeneratorState]
    schedule: dict[str, float]
    callbacks: list[dict[str, float]]
    finished: str | None
    best: Best | None
    validation_loss: float | None
    score: float
    log: FileEntry | None
    about: dict[str, Any]


class EpochAndStep(TypedDict):
    """Where in a training a run's checkpoint was taken; every state of a run tells it."""

    epoch: Count
    step: Count


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a checkpoint holds: parameters, optimizer's arrays and carried states by name, the rest as JSON values,
    whose it is, and the parameters that training goes on with, if they are others."""

    weights: dict[str, Array]
    optimizer: dict[str, Array]
    state: dict[str, Any]
    identity: str | None = None
    carried: dict[str, Array] = field(default_factory=dict)
    own: dict[str, Array] = field(default_factory=dict)


def save_checkpoint(
    folder: Path,
    params: Mapping[str, Array],
    state: Mapping[str, Any],
    *,
    optimizer: Mapping[str, Array] | None = None,
    keep_old_as: Path | None = None,
    identity: str | None = None,
    carried: Mapping[str, Array] | None = None,
    own: Mapping[str, Array] | None = None,
) -> None:
    """Write a checkpoint, replacing the one that is there in one step.

    Parameters
    ----------
    folder : ``init``, ``best`` or ``last`` in a run; its name goes into the state.
    keep_old_as : where the replaced checkpoint is moved; None: it is removed.
    identity : of the run that it belongs to.
    carried : the states that the next step starts from, by name.
    own : the parameters that training goes on with, if they are others.

    Raises
    ------
    StorageError
        The disk is full or the folder cannot be written, or what is to be
        saved is larger than what can be read; the old checkpoint stays.
    """
    content = (json.dumps({"checkpoint": folder.name, **state}, indent=1, allow_nan=False) + "\n").encode()
    if len(content) > MAX_STATE:
        problem = f"{len(content):,} bytes; at most {MAX_STATE:,} can be read again"
        raise StorageError(f"{folder / STATE}: {problem}.")
    decode_json(content, State, folder / STATE)  # a state that could not be read again
    files = {
        WEIGHTS: encode_tensors(params, folder / WEIGHTS),
        OPTIMIZER: encode_tensors(optimizer or {}, folder / OPTIMIZER),
        STATE: content,
    }
    for name, arrays in ((CARRIED, carried), (OWN, own)):
        if arrays:
            files[name] = encode_tensors(arrays, folder / name)
    whose = {} if identity is None else {"identity": identity}
    files[MANIFEST] = encode_manifest({name: entry(content) for name, content in files.items()}, **whose)
    write_folder(folder, files, keep_old_as)


def load_checkpoint(folder: Path, model: Layer | None = None) -> tuple[dict[str, Array], dict[str, Any]]:
    """Weights and state of a checkpoint; see `read_checkpoint`."""
    found = read_checkpoint(folder, None if model is None else model.params)
    return found.weights, found.state


def read_checkpoint(
    folder: Path,
    params: Mapping[str, Array] | None = None,
    optimizer: Mapping[str, Array] | None = None,
    *,
    inside: Path | None = None,
) -> Checkpoint:
    """A checkpoint, every byte checked; also while another process replaces it.

    Parameters
    ----------
    params, optimizer : arrays like those that are expected. Other names, shapes
        or dtypes are refused before memory is taken for them.
    inside : the run that the folder is in, from which on no link is followed;
        None: the user named the folder, which may be a link itself.

    Raises
    ------
    CorruptFileError
        A file is missing, damaged, too large, or not this model's; the message names it.
    StorageError
        A file cannot be read.
    """
    folder = Path(folder)
    name = folder.name
    if inside is None:
        folder = real_folder(folder)
    for _ in range(_TRIES):
        before = _stamp(folder, inside)
        old = beside(folder, OLD)
        try:
            place = folder if folder.exists() or not old.exists() else old
            return _read(place, name, params, optimizer, inside)
        except CorruptFileError:
            if _stamp(folder, inside) == before:
                raise
    raise CorruptFileError(f"{folder}: replaced again and again while it was read; try again.")


def _stamp(folder: Path, inside: Path | None) -> list[bytes | None]:
    """What changes when a checkpoint is replaced."""
    stamps: list[bytes | None] = []
    for place in (folder, beside(folder, OLD)):
        try:
            stamps.append(read_below(inside or place, place / MANIFEST, MAX_MANIFEST))
        except MinidlError:
            stamps.append(None)
    return stamps


def _read(
    folder: Path,
    name: str,
    params: Mapping[str, Array] | None,
    optimizer: Mapping[str, Array] | None,
    inside: Path | None,
) -> Checkpoint:
    if not folder.is_dir():
        raise CorruptFileError(f"{folder}: no such checkpoint.")
    manifest = read_manifest(folder, CheckpointManifest, inside=inside)
    state = decode_json(checked(folder / STATE, manifest, MAX_STATE, inside=inside), dict[str, Any], folder / STATE)
    convert_json(state, State, folder / STATE)
    kind = name.partition("-")[0]
    if kind in KINDS and state.get("checkpoint") != kind:
        found = printable(state.get("checkpoint"))
        raise CorruptFileError(f"{folder}: holds the checkpoint {found!r}, not {kind!r}.")
    content = checked(folder / WEIGHTS, manifest, tensors_limit(params), inside=inside)
    weights = decode_tensors(content, folder / WEIGHTS, params)
    # Without an optimizer to compare with: no optimizer keeps that many numbers for each parameter.
    limit = tensors_limit(optimizer, None if optimizer is not None else 16 * sum(w.nbytes for w in weights.values()))
    content = checked(folder / OPTIMIZER, manifest, limit, inside=inside)
    arrays, carried = decode_tensors(content, folder / OPTIMIZER, optimizer), {}
    if CARRIED in manifest["files"]:
        carried = decode_tensors(
            checked(folder / CARRIED, manifest, tensors_limit(None), inside=inside), folder / CARRIED
        )
    own = {}
    if OWN in manifest["files"]:
        own = decode_tensors(
            checked(folder / OWN, manifest, tensors_limit(weights), inside=inside), folder / OWN, weights
        )
    return Checkpoint(weights, arrays, state, manifest.get("identity"), carried, own)


def load_weights(model: Layer, weights: Mapping[str, Array], source: Path) -> None:
    """Copy saved weights into a built model.

    Raises
    ------
    CorruptFileError
        Names, shapes or dtypes are not the model's; the message names the first difference.
    """
    compare_arrays({name: (str(w.dtype), w.shape) for name, w in weights.items()}, model.params, source)
    for name, value in model.params.items():
        value[...] = weights[name]
