"""A model in one file: its weights as safetensors, and beside them, as JSON, the config that its layers are made from.

No code is saved, and none is run by loading: layers come from the registry alone. A digest tells
damage; it is no signature. Containers know nothing of files, so `save` is bound to them here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, TypedDict

from msgspec import Meta

from minidl._version import __version__
from minidl.config import construct
from minidl.core.arguments import describe
from minidl.core.errors import ConfigError, CorruptFileError, ShapeError, StorageError
from minidl.core.layer import Array
from minidl.core.text import printable
from minidl.files.reading import convert_json, decode_json, read_given, user_path
from minidl.files.storage import write_file
from minidl.files.tensors import compare_arrays, decode_tensors, encode_tensors, tensors_limit, tensors_metadata
from minidl.layers import Container

KEY = "minidl"  # the one entry of the file's metadata, as safetensors calls it
FORMAT = 1


class _About(TypedDict):
    """What stands beside the weights."""

    format: int
    version: str
    dtype: Literal["float32", "float64"]
    input_shape: list[Annotated[int, Meta(ge=1)] | None]
    model: dict[str, Any]
    digest: str


def save(model: Container, path: str | PurePath) -> None:
    """Write a model, weights and config, into one file that `minidl.load` reads; a file that is there is replaced.

    The file is a safetensors file, whose arrays other programs can read too, and the same model gives the same bytes.

    Raises
    ------
    ConfigError
        The model was not built, has no config (a layer stands in it twice), or a class of it is not registered, so
        that it could not be loaded; nothing was written.
    StorageError
        The file cannot be written; one that was there stays as it was.
    """
    if model.input_shape is None or model.dtype is None:
        raise ConfigError(f"{type(model).__name__}: it was not built yet; call build(input_shape, rng) first.")
    path, arrays = _place(path), model.params
    about = {
        "format": FORMAT,
        "version": __version__,
        "dtype": str(model.dtype),
        "input_shape": model.input_shape,
        "model": describe(model),
    }
    try:
        text = _spelled({**about, "digest": _digest(about, arrays)})
    except (TypeError, ValueError, RecursionError) as err:
        raise ConfigError(f"{type(model).__name__}: its config cannot be written as JSON: {err}.") from err
    content = encode_tensors(arrays, path, {KEY: text})
    _decoded(content, path)  # what could not be loaded again
    write_file(path, content)


Container.save = save  # type: ignore[assignment, method-assign]


def load(path: str | PurePath) -> Container:
    """The model that ``model.save(path)`` wrote: of the same layers, weights and dtype; it gives the same bytes.

    Layers of your own must be registered before (`register`), as where they were saved.

    Raises
    ------
    ConfigError
        A class of the model is not registered here, or has other arguments.
    CorruptFileError
        It is no such file, or damaged.
    StorageError
        It cannot be read.
    """
    path = _place(path)
    return _decoded(read_given(path, tensors_limit(None), expected="the file of a model"), path)


def _place(path: str | PurePath) -> Path:
    given: Any = path
    if not isinstance(given, (str, PurePath)):
        raise ConfigError(f"the file of a model: expected a path, got {type(given).__name__}.")
    place = user_path(given)
    if not place.name or "\0" in str(place):
        raise StorageError(f"{place}: is no name of a file.")
    return place


def _decoded(content: bytes, where: PurePath) -> Container:
    text = tensors_metadata(content, where).get(KEY)
    if text is None:
        raise CorruptFileError(f"{where}: holds arrays, but no model: model.save(path) did not write it.")
    about = decode_json(text.encode("utf-8", "surrogatepass"), dict[str, Any], where)
    if about.get("format") != FORMAT:
        shown = printable(about.get("format"))[:20]
        raise CorruptFileError(f"{where}: format {shown}; this version of minidl reads format {FORMAT}.")
    said = convert_json(about, _About, where)
    arrays = decode_tensors(content, where)
    if about.pop("digest") != _digest(about, arrays):
        raise CorruptFileError(f"{where}: damaged (its digest is not that of its content).")
    model = _constructed(said["model"], where)
    try:
        model.build(tuple(said["input_shape"]), 0, said["dtype"])
    except ShapeError as err:
        raise CorruptFileError(f"{where}: its model cannot be built: {err}") from err
    compare_arrays({name: (str(value.dtype), value.shape) for name, value in arrays.items()}, model.params, where)
    for name, value in model.params.items():
        value[...] = arrays[name]
    return model


def _constructed(config: Mapping[str, Any], where: PurePath) -> Container:
    """The layers without weights."""
    hint = "a layer or initializer of your own must be registered first: import its module, with @register above it."
    try:
        return construct(Container, config)  # type: ignore[no-any-return]
    except ConfigError as err:
        unknown = any(": unknown " in line and ": unknown key " not in line for line in err.lines)
        raise ConfigError(*(f"{where}: {line}" for line in [*err.lines, *[hint] * unknown])) from err
    except RecursionError as err:
        raise CorruptFileError(f"{where}: its model is nested too deeply.") from err


def _digest(about: Mapping[str, Any], arrays: Mapping[str, Array]) -> str:
    """SHA-256 of all that a file says, and of every array."""
    found = hashlib.sha256(_spelled(about).encode())
    for name, value in sorted(arrays.items()):
        found.update(_spelled([name, str(value.dtype), value.shape]).encode())
        found.update(value.tobytes())
    return found.hexdigest()


def _spelled(value: Any) -> str:
    return json.dumps(value, sort_keys=True, allow_nan=False)
