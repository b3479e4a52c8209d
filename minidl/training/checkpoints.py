"""Checkpoints on disk: a folder that is either complete or not there, every byte checked when it is loaded.

A checkpoint holds ``weights.safetensors``, ``optimizer.safetensors``, ``state.json``
and, written last, ``manifest.json`` with the SHA-256 of the others. Nothing in it
can run code, and no file is read that is larger than the model asks for.
What the state means is in state.py, when one is saved in saving.py.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from minidl.errors import CorruptFileError, MinidlError
from minidl.files.manifests import MANIFEST, MAX_MANIFEST, checked, encode_manifest, entry, read_manifest
from minidl.files.storage import OLD, beside, read_file, write_folder
from minidl.layer import Array, Layer

WEIGHTS, OPTIMIZER, STATE = "weights.safetensors", "optimizer.safetensors", "state.json"
KINDS = ("init", "best", "last")
MAX_STATE = 1 << 24
MAX_HEADER = 1 << 20
MAX_TENSORS = 1 << 34  # where no model says how large its tensors are
_TRIES = 100


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a checkpoint holds: parameters and optimizer's arrays by name, and the rest as JSON values."""

    weights: dict[str, Array]
    optimizer: dict[str, Array]
    state: dict[str, Any]


def save_checkpoint(
    folder: Path,
    params: Mapping[str, Array],
    state: Mapping[str, Any],
    *,
    optimizer: Mapping[str, Array] | None = None,
    keep_old_as: Path | None = None,
) -> None:
    """Write a checkpoint, replacing the one that is there in one step.

    Parameters
    ----------
    folder : ``init``, ``best`` or ``last`` in a run; its name goes into the state.
    keep_old_as : where the replaced checkpoint is moved; None: it is removed.

    Raises
    ------
    StorageError
        The disk is full or the folder cannot be written; the old checkpoint stays.
    """
    files = {
        WEIGHTS: _tensor_bytes(params),
        OPTIMIZER: _tensor_bytes(optimizer or {}),
        STATE: (json.dumps({"checkpoint": folder.name, **state}, indent=1, allow_nan=False) + "\n").encode(),
    }
    files[MANIFEST] = encode_manifest({name: entry(content) for name, content in files.items()})
    write_folder(folder, files, keep_old_as)


def _tensor_bytes(arrays: Mapping[str, Array]) -> bytes:
    return safetensors.numpy.save({name: np.ascontiguousarray(value) for name, value in arrays.items()})


def load_checkpoint(folder: Path, model: Layer | None = None) -> tuple[dict[str, Array], dict[str, Any]]:
    """Weights and state of a checkpoint; see `read_checkpoint`."""
    found = read_checkpoint(folder, None if model is None else model.params)
    return found.weights, found.state


def read_checkpoint(
    folder: Path, params: Mapping[str, Array] | None = None, optimizer: Mapping[str, Array] | None = None
) -> Checkpoint:
    """A checkpoint, every byte checked; also while another process replaces it.

    Parameters
    ----------
    params, optimizer : arrays like those that are expected. Other names, shapes
        or dtypes are refused before memory is taken for them.

    Raises
    ------
    CorruptFileError
        A file is missing, damaged, too large, or not this model's; the message names it.
    StorageError
        A file cannot be read.
    """
    folder = Path(folder)
    for _ in range(_TRIES):
        before = _stamp(folder)
        old = beside(folder, OLD)
        try:
            return _read(folder if folder.exists() or not old.exists() else old, folder.name, params, optimizer)
        except CorruptFileError:
            if _stamp(folder) == before:
                raise
    raise CorruptFileError(f"{folder}: replaced again and again while it was read; try again.")


def _stamp(folder: Path) -> list[bytes | None]:
    """What changes when a checkpoint is replaced."""
    stamps: list[bytes | None] = []
    for place in (folder, beside(folder, OLD)):
        try:
            stamps.append(read_file(place / MANIFEST, MAX_MANIFEST))
        except MinidlError:
            stamps.append(None)
    return stamps


def _read(
    folder: Path, name: str, params: Mapping[str, Array] | None, optimizer: Mapping[str, Array] | None
) -> Checkpoint:
    if not folder.is_dir():
        raise CorruptFileError(f"{folder}: no such checkpoint.")
    manifest = read_manifest(folder)
    content = checked(folder / STATE, manifest, MAX_STATE)
    try:
        state = json.loads(content)
    except (ValueError, RecursionError) as err:
        raise CorruptFileError(f"{folder / STATE}: damaged, not JSON: {err}.") from err
    if not isinstance(state, dict):
        raise CorruptFileError(f"{folder / STATE}: damaged, expected a mapping.")
    kind = name.partition("-")[0]
    if kind in KINDS and state.get("checkpoint") != kind:
        raise CorruptFileError(f"{folder}: holds the checkpoint {state.get('checkpoint')!r}, not {kind!r}.")
    size = MAX_TENSORS if params is None else sum(value.nbytes for value in params.values())
    weights = _tensors(folder / WEIGHTS, manifest, params, size)
    # Without an optimizer to compare with: no optimizer keeps that many numbers for each parameter.
    limit = 16 * size if optimizer is None else sum(value.nbytes for value in optimizer.values())
    return Checkpoint(weights, _tensors(folder / OPTIMIZER, manifest, optimizer, limit), state)


def _tensors(
    path: Path, manifest: Mapping[str, Any], expected: Mapping[str, Array] | None, size: int
) -> dict[str, Array]:
    content = checked(path, manifest, size + MAX_HEADER)
    try:
        _check_header(path, content, expected)
        return dict(safetensors.numpy.load(content))
    except CorruptFileError:
        raise
    except (safetensors.SafetensorError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as err:
        raise CorruptFileError(f"{path}: not a safetensors file: {err}.") from err


def _check_header(path: Path, content: bytes, expected: Mapping[str, Array] | None) -> None:
    """Refuse tensors by what the header says, before any is made.

    A safetensors file is the length n of the header (8 bytes), n bytes of JSON, and the data.
    """
    n = int.from_bytes(content[:8], "little")
    if not 2 <= n <= min(MAX_HEADER, len(content) - 8):
        raise CorruptFileError(f"{path}: the header claims {n:,} bytes.")
    header = json.loads(content[8 : 8 + n])
    said = {name: (item["dtype"], tuple(item["shape"])) for name, item in header.items() if name != "__metadata__"}
    total = 0
    for name, (dtype, shape) in said.items():
        sizes = {"F32": 4, "F64": 8}
        if dtype not in sizes or not all(type(size) is int and size >= 0 for size in shape):
            raise CorruptFileError(f"{path}: {name[:60]!r} is {str(dtype)[:20]}; expected F32 or F64.")
        total += math.prod(shape) * sizes[dtype]
    if total != len(content) - 8 - n:
        raise CorruptFileError(
            f"{path}: the header claims {total:,} bytes of data; there are {len(content) - 8 - n:,}."
        )
    if expected is not None:
        _compare(path, said, expected)


def _compare(path: Path, said: Mapping[str, Any], expected: Mapping[str, Array]) -> None:
    if said.keys() != expected.keys():
        difference = ", ".join(name[:60] for name in sorted(said.keys() ^ expected.keys())[:10])
        raise CorruptFileError(f"{path}: its parameters are not the model's; the difference: {difference}.")
    for name, value in expected.items():
        dtype, shape = said[name]
        dtype = {"F32": "float32", "F64": "float64"}[dtype]
        if (shape, dtype) != (value.shape, str(value.dtype)):
            raise CorruptFileError(f"{path}: {name} is {dtype} {shape}, the model's is {value.dtype} {value.shape}.")


def load_weights(model: Layer, weights: Mapping[str, Array], source: Path) -> None:
    """Copy saved weights into a built model.

    Raises
    ------
    CorruptFileError
        Names, shapes or dtypes are not the model's; the message names the first difference.
    """
    said = {name: ({"float32": "F32"}.get(str(w.dtype), "F64"), w.shape) for name, w in weights.items()}
    _compare(source, said, model.params)
    for name, value in model.params.items():
        value[...] = weights[name]
