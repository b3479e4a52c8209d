"""Several outputs as one: added, or side by side along the features."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

import numpy as np

from minidl.core.errors import ShapeError
from minidl.core.layer import Array, Shape
from minidl.core.workspace import Workspace

Merge = Literal["add", "concat"]


def merged_shape(shapes: Sequence[Shape], merge: Merge, where: str) -> Shape:
    """The shape of merged outputs.

    Raises
    ------
    ShapeError
        They do not fit each other.
    """
    kept = slice(None) if merge == "add" else slice(-1)
    if any(tuple(shape)[kept] != tuple(shapes[0])[kept] for shape in shapes):
        wanted = "the same shape" if merge == "add" else "the same shape but for the features"
        raise ShapeError(f"{where} must give {wanted} to {merge}; they give {', '.join(map(str, shapes))}.")
    if merge == "add":
        return tuple(shapes[0])
    return (*shapes[0][:-1], sum(shape[-1] or 0 for shape in shapes))


def merged(outputs: Sequence[Array], merge: Merge, ws: Workspace) -> Array:
    """The outputs as one new array, which is the workspace's."""
    first, dtype = outputs[0], np.result_type(*outputs)
    if merge == "concat":
        width = sum(part.shape[-1] for part in outputs)
        return np.concatenate(outputs, axis=-1, out=ws.array("y", (*first.shape[:-1], width), dtype))
    if any(part.shape != first.shape for part in outputs):
        raise ShapeError(f"expected outputs of one shape to add, got {', '.join(str(p.shape) for p in outputs)}.")
    y = ws.array("y", first.shape, dtype)
    y[...] = first
    for part in outputs[1:]:
        y += part
    return y


def parts_of(dy: Array, widths: Sequence[int], merge: Merge) -> list[Array]:
    """dL/dy of each output from that of the merged one."""
    if merge == "add":
        return [dy] * len(widths)
    ends = list(accumulate(widths))
    return [dy[..., end - width : end] for width, end in zip(widths, ends, strict=True)]


def summed(parts: Sequence[Array | None], ws: Workspace) -> Array | None:
    """The sum of dL/dx over all parts, as a new array, which is the workspace's; None if one of them is."""
    given = [part for part in parts if part is not None]
    if len(given) < len(parts):
        return None
    dx = ws.array("dx", given[0].shape, given[0].dtype)
    dx[...] = given[0]
    for part in given[1:]:
        dx += part
    return dx
