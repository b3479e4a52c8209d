"""Models as ONNX graphs, which other programs run. Nothing else of minidl needs the package onnx."""

from __future__ import annotations

from pathlib import PurePath

from minidl.core.errors import MissingPackageError
from minidl.core.extras import install_command
from minidl.core.layer import Layer
from minidl.files.reading import user_path
from minidl.files.storage import write_file

__all__ = ["to_onnx"]


def to_onnx(model: Layer, path: str | PurePath) -> None:
    """Write a model as an ONNX file with the input ``x`` and the output ``y``; a file that is there is replaced.

    Every shipped layer but `Rollout` can be exported, and every cell, yours as well: its equations become the
    operations of a loop. The file computes what ``model(x)`` does for x (batch, time, features) of any batch and number
    of steps, in the model's dtype. It knows no lengths, and gives no state.

    Raises
    ------
    MissingPackageError
        The package onnx is not installed.
    ConfigError
        The model is no container, was not built, or has a layer that has no ONNX form here; nothing was written.
    StorageError
        The file cannot be written.

    References
    ----------
    The operators, among them ``Scan``, the loop: https://onnx.ai/onnx/operators, version 17.
    """
    try:
        from minidl.interop.models import exported
    except ModuleNotFoundError as err:
        if err.name != "onnx":
            raise
        raise MissingPackageError(f"to_onnx needs the package onnx: {install_command('onnx')}") from err
    write_file(user_path(path), exported(model))
